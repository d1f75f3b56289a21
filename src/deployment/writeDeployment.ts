import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import type { DeploymentRecord, UnfinishedRecord } from "../contracts/deploymentRecord.ts";

/** Writes a record where `loadDeployment` reads it, as `deployments/<network>.json`: whole, or not at all. */
export function writeDeployment(record: DeploymentRecord | UnfinishedRecord, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}.tmp`;
  writeFileSync(fresh, `${JSON.stringify(record, null, 2)}\n`, { flush: true });
  renameSync(fresh, path);
}
