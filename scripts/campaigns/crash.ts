/**
 * Kills a process that writes a daemon's store, with SIGKILL at random moments, and looks each time whether everything
 * that it had reported is there, and nothing twice: `npm run campaign:crash -- --kills 1000 [--store sqlite|postgres|shared]`.
 * Every tenth time PostgreSQL itself is killed with it. With `shared`, asked for by name, two processes take messages of one
 * payer over one PostgreSQL and one of them is killed or paused. Exits 1 at the first thing that is wrong.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openStore } from "../../src/daemon/store/openStore.ts";
import { systemClock as clock } from "../../src/platform/clock.ts";
import { silentLog } from "../../src/platform/log.ts";
import { fund, killOneOfTwo } from "../../test/daemon/holdings/sharedKill.ts";
import { CRASH_NODE_ID, CRASH_ORIGINATOR, runUntilKilled } from "../../test/daemon/store/crashRun.ts";
import type { Reported } from "../../test/daemon/store/crashWork.ts";
import { DOMAIN, checkAfterCrash, readReports } from "../../test/daemon/store/crashWork.ts";
import type { TestPostgres } from "../../test/support/postgres.ts";
import { startPostgres } from "../../test/support/postgres.ts";

const LONGEST_MS = 120;
const SERVER_TOO_EVERY = 10;
const PAUSED_EVERY = 3;

const { values } = parseArgs({ options: { kills: { type: "string", default: "100" }, store: { type: "string" } } });
const kills = Number(values.kills);
if (!Number.isInteger(kills) || kills < 1) throw new RangeError("--kills takes a whole number of at least 1");
if (values.store !== undefined && !["sqlite", "postgres", "shared"].includes(values.store)) {
  throw new RangeError("--store takes sqlite, postgres or shared; sqlite and postgres when left out");
}

if (values.store === undefined || values.store === "sqlite") await onSqlite();
if (values.store === undefined || values.store === "postgres") await onPostgres();
if (values.store === "shared") await onShared();
process.exit(0);

async function onSqlite(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-crash-"));
  try {
    await campaign("SQLite", join(directory, "ledger.sqlite"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function onPostgres(): Promise<void> {
  const server = await startPostgres();
  if (!server) throw new Error("install PostgreSQL (Debian: postgresql), or ask for --store sqlite");
  try {
    await campaign("PostgreSQL", await server.create(), server);
  } finally {
    await server.remove();
  }
}

async function onShared(): Promise<void> {
  const server = await startPostgres();
  if (!server) throw new Error("install PostgreSQL (Debian: postgresql)");
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-crash-"));
  const [at, file] = [await server.create(), join(directory, "log")];
  writeFileSync(file, "");
  try {
    await fund(at, file);
    let messages = 0;
    for (let kill = 1; kill <= kills; kill++) {
      messages = await killOneOfTwo(at, file, kill, kill % PAUSED_EVERY === 0 ? "pause" : "kill");
      if (kill % 10 === 0) console.log(`two processes: one killed or paused ${kill} times, ${messages} messages`);
    }
    console.log(
      `two processes: one killed or, every ${PAUSED_EVERY}rd time, paused ${kills} times; each of ${messages} messages was stored once and charged once, ` +
        "and what the dead one held came free",
    );
  } finally {
    rmSync(directory, { recursive: true });
    await server.remove();
  }
}

async function campaign(name: string, at: string, server?: TestPostgres): Promise<void> {
  let reported: Reported = { meter: 0n, raise: 0n, attempt: -1n };
  let servers = 0;
  for (let kill = 1; kill <= kills; kill++) {
    const output = await runUntilKilled(at, Math.random() * LONGEST_MS, async () => {
      if (!server || kill % SERVER_TOO_EVERY !== 0) return;
      servers++;
      await server.stop();
    });
    if (server && kill % SERVER_TOO_EVERY === 0) await server.start();
    reported = readReports(output, reported);
    const store = await openStore({ at, domain: DOMAIN, nodeId: CRASH_NODE_ID, clock, log: silentLog });
    try {
      await checkAfterCrash(store, CRASH_ORIGINATOR, reported);
    } finally {
      await store.close();
    }
    if (kill % 100 === 0) console.log(`${name}: ${kill} kills, ${servers} of the server, ${describe(reported)}`);
  }
  console.log(
    `${name}: ${kills} kills, ${servers} of the server; all that was reported is there: ${describe(reported)}`,
  );
}

function describe({ meter, raise, attempt }: Reported): string {
  return `metered to ${meter}, vouchers to ${raise}, ${attempt + 1n} intents`;
}
