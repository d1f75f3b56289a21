import { join } from "node:path";

import type { NewTaskActionFunction } from "hardhat/types/tasks";

import { connectNetwork } from "../scripts/deploy/connectNetwork.ts";
import { DeploymentError } from "../scripts/deploy/errors.ts";
import { readNetworkParameters } from "../scripts/deploy/networkParameters.ts";
import { runStatus } from "../scripts/deploy/runStatus.ts";
import { loadDeployment } from "../src/contracts/loadDeployment.ts";
import { guarded, output } from "./guarded.ts";

const status: NewTaskActionFunction<{ json: boolean }> = ({ json }, hre) =>
  guarded(async () => {
    const name = hre.globalOptions.network ?? "localhost";
    const network = readNetworkParameters(name);
    const record = readRecord(join(hre.config.paths.root, "deployments", `${name}.json`));
    return runStatus({ network, record, provider: await connectNetwork(hre, name), json, output });
  });

function readRecord(file: string) {
  try {
    return loadDeployment(file);
  } catch (cause) {
    throw new DeploymentError("wrong_record", `cannot use ${file}: ${(cause as Error).message}`, { cause });
  }
}

export default status;
