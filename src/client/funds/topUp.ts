import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { formatUnits } from "../../protocol/units.ts";
import { isChannelError } from "../account/errors.ts";
import type { ChannelWatch } from "../channel/channelWatch.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import { dayOf, dayText } from "../channel/spend.ts";
import type { StoredTopUp, TopUpStore } from "../ports.ts";
import type { GatewayEvent } from "./events.ts";
import { leftUnits } from "./left.ts";

/** When the channel is topped up by itself, and how far. Amounts are base units. */
export interface TopUpTerms {
  /** It deposits when less than this is left. */
  below: bigint;
  /** Of each deposit. */
  amount: bigint;
  /** Never more than this on one day, UTC. */
  mostPerDay: bigint;
}

/**
 * Deposits once under an idempotency key, however often it is asked; resolves when it is mined, with what the channel has deposited
 * in all then.
 */
export type Deposit = (amount: bigint, idempotencyKey: Hex, signal: AbortSignal) => Promise<{ deposited: bigint }>;

export interface TopUpOptions extends TopUpTerms {
  deposit: Deposit;
  newKey: () => Hex;
  store: TopUpStore;
  ledger: Pick<ChannelLedger, "channel" | "usagePico" | "inFlightPico">;
  watch: Pick<ChannelWatch, "state" | "backed" | "refresh">;
  emit: (event: GatewayEvent) => void;
  clock: Clock;
  log: Log;
}

/** A deposit that failed is tried again, under its own key. */
const RETRY_MS = 60_000;
/** One transaction; then it is asked again whether it was mined. */
const DEPOSIT_MS = 120_000;
/** Endpoints may be behind: what was deposited is waited for so long before it may seem to be missing. */
const SETTLES_MS = 600_000;

/**
 * Tops a channel up. A deposit is on disk, with its key, before it is sent, and no other is begun until it is made and seen: so a
 * crash at any moment, and an endpoint that is behind, leave one deposit for one need.
 */
export class TopUp {
  readonly #options: TopUpOptions;
  #notBefore = 0;
  #cappedOn: number | undefined;

  /** Throws RangeError for terms that could not mean anything. */
  constructor(options: TopUpOptions) {
    const { below, amount, mostPerDay } = options;
    if (below <= 0n || amount <= 0n || mostPerDay < amount) {
      throw new RangeError("topUp: below and amount are above 0, and mostPerDay is at least amount");
    }
    this.#options = options;
  }

  /** Whether more is needed today than may be deposited in a day. */
  get isCapped(): boolean {
    return this.#cappedOn === dayOf(this.#options.clock.now());
  }

  /** Looks once, and deposits when it has to. Not for concurrent use. */
  async step(signal: AbortSignal): Promise<void> {
    const { clock, ledger, store } = this.#options;
    if (clock.now() < this.#notBefore) return;
    const last = await store.lastTopUp(ledger.channel);
    if (last && last.finishedAt === undefined) return this.#complete(last, signal);
    if (!this.#isNeeded(last)) return;
    const begun = await this.#begin(last);
    if (begun) await this.#complete(begun, signal);
  }

  #isNeeded(last: StoredTopUp | undefined): boolean {
    const { below, clock, ledger, watch } = this.#options;
    const left = leftUnits(ledger, watch);
    if (left === undefined || left >= below) return false;
    if (last?.finishedAt === undefined) return true;
    const isSeen = watch.state!.deposited >= last.depositedBefore + last.amount;
    return isSeen || last.finishedAt + SETTLES_MS <= clock.now();
  }

  async #begin(last: StoredTopUp | undefined): Promise<StoredTopUp | undefined> {
    const { amount, clock, emit, ledger, mostPerDay, newKey, store, watch } = this.#options;
    const day = dayOf(clock.now());
    const before = await store.toppedUpOn(ledger.channel, day);
    if (before + amount > mostPerDay) {
      if (this.#cappedOn !== day)
        emit({ kind: "top_up_capped", channel: ledger.channel, day: dayText(day), deposited: before });
      this.#cappedOn = day;
      return undefined;
    }
    const begun = {
      ...{ number: (last?.number ?? 0) + 1, day, amount, idempotencyKey: newKey() },
      ...{ depositedBefore: watch.state!.deposited, finishedAt: undefined },
    };
    await store.beginTopUp(ledger.channel, begun);
    return begun;
  }

  async #complete(topUp: StoredTopUp, signal: AbortSignal): Promise<void> {
    const { clock, deposit, emit, ledger, log, store, watch } = this.#options;
    const { number, amount, idempotencyKey } = topUp;
    const { channel } = ledger;
    const timer = new AbortController();
    const within = AbortSignal.any([signal, timer.signal]);
    clock.sleep(DEPOSIT_MS, within).then(
      () => timer.abort(new Error("the deposit is not mined in time")),
      () => {},
    );
    let deposited: bigint;
    try {
      ({ deposited } = await deposit(amount, idempotencyKey, within));
    } catch (error) {
      if (signal.aborted) throw error;
      if (isChannelError(error, "not_shown")) return await this.#finishUnseen(topUp, error.message, signal);
      this.#notBefore = clock.now() + RETRY_MS;
      const words = error instanceof Error ? error.message : String(error);
      const reason = timer.signal.aborted ? `it was not seen mined in ${DEPOSIT_MS / 1_000} s` : words;
      // Under its key nothing can be deposited any more: the next one has another.
      if (isChannelError(error, "authorization_cancelled")) await store.cancelTopUp(channel, number, clock.now());
      return emit({ kind: "top_up_failed", channel, amount, reason });
    } finally {
      timer.abort();
    }
    await store.finishTopUp(channel, number, clock.now());
    emit({ kind: "topped_up", channel, amount, deposited });
    await watch.refresh(signal).catch((error: unknown) => {
      log.warn({ error: String(error) }, `${formatUnits(amount)} USD were deposited, and are not seen yet`);
    });
  }

  /** Under a key that is spent nothing can be deposited any more. Whether it was, the channel's money tells, now or before the next. */
  async #finishUnseen({ number, amount, depositedBefore }: StoredTopUp, reason: string, signal: AbortSignal) {
    const { clock, emit, ledger, log, store, watch } = this.#options;
    const { channel } = ledger;
    await watch.refresh(signal).catch(() => {
      // What was seen last counts.
    });
    await store.finishTopUp(channel, number, clock.now());
    const deposited = watch.state?.deposited ?? 0n;
    if (deposited >= depositedBefore + amount) return emit({ kind: "topped_up", channel, amount, deposited });
    const words =
      "a top-up may have been made or cancelled: when its money is not seen in ten minutes, another one is made";
    log.warn({ channel, amount, deposited, reason }, words);
  }
}
