import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Address } from "../../protocol/bytes.ts";
import { withTimeout } from "../async.ts";
import { GatewayError } from "../errors.ts";
import type { ChannelState, GatewayChain } from "../ports.ts";
import type { ChannelLedger } from "./ledger.ts";
import type { StampTerms } from "./signing.ts";

export interface ChannelWatchOptions {
  chain: Pick<GatewayChain, "channel">;
  ledger: ChannelLedger;
  clock: Clock;
  log: Log;
  /** Base units that the payer likes to sign ahead. */
  headroom: bigint;
  chainTimeoutMs: number;
}

/** Fees that a gate accepts in all: the deposit without what stamps and a pending withdrawal may take. */
export function backedUnits({ deposited, stampsSpent, stampsSigned, pendingWithdrawal }: ChannelState): bigint {
  const stamps = stampsSpent > stampsSigned ? stampsSpent : stampsSigned;
  const backed = deposited - stamps - pendingWithdrawal;
  return backed > 0n ? backed : 0n;
}

const larger = (a: bigint, b: bigint) => (a > b ? a : b);

/** Keeps what the chain says about the payer's channel, and derives what may be signed from it. */
export class ChannelWatch {
  readonly #options: ChannelWatchOptions;
  readonly #channel: Address;
  #headroom: bigint;
  #state: ChannelState | undefined;
  #readAt = 0;

  constructor(options: ChannelWatchOptions) {
    this.#options = options;
    this.#channel = options.ledger.channel;
    this.#headroom = options.headroom;
  }

  /** As last read; undefined before the first time. */
  get state(): ChannelState | undefined {
    return this.#state;
  }
  /** Milliseconds since 1970; 0 before the first time. */
  get readAt(): number {
    return this.#readAt;
  }

  /** Base units signed ahead: what the payer likes, at most 1 % of the deposit. */
  get headroom(): bigint {
    const most = (this.#state?.deposited ?? 0n) / 100n;
    return this.#headroom < most ? this.#headroom : most;
  }

  setHeadroom(units: bigint): void {
    if (units < 0n || units >> 64n !== 0n) throw new RangeError(`headroom of ${units} base units`);
    this.#headroom = units;
  }

  /** Throws GatewayError `chain_unavailable` before the channel was read once. */
  terms(): StampTerms {
    if (!this.#state) {
      throw new GatewayError(
        "chain_unavailable",
        `the deposit of channel ${this.#channel} could not be read yet: check the chain's RPC address`,
        { retryable: true },
      );
    }
    const stampsSigned = larger(
      larger(this.#state.stampsSigned, this.#state.stampsSpent),
      this.#options.ledger.stampsSigned,
    );
    return { backed: backedUnits({ ...this.#state, stampsSigned }), headroom: this.headroom, stampsSigned };
  }

  /** What is there for fees, undefined until the channel was read. */
  get backed(): bigint | undefined {
    return this.#state && this.terms().backed;
  }

  async refresh(signal: AbortSignal): Promise<void> {
    const { chain, clock, ledger, log, chainTimeoutMs } = this.#options;
    const state = await withTimeout(clock, chainTimeoutMs, signal, "reading the channel", (own) =>
      chain.channel(this.#channel, own),
    );
    if (await ledger.reconcile(state.feesSpent)) {
      const fields = { channel: this.#channel, feesSpent: state.feesSpent };
      log.warn(fields, "the chain collected more than this store knew of: usage continues from there");
    }
    this.#state = state;
    this.#readAt = clock.now();
  }
}
