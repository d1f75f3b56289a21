import { fastSignDigest } from "../../platform/fastEcdsa.ts";
import { formatUnits } from "../../protocol/units.ts";
import type { PostageDomain, Voucher } from "../../protocol/voucher.ts";
import { signVoucher } from "../../protocol/voucher.ts";
import type { PostageNumbers } from "../errors.ts";
import { GatewayError } from "../errors.ts";
import type { LedgerBook } from "./ledgerBook.ts";

/** Least tolerance towards a node that counts more than we do: 0.01 USD. */
const LEAST_TOLERANCE_UNITS = 10_000n;

/** What the channel allows at this moment, in base units. */
export interface ChannelTerms {
  /** What the deposit still backs, fees already collected included. */
  backed: bigint;
  headroom: bigint;
}

/** The same for who signs stamps: `backed` is what is left beside this ceiling, the larger of ours and the chain's. */
export interface StampTerms extends ChannelTerms {
  stampsSigned: bigint;
}

export interface SignerOptions {
  domain: PostageDomain;
  /** 32 bytes. */
  postageKey: Uint8Array;
}

/** Signs vouchers by what the ledger's book says, and never what it does not cover. Decides only: whoever asks commits. */
export class VoucherSigner {
  readonly #options: SignerOptions;
  readonly #book: LedgerBook;

  constructor(options: SignerOptions, book: LedgerBook) {
    this.#options = options;
    this.#book = book;
  }

  /** The row that covers `total` base units: the one there is, or a new one with headroom, within what is backed. */
  rowFor(total: bigint, terms: ChannelTerms): Uint8Array {
    const book = this.#book;
    if (total > terms.backed) {
      const missing = formatUnits(total - terms.backed);
      throw new GatewayError(
        "out_of_money",
        `channel ${book.channel} is out of money: ${formatUnits(total)} USD required in all, ` +
          `${formatUnits(terms.backed)} available: deposit at least ${missing} USD to this channel`,
        { retryable: true, numbers: this.#numbers(total, terms) },
      );
    }
    const row = book.state.voucherRow;
    if (row && total <= book.authorised) return row;
    const wanted = total + terms.headroom;
    const fees = wanted < terms.backed ? wanted : terms.backed;
    return this.#sign({ fees, stamps: book.stampsSigned });
  }

  /** Whether our own total explains what a node asks for: plus 1 % or 0.01 USD. */
  explains(required: bigint): boolean {
    return required <= this.#mostExplained();
  }

  /** What a node asks for, or all that is used and in flight. Throws GatewayError `demand_above_ledger`, `out_of_money`. */
  rowForDemand(required: bigint, terms: ChannelTerms): Uint8Array {
    if (!this.explains(required)) {
      const limit = formatUnits(this.#mostExplained());
      throw new GatewayError(
        "demand_above_ledger",
        `a node asks for ${formatUnits(required)} USD, our own total explains at most ${limit}: nothing was signed`,
        { retryable: true, numbers: this.#numbers(required, terms) },
      );
    }
    const { total } = this.#book;
    return this.rowFor(required > total ? required : total, terms);
  }

  /** Throws GatewayError `out_of_money` when the deposit does not back a ceiling for stamps beside the fees. */
  requireStampsBacked(ceiling: bigint, terms: StampTerms): void {
    const { channel, total } = this.#book;
    const backed = terms.backed - (ceiling - terms.stampsSigned);
    if (total <= backed) return;
    const words = `a stamp needs a ceiling of ${formatUnits(ceiling)} USD, and the deposit backs no more beside the fees`;
    throw new GatewayError("out_of_money", `channel ${channel} is out of money: ${words}: deposit`, {
      retryable: true,
      numbers: this.#numbers(total + ceiling, terms),
    });
  }

  rowForStamps(ceiling: bigint): Uint8Array {
    const { authorised, total } = this.#book;
    const fees = authorised > total ? authorised : total;
    return this.#sign({ fees, stamps: ceiling });
  }

  #sign(voucher: Voucher): Uint8Array {
    const { domain, postageKey } = this.#options;
    return signVoucher(domain, voucher, postageKey, fastSignDigest);
  }

  #mostExplained(): bigint {
    const { total } = this.#book;
    return total + (total / 100n > LEAST_TOLERANCE_UNITS ? total / 100n : LEAST_TOLERANCE_UNITS);
  }

  #numbers(required: bigint, terms: ChannelTerms): PostageNumbers {
    return { channel: this.#book.channel, required, authorised: this.#book.authorised, available: terms.backed };
  }
}
