import type { Provider } from "ethers";

import type { DeploymentRecord } from "../contracts/deploymentRecord.ts";
import type { Output } from "../platform/output.ts";
import { guarded } from "./guarded.ts";
import type { NetworkParameters } from "./networkParameters.ts";
import { deploymentStatus, statusLines } from "./status.ts";

export interface RunStatusOptions {
  /** Its reviewed files; without them parameters are not compared, and that is said. */
  network?: NetworkParameters;
  record: DeploymentRecord;
  provider: Provider;
  json: boolean;
  output: Output;
}

/** `status`: prints how a deployment compares. Answers the exit code: 1 when anything differs or cannot be read. */
export async function runStatus(options: RunStatusOptions): Promise<number> {
  const { network, record, provider, json, output } = options;
  return guarded("status", options, async () => {
    const status = await deploymentStatus(record, provider, network);
    output.out(json ? JSON.stringify(status, null, 2) : statusLines(status).join("\n"));
    return status.isGood ? 0 : 1;
  });
}
