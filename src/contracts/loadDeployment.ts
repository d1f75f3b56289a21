import { readFileSync } from "node:fs";

import { z } from "zod";

import type { DeploymentRecord } from "./deploymentRecord.ts";
import { deploymentRecordSchema, unfinishedRecordSchema } from "./deploymentRecord.ts";

/**
 * Reads the record of a finished deployment. Throws an Error that names the file and everything wrong with it, also when
 * the deployment is under way.
 */
export function loadDeployment(path: string): DeploymentRecord {
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  const unfinished = unfinishedRecordSchema.safeParse(value);
  if (unfinished.success && !unfinished.data.provenance.isComplete)
    throw new Error(`${path}: the deployment is not finished, run \`deploy\` again`);
  const parsed = deploymentRecordSchema.safeParse(value);
  if (!parsed.success) throw new Error(`${path} is not a deployment record:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
