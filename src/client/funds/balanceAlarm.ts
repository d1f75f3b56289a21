import type { Clock } from "../../platform/clock.ts";
import { unitsToPico } from "../../protocol/units.ts";
import type { ChannelWatch } from "../channel/channelWatch.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import { dayOf, startOfDay } from "../channel/spend.ts";
import type { SpendStore } from "../ports.ts";
import type { OnGatewayEvent } from "./events.ts";
import { leftUnits } from "./left.ts";

/** From when on a balance is low. */
export interface LowBalance {
  /** Base units left (default 100000). */
  below?: bigint;
  /** Days that it lasts, as the last week went (default 3). */
  runwayDays?: number;
}

export interface BalanceAlarmOptions extends LowBalance {
  store: Pick<SpendStore, "spendTotal">;
  ledger: Pick<ChannelLedger, "channel" | "usagePico" | "inFlightPico">;
  watch: Pick<ChannelWatch, "backed">;
  emit: OnGatewayEvent;
  clock: Clock;
}

const BELOW = 100_000n;
const RUNWAY_DAYS = 3;
const DAY_SECONDS = 86_400;
const WEEK_DAYS = 7;
/** Less time than this says nothing about a day. */
const LEAST_SECONDS = 3_600;

/** Tells when a channel's money runs out, and for how long it lasts. */
export class BalanceAlarm {
  readonly #options: BalanceAlarmOptions;
  #isLow = false;
  #runwaySeconds: number | undefined;

  constructor(options: BalanceAlarmOptions) {
    this.#options = options;
  }

  /** How long what is left lasts at the pace of the last seven days; undefined while that is not known, or nothing is spent. */
  get runwaySeconds(): number | undefined {
    return this.#runwaySeconds;
  }

  get isLow(): boolean {
    return this.#isLow;
  }

  async step(): Promise<void> {
    const { below = BELOW, emit, ledger, runwayDays = RUNWAY_DAYS, watch } = this.#options;
    const left = leftUnits(ledger, watch);
    if (left === undefined) return;
    const { pico, seconds } = await this.#pace();
    this.#runwaySeconds = pico > 0n ? Number((unitsToPico(left) * BigInt(seconds)) / pico) : undefined;
    const lastsTooShort = (this.#runwaySeconds ?? Infinity) < runwayDays * DAY_SECONDS;
    const isLow = left < below || lastsTooShort;
    if (isLow === this.#isLow) return;
    this.#isLow = isLow;
    const state = { channel: ledger.channel, left, runwaySeconds: this.#runwaySeconds };
    emit({ kind: isLow ? "low_balance" : "balance_restored", ...state });
  }

  /** What was spent in how many seconds. */
  async #pace(): Promise<{ pico: bigint; seconds: number }> {
    const { clock, ledger, store } = this.#options;
    const now = clock.now();
    const today = dayOf(now);
    let [pico, first] = [0n, today];
    for (let day = today - WEEK_DAYS + 1; day <= today; day++) {
      const { count, postagePico } = await store.spendTotal(ledger.channel, { day });
      if (count > 0n && first === today) first = day;
      // What only chain or logs knew of came at once, and says nothing about a day.
      if (count > 0n) pico += postagePico;
    }
    const seconds = Math.max(LEAST_SECONDS, Math.floor((now - startOfDay(first)) / 1_000));
    return { pico, seconds };
  }
}
