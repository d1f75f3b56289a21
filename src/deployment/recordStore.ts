import { existsSync, readFileSync } from "node:fs";

import { z } from "zod";

import type { DeploymentRecord, UnfinishedRecord } from "../contracts/deploymentRecord.ts";
import { unfinishedRecordSchema } from "../contracts/deploymentRecord.ts";
import { loadDeployment } from "../contracts/loadDeployment.ts";
import { DeploymentError } from "./errors.ts";
import { writeDeployment } from "./writeDeployment.ts";

/** Where a deployment's record is kept, also while it is under way. */
export interface RecordStore {
  read(): UnfinishedRecord | undefined;
  write(record: UnfinishedRecord): void;
}

export function fileRecordStore(path: string): RecordStore {
  return {
    read() {
      if (!existsSync(path)) return undefined;
      const parsed = unfinishedRecordSchema.safeParse(parseJson(readFileSync(path, "utf8")));
      if (parsed.success) return parsed.data;
      const problem = `${path} is no record that \`deploy\` wrote: move it away\n${z.prettifyError(parsed.error)}`;
      throw new DeploymentError("wrong_record", problem);
    },
    write: (record) => writeDeployment(record, path),
  };
}

/** The record of a finished deployment. Throws DeploymentError `wrong_record`. */
export function finishedRecord(file: string): DeploymentRecord {
  try {
    return loadDeployment(file);
  } catch (cause) {
    throw new DeploymentError("wrong_record", `cannot use ${file}: ${(cause as Error).message}`, { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
