import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";

/** More than so many in one batch, and it is not the items: nothing is put aside. */
const MOST_POISONED = 16;
/** What was put aside is tried once more after this, and left alone for a day when that fails too. */
const RETRY_MS = 600_000;
const GIVE_UP_MS = 86_400_000;
const MOST_QUARANTINED = 1_000;

/**
 * Finds the items that spoil a batch by simulating halves of it.
 * @param check resolves when the items can be sent together, resolves with why not when it is them, and rejects when it
 * could not be found out
 * @returns the items to send, and the others with why; rejects when too many are bad for the fault to be theirs
 */
export async function bisect<T>(
  items: readonly T[],
  check: (items: readonly T[]) => Promise<string | undefined>,
): Promise<{ good: T[]; bad: { item: T; reason: string }[] }> {
  const good: T[] = [];
  const bad: { item: T; reason: string }[] = [];
  const left: (readonly T[])[] = items.length > 0 ? [items] : [];
  for (let some = left.pop(); some; some = left.pop()) {
    const reason = await check(some);
    if (reason === undefined) {
      good.push(...some);
    } else if (some.length === 1) {
      bad.push({ item: some[0]!, reason });
      if (bad.length > MOST_POISONED) throw new Error(`a batch of ${items.length} cannot be sent: ${reason}`);
    } else {
      const half = Math.ceil(some.length / 2);
      left.push(some.slice(half), some.slice(0, half));
    }
  }
  return { good, bad };
}

/** Items that spoil every batch they are in. */
export class Quarantine {
  readonly #entries = new Map<string, { until: number; failures: number }>();
  readonly #options: { clock: Clock; log: Log };

  constructor(options: { clock: Clock; log: Log }) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  holds(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#options.clock.now() < entry.until;
  }

  put(key: string, reason: string): void {
    const { clock, log } = this.#options;
    const failures = (this.#entries.get(key)?.failures ?? 0) + 1;
    this.#entries.delete(key);
    // The longest known makes room.
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= MOST_QUARANTINED && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(key, { until: clock.now() + (failures === 1 ? RETRY_MS : GIVE_UP_MS), failures });
    log.warn({ item: key, reason, failures }, "put aside: it spoils every batch that it is in");
  }

  /** It could be sent after all. */
  clear(key: string): void {
    this.#entries.delete(key);
  }
}
