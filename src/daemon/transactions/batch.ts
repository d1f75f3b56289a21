import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";

/** So many bad ones and not a good one: others, from all over the batch, are tried before anybody is blamed. */
const SUSPICIOUS = 16;
const SAMPLES = 16;
/** Simulations of one batch; what is not decided by then is left to the next run, which has fewer items to look at. */
const MOST_CHECKS = 256;
/** What was put aside is tried once more after this, and left alone for a day when that fails too. */
const RETRY_MS = 600_000;
const GIVE_UP_MS = 86_400_000;
const MOST_QUARANTINED = 1_000;

/** Nothing of a batch can be sent: it is the contract or the endpoint, and no item is to blame. */
export class BatchFailedError extends Error {
  override readonly name = "BatchFailedError";
}

export interface Bisected<T> {
  good: T[];
  bad: { item: T; reason: string }[];
  /** Neither is known of these yet. */
  undecided: T[];
}

/**
 * Finds the items that spoil a batch by simulating halves of it, at most 256 times, however many there are.
 * @param check resolves when the items can be sent together, resolves with why not when it is them, and rejects when it
 * could not be found out
 * @throws BatchFailedError when many fail and none of those that were tried all over the batch can be sent
 */
export async function bisect<T>(
  items: readonly T[],
  check: (items: readonly T[]) => Promise<string | undefined>,
): Promise<Bisected<T>> {
  const found: Bisected<T> = { good: [], bad: [], undecided: [] };
  const left: (readonly T[])[] = items.length > 0 ? [items] : [];
  let [checks, wasSampled] = [0, false];
  for (let some = left.pop(); some; some = left.pop()) {
    if (checks >= MOST_CHECKS) {
      found.undecided.push(...some);
      continue;
    }
    checks++;
    const reason = await check(some);
    if (reason === undefined) {
      found.good.push(...some);
    } else if (some.length === 1) {
      found.bad.push({ item: some[0]!, reason });
      if (found.good.length > 0 || found.bad.length <= SUSPICIOUS || wasSampled) continue;
      const sample = sampleOf([...left].reverse().flat());
      checks += sample.length;
      wasSampled = true;
      if (await areAllBad(sample, check))
        throw new BatchFailedError(`a batch of ${items.length} cannot be sent: ${reason}`);
    } else {
      const half = Math.ceil(some.length / 2);
      left.push(some.slice(half), some.slice(0, half));
    }
  }
  return found;
}

/** Spread over all, and at no distance that somebody could arrange items by. */
function sampleOf<T>(items: readonly T[]): T[] {
  const golden = (Math.sqrt(5) - 1) / 2;
  const places = Array.from({ length: SAMPLES }, (_, i) => Math.floor((((i + 1) * golden) % 1) * items.length));
  return [...new Set(places)].filter((at) => at < items.length).map((at) => items[at]!);
}

async function areAllBad<T>(items: readonly T[], check: (items: readonly T[]) => Promise<string | undefined>) {
  for (const item of items) if ((await check([item])) === undefined) return false;
  return true;
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
