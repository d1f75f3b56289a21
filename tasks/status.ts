import { task } from "hardhat/config";

const RECORD = "the network's record; deployments/<network>.json unless told";

export const statusTask = task(
  "status",
  "compare a deployment with the chain: code, links, roles, parameters; exits 1 on drift",
)
  .addOption({ name: "deployment", description: RECORD, defaultValue: "" })
  .addFlag({ name: "json", description: "every comparison, as JSON" })
  .setAction(() => import("./statusAction.ts"))
  .build();
