import type { NewTaskActionFunction } from "hardhat/types/tasks";

import { connectNetwork, deployingAccount } from "../scripts/deploy/connectNetwork.ts";
import { explorerTargets, productionRuntime, verifyOnExplorer } from "../scripts/deploy/explorer.ts";
import { buildProduction } from "../scripts/deploy/productionBuild.ts";
import type { Plan } from "../src/deployment/plan.ts";
import { runDeploy } from "../src/deployment/runDeploy.ts";
import { deployWorkbench, recordFile } from "../src/deployment/workbench.ts";
import { guardedTask, output } from "./guarded.ts";

interface Arguments {
  apply: boolean;
  digest: string;
  deployment: string;
  verify: boolean;
  json: boolean;
}

const deploy: NewTaskActionFunction<Arguments> = ({ apply, digest, deployment, verify, json }, hre) =>
  guardedTask("deploy", json, async () => {
    const name = hre.globalOptions.network ?? "localhost";
    const { isLocal, ...workbench } = deployWorkbench(name, deployment || recordFile(name));
    if (!isLocal) buildProduction();
    const showSources = async ({ deployment: planned }: Plan) => {
      const { default: config } = await import("../hardhat.config.ts");
      const runtime = await productionRuntime(config, name, hre.config.paths.root);
      return (await verifyOnExplorer(explorerTargets(planned), runtime, output.err)).size;
    };
    return runDeploy({
      ...workbench,
      provider: await connectNetwork(hre, name),
      signer: () => deployingAccount(hre, name),
      verify: verify ? showSources : undefined,
      digest: digest === "" ? undefined : digest,
      apply,
      json,
      output,
    });
  });

export default deploy;
