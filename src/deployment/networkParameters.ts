import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { id } from "ethers";
import { z } from "zod";

import { DeploymentError } from "./errors.ts";
import type { DeploymentParameters } from "./parameters.ts";
import { addressSchema, deploymentParametersSchema, genesisSchema } from "./parameters.ts";

/** Stands in a reviewed file for what only its reviewer can know. */
export const FILL_IN = "FILL_IN";

export const NETWORKS = ["localhost", "sepolia", "baseSepolia", "base", "mainnet"] as const;
/** Of accounts whose keys everybody has. */
export const LOCAL_CHAIN_ID = 31_337;

const chainSchema = z.strictObject({
  chainId: z.int().positive(),
  /** The fee token; `test` deploys a TestUSDC, on the local chain only. */
  feeToken: z.union([
    z.literal("test"),
    z.strictObject({ address: addressSchema, decimals: z.int(), symbol: z.string() }),
  ]),
  /** Deploys, pays for the gas, and owns nothing afterwards. All addresses derive from it and the suite. */
  deployer: addressSchema,
  /** Another number gives all contracts other addresses: for a new suite beside the old one. */
  suite: z.int().positive(),
  /** When a stage counts as done: so many blocks on top of its last one, or the chain's own tag has passed it. */
  finality: z.union([
    z.strictObject({ confirmations: z.int().nonnegative() }),
    z.strictObject({ tag: z.enum(["safe", "finalized"]) }),
  ]),
  /** Where a transaction's data has a price of its own: the predeploy that tells it. */
  dataFeeOracle: addressSchema.optional(),
  explorerUrl: z.url().optional(),
});

const networkSchema = deploymentParametersSchema.extend({ chain: chainSchema, guardianKeyholder: addressSchema });

/** How a network is deployed. */
export interface NetworkParameters {
  network: string;
  chain: z.infer<typeof chainSchema>;
  parameters: DeploymentParameters & { guardianKeyholder: string };
  /** Of everything above, whatever the spelling of the files. */
  hash: string;
}

/** Reads the two reviewed files of a network that `deploy` knows. Throws DeploymentError. */
export function readNetworkParameters(network: string): NetworkParameters {
  if (!(NETWORKS as readonly string[]).includes(network)) {
    throw new DeploymentError("bad_parameters", `"${network}" is no network that deploy knows: ${NETWORKS.join(", ")}`);
  }
  const [parameters, genesis] = ["parameters", "genesis"].map((kind) => readReviewed(kind, network));
  return parseNetworkParameters(network, parameters, genesis);
}

/** What the two files hold, checked. Throws DeploymentError that names everything that is wrong or left open. */
export function parseNetworkParameters(network: string, parameters: unknown, genesis: unknown): NetworkParameters {
  const open = [
    ...leftOpen(parameters).map((path) => `deployments/parameters/${network}.json: ${path}`),
    ...leftOpen(genesis).map((path) => `deployments/genesis/${network}.json: ${path}`),
  ];
  if (open.length > 0) {
    throw new DeploymentError(
      "not_filled_in",
      `${network} cannot be deployed before a reviewer decides (docs/deployment.md says who and how):\n- ${open.join("\n- ")}`,
    );
  }
  const { chain, ...terms } = checked(`deployments/parameters/${network}.json`, networkSchema, parameters);
  const { allocations } = checked(`deployments/genesis/${network}.json`, genesisSchema, genesis);
  const bad = (problem: string) => new DeploymentError("bad_parameters", `${network}: ${problem}`);
  if (allocations.some(({ holder }) => holder === "deployer")) throw bad("genesis names an address for every holder");
  if (chain.feeToken === "test" && chain.chainId !== LOCAL_CHAIN_ID)
    throw bad("the fee token `test` is for the local chain only");
  return { network, chain, parameters: { ...terms, allocations }, hash: hashOf({ chain, ...terms, allocations }) };
}

function readReviewed(kind: string, network: string): unknown {
  const file = fileURLToPath(new URL(`../../deployments/${kind}/${network}.json`, import.meta.url));
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    const problem = `cannot read ${file} (${(cause as Error).message}): it is a reviewed file, restore it`;
    throw new DeploymentError("bad_parameters", problem, { cause });
  }
}

function checked<T>(file: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new DeploymentError("bad_parameters", `${file}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function leftOpen(value: unknown, path = ""): string[] {
  if (value === FILL_IN) return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => leftOpen(inner, path === "" ? key : `${path}.${key}`));
}

function hashOf(value: unknown): string {
  return id(JSON.stringify(ordered(value)));
}

/** The same whatever order the fields were written in. */
function ordered(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([key, inner]) => [key, ordered(inner)]));
}
