import type { Signer } from "ethers";

import { contractName } from "./contractAddresses.ts";
import type { ApplyOptions } from "./apply.ts";
import { applyDeployment } from "./apply.ts";
import type { Output } from "../platform/output.ts";
import { guarded } from "./guarded.ts";
import type { Plan } from "./plan.ts";
import { planDeployment } from "./plan.ts";
import { planJson, planLines } from "./printPlan.ts";
import { aligned } from "./status.ts";
import { CONTRACT_KEYS } from "./suite.ts";

export interface RunDeployOptions extends Omit<ApplyOptions, "signer" | "gitCommit" | "onProgress"> {
  /** Asked for when something is sent, and not before. */
  signer(): Promise<Pick<Signer, "getAddress" | "signTransaction">>;
  gitCommit(): string;
  apply: boolean;
  /** Shows the sources to the explorer; answers how many it did not take. */
  verify?: (plan: Plan) => Promise<number>;
  json: boolean;
  output: Output;
}

/** `deploy`: prints the plan and, when told to, applies it. Answers the exit code: 1 when it stopped, with the reason. */
export async function runDeploy(options: RunDeployOptions): Promise<number> {
  return guarded("deploy", options, () => deploy(options));
}

async function deploy(options: RunDeployOptions): Promise<number> {
  const { network, provider, artifacts, apply, verify, json, output } = options;
  const plan = await planDeployment({ network, chain: provider, artifacts });
  if (!json || !apply) output.out(json ? toJson(planJson(plan)) : planLines(plan).join("\n"));
  if (apply) {
    const [signer, gitCommit] = [await options.signer(), options.gitCommit()];
    const record = await applyDeployment({ ...options, signer, gitCommit, onProgress: (words) => output.err(words) });
    const { explorerUrl } = network.chain;
    const rows = CONTRACT_KEYS.map((key) => {
      const { address } = record.contracts[key];
      return [contractName(key), address, explorerUrl ? `${explorerUrl}/address/${address}` : ""];
    });
    const done = `${network.network} is deployed, handed over and proved:`;
    output.out(json ? toJson(record) : ["", done, ...aligned(rows)].join("\n"));
  } else if (!json) {
    output.out("Nothing was sent. `--apply --digest <plan>` does it.");
  }
  return verify && (await verify(plan)) > 0 ? 1 : 0;
}

const toJson = (value: object): string => JSON.stringify(value, null, 2);
