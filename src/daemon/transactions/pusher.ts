import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { revertDataOf } from "../../contracts/decodeRevert.ts";
import type { Broadcaster } from "./broadcaster.ts";
import { FILL_GAS } from "./broadcaster.ts";
import type { Market, TransactionChain } from "./chain.ts";
import type { Fees } from "./fees.ts";
import { feeCap, priceNow, raised, replacementFees, urgency, wantedFees } from "./fees.ts";
import type { Intent } from "./ports.ts";
import type { Tracks } from "./track.ts";

/** A transaction that is not mined for so long is offered for more. */
const BUMP_MS = 30_000;
/** The same when its deadline is near. */
const URGENT_BUMP_MS = 12_000;
const NEAR_PERMILLE = 900n;
/** After so many attempts the last one is only sent again: an eighth more each time is a thousandfold by then. */
const MOST_ATTEMPTS = 64;

export interface PusherOptions {
  chain: TransactionChain;
  broadcaster: Broadcaster;
  tracks: Tracks;
  clock: Clock;
  log: Log;
}

/** What stands behind an intent and has a deadline: it is mined only after it. */
export interface Behind {
  /** What the block's fee has to be for it. */
  fees: Fees;
  /** Wei of its own budget that are left for what stands before it. */
  spareWei: bigint;
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
      if (behind && (await this.#makeWay(intent, market, behind))) {
        const fees = { ...behind.fees };
        fees.maxFeePerGas = most(fees.maxFeePerGas, raised(last.maxFeePerGas));
        fees.maxPriorityFeePerGas = most(fees.maxPriorityFeePerGas, raised(last.maxPriorityFeePerGas));
        return broadcaster.attempt(intent, fees, term);
      }
      const fees = this.#bump(intent, market, behind);
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
    const maxFeePerGas = least(cap, most(fees.maxFeePerGas, behind?.fees.maxFeePerGas ?? 0n));
    return { maxFeePerGas, maxPriorityFeePerGas: least(fees.maxPriorityFeePerGas, maxFeePerGas) };
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

  /** Whether an intent that its budget holds below the block's fee gives its nonce up for one with a deadline. */
  async #makeWay(intent: Intent, market: Market, behind: Behind): Promise<boolean> {
    const { tracks, log } = this.#options;
    const track = tracks.of(intent.id);
    const last = intent.attempts.at(-1)!;
    const price = priceNow(market);
    if (last.maxFeePerGas >= price || behind.fees.maxFeePerGas < price) return false;
    if (!track.isFill && feeCap(intent) >= price && raised(last.maxFeePerGas) <= feeCap(intent)) return false;
    const fee = most(behind.fees.maxFeePerGas, raised(last.maxFeePerGas));
    if (FILL_GAS * fee > intent.budgetWei + behind.spareWei) return false;
    if (!track.isFill) {
      log.warn({ kind: intent.kind, nonce: intent.nonce }, "a transaction makes way for one with a deadline");
    }
    track.isFill = true;
    track.raw = undefined;
    return true;
  }

  /** A transfer of nothing needs less gas, so the same budget allows more per gas. */
  #cap(intent: Intent): bigint {
    return feeCap(this.#terms(intent));
  }

  #terms(intent: Intent): Intent {
    return this.#options.tracks.of(intent.id).isFill ? { ...intent, gasLimit: FILL_GAS } : intent;
  }
}

const most = (a: bigint, b: bigint) => (a > b ? a : b);
const least = (a: bigint, b: bigint) => (a < b ? a : b);

/** What a nonce may cost beyond its own budget, because something with a deadline paid to get past it. */
export function overdraft(intent: Intent): bigint {
  const fee = intent.attempts.at(-1)?.maxFeePerGas ?? 0n;
  return fee > feeCap(intent) ? most(0n, FILL_GAS * fee - intent.budgetWei) : 0n;
}
