import { readFileSync } from "node:fs";

import { z } from "zod";

import type { DeploymentRecord } from "./deploymentRecord.ts";
import { deploymentRecordSchema } from "./deploymentRecord.ts";

/** Reads a deployment record. Throws an Error that names the file and everything wrong with it. */
export function loadDeployment(path: string): DeploymentRecord {
  const parsed = deploymentRecordSchema.safeParse(JSON.parse(readFileSync(path, "utf8")));
  if (!parsed.success) throw new Error(`${path} is not a deployment record:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
