import type { NewTaskActionFunction } from "hardhat/types/tasks";

import { connectNetwork } from "../scripts/deploy/connectNetwork.ts";
import { readNetworkParameters } from "../src/deployment/networkParameters.ts";
import { finishedRecord } from "../src/deployment/recordStore.ts";
import { runStatus } from "../src/deployment/runStatus.ts";
import { recordFile } from "../src/deployment/workbench.ts";
import { guardedTask, output } from "./guarded.ts";

const status: NewTaskActionFunction<{ json: boolean; deployment: string }> = ({ json, deployment }, hre) =>
  guardedTask("status", json, async () => {
    const name = hre.globalOptions.network ?? "localhost";
    const network = readNetworkParameters(name);
    const record = finishedRecord(deployment || recordFile(name));
    return runStatus({ network, record, provider: await connectNetwork(hre, name), json, output });
  });

export default status;
