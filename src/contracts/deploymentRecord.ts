import { getAddress, isAddress, isHexString } from "ethers";
import { z } from "zod";

const address = z
  .string()
  .refine((text) => isAddress(text), "not an address")
  .transform((text) => getAddress(text) as `0x${string}`);

const hash = z.string().refine((text): text is `0x${string}` => isHexString(text, 32), "not 32 bytes of hex");

const deployed = z.strictObject({
  address,
  codeHash: hash,
  /** Where it was deployed. */
  block: z.int().nonnegative().optional(),
  transaction: hash.optional(),
});

/** How a deployment that others rely on was made; tests and demos do without. */
const provenance = z.strictObject({
  network: z.string(),
  suite: z.int().positive(),
  /** The account that paid, and owns nothing. */
  deployedBy: address,
  /** Of the reviewed parameters and genesis. */
  parametersHash: hash,
  gitCommit: z.string(),
  /** Everything is there, handed over and proved. Before that nobody should use it. */
  isComplete: z.boolean(),
});

/** Where a network lives: one complete set of contracts on one chain. Written by the deployment. */
export const deploymentRecordSchema = z.strictObject({
  chainId: z.int().positive(),
  /** First block that can hold an event of any of the contracts. */
  deploymentBlock: z.int().nonnegative(),
  /** The fee token. */
  token: address,
  /** The Create3Deployer that gave the contracts their addresses. */
  deployer: address,
  contracts: z.strictObject({
    postageToken: deployed,
    timelock: deployed,
    accessManager: deployed,
    blsVerifier: deployed,
    ed25519Verifier: deployed,
    identityVerifier: deployed,
    rateRegistry: deployed,
    identityRegistry: deployed,
    commitBroadcaster: deployed,
    postageChannels: deployed,
    feeDistributor: deployed,
    nodeRegistry: deployed,
    nodeSeats: deployed,
    nodeStaking: deployed,
    faultProofs: deployed,
    epochReports: deployed,
    stamps: deployed,
    votingPower: deployed,
    postageGovernor: deployed,
    guardian: deployed,
  }),
  provenance: provenance.optional(),
});

/** What `deploy` keeps while it is not done. */
export const unfinishedRecordSchema = deploymentRecordSchema.extend({
  contracts: deploymentRecordSchema.shape.contracts.partial(),
  provenance,
});

export type UnfinishedRecord = z.infer<typeof unfinishedRecordSchema>;

export type DeploymentRecord = z.infer<typeof deploymentRecordSchema>;
