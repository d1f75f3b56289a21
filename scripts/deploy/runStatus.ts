import type { Provider } from "ethers";

import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { DeploymentError } from "./errors.ts";
import type { NetworkParameters } from "./networkParameters.ts";
import type { Output } from "./runDeploy.ts";
import { deploymentStatus, statusLines } from "./status.ts";

export interface RunStatusOptions {
  network: NetworkParameters;
  record: DeploymentRecord;
  provider: Provider;
  json: boolean;
  output: Output;
}

/** `status`: prints how a deployment compares. Answers the exit code: 1 when anything differs or cannot be read. */
export async function runStatus({ network, record, provider, json, output }: RunStatusOptions): Promise<number> {
  try {
    const status = await deploymentStatus(record, provider, network);
    output.out(json ? JSON.stringify(status, null, 2) : statusLines(status).join("\n"));
    return status.isGood ? 0 : 1;
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    output.err(`${error.code}: ${error.message}`);
    return 1;
  }
}
