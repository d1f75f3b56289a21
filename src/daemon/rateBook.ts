import type { CongestionWindow, Rates } from "../protocol/fees.ts";
import { baseFeePico, congestionFeePico, minuteOf, ratesAt } from "../protocol/fees.ts";

/** Minutes before the current one that congestion looks at. */
export const WINDOW_MINUTES = 4n;

/** The prices of the RateRegistry as last read from the chain. */
export class RateBook {
  #history: readonly Rates[] = [];
  #retentionDays = 0;

  /** The network's retention; 0 before the first read of the chain. */
  get retentionDays(): number {
    return this.#retentionDays;
  }

  /** Ascending by `startAt`; none before the first read of the chain. */
  get history(): readonly Rates[] {
    return this.#history;
  }

  update(history: readonly Rates[], retentionDays: number): void {
    this.#history = history;
    this.#retentionDays = retentionDays;
  }

  /**
   * @param counts messages of the originator per minute, before this one
   * @param size bytes of the canonical payer envelope
   * @param ahead messages that come before this one in its minute and are not in `counts`
   */
  feePico(counts: ReadonlyMap<bigint, bigint>, originatorNs: bigint, size: number, ahead = 0n): bigint {
    const rates = ratesAt(this.#history, originatorNs / 1_000_000_000n);
    const minute = minuteOf(originatorNs);
    const at = (ago: bigint) => counts.get(minute - ago) ?? 0n;
    const window: CongestionWindow = [at(0n) + ahead, at(1n), at(2n), at(3n), at(WINDOW_MINUTES)];
    return baseFeePico(rates, size, this.#retentionDays) + congestionFeePico(rates, window);
  }
}
