/** `npm run bench:daemon`: what a daemon takes in a second, on SQLite and on PostgreSQL. Give it a quiet machine. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { startPostgres } from "../../test/support/postgres.ts";
import {
  ackP99Ms,
  baselinePerSecond,
  envelopesPerSecond,
  ledgerPerSecond,
  vouchersPerSecond,
} from "./daemon/measure.ts";
import { restartMs } from "./daemon/restart.ts";
import { openAt, somePayers } from "./daemon/world.ts";

const USAGE = `npm run bench:daemon -- [--json FILE] [--quick]
  --json   write the figures there
  --quick  a tenth of everything: to see that it runs, not to quote`;
const PAYERS = 1_000;
const WHOLE = {
  ...{ vouchers: 60_000, envelopes: 60_000, charges: 300_000, baseline: 2_000, latencySeconds: 10 },
  restart: 1_000_000,
};
/** assurance.md section 6, of SQLite. */
const TARGETS = {
  ...{ vouchersPerSecond: 8_000, envelopesPerSecond: 15_000, ledgerPerSecond: 50_000 },
  ...{ ackP99Ms: 50, restartMs: 5_000 },
};

type Figures = Record<keyof typeof TARGETS, number>;

function readOptions(): { json: string | undefined; quick: boolean } {
  try {
    const { values } = parseArgs({ options: { json: { type: "string" }, quick: { type: "boolean" } } });
    return { json: values.json, quick: values.quick ?? false };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { json, quick } = readOptions();
const part = quick ? 10 : 1;
const size = {
  ...{ vouchers: WHOLE.vouchers / part, envelopes: WHOLE.envelopes / part, charges: WHOLE.charges / part },
  ...{ baseline: WHOLE.baseline / part, restart: WHOLE.restart / part, latencySeconds: WHOLE.latencySeconds / part },
};
const payers = somePayers(PAYERS);
const directory = mkdtempSync(join(tmpdir(), "pennyblack-bench-"));

async function measure(place: (name: string) => Promise<string>): Promise<Figures> {
  const on = async <T>(name: string, work: (store: Awaited<ReturnType<typeof openAt>>) => Promise<T>): Promise<T> => {
    const store = await openAt(await place(name));
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  const vouchers = await on("vouchers", (store) => vouchersPerSecond(store, payers, size.vouchers));
  const envelopes = await on("envelopes", (store) => envelopesPerSecond(store, payers, size.envelopes));
  const ledger = await on("ledger", (store) => ledgerPerSecond(store, payers, size.charges));
  const load = { rate: vouchers / 2, seconds: size.latencySeconds };
  const ack = await on("latency", async (store) => {
    await vouchersPerSecond(store, payers, PAYERS);
    return ackP99Ms(store, payers, load);
  });
  const restart = await restartMs(await place("restart"), size.restart);
  return {
    ...{ vouchersPerSecond: vouchers, envelopesPerSecond: envelopes, ledgerPerSecond: ledger },
    ...{ ackP99Ms: ack, restartMs: restart },
  };
}

const sqlite = await measure(async (name) => join(directory, `${name}.sqlite`));
const baselineStore = await openAt(join(directory, "baseline.sqlite"));
const baseline = { vouchersPerSecond: await baselinePerSecond(baselineStore, payers, size.baseline) };
await baselineStore.close();
const cluster = await startPostgres();
const postgres = cluster ? await measure(() => cluster.create()) : undefined;
await cluster?.remove();
rmSync(directory, { recursive: true });

const row = (name: string, cells: (string | number | undefined)[]) =>
  console.log(`  ${name.padEnd(20)}${cells.map((cell) => String(cell ?? "-").padStart(12)).join("")}`);
console.log(
  `node ${process.version}, ${availableParallelism()} cores, ${size.restart.toLocaleString("en")} vouchers restarted`,
);
row("", ["SQLite", "PostgreSQL", "target"]);
for (const name of Object.keys(TARGETS) as (keyof Figures)[])
  row(name, [sqlite[name], postgres?.[name], TARGETS[name]]);
const ratio = (sqlite.vouchersPerSecond / baseline.vouchersPerSecond).toFixed(1);
console.log(`  ethers, one commit a voucher: ${baseline.vouchersPerSecond}/s; SQLite above is ${ratio} times that`);
if (json) writeFileSync(json, `${JSON.stringify({ sqlite, postgres, baseline }, null, 2)}\n`);
