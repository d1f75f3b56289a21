import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { revertDataOf } from "../../contracts/decodeRevert.ts";
import type { Broadcaster } from "./broadcaster.ts";
import { FILL_GAS } from "./broadcaster.ts";
import type { Market, TransactionChain } from "./chain.ts";
import type { Fees } from "./fees.ts";
import { MOST_ATTEMPTS, canPay, feeCap, priceNow, raised, replacementFees, urgency, wantedFees } from "./fees.ts";
import type { Behind } from "./patience.ts";
import { termsOf } from "./patience.ts";
import type { Intent } from "./ports.ts";
import type { Tracks } from "./track.ts";

/** A transaction that is not mined for so long is offered for more. */
const BUMP_MS = 30_000;
/** The same when its deadline is near. */
const URGENT_BUMP_MS = 12_000;
const NEAR_PERMILLE = 900n;

export interface PusherOptions {
  chain: TransactionChain;
  broadcaster: Broadcaster;
  tracks: Tracks;
  clock: Clock;
  log: Log;
}

/** Sees to it that what is pending is in the pool, at a price at which it will be mined when it has to be. */
export class Pusher {
  readonly #options: PusherOptions;

  constructor(options: PusherOptions) {
    this.#options = options;
  }

  async push(intent: Intent, market: Market, behind: Behind | undefined, term: bigint): Promise<Intent> {
    const { broadcaster, tracks } = this.#options;
    await broadcaster.recall(intent);
    const track = tracks.of(intent.id);
    const last = intent.attempts.at(-1);
    if (!last) {
      if (!track.isSimulated && !track.isFill) track.isFill = await this.#isInVain(intent);
      return broadcaster.attempt(intent, this.#firstFees(intent, market, behind), term);
    }
    if (intent.attempts.length < MOST_ATTEMPTS) {
      const fees = (behind && this.#makeWay(intent, market, behind)) ?? this.#bump(intent, market, behind);
      if (fees) return broadcaster.attempt(intent, fees, term);
    }
    return broadcaster.renew(intent, term);
  }

  /** Begun and never sent: it may be pointless by now, and a transfer of nothing is cheaper than a revert. */
  async #isInVain(intent: Intent): Promise<boolean> {
    if (intent.to === intent.from) return false;
    try {
      await this.#options.chain.estimateGas(intent);
      return false;
    } catch (error) {
      const { kind, nonce } = intent;
      const isRevert = (error as { code?: unknown }).code === "CALL_EXCEPTION" || revertDataOf(error) !== undefined;
      if (isRevert) this.#options.log.info({ kind, nonce }, "an intent would revert by now, its nonce is filled");
      return isRevert;
    }
  }

  #firstFees(intent: Intent, market: Market, behind: Behind | undefined): Fees {
    const cap = this.#cap(intent);
    const fees = wantedFees(this.#terms(intent), market, 0);
    const maxFeePerGas = leastOf(cap, most(fees.maxFeePerGas, behind?.fees.maxFeePerGas ?? 0n));
    return { maxFeePerGas, maxPriorityFeePerGas: leastOf(fees.maxPriorityFeePerGas, maxFeePerGas) };
  }

  /** Higher fees when they are due, allowed, and would get it mined. */
  #bump(intent: Intent, market: Market, behind: Behind | undefined): Fees | undefined {
    const { clock, tracks } = this.#options;
    const track = tracks.of(intent.id);
    const last = intent.attempts.at(-1)!;
    const isTooCheap = last.maxFeePerGas < market.baseFeePerGas;
    const isInTheWay = behind !== undefined && last.maxFeePerGas < priceNow(market);
    const terms = this.#terms(intent);
    const wanted = wantedFees(terms, market, intent.attempts.length);
    const patience = urgency(terms, market.timestamp) >= NEAR_PERMILLE ? URGENT_BUMP_MS : BUMP_MS;
    const isDue = clock.now() - last.sentAt >= patience;
    if (!isDue && !track.isOutbid && !isInTheWay) return undefined;
    if (behind) {
      wanted.maxFeePerGas = most(wanted.maxFeePerGas, behind.fees.maxFeePerGas);
      wanted.maxPriorityFeePerGas = most(wanted.maxPriorityFeePerGas, behind.fees.maxPriorityFeePerGas);
    }
    const cap = this.#cap(intent);
    const fees = replacementFees(last, wanted, cap);
    // More that is still below the block's fee buys nothing: it waits for a cheaper block.
    if (!fees || (isTooCheap && fees.maxFeePerGas < priceNow(market))) return undefined;
    return fees;
  }

  /** What an intent that its budget holds below the block's fee bids to give its nonce up for one behind it. */
  #makeWay(intent: Intent, market: Market, behind: Behind): Fees | undefined {
    const { tracks, log } = this.#options;
    const track = tracks.of(intent.id);
    const last = intent.attempts.at(-1)!;
    const price = priceNow(market);
    if (last.maxFeePerGas >= price || behind.fees.maxFeePerGas < price) return undefined;
    if (!track.isFill && canPay(intent, price)) return undefined;
    const least = most(price, raised(last.maxFeePerGas));
    const affordable = (intent.budgetWei + behind.spareWei) / FILL_GAS;
    if (least > affordable) return undefined;
    if (!track.isFill) {
      log.warn({ kind: intent.kind, nonce: intent.nonce }, "a transaction makes way for one behind it");
    }
    track.isFill = true;
    track.raw = undefined;
    const maxFeePerGas = most(least, leastOf(behind.fees.maxFeePerGas, affordable));
    const tip = most(behind.fees.maxPriorityFeePerGas, raised(last.maxPriorityFeePerGas));
    return { maxFeePerGas, maxPriorityFeePerGas: leastOf(tip, maxFeePerGas) };
  }

  #cap(intent: Intent): bigint {
    return feeCap(this.#terms(intent));
  }

  #terms(intent: Intent): Intent {
    return termsOf(intent, this.#options.tracks.of(intent.id));
  }
}

const most = (a: bigint, b: bigint) => (a > b ? a : b);
const leastOf = (a: bigint, b: bigint) => (a < b ? a : b);
