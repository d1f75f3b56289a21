import type { LedgerStore, MeterBatch } from "./ports.ts";
import { WINDOW_MINUTES } from "./rateBook.ts";

/** Of a shared database counts are read again after this: another process may have metered. */
const READ_AGAIN_MS = 250;

interface Kept {
  key: string;
  originatorId: number;
  counts: Promise<Map<bigint, bigint>>;
}

/**
 * Messages per minute of the node's own log, which price the next one. Read once a minute, and kept up to date by what is metered
 * here: a publish waits for no read.
 */
export class MinuteBook {
  readonly #store: Pick<LedgerStore, "minuteCounts">;
  readonly #isShared: boolean;
  #kept: Kept | undefined;

  constructor(store: Pick<LedgerStore, "minuteCounts">, isShared: boolean) {
    this.#store = store;
    this.#isShared = isShared;
  }

  /** Those of the minute and of the window before it. Many calls share one read. @param nowMs milliseconds since 1970 */
  countsAt(originatorId: number, minute: bigint, nowMs: number): Promise<ReadonlyMap<bigint, bigint>> {
    const key = `${originatorId}:${minute}:${this.#isShared ? Math.floor(nowMs / READ_AGAIN_MS) : ""}`;
    if (this.#kept?.key !== key) {
      const counts = this.#store.minuteCounts(originatorId, minute - WINDOW_MINUTES, minute);
      const kept = { key, originatorId, counts };
      this.#kept = kept;
      // One that failed is not asked for again and again from memory.
      counts.catch(() => {
        if (this.#kept === kept) this.#kept = undefined;
      });
    }
    return this.#kept.counts;
  }

  /** A stretch of a log was metered. What it says of a minute is the minute's count, also for a read that came before it. */
  note({ originatorId, minuteCounts }: MeterBatch): void {
    const kept = this.#kept;
    if (kept?.originatorId !== originatorId) return;
    void kept.counts.then(
      (counts) => {
        for (const [minute, count] of minuteCounts) if (count > (counts.get(minute) ?? 0n)) counts.set(minute, count);
      },
      () => {},
    );
  }

  /** Nobody knows what was written. */
  forget(): void {
    this.#kept = undefined;
  }
}
