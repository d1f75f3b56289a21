import { FIRST_NODE_ID } from "../protocol/envelope.ts";
import { minuteOf } from "../protocol/fees.ts";
import type { Log } from "../platform/log.ts";
import type { Holdings } from "./holdings/ports.ts";
import type { Ledger } from "./ledger.ts";
import type { Charge, EnvelopeLog, LedgerStore, MeterBatch } from "./ports.ts";
import type { StampTerms } from "./stamps/ports.ts";
import { hexOf } from "./store/encode.ts";
import { ForgedLogError } from "./ports.ts";
import type { RateBook } from "./rateBook.ts";
import { WINDOW_MINUTES } from "./rateBook.ts";
import { factOf, packFacts } from "./reports/facts.ts";
import type { Fact } from "./reports/facts.ts";
import type { MeteredEnvelope, ReadEnvelopes } from "./threads/readEnvelope.ts";
import { readInTurns } from "./threads/readInTurns.ts";
import { MeterOvertakenError } from "./store/errors.ts";

/** A node's page: one commit, and its tables' pages are written once, for as many as it has. */
const BATCH = 1_000;

export interface MeterOptions {
  envelopeLog: EnvelopeLog;
  store: LedgerStore;
  ledger: Ledger;
  holdings: Holdings;
  rateBook: RateBook;
  /** What stamps cost; without it, or when it answers nothing, welcomes open none. */
  stampTerms?: () => StampTerms | undefined;
  log: Log;
  /** In this thread, by turns, unless told otherwise. */
  read?: ReadEnvelopes;
  /** Hears that a long run gets on. */
  onPage?: () => void;
}

interface Page {
  upTo: bigint;
  envelopes: MeteredEnvelope[];
  /** Of the envelopes, in their order. */
  sequenceIds: bigint[];
  facts: Uint8Array;
}

/**
 * Charges every envelope in the node's log, its own and replicated ones, in the order of each originator's log and
 * with nothing but that log as input: so every daemon comes to the same usage, and a crash costs a replay and no more.
 */
export class Meter {
  readonly #options: MeterOptions;
  #running: Promise<void> | undefined;
  #again = false;
  #isStopped = false;

  constructor(options: MeterOptions) {
    this.#options = options;
  }

  /** Meters to the end of the log as it is now. Calls during a run share one more run after it. */
  async drain(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#run();
    try {
      await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Ends a run with the page that it is at: what follows is metered after the next start. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    const { envelopeLog, holdings, log } = this.#options;
    do {
      this.#again = false;
      const ripe = holdings.ripe();
      const problems: unknown[] = [];
      for (const originatorId of await envelopeLog.originators()) {
        if (originatorId < FIRST_NODE_ID) continue;
        // What another process had sent to the node this one may not have heard of.
        if (ripe.gone.length > 0) envelopeLog.doubt?.(originatorId);
        // One originator's log must not stop the others from being charged.
        await this.#drainOriginator(originatorId).catch((error: unknown) => {
          // Nor may it keep the gate shut, and reservations held: its own node makes it so.
          if (!(error instanceof ForgedLogError)) problems.push(error);
          log.error({ originatorId, error: String(error) }, "an originator's log could not be metered");
        });
      }
      if (problems.length > 0) throw new AggregateError(problems, `${problems.length} logs could not be metered`);
      await holdings.reap(ripe);
    } while (this.#again);
  }

  /** A page is read while the one before it is written. */
  async #drainOriginator(originatorId: number): Promise<void> {
    let after = await this.#options.store.meterCursor(originatorId);
    let next = this.#read(originatorId, after);
    for (;;) {
      // Whoever waits for the end of the log must not take this for it.
      if (this.#isStopped) throw new Error("the daemon stops");
      const page = await next;
      if (!page) return;
      next = this.#read(originatorId, page.upTo);
      // It is awaited in the next round, which may not come.
      next.catch(() => {});
      const reached = await this.#charge(originatorId, after, page);
      this.#options.onPage?.();
      if (reached !== page.upTo) next = this.#read(originatorId, reached);
      after = reached;
    }
  }

  /** The next page of an originator's log, undefined at its end. */
  async #read(originatorId: number, after: bigint): Promise<Page | undefined> {
    const { envelopeLog, rateBook, log, read = readInTurns } = this.#options;
    const page = await envelopeLog.read(originatorId, after, BATCH);
    if (page.length === 0) return undefined;
    const all = await read(
      page.map(({ envelope }) => envelope),
      rateBook.retentionDays,
    );
    const envelopes: MeteredEnvelope[] = [];
    const sequenceIds: bigint[] = [];
    const facts: Fact[] = [];
    for (const [i, one] of all.entries()) {
      const { sequenceId } = page[i]!;
      facts.push(factOf(sequenceId, one));
      if ("problem" in one) {
        log.warn({ originatorId, sequenceId, code: one.problem }, "an envelope that nobody can be charged for");
      } else if (!one.isFree) {
        envelopes.push(one);
        sequenceIds.push(sequenceId);
      }
    }
    return { upTo: page.at(-1)!.sequenceId, envelopes, sequenceIds, facts: packFacts(facts) };
  }

  #stampsOf(envelopes: readonly MeteredEnvelope[], sequenceIds: readonly bigint[]): MeterBatch["stamps"] {
    const terms = this.#options.stampTerms?.();
    if (!terms) return undefined;
    const welcomes = envelopes.flatMap(({ welcomeKey, payer, digest, originatorNs }, i) => {
      if (!welcomeKey) return [];
      const seconds = originatorNs / SECOND_NS;
      return [{ payer, welcome: `0x${digest}` as const, key: hexOf(welcomeKey), seconds, sequenceId: sequenceIds[i]! }];
    });
    return welcomes.length > 0 ? { terms, welcomes } : undefined;
  }

  /** Answers how far the originator's log is charged then: further than the page when another process was faster. */
  async #charge(originatorId: number, after: bigint, { upTo, envelopes, sequenceIds, facts }: Page): Promise<bigint> {
    const { ledger, store, rateBook } = this.#options;
    // From the store and not from memory: a clock that goes backwards must not change what a restarted daemon charges.
    const minutes = envelopes.map(({ originatorNs }) => minuteOf(originatorNs));
    const [oldest, newest] = [minutes.reduce(least, minutes[0] ?? 0n), minutes.reduce(most, 0n)];
    const counts = await store.minuteCounts(originatorId, oldest - WINDOW_MINUTES, newest);
    const charges: Charge[] = [];
    const minuteCounts = new Map<bigint, bigint>();
    for (const [i, { originatorNs, payer, digest, size }] of envelopes.entries()) {
      const minute = minutes[i]!;
      charges.push({ channel: payer, digest, feePico: rateBook.feePico(counts, originatorNs, size), minute });
      const count = (counts.get(minute) ?? 0n) + 1n;
      counts.set(minute, count);
      minuteCounts.set(minute, count);
    }
    try {
      const stamps = this.#stampsOf(envelopes, sequenceIds);
      await ledger.meter({ originatorId, after, upTo, charges, minuteCounts, facts, ...(stamps ? { stamps } : {}) });
      return upTo;
    } catch (error) {
      if (!(error instanceof MeterOvertakenError)) throw error;
      // Another process of this database was faster. It charged the same: the log is all that counts.
      const cursor = await store.meterCursor(originatorId);
      if (cursor <= after) throw error;
      return cursor;
    }
  }
}

const SECOND_NS = 1_000_000_000n;
const least = (a: bigint, b: bigint) => (a < b ? a : b);
const most = (a: bigint, b: bigint) => (a > b ? a : b);
