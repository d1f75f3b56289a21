import { task } from "hardhat/config";

export const statusTask = task(
  "status",
  "compare a deployment with the chain: code, links, roles, parameters; exits 1 on drift",
)
  .addFlag({ name: "json", description: "every comparison, as JSON" })
  .setAction(() => import("./statusAction.ts"))
  .build();
