import { join } from "node:path";

import type { NewTaskActionFunction } from "hardhat/types/tasks";

import { connectNetwork, deployingAccount } from "../scripts/deploy/connectNetwork.ts";
import { explorerTargets, productionRuntime, verifyOnExplorer } from "../scripts/deploy/explorer.ts";
import { cleanCommit } from "../scripts/deploy/gitCommit.ts";
import { LOCAL_CHAIN_ID, readNetworkParameters } from "../scripts/deploy/networkParameters.ts";
import type { Plan } from "../scripts/deploy/plan.ts";
import { buildProduction, productionArtifacts } from "../scripts/deploy/productionBuild.ts";
import { readArtifact } from "../scripts/deploy/readArtifact.ts";
import { fileRecordStore } from "../scripts/deploy/recordStore.ts";
import { runDeploy } from "../scripts/deploy/runDeploy.ts";
import { systemClock } from "../src/platform/clock.ts";
import { createLog } from "../src/platform/log.ts";
import { guarded, output } from "./guarded.ts";

interface Arguments {
  apply: boolean;
  digest: string;
  verify: boolean;
  json: boolean;
}

const deploy: NewTaskActionFunction<Arguments> = ({ apply, digest, verify, json }, hre) =>
  guarded(async () => {
    const name = hre.globalOptions.network ?? "localhost";
    const root = hre.config.paths.root;
    const network = readNetworkParameters(name);
    const isLocal = network.chain.chainId === LOCAL_CHAIN_ID;
    if (!isLocal) buildProduction();
    const showSources = async ({ deployment }: Plan) => {
      const { default: config } = await import("../hardhat.config.ts");
      const runtime = await productionRuntime(config, name, root);
      return (await verifyOnExplorer(explorerTargets(deployment), runtime, output.err)).size;
    };
    return runDeploy({
      network,
      provider: await connectNetwork(hre, name),
      signer: () => deployingAccount(hre, name),
      gitCommit: () => (isLocal ? "local" : cleanCommit(root)),
      artifacts: isLocal ? readArtifact : productionArtifacts(),
      store: fileRecordStore(join(root, "deployments", `${name}.json`)),
      verify: verify ? showSources : undefined,
      digest: digest === "" ? undefined : digest,
      clock: systemClock,
      log: createLog("deploy", "warn"),
      apply,
      json,
      output,
    });
  });

export default deploy;
