import type { Address } from "../../protocol/bytes.ts";
import { picoToUnitsUp } from "../../protocol/units.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { readVoucher, voucherAmounts } from "../../protocol/voucher.ts";
import { GatewayError } from "../errors.ts";
import type { Attempt, AttemptKey, LedgerCommit, LedgerNews, OpenRows, StoredChannel } from "../ports.ts";
import type { Budgets } from "./budgetBook.ts";
import { BudgetBook } from "./budgetBook.ts";
import { OpenPublishes } from "./openPublishes.ts";

export interface LedgerBookOptions {
  channel: Address;
  domain: PostageDomain;
  budgets: Budgets;
}

/** What a decision changes: of the channel, and beside it. */
export interface Change
  extends Partial<Omit<StoredChannel, "revision">>, Omit<LedgerCommit, "channel" | "state" | "isFlushedLater"> {
  isFlushedLater?: boolean;
}

const EMPTY: StoredChannel = {
  ...{ usagePico: 0n, usageByNode: new Map<number, bigint>(), voucherRow: undefined, doubles: 0n, revision: 0n },
};

/**
 * Memory of a channel's ledger. It changes by steps that are committed, ours and those of other processes, and by nothing else;
 * while a turn is under way it is ahead of the store by the steps of that turn.
 */
export class LedgerBook {
  readonly channel: Address;
  readonly #options: LedgerBookOptions;
  /** The number under which other processes know this one; undefined where there are none. */
  process: bigint | undefined;
  #state = EMPTY;
  #authorised = 0n;
  #stampsSigned = 0n;
  #budgets: BudgetBook;
  #open: OpenPublishes;

  constructor(options: LedgerBookOptions) {
    this.#options = options;
    this.channel = options.channel;
    this.#budgets = new BudgetBook(options);
    this.#open = new OpenPublishes(this.#budgets, [], []);
  }

  get state(): StoredChannel {
    return this.#state;
  }
  /** Base units of the largest voucher signed. */
  get authorised(): bigint {
    return this.#authorised;
  }
  /** Base units of the largest ceiling for stamps that was signed here. */
  get stampsSigned(): bigint {
    return this.#stampsSigned;
  }
  get open(): OpenPublishes {
    return this.#open;
  }
  get budgets(): BudgetBook {
    return this.#budgets;
  }

  /** Base units of what is used and in flight, rounded up: what a voucher has to cover. */
  get total(): bigint {
    return this.totalWith(0n);
  }

  /** The same with so many picodollars more in flight. */
  totalWith(addedPico: bigint): bigint {
    return picoToUnitsUp(this.#state.usagePico + this.#open.inFlightPico + addedPico);
  }

  /** Whether this process publishes it. On a store of its own it is the only one. */
  isOwn({ process }: Attempt): boolean {
    return process === this.process;
  }

  /** Whether another process publishes it. */
  isElsewhere({ process }: Attempt): boolean {
    return process !== undefined && process !== this.process;
  }

  /** The same, published by this process. */
  owned(attempt: Attempt): Attempt {
    return this.process === undefined ? attempt : { ...attempt, process: this.process };
  }

  /** Those of them that no other process publishes: one that does may be sending what another would let go of. */
  heldHere(keys: readonly AttemptKey[]): Attempt[] {
    return this.#open.held(keys).filter((attempt) => !this.isElsewhere(attempt));
  }

  /** Forgets everything for what the store has. Throws GatewayError `ledger_conflict` when the store is another key's. */
  load(state: StoredChannel | undefined, { attempts, refusals }: OpenRows): void {
    this.#budgets = new BudgetBook(this.#options);
    this.#open = new OpenPublishes(this.#budgets, attempts, refusals);
    this.#set(state ?? EMPTY);
  }

  /** What other processes committed. */
  hear(state: StoredChannel, news: readonly LedgerNews[]): void {
    for (const step of news) {
      this.#open.apply(step);
      this.#budgets.spend(step.spend ?? []);
    }
    // The row that is known stays the same object, so that whether a new one was signed can be told.
    if (state.revision > this.#state.revision) this.#set(state);
  }

  /** The step that a change makes, not applied. Throws GatewayError `ledger_conflict` rather than go backwards. */
  step(change: Change): LedgerCommit {
    const { usagePico, usageByNode, voucherRow, doubles, ...beside } = change;
    const known = this.#state;
    const state: StoredChannel = {
      usagePico: usagePico ?? known.usagePico,
      usageByNode: usageByNode ?? known.usageByNode,
      voucherRow: voucherRow ?? known.voucherRow,
      doubles: doubles ?? known.doubles,
      revision: known.revision + 1n,
    };
    const { fees, stamps } = this.#amounts(state);
    if (fees < this.#authorised || stamps < this.#stampsSigned || state.usagePico < known.usagePico) {
      throw new GatewayError("ledger_conflict", "the ledger would go backwards", { retryable: false });
    }
    return { channel: this.channel, state, ...beside };
  }

  apply({ state, ...step }: LedgerCommit): void {
    this.#set(state);
    this.#open.apply(step);
    this.#budgets.spend(step.spend ?? []);
  }

  #set(state: StoredChannel): void {
    const { fees, stamps } = this.#amounts(state);
    this.#state = state;
    this.#authorised = fees;
    this.#stampsSigned = stamps;
  }

  #amounts({ voucherRow }: StoredChannel): { fees: bigint; stamps: bigint } {
    if (!voucherRow) return { fees: 0n, stamps: 0n };
    if (voucherRow === this.#state.voucherRow) return { fees: this.#authorised, stamps: this.#stampsSigned };
    const voucher = readVoucher(this.#options.domain, voucherRow);
    if (voucher.channel !== this.channel) {
      throw new GatewayError(
        "ledger_conflict",
        `the store's voucher is not one of channel ${this.channel} under this PostageChannels contract: use its own store`,
        { retryable: false },
      );
    }
    return { fees: voucher.fees, stamps: voucherAmounts(voucherRow).stamps };
  }
}
