import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Address } from "../../protocol/bytes.ts";
import { FILL_GAS } from "./broadcaster.ts";
import type { Market, TransactionChain } from "./chain.ts";
import { economicalFees, feeCap } from "./fees.ts";
import { Nonces } from "./nonces.ts";
import type { Intent, IntentStore, NewIntent } from "./ports.ts";
import type { SendRequest } from "./send.ts";
import type { Term } from "./term.ts";

/** A nonce that another writer of the store has taken is passed over, so often. */
const MOST_TRIES = 4;

export interface IntentBookOptions {
  chain: Pick<TransactionChain, "nonce">;
  store: IntentStore;
  address: Address;
  term: Pick<Term, "note" | "isFenced">;
  clock: Clock;
  log: Log;
}

/** Begins the intents of one account, each with a nonce of its own. */
export class IntentBook {
  readonly #options: IntentBookOptions;
  #nonces: Nonces;

  constructor(options: IntentBookOptions) {
    this.#options = options;
    this.#nonces = new Nonces(options);
  }

  get nextNonce(): number | undefined {
    return this.#nonces.next;
  }

  /** A new term: what other processes did meanwhile is not known here. */
  forget(): void {
    this.#nonces = new Nonces(this.#options);
  }

  /** A nonce is known to be used. */
  passOver(nonce: number): void {
    this.#nonces.passOver(nonce);
  }

  async begin(request: SendRequest & { gasLimit: bigint }, open: readonly Intent[], term: bigint): Promise<Intent> {
    const { store, address, clock } = this.#options;
    const { lane, kind, to, data, gasLimit, budgetWei, deadlineAt } = request;
    const call = { lane, kind, to, data, gasLimit, budgetWei, ...(deadlineAt === undefined ? {} : { deadlineAt }) };
    for (let tries = 1; ; tries++) {
      const nonce = await this.#nonces.take(open);
      const intent: NewIntent = { ...call, from: address, nonce, createdAt: clock.now() };
      try {
        return await store.begin(intent, term);
      } catch (error) {
        this.#options.term.note(error);
        if (this.#options.term.isFenced || tries >= MOST_TRIES) throw error;
        // It may be on disk all the same, when only the answer was lost.
        const begun = (await store.open(address)).find((other) => other.nonce === nonce);
        if (begun && begun.data === data && begun.to === to) return begun;
        this.#nonces.passOver(nonce);
      }
    }
  }

  /** A nonce that no intent has stands in the way of one that waits behind it: transfers of nothing take its place. */
  async fillGaps(open: readonly Intent[], latest: number, market: Market, term: bigint): Promise<Intent[]> {
    const fills: Intent[] = [];
    for (const nonce of await this.#nonces.gaps(open, latest)) {
      fills.push(await this.#fill(nonce, open, market, term));
    }
    return fills;
  }

  #fill(nonce: number, open: readonly Intent[], market: Market, term: bigint): Promise<Intent> {
    const { store, address, clock, log } = this.#options;
    const blocked = open.find((intent) => intent.nonce > nonce)!;
    const { lane, kind, deadlineAt } = blocked;
    const cap = feeCap(blocked);
    const economical = economicalFees(market).maxFeePerGas;
    log.warn({ account: address, nonce }, "a nonce is missing before a transaction and is filled");
    return store.begin(
      {
        ...{ lane, kind, nonce, from: address, to: address, data: "0x", gasLimit: FILL_GAS },
        budgetWei: FILL_GAS * (cap > economical ? cap : economical),
        ...(deadlineAt === undefined ? {} : { deadlineAt }),
        createdAt: clock.now(),
      },
      term,
    );
  }
}
