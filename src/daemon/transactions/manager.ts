import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { TransactionSigner } from "../../platform/keys/transactionSigner.ts";
import type { Address } from "../../protocol/bytes.ts";
import { AccountQueue } from "./accountQueue.ts";
import type { Receipt, TransactionChain } from "./chain.ts";
import type { GasAlarm } from "./gasMoney.ts";
import type { Intent, IntentKind, IntentStore, Lane, Leadership } from "./ports.ts";
import type { SendRequest, Transactions } from "./send.ts";
import { Term } from "./term.ts";

export interface TransactionManagerOptions {
  chain: TransactionChain;
  chainId: bigint;
  store: IntentStore;
  leadership: Leadership;
  /** Names this process among those that share the store. */
  holder: string;
  leaseMs: number;
  /** Without one of its own, work with a deadline uses the routine account. */
  signers: { routine: TransactionSigner; deadline?: TransactionSigner };
  /** Wei of each account that work without a deadline leaves. */
  reserveWei: bigint;
  /** Whether what the intent was for is in the receipt of its call. */
  hasEffect: (intent: Intent, receipt: Receipt) => boolean;
  clock: Clock;
  log: Log;
  /** How often the chain is asked what became of a transaction. */
  pollingMs: number;
}

export interface LaneStatus {
  lane: Lane;
  account: Address;
  balanceWei: bigint | undefined;
  reserveWei: bigint;
  /** Typical transactions that the balance pays for at the price of now. */
  runway: bigint | undefined;
  alarm: GasAlarm;
  /** Begun and not yet final; of these, not yet in a block. */
  open: number;
  pending: number;
  /** When the oldest pending one was decided on, in unix milliseconds. */
  oldestPendingAt: number | undefined;
  nextNonce: number | undefined;
}

/**
 * Sends the daemon's transactions. What was decided is on disk before it is signed, one intent per nonce; fees rise from
 * economical to what the budget allows by the deadline; what was mined is followed until its block is final.
 */
export class TransactionManager implements Transactions {
  readonly #options: TransactionManagerOptions;
  readonly #term: Term;
  readonly #lanes: Record<Lane, AccountQueue>;
  readonly #stopped = new AbortController();

  constructor(options: TransactionManagerOptions) {
    this.#options = options;
    this.#term = new Term(options);
    const { routine, deadline } = options.signers;
    const stopped = this.#stopped.signal;
    const queue = (signer: TransactionSigner) => new AccountQueue({ ...options, signer, term: this.#term, stopped });
    const first = queue(routine);
    const isShared = deadline === undefined || deadline.address === routine.address;
    this.#lanes = { routine: first, deadline: isShared ? first : queue(deadline) };
  }

  /** The account of a lane. */
  account(lane: Lane): Address {
    return this.#lanes[lane].address;
  }

  send(request: SendRequest, signal: AbortSignal): Promise<Receipt> {
    return this.#lanes[request.lane].send(request, signal);
  }

  async underway(kind: IntentKind, isDemanded = false): Promise<Pick<Intent, "id" | "lane" | "data">[]> {
    const underway = await Promise.all(this.#queues.map((queue) => queue.underway(isDemanded)));
    return underway.flat().filter((intent) => intent.kind === kind);
  }

  /**
   * Takes every open intent a step further: what a restart left behind, what the pool lost, what is stuck, what a
   * reorganisation dropped, what became final. Each account is looked after also when another one fails.
   */
  async tick(): Promise<void> {
    const results = await Promise.allSettled(this.#queues.map((queue) => queue.step()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** The chain took back final blocks above this one: what was mined there is looked after again. */
  async rollBack(block: bigint): Promise<void> {
    for (const queue of this.#queues) await queue.rollBack(block);
  }

  /** As of the last step, without asking anybody. */
  status(): { isFenced: boolean; lanes: LaneStatus[] } {
    const lanes = (["routine", "deadline"] as const).map((lane): LaneStatus => {
      const { address, money, open, nextNonce } = this.#lanes[lane];
      const pending = open.filter(({ mined }) => !mined);
      const oldest = Math.min(...pending.map(({ createdAt }) => createdAt));
      return {
        ...{ lane, account: address, ...money.status, open: open.length, pending: pending.length, nextNonce },
        oldestPendingAt: pending.length > 0 ? oldest : undefined,
      };
    });
    return { isFenced: this.#term.isFenced, lanes };
  }

  /** Whoever waits for a transaction, which may take minutes, stops waiting: the next start goes on with it. */
  stop(): void {
    this.#stopped.abort(new Error("the daemon stops: its transactions are taken up at the next start"));
  }

  /** Lets another process lead. What is open is taken up by whoever leads next. */
  close(): Promise<void> {
    return this.#term.release();
  }

  get #queues(): AccountQueue[] {
    return [...new Set(Object.values(this.#lanes))];
  }
}
