import { Serial } from "../../platform/serial.ts";
import type { Hex } from "../../protocol/bytes.ts";
import type { AttemptKey, GatewayStore, SpendScope, SpendTotal } from "../ports.ts";
import type { Change, LedgerBook } from "./ledgerBook.ts";

/** What a decision may ask the store, at its moment. */
export interface Look {
  isAnswered: (envelopeHash: Hex) => Promise<boolean>;
  spendTotal: (scope: SpendScope) => Promise<SpendTotal>;
  /** What is sent of an attempt: memory has it of what this process publishes only. */
  payerEnvelope: (key: AttemptKey) => Promise<Uint8Array>;
}

/** What is answered when the change is in the store; nothing is written where there is none. */
export interface Decided<T> {
  result: T;
  change?: Change;
}

export type Decide<T> = (look: Look) => Promise<Decided<T>> | Decided<T>;

/** Lets decisions about one ledger be made one after the other, each on what the last one left. */
export interface Turns {
  readonly isShared: boolean;
  /** The largest voucher's row that is in the store for certain. */
  readonly voucherRow: Uint8Array | undefined;
  /** Why the last step could not be written; undefined while all is well. */
  readonly problem: string | undefined;
  /** Processes that have this ledger, this one included. */
  readonly processes: number;
  /** Whether this process does what one is enough for: the oldest of those that live. */
  readonly isFirst: boolean;
  /** Whether nobody can have taken this process for gone; to be asked right before something is sent. */
  readonly isSure: boolean;
  /** Reads what the store has. */
  load(): Promise<void>;
  /** @param envelopes of which the decision asks whether they are answered */
  run<T>(envelopes: readonly Hex[], decide: Decide<T>): Promise<T>;
  /** After this, memory has what others committed before it was asked for. */
  catchUp(): Promise<void>;
  /** Says that this process lives, and what it does not publish any more; buries those that are gone. */
  tend(letGo: Decide<void>): Promise<void>;
  /** Nothing of this process is under way any more; or what is, others have to find out about. */
  leave(): Promise<void>;
}

/** A store that this process has to itself: each decision is a commit of its own. */
export class OwnTurns implements Turns {
  readonly isShared = false;
  readonly processes = 1;
  readonly isFirst = true;
  readonly isSure = true;
  readonly #serial = new Serial();
  readonly #store: GatewayStore;
  readonly #book: LedgerBook;
  #problem: string | undefined;

  constructor(store: GatewayStore, book: LedgerBook) {
    this.#store = store;
    this.#book = book;
  }

  get voucherRow(): Uint8Array | undefined {
    return this.#book.state.voucherRow;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** What was under way when it was last closed counts as used. */
  async load(): Promise<void> {
    const { channel } = this.#book;
    const state = await this.#store.loadChannel(channel);
    const attempts = await this.#store.loadAttempts(channel);
    const refusals = await this.#store.loadRefusals(channel);
    // A process that ended may have left it written and not flushed: from here on it counts as signed and reserved.
    await this.#store.flush();
    this.#book.load(state, { attempts, refusals });
  }

  run<T>(_envelopes: readonly Hex[], decide: Decide<T>): Promise<T> {
    return this.#serial.run(async () => {
      const { result, change } = await decide({
        isAnswered: async (hash) => (await this.#store.findAnswer(this.#book.channel, hash)) !== undefined,
        spendTotal: (scope) => this.#store.spendTotal(this.#book.channel, scope),
        payerEnvelope: async (key) => this.#book.open.attempt(key)!.payerEnvelope,
      });
      if (change) await this.#commit(change);
      return result;
    });
  }

  async catchUp(): Promise<void> {}
  async tend(): Promise<void> {}
  async leave(): Promise<void> {}

  async #commit(change: Change): Promise<void> {
    const step = this.#book.step(change);
    try {
      await this.#store.commit(step);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `the ledger could not be written: ${String(error)}`;
      throw error;
    }
    this.#book.apply(step);
  }
}
