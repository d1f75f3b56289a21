import { Batcher } from "../../platform/batcher.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Ledger } from "../ledger.ts";
import type { Charge } from "../ports.ts";
import { PostageRefused } from "../refusal.ts";
import { MOST_HELD, tooMuchHeld } from "./decide.ts";
import { Lease } from "./lease.ts";
import type { Ask, ChargeKey, Exchanged, Hold, HoldingStore, Holdings, Ripe } from "./ports.ts";
import { LeaseOverError, keyOf } from "./ports.ts";

export interface SharedHoldingsOptions {
  ledger: Ledger;
  store: HoldingStore;
  clock: Clock;
  log: Log;
  /** Others leave alone what a process holds for so long after its last word. */
  leaseMs?: number;
  /** And so much longer: what it had sent to the node by then is stored or never will be. A stock node takes 30 s at most. */
  graceMs?: number;
}

const LEASE_MS = 30_000;
const GRACE_MS = 30_000;
const BOUNDS = { mostPerBatch: 1_000, mostWaiting: 20_000, mostTurns: 8 };
/** What one exchange gives back at most; the rest follows with the next. */
const MOST_DROPPED = 5_000;
const MOST_TRIES = 3;
/** For an item of a batch that only brings what was dropped. */
const NOTHING = { outcome: undefined, process: 0n };

interface Result {
  outcome: PostageRefused | Charge[] | undefined;
  process: bigint;
}

/**
 * Holdings of a process that shares its ledger's database with others. All that counts is in the database; in memory, among
 * the ledger's reservations, is what of it this process holds. Many calls share one transaction, which gives back what others
 * hold no longer, raises their vouchers, decides and holds.
 */
export class SharedHoldings implements Holdings {
  readonly #options: SharedHoldingsOptions;
  readonly #leaseMs: number;
  readonly #graceMs: number;
  readonly #lease: Lease;
  readonly #exchanges: Batcher<Ask | undefined, Result>;
  /** What is to be given back; in the database until an exchange has done it. */
  readonly #dropped = new Map<string, ChargeKey>();
  #isFlushing = false;
  #gone: readonly bigint[] = [];
  #countOfAll = 0;
  #isLent = false;

  constructor(options: SharedHoldingsOptions) {
    this.#options = options;
    const { store, clock, leaseMs = LEASE_MS, graceMs = GRACE_MS } = options;
    [this.#leaseMs, this.#graceMs] = [leaseMs, graceMs];
    this.#lease = new Lease({ store, clock, leaseMs: this.#leaseMs, onLost: () => this.#lose() });
    this.#exchanges = new Batcher({ ...BOUNDS, run: (asks) => this.#run(asks) });
  }

  get count(): number {
    return Math.max(this.#countOfAll, this.#options.ledger.reservations.count);
  }

  get isLent(): boolean {
    return this.#isLent;
  }

  async hold(ask: Ask): Promise<Hold> {
    if (ask.charges.length === 0 && !ask.raise) return { isHeld: () => true, release: () => {} };
    const { count } = this.#options.ledger.reservations;
    if (count + this.#dropped.size + ask.charges.length > MOST_HELD) throw tooMuchHeld();
    const { outcome, process } = await this.#exchanges.add(ask);
    if (outcome instanceof PostageRefused) throw outcome;
    const held = outcome ?? [];
    return {
      isHeld: () => held.length === ask.charges.length && this.#lease.isSure(process),
      release: (stored) => void (this.#lease.isOf(process) && this.#release(held, stored)),
    };
  }

  async noteRound(): Promise<void> {
    if (!this.#isLent) return;
    // What is lent from now on belongs to the next round.
    this.#isLent = false;
    try {
      await this.#options.store.noteRound(await this.#lease.process());
    } catch (error) {
      this.#isLent = true;
      throw error;
    }
  }

  ripe(): Ripe {
    return { own: this.#options.ledger.reservations.stored(), gone: this.#gone };
  }

  async reap({ own, gone }: Ripe): Promise<void> {
    const { ledger, store } = this.#options;
    const left = own.filter(({ channel, digest }) => ledger.reservations.has(channel, digest));
    if (left.length > 0) await store.forget(await this.#lease.process(), left);
    for (const { channel, digest } of left) ledger.reservations.remove(channel, digest);
    if (gone.length === 0) return;
    await this.#underLease((heir) => store.drain(gone, heir, this.#graceMs));
    this.#options.log.warn({ processes: gone.length }, "what processes held that are gone was freed or taken over");
    this.#gone = this.#gone.filter((process) => !gone.includes(process));
    this.#isLent = true;
  }

  async tend(): Promise<void> {
    await this.#lease.renew();
    if (this.#dropped.size > 0) this.#flush();
    this.#gone = await this.#options.store.gone(this.#graceMs);
  }

  async close(): Promise<void> {
    for (let tries = 0; this.#dropped.size > 0 && tries < MOST_HELD / MOST_DROPPED; tries++) {
      await this.#exchanges.add(undefined);
    }
    const { reservations } = this.#options.ledger;
    // What the node has stored the others will meet; of what it may have or not they have to wait for the end.
    await this.#lease.end(reservations.count === reservations.stored().length ? this.#graceMs : 0);
  }

  #release(held: readonly Charge[], stored: boolean): void {
    const { reservations } = this.#options.ledger;
    for (const { channel, digest } of held) {
      // Another process may have metered it.
      if (!reservations.has(channel, digest)) continue;
      if (stored) {
        reservations.markStored(channel, digest);
        continue;
      }
      reservations.remove(channel, digest);
      this.#drop({ channel, digest });
    }
    if (!stored) this.#flush();
  }

  #drop(key: ChargeKey): void {
    this.#dropped.set(keyOf(key), key);
  }

  /** With the next exchange, or one of its own. */
  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#exchanges
      .add(undefined)
      .catch((error: unknown) => {
        // It stays among what is dropped, and goes with the next exchange or the next time that this process says it lives.
        this.#options.log.warn({ error: String(error) }, "postage of what was not stored could not be given back yet");
      })
      .finally(() => (this.#isFlushing = false));
  }

  async #run(items: readonly (Ask | undefined)[]): Promise<Result[]> {
    this.#isFlushing = false;
    const asks = items.filter((item) => item !== undefined);
    const dropped = this.#droppedFirst(asks);
    const { outcomes, count, process } = await this.#exchange(dropped, asks);
    for (const key of dropped) this.#dropped.delete(keyOf(key));
    const { reservations } = this.#options.ledger;
    this.#countOfAll = count;
    this.#options.ledger.noteRaised(asks.flatMap(({ raise }) => raise ?? []));
    let next = 0;
    return items.map((item) => {
      if (!item) return NOTHING;
      const outcome = outcomes[next++]!;
      if (outcome instanceof PostageRefused) return { outcome, process };
      for (const charge of outcome) reservations.add(charge);
      this.#countOfAll += outcome.length;
      this.#isLent ||= outcome.length > 0;
      return { outcome, process };
    });
  }

  /** What is asked for again is given back before it is looked at. */
  #droppedFirst(asks: readonly Ask[]): ChargeKey[] {
    const first = new Map<string, ChargeKey>();
    for (const charge of this.#dropped.size > MOST_DROPPED ? asks.flatMap(({ charges }) => charges) : []) {
      const key = this.#dropped.get(keyOf(charge));
      if (key) first.set(keyOf(key), key);
    }
    for (const [name, key] of this.#dropped) {
      if (first.size >= MOST_DROPPED) break;
      first.set(name, key);
    }
    return [...first.values()];
  }

  async #exchange(dropped: readonly ChargeKey[], asks: readonly Ask[]): Promise<Exchanged & { process: bigint }> {
    const { store, ledger } = this.#options;
    try {
      return await this.#underLease(async (process) => ({
        ...(await store.exchange({ process, dropped, asks })),
        process,
      }));
    } catch (error) {
      // It may be on disk all the same. Nobody has it, so nobody would ever give it back.
      for (const key of asks.flatMap(({ charges }) => charges)) {
        if (!ledger.reservations.has(key.channel, key.digest)) this.#drop(key);
      }
      throw error;
    }
  }

  /** Again, as whatever this process is then, when its lease had ended. */
  async #underLease<T>(work: (process: bigint) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work(await this.#lease.process());
      } catch (error) {
        if (!(error instanceof LeaseOverError) || tries === MOST_TRIES) throw error;
        await this.#lease.renew();
      }
    }
  }

  /** Others have taken over what this process held, so it holds nothing. */
  #lose(): void {
    this.#options.ledger.reservations.clear();
    this.#dropped.clear();
    this.#options.log.warn(
      {},
      "this process was silent for so long that others took it for gone: it holds nothing now",
    );
  }
}
