import { existsSync, readFileSync } from "node:fs";

import { z } from "zod";

import type { UnfinishedRecord } from "../../src/contracts/deploymentRecord.ts";
import { unfinishedRecordSchema } from "../../src/contracts/deploymentRecord.ts";
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
