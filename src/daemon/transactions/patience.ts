import type { Log } from "../../platform/log.ts";
import { FILL_GAS } from "./broadcaster.ts";
import type { Market, PastPrice, TransactionChain } from "./chain.ts";
import { canPay, feeCap, priceNow, raised, wantedFees } from "./fees.ts";
import type { Intent } from "./ports.ts";
import type { Track, Tracks } from "./track.ts";

/**
 * A fee spike is over by then, or it is the price from now on. Each time something is given up costs a transfer of
 * nothing, and the next time comes only when the price has risen beyond what the newer work may cost, for as long again.
 */
const PATIENCE_SECONDS = 600n;

/** What stands behind an intent and is mined only after it. */
export interface Behind {
  /** What the block's fee has to be for it. */
  fees: { maxFeePerGas: bigint; maxPriorityFeePerGas: bigint };
  /** Wei of its own budget that are left for what stands before it. */
  spareWei: bigint;
}

export interface PatienceOptions {
  tracks: Tracks;
  chain: Pick<TransactionChain, "pastPrices">;
  log: Log;
}

/**
 * Knows what the price of gas keeps from being mined, and for how long. What was priced out for long is stale: its work is
 * decided anew, and its nonce goes to a transfer of nothing as soon as newer work pays for that. Until then it waits.
 */
export class Patience {
  readonly #tracks: Tracks;
  readonly #options: PatienceOptions;
  #now = 0n;
  #hasRecalled = false;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#tracks = options.tracks;
  }

  /** Notes how pending intents, by nonce, stand at the price of now. */
  look(pending: readonly Intent[], market: Market): void {
    const price = priceNow(market);
    this.#now = market.timestamp;
    for (const [i, intent] of pending.entries()) {
      const track = this.#tracks.of(intent.id);
      const before = pending.slice(0, i).filter((other) => this.#isStuck(other, price));
      track.isHeldUp = before.length > 0;
      // What cannot pay for its way past the others is no better off than they are.
      const isOut = this.#isStuck(intent, price) || (track.isHeldUp && spareOf(intent, before, price) < 0n);
      track.outSince = isOut ? (track.outSince ?? market.timestamp) : undefined;
    }
  }

  /** Past prices are asked for once more. */
  forget(): void {
    this.#hasRecalled = false;
  }

  /**
   * After a restart, or when this process begins to lead: since when the price has kept pending intents from being mined,
   * as far as past blocks show, at the tip of now. Where they cannot be read, patience begins anew.
   */
  async recall(pending: readonly Intent[], market: Market): Promise<void> {
    const { chain, log } = this.#options;
    if (this.#hasRecalled || !chain.pastPrices) return;
    try {
      const past = pending.length > 0 ? await chain.pastPrices(PATIENCE_SECONDS) : [];
      for (const intent of pending) this.#recallOne(intent, market, past);
      this.#hasRecalled = true;
    } catch (error) {
      log.debug({ error: String(error) }, "past prices are not known: what is priced out is given its time again");
    }
  }

  /** @param past newest first */
  #recallOne(intent: Intent, market: Market, past: readonly PastPrice[]): void {
    const track = this.#tracks.of(intent.id);
    if (track.outSince !== undefined) return;
    // It was not there before it was begun.
    const begunAt = BigInt(intent.createdAt) / 1_000n;
    for (const { timestamp, baseFeePerGas } of past) {
      if (timestamp < begunAt || !this.#isStuck(intent, priceNow({ ...market, baseFeePerGas }))) return;
      track.outSince = timestamp;
    }
  }

  /** Whether the work of an intent is to be decided anew; who demands it does not wait for the price to last. */
  isStale(intent: Intent, isDemanded: boolean): boolean {
    const { outSince, isFill } = this.#tracks.of(intent.id);
    if (isFill) return true;
    return outSince !== undefined && (isDemanded || this.#now - outSince >= PATIENCE_SECONDS);
  }

  /** The most pressing of what stands behind `pending[at]` and has a deadline. */
  pressing(pending: readonly Intent[], at: number, market: Market): Behind | undefined {
    let found: Behind | undefined;
    for (const intent of pending.slice(at + 1)) {
      if (intent.deadlineAt === undefined || this.#tracks.of(intent.id).isFill) continue;
      const fees = wantedFees(intent, market, intent.attempts.length);
      const taken = pending.reduce((sum, other) => sum + overdraft(other), 0n);
      const left = intent.budgetWei - intent.gasLimit * fees.maxFeePerGas - taken;
      const spareWei = left > 0n ? left : 0n;
      if (!found || fees.maxFeePerGas > found.fees.maxFeePerGas) found = { fees, spareWei };
    }
    return found;
  }

  /** Whether it is held up by others, which make way for it only later, unless it is demanded. */
  isHeldUp(intent: Intent): boolean {
    return this.#tracks.of(intent.id).isHeldUp;
  }

  /** The first that pays for the way past all that is stuck before it, `pending[at]` included, if all of that may go. */
  behind(pending: readonly Intent[], at: number, market: Market): Behind | undefined {
    const price = priceNow(market);
    if (!this.#isStuck(pending[at]!, price)) return undefined;
    const stuck = pending.slice(0, at + 1).filter((intent) => this.#isStuck(intent, price));
    for (const intent of pending.slice(at + 1)) {
      const track = this.#tracks.of(intent.id);
      if (this.#isStuck(intent, price)) {
        stuck.push(intent);
        continue;
      }
      if (track.isFill || !stuck.every((other) => this.isStale(other, track.isDemanded))) continue;
      if (spareOf(intent, stuck, price) < 0n) continue;
      const others = stuck.filter(({ id }) => id !== pending[at]!.id);
      const fees = wantedFees(intent, market, intent.attempts.length);
      return { fees, spareWei: spareOf(intent, others, price) };
    }
    return undefined;
  }

  #isStuck(intent: Intent, price: bigint): boolean {
    return !canPay(termsOf(intent, this.#tracks.of(intent.id)), price);
  }
}

/** A transfer of nothing needs less gas, so the same budget allows more per gas. */
export function termsOf(intent: Intent, { isFill }: Pick<Track, "isFill">): Intent {
  return isFill ? { ...intent, gasLimit: FILL_GAS } : intent;
}

/** What a nonce may cost beyond its own budget, because something behind it paid to get past it. */
function overdraft(intent: Intent): bigint {
  const fee = intent.attempts.at(-1)?.maxFeePerGas ?? 0n;
  return fee > feeCap(intent) ? most(0n, FILL_GAS * fee - intent.budgetWei) : 0n;
}

/** What is left of a budget at this price when it pays, beyond their own, for transfers of nothing in place of others. */
function spareOf({ budgetWei, gasLimit }: Intent, stuck: readonly Intent[], price: bigint): bigint {
  const fills = stuck.reduce((sum, { attempts, budgetWei: own }) => {
    const fee = most(price, raised(attempts.at(-1)?.maxFeePerGas ?? 0n));
    return sum + most(0n, FILL_GAS * fee - own);
  }, 0n);
  return budgetWei - gasLimit * price - fills;
}

const most = (a: bigint, b: bigint) => (a > b ? a : b);
