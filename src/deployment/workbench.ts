import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { HDNodeWallet } from "ethers";

import { systemClock } from "../platform/clock.ts";
import { createLog } from "../platform/log.ts";
import { cleanCommit } from "./gitCommit.ts";
import { LOCAL_CHAIN_ID, readNetworkParameters } from "./networkParameters.ts";
import { productionArtifacts, readArtifact } from "./readArtifact.ts";
import { fileRecordStore } from "./recordStore.ts";
import type { RunDeployOptions } from "./runDeploy.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Of the accounts that every Hardhat chain funds; everybody has their keys. */
const LOCAL_PHRASE = "test test test test test test test test test test test junk";

type Workbench = Pick<RunDeployOptions, "network" | "artifacts" | "gitCommit" | "store" | "clock" | "log"> & {
  /** On the chain of one's own machine, where nothing is for ever. */
  isLocal: boolean;
};

/**
 * What a network is deployed with from this machine: its reviewed files, the production build, the commit, the record. The
 * local chain takes the everyday build and any sources. Throws DeploymentError.
 *
 * @param file where the record is kept, unless in its own place
 */
export function deployWorkbench(name: string, file = recordFile(name)): Workbench {
  const network = readNetworkParameters(name);
  const isLocal = network.chain.chainId === LOCAL_CHAIN_ID;
  return {
    network,
    isLocal,
    artifacts: isLocal ? readArtifact : productionArtifacts(),
    gitCommit: () => (isLocal ? "local" : cleanCommit(ROOT)),
    store: fileRecordStore(file),
    clock: systemClock,
    log: createLog("deploy", "warn"),
  };
}

/** Where a network's record is. */
export function recordFile(name: string): string {
  return join(ROOT, "deployments", `${name}.json`);
}

/** The account that deploys on a local chain. */
export function localAccount(): HDNodeWallet {
  return HDNodeWallet.fromPhrase(LOCAL_PHRASE);
}
