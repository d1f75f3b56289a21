import { existsSync } from "node:fs";
import { join } from "node:path";

import { behindMark, readMark } from "../../daemon/mark.ts";
import type { LedgerIdentity } from "../../daemon/store/ledgerReader.ts";
import type { OperatorConfig } from "../config/operatorConfig.ts";
import { lastSequenceId, readLedger } from "../operate/databases.ts";
import { LEDGER, NODE } from "../storage.ts";
import { markFile } from "../settlement.ts";
import type { Found } from "./finding.ts";
import { fail, ok, warn } from "./finding.ts";

/** Whether the ledger can be read, is this node's, of this program's schema, and no older copy. */
export async function checkLedger({ config }: OperatorConfig, domain: string): Promise<Found> {
  const at = config.databaseUrl ?? join(config.dataDirectory, LEDGER);
  const mark = await readMark(markFile(config));
  const name = config.databaseUrl === undefined ? at : "the database";
  if (config.databaseUrl === undefined && !existsSync(at)) {
    if (!mark) return ok("no ledger yet: the first start makes one");
    return warn(`${at} is gone`, "start with an empty one: it fills itself from the log and from peers");
  }
  const ledger = await readLedger(at);
  const stranger = strangerOf(ledger, domain, config.nodeId);
  if (stranger !== undefined) return fail(`${name} is ${stranger}`, "give this daemon its own file or database");
  if (ledger.version > ledger.newest) return fail(`${name} has a newer schema`, "run the newer program on it");
  if (mark) {
    const [behind] = behindMark(mark, (id) => ledger.cursors.get(id) ?? 0n);
    if (behind !== undefined) {
      return fail(
        `${name} is an older copy: ${behind}`,
        "bring the newest back, or move it away and start with an empty one",
      );
    }
  }
  if (ledger.version < ledger.newest) return ok(`${name} is readable; the next start brings its schema up to date`);
  return ok(`${name} is readable, up to date and the newest`);
}

function strangerOf({ domain, nodeId }: LedgerIdentity, asked: string, id: number): string | undefined {
  if (domain !== asked) return `the ledger of ${domain}, not of ${asked}`;
  return nodeId === id ? undefined : `the ledger of node ${nodeId}, not of node ${id}`;
}

/** Whether the node's own log has every id that it is known to have given out. */
export async function checkNodeDatabase({ config }: OperatorConfig): Promise<Found> {
  const path = join(config.dataDirectory, NODE);
  const ledger = await readLedger(config.databaseUrl ?? join(config.dataDirectory, LEDGER)).catch(() => undefined);
  const known = [ledger?.highWater, (await readMark(markFile(config)))?.highWater, ledger?.cursors.get(config.nodeId)];
  const highest = known.reduce<bigint>((most, one) => (one !== undefined && one > most ? one : most), 0n);
  const last = existsSync(path) ? lastSequenceId(path, config.nodeId) : 0n;
  if (last >= highest) return ok(last === 0n ? "nothing was given out yet" : `the log ends with sequence id ${last}`);
  return fail(
    `the node's log ends with sequence id ${last}, and it has given out ${highest}: its database is an old copy`,
    "bring the newest node.sqlite back; do not start the node on an empty one",
  );
}
