import { task } from "hardhat/config";

const RECORD = "the network's record; deployments/<network>.json unless told";

export const deployTask = task("deploy", "plan a deployment; with --apply, do what is left of it")
  .addFlag({ name: "apply", description: "send the transactions; without it nothing is sent" })
  .addOption({ name: "digest", description: "of the plan that was reviewed; no other is applied", defaultValue: "" })
  .addOption({ name: "deployment", description: RECORD, defaultValue: "" })
  .addFlag({ name: "verify", description: "show the sources to the explorer, when everything is deployed" })
  .addFlag({ name: "json", description: "print JSON" })
  .setAction(() => import("./deployAction.ts"))
  .build();
