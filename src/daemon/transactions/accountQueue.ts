import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { Serial } from "../../platform/serial.ts";
import { either } from "../../platform/within.ts";
import type { TransactionSigner } from "../../platform/keys/transactionSigner.ts";
import { withGasMargin } from "../../contracts/transactionSender.ts";
import { dataFeeWei } from "../gasPolicy.ts";
import type { Address } from "../../protocol/bytes.ts";
import { Broadcaster } from "./broadcaster.ts";
import type { Market, Receipt, TransactionChain } from "./chain.ts";
import { SendError, fencedError } from "./errors.ts";
import { feeCap, priceNow, wantedFees } from "./fees.ts";
import type { Heads } from "./follower.ts";
import { Follower } from "./follower.ts";
import { GasMoney, dataReserveWei } from "./gasMoney.ts";
import { IntentBook } from "./intentBook.ts";
import { Patience } from "./patience.ts";
import type { Intent, IntentStore } from "./ports.ts";
import { StaleTermError } from "./ports.ts";
import { Pusher } from "./pusher.ts";
import type { SendRequest } from "./send.ts";
import type { Term } from "./term.ts";
import type { Waiter } from "./track.ts";
import { Tracks } from "./track.ts";

export interface AccountQueueOptions {
  chain: TransactionChain;
  chainId: bigint;
  store: IntentStore;
  signer: TransactionSigner;
  term: Term;
  /** Wei that work without a deadline leaves to work with one. */
  reserveWei: bigint;
  hasEffect: (intent: Intent, receipt: Receipt) => boolean;
  clock: Clock;
  log: Log;
  pollingMs: number;
  /** Ends every wait. */
  stopped: AbortSignal;
}

/** The transactions of one account, in the order of its nonces. */
export class AccountQueue {
  readonly address: Address;
  readonly money: GasMoney;
  readonly #options: AccountQueueOptions;
  readonly #serial = new Serial();
  readonly #tracks = new Tracks();
  readonly #patience: Patience;
  readonly #follower: Follower;
  readonly #pusher: Pusher;
  readonly #book: IntentBook;
  #open: readonly Intent[] = [];
  #steppedAt = -Infinity;
  /** In which the tracks were made. */
  #enteredTerm: bigint | undefined;

  constructor(options: AccountQueueOptions) {
    this.#options = options;
    this.address = options.signer.address;
    const parts = { ...options, tracks: this.#tracks };
    this.#patience = new Patience(parts);
    this.money = new GasMoney({ ...options, address: this.address });
    this.#follower = new Follower(parts);
    this.#pusher = new Pusher({ ...parts, broadcaster: new Broadcaster(parts) });
    this.#book = new IntentBook({ ...options, address: this.address });
  }

  get open(): readonly Intent[] {
    return this.#open;
  }

  get nextNonce(): number | undefined {
    return this.#book.nextNonce;
  }

  /** Begun, not in a block, and neither given up nor, as far as the last step knows, priced out. */
  async underway(isDemanded: boolean): Promise<Intent[]> {
    const open = await this.#options.store.open(this.address);
    return open.filter((intent) => {
      if (intent.mined || intent.to === intent.from || this.#patience.isStale(intent, isDemanded)) return false;
      return !isDemanded || !this.#patience.isHeldUp(intent);
    });
  }

  send(request: SendRequest, signal: AbortSignal): Promise<Receipt> {
    return either(signal, this.#options.stopped, (ended) => this.#send(request, ended));
  }

  async #send(request: SendRequest, signal: AbortSignal): Promise<Receipt> {
    const { chain, term, clock, pollingMs } = this.#options;
    term.requireUnfenced();
    const gasLimit = withGasMargin(await chain.estimateGas({ ...request, from: this.address }));
    signal.throwIfAborted();
    const waiter = await this.#run(() => this.#decide(request, gasLimit));
    for (;;) {
      const { result } = waiter;
      if (result) {
        if ("receipt" in result) return result.receipt;
        throw result.error;
      }
      term.requireUnfenced();
      await clock.sleep(pollingMs, signal);
      // Others who wait, and the background, take the same step.
      if (clock.now() - this.#steppedAt >= pollingMs) await this.#tryStep();
    }
  }

  /** Looks after everything that is open. */
  step(): Promise<void> {
    return this.#run(() => this.#step());
  }

  /** Nonces that were used may be free again; what was mined above the block may have to be sent again. */
  rollBack(block: bigint): Promise<void> {
    return this.#run(async () => {
      await this.#options.store.reopen(this.address, block, await this.#term());
      this.#book.forget();
    });
  }

  async #tryStep(): Promise<void> {
    try {
      await this.step();
    } catch (error) {
      if (error instanceof SendError && error.code === "fenced") throw error;
      this.#options.log.warn({ account: this.address, error: String(error) }, "transactions could not be looked after");
    }
  }

  #run<T>(task: () => Promise<T>): Promise<T> {
    return this.#serial.run(async () => {
      try {
        return await task();
      } catch (error) {
        this.#noteTerm(error);
        throw error;
      }
    });
  }

  /** Throws when it was a term that is over, whether or not this process leads again by now. */
  #noteTerm(error: unknown): void {
    this.#options.term.note(error);
    if (error instanceof StaleTermError) throw fencedError(error);
  }

  /** The term that this process leads in. With each new one it knows no more than the store and the chain do. */
  async #hold(): Promise<bigint | undefined> {
    const term = await this.#options.term.hold();
    if (term === this.#enteredTerm) return term;
    if (this.#enteredTerm !== undefined) {
      this.#tracks.forget(fencedError());
      this.#book.forget();
      this.#open = [];
    }
    this.#enteredTerm = term;
    this.#patience.forget();
    return term;
  }

  async #term(): Promise<bigint> {
    const term = await this.#hold();
    if (term !== undefined) return term;
    this.#options.term.requireUnfenced();
    throw new SendError("not_leader", "another process with this database writes to the chain: nothing to do here");
  }

  /** Begins an intent and sends it, or joins the one that does the same already. */
  async #decide(request: SendRequest, gasLimit: bigint): Promise<Waiter> {
    const term = await this.#term();
    const open = await this.#look(await this.#heads(), term);
    const market = await this.#market(open);
    this.#patience.look(this.#pending(open), market);
    const same = open.find((intent) => this.#isSame(intent, request));
    if (same) return this.#join(same, request, open, market, term);
    // What is paid beside gas comes first: fees may rise to what it leaves.
    const budgetWei = request.budgetWei - dataFeeWei(request.data, market.dataFeePerByte);
    const priced = { ...request, gasLimit, budgetWei: budgetWei > 0n ? budgetWei : 0n };
    await this.#requireMoney(priced, market, open);
    const intent = await this.#book.begin(priced, open, term);
    const waiter = this.#waiterOf(intent);
    // Fresh from its simulation: there is no need for another.
    const track = this.#tracks.of(intent.id);
    track.isSimulated = true;
    track.isDemanded = request.isDemanded === true;
    await this.#pushAll([...open, intent], market, term);
    return waiter;
  }

  /** Demanded by now, it need not wait for what is before it. */
  async #join(same: Intent, { isDemanded }: SendRequest, open: readonly Intent[], market: Market, term: bigint) {
    const waiter = this.#waiterOf(same);
    const track = this.#tracks.of(same.id);
    if (!isDemanded || track.isDemanded) return waiter;
    track.isDemanded = true;
    await this.#pushAll(open, market, term);
    return waiter;
  }

  /** For one intent among many: what fails with it is tried again with the next step, and the others go on. */
  async #apart(intent: Intent, work: () => Promise<Intent>): Promise<Intent> {
    const { log } = this.#options;
    try {
      return await work();
    } catch (error) {
      this.#noteTerm(error);
      log.warn(
        { kind: intent.kind, nonce: intent.nonce, error: String(error) },
        "a transaction could not be looked after",
      );
      return intent;
    }
  }

  #isSame(intent: Intent, { to, data, deadlineAt, isDemanded }: SendRequest): boolean {
    const isPending = !intent.mined && !this.#patience.isStale(intent, isDemanded === true);
    // One without a deadline may never be mined in time for one that has it.
    const isInTime = deadlineAt === undefined || intent.deadlineAt !== undefined;
    return isPending && isInTime && intent.to === to && intent.data === data;
  }

  #waiterOf({ id }: Intent): Waiter {
    const waiter: Waiter = {};
    this.#tracks.of(id).waiters.add(waiter);
    return waiter;
  }

  async #requireMoney(request: SendRequest & { gasLimit: bigint }, market: Market, open: readonly Intent[]) {
    const price = priceNow(market);
    const { kind } = request;
    if (feeCap(request) < price) {
      const message = `gas of this ${kind} costs ${request.gasLimit * price} wei now and may cost ${request.budgetWei}: it waits`;
      throw new SendError("too_expensive", message);
    }
    const fees = wantedFees({ ...request, createdAt: this.#options.clock.now() }, market, 0);
    const isUrgent = request.deadlineAt !== undefined;
    const cost = request.gasLimit * fees.maxFeePerGas + dataReserveWei(request.data, market);
    await this.money.require(kind, cost, open, market, isUrgent);
  }

  async #step(): Promise<void> {
    const held = await this.#hold();
    if (held === undefined) return;
    const heads = await this.#heads();
    const open = await this.#look(heads, held);
    const market = await this.#market(open);
    this.#steppedAt = this.#options.clock.now();
    await this.money.look(market, open);
    const fills = await this.#book.fillGaps(open, heads.nonce, market, held);
    await this.#pushAll([...open, ...fills], market, held);
  }

  async #market(open: readonly Intent[]): Promise<Market> {
    const market = await this.#options.chain.market();
    await this.#patience.recall(this.#pending(open), market);
    return market;
  }

  async #heads(): Promise<Heads> {
    const { chain } = this.#options;
    const [nonce, finalizedBlock] = await Promise.all([chain.nonce(this.address, "latest"), chain.finalizedBlock()]);
    return { nonce, finalizedBlock };
  }

  /** What is still open, after a look at each. */
  async #look(heads: Heads, term: bigint): Promise<Intent[]> {
    const { store } = this.#options;
    const open: Intent[] = [];
    const stored = await store.open(this.address);
    this.#tracks.keepOnly(stored);
    for (const intent of stored) {
      const now = await this.#apart(intent, () => this.#follower.look(intent, heads, term));
      if (now.mined) this.#book.passOver(now.nonce);
      if (now.outcome === undefined) open.push(now);
    }
    this.#open = open;
    return open;
  }

  async #pushAll(intents: readonly Intent[], market: Market, term: bigint): Promise<void> {
    const pending = this.#pending(intents);
    this.#patience.look(pending, market);
    const pushed: Intent[] = [];
    for (const [i, intent] of pending.entries()) {
      const all = [...pushed, ...pending.slice(i)];
      const behind = this.#patience.pressing(all, i, market) ?? this.#patience.behind(all, i, market);
      pushed.push(await this.#apart(intent, () => this.#pusher.push(intent, market, behind, term)));
    }
    const seen = new Set(pushed.map(({ id }) => id));
    this.#open = [...intents.filter(({ id }) => !seen.has(id)), ...pushed];
  }

  /** What may still be mined, by nonce. */
  #pending(intents: readonly Intent[]): Intent[] {
    return intents
      .filter((intent) => !intent.mined && this.#tracks.of(intent.id).usedSince === undefined)
      .sort((a, b) => a.nonce - b.nonce);
  }
}
