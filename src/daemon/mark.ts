import { open, readFile, rename } from "node:fs/promises";

import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Loop } from "./loop.ts";
import { startLoop } from "./loop.ts";
import type { LedgerStore } from "./ports.ts";

/** How far a ledger has come, noted outside of it: it only grows, so a ledger that says less is an older copy. */
export interface Mark {
  nodeId: number;
  highWater: bigint;
  /** By originator, how far its log was metered. */
  cursors: ReadonlyMap<number, bigint>;
}

/** The ledger is an older copy of the one that was used here last. */
export class LedgerRolledBackError extends Error {
  override readonly name = "LedgerRolledBackError";
}

type Ledger = Pick<LedgerStore, "meterCursor" | "raiseHighWater">;

const EVERY_MS = 10_000;

/** Undefined where there is none, or none that can be read: then nothing is known, and nothing is refused. */
export async function readMark(file: string): Promise<Mark | undefined> {
  try {
    const { nodeId, highWater, cursors } = JSON.parse(await readFile(file, "utf8")) as {
      nodeId: number;
      highWater: string;
      cursors: Record<string, string>;
    };
    const entries = Object.entries(cursors).map(([id, cursor]): [number, bigint] => [Number(id), BigInt(cursor)]);
    return { nodeId, highWater: BigInt(highWater), cursors: new Map(entries) };
  } catch {
    return undefined;
  }
}

/** Which originators' logs a ledger has metered less of than the mark says, in words; none for an empty ledger. */
export function behindMark(mark: Mark, cursorOf: (originatorId: number) => bigint): string[] {
  const found = [...mark.cursors].map(([id, cursor]) => ({ id, cursor, now: cursorOf(id) }));
  if (found.every(({ now }) => now === 0n)) return [];
  return found
    .filter(({ cursor, now }) => now < cursor)
    .map(({ id, cursor, now }) => `the log of node ${id} was metered to ${cursor}, and it says ${now}`);
}

/**
 * Holds an opened ledger against the mark. An empty ledger is taken: it meters everything again, and the mark tells it
 * which ids were given out. Throws LedgerRolledBackError.
 */
export async function requireNotRolledBack(mark: Mark, ledger: Ledger, name: string): Promise<void> {
  const cursors = new Map<number, bigint>();
  for (const id of mark.cursors.keys()) cursors.set(id, await ledger.meterCursor(id));
  const behind = behindMark(mark, (id) => cursors.get(id) ?? 0n);
  if (behind.length > 0) {
    throw new LedgerRolledBackError(
      `${name} is an older copy of the ledger that was used here: ${behind.slice(0, 3).join("; ")}. Vouchers that were ` +
        "acknowledged since are not in it. Bring the newest one back. If there is none, start with an empty ledger (move " +
        "ledger.sqlite away, or make a new database): usage is metered again, vouchers come back from peers and payers",
    );
  }
  await ledger.raiseHighWater(mark.highWater);
}

export interface MarkOptions {
  file: string;
  nodeId: number;
  ledger: Ledger;
  /** Whose logs are metered. */
  originators: () => readonly number[];
  clock: Clock;
  log: Log;
}

/** Notes now and then how far the ledger has come. `stop` does it once more, before the store is closed. */
export function keepMark(options: MarkOptions): Pick<Loop, "stop"> {
  let written = "";
  const note = async () => {
    const text = await markOf(options);
    if (text !== written) await writeDurably(options.file, text);
    written = text;
  };
  const loop = startLoop("mark", EVERY_MS, note, options);
  return {
    async stop() {
      await loop.stop();
      await note().catch((error: unknown) => {
        options.log.warn({ error: String(error) }, "how far the ledger has come was not noted");
      });
    },
  };
}

async function markOf({ nodeId, ledger, originators }: MarkOptions): Promise<string> {
  const ids = [...new Set([nodeId, ...originators()])].sort((a, b) => a - b);
  const cursors: Record<string, string> = {};
  for (const id of ids) cursors[id] = String(await ledger.meterCursor(id));
  const highWater = String(await ledger.raiseHighWater(0n));
  return JSON.stringify({ nodeId, highWater, cursors }, null, 2) + "\n";
}

/** The old one stays whole until the new one is. */
async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}
