import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";

/** Writes a record where `loadDeployment` reads it, as `deployments/<network>.json`. */
export function writeDeployment(record: DeploymentRecord, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`);
}
