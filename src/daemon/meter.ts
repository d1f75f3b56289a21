import { setImmediate } from "node:timers/promises";

import {
  FIRST_NODE_ID,
  canonicalPayerEnvelopeSize,
  readOriginatorEnvelope,
  readPayerEnvelope,
} from "../protocol/envelope.ts";
import type { ReadPayerEnvelope } from "../protocol/envelope.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { minuteOf } from "../protocol/fees.ts";
import { isNodeOnly } from "../protocol/topics.ts";
import type { Log } from "../platform/log.ts";
import { fastRecoverAddress } from "../platform/recover.ts";
import { chargeDigest } from "./gate.ts";
import type { Ledger } from "./ledger.ts";
import type { Charge, EnvelopeLog, LedgerStore } from "./ports.ts";
import { ForgedLogError } from "./ports.ts";
import type { RateBook } from "./rateBook.ts";
import { MeterOvertakenError } from "./store/errors.ts";
import { WINDOW_MINUTES } from "./rateBook.ts";

const BATCH = 500;
const ENVELOPES_PER_TURN = 16;

export interface MeterOptions {
  envelopeLog: EnvelopeLog;
  store: LedgerStore;
  ledger: Ledger;
  rateBook: RateBook;
  log: Log;
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
    const { envelopeLog, ledger, log } = this.#options;
    do {
      this.#again = false;
      const stored = ledger.reservations.stored();
      const problems: unknown[] = [];
      for (const originatorId of await envelopeLog.originators()) {
        if (originatorId < FIRST_NODE_ID) continue;
        // One originator's log must not stop the others from being charged.
        await this.#drainOriginator(originatorId).catch((error: unknown) => {
          // Nor may it keep the gate shut, and reservations held: its own node makes it so.
          if (!(error instanceof ForgedLogError)) problems.push(error);
          log.error({ originatorId, error: String(error) }, "an originator's log could not be metered");
        });
      }
      if (problems.length > 0) throw new AggregateError(problems, `${problems.length} logs could not be metered`);
      for (const { channel, digest } of stored) ledger.reservations.remove(channel, digest);
    } while (this.#again);
  }

  async #drainOriginator(originatorId: number): Promise<void> {
    const { envelopeLog, store } = this.#options;
    let after = await store.meterCursor(originatorId);
    for (;;) {
      // Whoever waits for the end of the log must not take this for it.
      if (this.#isStopped) throw new Error("the daemon stops");
      const page = await envelopeLog.read(originatorId, after, BATCH);
      if (page.length === 0) return;
      try {
        after = await this.#meterPage(originatorId, after, page);
      } catch (error) {
        if (!(error instanceof MeterOvertakenError)) throw error;
        // Another process of this database was faster. It charged the same: the log is all that counts.
        const cursor = await store.meterCursor(originatorId);
        if (cursor <= after) throw error;
        after = cursor;
      }
    }
  }

  async #meterPage(
    originatorId: number,
    after: bigint,
    page: readonly { sequenceId: bigint; envelope: Uint8Array }[],
  ): Promise<bigint> {
    const { ledger, store } = this.#options;
    const read: { originatorNs: bigint; payer: ReadPayerEnvelope }[] = [];
    for (const [i, { sequenceId, envelope }] of page.entries()) {
      // A signature takes about a millisecond: publishes get their turn in between.
      if (i % ENVELOPES_PER_TURN === 0) await setImmediate();
      const one = this.#read(originatorId, sequenceId, envelope);
      if (one && !isNodeOnly(one.payer.client.topic.kind)) read.push(one);
    }
    // From the store and not from memory: a clock that goes backwards must not change what a restarted daemon charges.
    const minutes = read.map(({ originatorNs }) => minuteOf(originatorNs));
    const [oldest, newest] = [minutes.reduce(least, minutes[0] ?? 0n), minutes.reduce(most, 0n)];
    const counts = await store.minuteCounts(originatorId, oldest - WINDOW_MINUTES, newest);
    const charges: Charge[] = [];
    const minuteCounts = new Map<bigint, bigint>();
    for (const { originatorNs, payer } of read) {
      charges.push(this.#charge(payer, originatorNs, counts));
      const minute = minuteOf(originatorNs);
      const count = (counts.get(minute) ?? 0n) + 1n;
      counts.set(minute, count);
      minuteCounts.set(minute, count);
    }
    const upTo = page.at(-1)!.sequenceId;
    await ledger.meter({ originatorId, after, upTo, charges, minuteCounts });
    return upTo;
  }

  /** At the network's retention and the canonical size, whatever bytes carried it and whatever they ask for. */
  #charge(payer: ReadPayerEnvelope, originatorNs: bigint, counts: ReadonlyMap<bigint, bigint>): Charge {
    const { rateBook } = this.#options;
    const size = canonicalPayerEnvelopeSize({ ...payer, retentionDays: rateBook.retentionDays });
    const feePico = rateBook.feePico(counts, originatorNs, size);
    return { channel: payer.payer, digest: chargeDigest(payer.digest), feePico };
  }

  #read(originatorId: number, sequenceId: bigint, envelope: Uint8Array) {
    try {
      const { originatorNs, payerEnvelope } = readOriginatorEnvelope(envelope);
      return { originatorNs, payer: readPayerEnvelope(payerEnvelope, fastRecoverAddress) };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const { code } = error;
      this.#options.log.warn({ originatorId, sequenceId, code }, "an envelope that nobody can be charged for");
      return undefined;
    }
  }
}

const least = (a: bigint, b: bigint) => (a < b ? a : b);
const most = (a: bigint, b: bigint) => (a > b ? a : b);
