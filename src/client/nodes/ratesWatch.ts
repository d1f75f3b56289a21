import type { Clock } from "../../platform/clock.ts";
import { canonicalPayerEnvelopeSize } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { baseFeePico, ratesAt } from "../../protocol/fees.ts";
import { withTimeout } from "../async.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayChain, NetworkRates } from "../ports.ts";

/** A node may date a message this much later than we price it. */
const LATER_SECONDS = 60n;

/** Keeps the network's rates and prices envelopes by them. */
export class RatesWatch {
  readonly #chain: Pick<GatewayChain, "rates">;
  readonly #clock: Clock;
  readonly #chainTimeoutMs: number;
  #rates: NetworkRates | undefined;
  #readAt = 0;

  constructor(chain: Pick<GatewayChain, "rates">, clock: Clock, chainTimeoutMs: number) {
    this.#chain = chain;
    this.#clock = clock;
    this.#chainTimeoutMs = chainTimeoutMs;
  }

  get isKnown(): boolean {
    return this.#rates !== undefined && this.#rates.history.length > 0;
  }

  /** Throws GatewayError `no_rates` before they were read once. */
  current(): NetworkRates {
    if (!this.#rates) {
      throw new GatewayError("no_rates", "the rates could not be read yet: check the chain's RPC address", {
        retryable: true,
      });
    }
    return this.#rates;
  }

  /**
   * The base fee of an envelope sent now; the higher one just before the rates change.
   * Throws GatewayError `no_rates` while none are known or in force.
   */
  baseFeePico(unsignedClientEnvelope: Uint8Array, targetOriginator: number): bigint {
    const { history, retentionDays } = this.current();
    const size = canonicalPayerEnvelopeSize({ unsignedClientEnvelope, targetOriginator, retentionDays });
    const now = BigInt(Math.floor(this.#clock.now() / 1_000));
    try {
      const fees = [now, now + LATER_SECONDS].map((at) => baseFeePico(ratesAt(history, at), size, retentionDays));
      return fees[0]! > fees[1]! ? fees[0]! : fees[1]!;
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      throw new GatewayError("no_rates", cause.message, { retryable: true, cause });
    }
  }

  /** Reads them at once while none are known, otherwise when they are older than `everyMs`. */
  async refreshWhenDue(everyMs: number, signal: AbortSignal): Promise<void> {
    if (!this.isKnown || this.#clock.now() - this.#readAt >= everyMs) await this.refresh(signal);
  }

  async refresh(signal: AbortSignal): Promise<void> {
    this.#rates = await withTimeout(this.#clock, this.#chainTimeoutMs, signal, "reading the rates", (own) =>
      this.#chain.rates(own),
    );
    this.#readAt = this.#clock.now();
  }
}
