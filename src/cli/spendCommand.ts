import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { Command } from "commander";

import { NO_SPEND, SPEND_COLUMNS, addSpend, spendLine, spendRows } from "../index.ts";
import type { GatewayStore, Spend, SpendDays, SpendTotal } from "../index.ts";
import { CommandError } from "../commands/core/errors.ts";
import type { Report, Row } from "../commands/core/plan.ts";
import { runCommand } from "../commands/core/run.ts";
import { csv } from "../platform/csv.ts";
import type { Output } from "../platform/output.ts";
import type { Address } from "../protocol/bytes.ts";
import { toAddress } from "../protocol/bytes.ts";
import { addressOf } from "../protocol/ecdsa.ts";
import { openKey } from "./config/openKeys.ts";
import { readGatewayConfig } from "./config/gatewayConfig.ts";
import { openPayerStore } from "./openPayerStore.ts";

interface Typed extends SpendDays {
  config: string;
  csv?: string;
  json?: boolean;
  channel?: string;
}

/** Adds what a payer asks about who spent what, on the machine of the gateway. `finish` hears the exit code. */
export function addSpendCommand(program: Command, output: Output, finish: (exitCode: number) => void): void {
  program
    .command("spend")
    .description("who spent what: postage, stamps and gas by day, app, user and kind")
    .requiredOption("--config <file>", "the gateway's settings, docs/payers.md")
    .option("--channel <address>", "another channel of this gateway's, such as the one before its key was replaced")
    .option("--from <day>", "the first day, such as 2026-11-01 (UTC)")
    .option("--to <day>", "the last day")
    .option("--csv <file>", "write every row to this new file")
    .option("--json", "print JSON")
    .action(async (typed: Typed) => {
      const mode = { json: typed.json ?? false, dryRun: false, unsigned: false, timeoutSeconds: 0 };
      finish(await runCommand("spend", async () => ({ result: await spend(typed) }), mode, output));
    });
}

async function spend(typed: Typed): Promise<Report> {
  const config = readGatewayConfig(typed.config);
  const channel = typed.channel ? readChannel(typed.channel) : addressOf(await openKey(config.postageKey));
  const store = await openPayerStore(config);
  try {
    return await spendReport({ store, channel }, typed, typed.csv);
  } catch (error) {
    throw error instanceof RangeError ? new CommandError("bad_number", error.message) : error;
  } finally {
    await store.close();
  }
}

function readChannel(typed: string): Address {
  try {
    return toAddress(typed);
  } catch (cause) {
    throw new CommandError("bad_address", `--channel ${typed} is no address: 0x and 40 hex digits`, { cause });
  }
}

/** Sums by kind, and every row in a file where one is named. Throws RangeError for what is no day. */
export async function spendReport(
  { store, channel }: { store: Pick<GatewayStore, "spendPage">; channel: Address },
  { from, to }: SpendDays,
  file?: string,
): Promise<Report> {
  const byKind = new Map<string, SpendTotal>();
  let total = NO_SPEND;
  let rows = 0;
  async function* counted() {
    yield csv([], SPEND_COLUMNS);
    for await (const row of spendRows(store, channel, { from, to })) {
      byKind.set(row.kind, addSpend(byKind.get(row.kind) ?? NO_SPEND, row));
      total = addSpend(total, row);
      rows++;
      yield lineOf(row);
    }
  }
  if (file === undefined) for await (const line of counted()) void line;
  else await write(file, counted());
  const kinds = [...byKind].map(([kind, sum]): Row => [kind, words(sum)]);
  return {
    kind: "report",
    title: `Spent by channel ${channel}${from ? ` from ${from}` : ""}${to ? ` to ${to}` : ""}`,
    sections: [{ rows: [...kinds, ["total", words(total)]] }],
    notes: file === undefined ? [] : [`${rows} rows are in ${file}.`],
    data: { channel, from, to, rows, total, byKind: Object.fromEntries(byKind), ...(file ? { csv: file } : {}) },
  };
}

const HEADER_LENGTH = csv([], SPEND_COLUMNS).length;
const lineOf = (row: Spend) => csv([spendLine(row)], SPEND_COLUMNS).slice(HEADER_LENGTH);

function words({ count, postagePico, stampUnits, gasWei }: SpendTotal): string {
  const stamps = stampUnits > 0n ? `, ${decimal(stampUnits, 6)} USD of stamps at most` : "";
  const gas = gasWei > 0n ? `, ${decimal(gasWei, 18)} of gas` : "";
  return `${count} envelopes, ${decimal(postagePico, 12)} USD${stamps}${gas}`;
}

function decimal(amount: bigint, digits: number): string {
  const text = amount.toString().padStart(digits + 1, "0");
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

async function write(file: string, lines: AsyncGenerator<string>): Promise<void> {
  try {
    await pipeline(Readable.from(lines), createWriteStream(file, { flags: "wx", mode: 0o600 }));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new CommandError("file_exists", `${file} is there already: name another`, { cause });
    if (code === undefined || cause instanceof RangeError) throw cause;
    throw new CommandError("bad_file", `cannot write ${file}: ${message}`, { cause });
  }
}
