import { Batcher } from "../../platform/batcher.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import type { GatewayProcess, LedgerCommit, LedgerTurn, SharedLedger } from "../ports.ts";
import type { LedgerBook } from "./ledgerBook.ts";
import type { Decide, Look, Turns } from "./turns.ts";

export interface SharedTurnsOptions {
  store: SharedLedger;
  book: LedgerBook;
  clock: Pick<Clock, "elapsed">;
  log: Log;
  /** Others leave alone what a process has in hand for so long after its last turn. */
  leaseMs: number;
  /** And so much longer: what it had sent by then has arrived or never will. */
  graceMs: number;
}

/** A decision that was asked for; `undefined` asks for nothing but what others did. */
interface Item {
  envelopes: readonly Hex[];
  decide: Decide<unknown> | undefined;
  /** Whether this turn also looks after processes that are gone. */
  isTending: boolean;
}

type Outcome = { value: unknown } | { error: unknown };

// Each may sign: more in a row would hold the channel's lock, and this process's event loop, for too long.
const BOUNDS = { mostPerBatch: 200, mostWaiting: 100_000 };

/**
 * A ledger that several processes share: one transaction of the store for all decisions that came meanwhile. It locks the channel,
 * hears what others did, decides, and writes. Whatever fails, memory is read anew, because nobody knows then what the store has.
 */
export class SharedTurns implements Turns {
  readonly isShared = true;
  readonly #options: SharedTurnsOptions;
  readonly #batches: Batcher<Item, Outcome>;
  /** Up to where memory is the store's; undefined when that is not certain. */
  #known: bigint | undefined;
  #renewedAt = 0;
  #voucherRow: Uint8Array | undefined;
  #problem: string | undefined;
  /** Numbers of the processes whose leases run. */
  #living: readonly bigint[] = [];

  constructor(options: SharedTurnsOptions) {
    this.#options = options;
    this.#batches = new Batcher({ ...BOUNDS, run: (items) => this.#turn(items) });
  }

  get voucherRow(): Uint8Array | undefined {
    return this.#voucherRow;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** As of the last tending. */
  get processes(): number {
    return Math.max(1, this.#living.length);
  }

  get isFirst(): boolean {
    return this.#options.book.process === this.#living[0];
  }

  /** By this machine's clock, from before the database was asked: so it ends here before it ends there. */
  get isSure(): boolean {
    const { clock, leaseMs } = this.#options;
    return this.#options.book.process !== undefined && clock.elapsed() - this.#renewedAt < leaseMs;
  }

  load(): Promise<void> {
    return this.tend();
  }

  async run<T>(envelopes: readonly Hex[], decide: Decide<T>): Promise<T> {
    return (await this.#add({ envelopes, decide, isTending: false })) as T;
  }

  async catchUp(): Promise<void> {
    await this.#add({ envelopes: [], decide: undefined, isTending: false });
  }

  async tend(letGo?: Decide<void>): Promise<void> {
    await this.#add({ envelopes: [], decide: letGo, isTending: true });
  }

  async leave(): Promise<void> {
    const { store, book } = this.#options;
    if (book.process !== undefined) await store.leave(book.channel, book.process);
  }

  async #add(item: Item): Promise<unknown> {
    const outcome = await this.#batches.add(item);
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  async #turn(items: readonly Item[]): Promise<Outcome[]> {
    const { store, book, clock, leaseMs, log } = this.#options;
    const from = clock.elapsed();
    const { process } = book;
    const known = this.#known;
    this.#known = undefined;
    const ask = { process, leaseMs, known, envelopes: items.flatMap(({ envelopes }) => [...envelopes]) };
    let outcomes: Outcome[];
    try {
      outcomes = await store.turn(book.channel, ask, (turn) => this.#take(turn, items));
    } catch (error) {
      // The number of a transaction that was rolled back is nobody's.
      book.process = process;
      this.#problem = `the ledger could not be written: ${String(error)}`;
      throw error;
    }
    this.#known = book.state.revision;
    this.#voucherRow = book.state.voucherRow;
    this.#renewedAt = from;
    this.#problem = undefined;
    if (process !== undefined && book.process !== process) {
      log.warn({ process: book.process }, "this process was silent for so long that others took it for gone");
    }
    return outcomes;
  }

  async #take(turn: LedgerTurn, items: readonly Item[]): Promise<Outcome[]> {
    const { book } = this.#options;
    book.process = turn.process;
    if (turn.news) book.hear(turn.state, turn.news);
    else book.load(turn.state, await turn.load());
    if (items.some(({ isTending }) => isTending)) await this.#bury(turn);
    const waiting: LedgerCommit[] = [];
    const answered = new Set(turn.answered);
    // One after the other: whoever asks at once with another has to find all of it written too.
    let writing = Promise.resolve();
    const write = () =>
      (writing = writing.then(async () => {
        if (waiting.length > 0) await turn.commit(waiting.splice(0));
      }));
    let failure: { error: unknown } | undefined;
    const asked = async <T>(question: () => Promise<T>): Promise<T> => {
      try {
        return await question();
      } catch (error) {
        failure = { error };
        throw error;
      }
    };
    const look: Look = {
      isAnswered: async (hash) => answered.has(hash),
      // What this very turn has spent and reserved is read too.
      spendTotal: (scope) => asked(() => write().then(() => turn.spendTotal(scope))),
      payerEnvelope: (key) => asked(() => write().then(() => turn.payerEnvelope(key))),
    };
    const outcomes: Outcome[] = [];
    for (const { decide } of items) {
      const { outcome, step } = await this.#decide(decide, look);
      // What the store fails at is nobody's own: the whole turn is gone with it.
      if (failure) throw failure.error;
      outcomes.push(outcome);
      if (!step) continue;
      book.apply(step);
      waiting.push(step);
      if (step.answer) answered.add(step.answer.envelopeHash);
    }
    await write();
    return outcomes;
  }

  /** One decision's failure is its own: it has changed nothing. */
  async #decide(decide: Item["decide"], look: Look): Promise<{ outcome: Outcome; step?: LedgerCommit }> {
    if (!decide) return { outcome: { value: undefined } };
    try {
      const { result, change } = await decide(look);
      return { outcome: { value: result }, step: change && this.#options.book.step(change) };
    } catch (error) {
      return { outcome: { error } };
    }
  }

  async #bury(turn: LedgerTurn): Promise<void> {
    const { book, graceMs, log } = this.#options;
    const processes = await turn.processes();
    this.#living = processes.filter(({ overMs }) => overMs < 0).map(({ id }) => id);
    const isGone = ({ id, overMs }: GatewayProcess) => id !== turn.process && overMs >= graceMs;
    const gone = processes.filter(isGone).map(({ id }) => id);
    if (gone.length === 0) return;
    const state = { ...book.state, revision: book.state.revision + 1n };
    await turn.bury(gone, state);
    book.hear(state, [{ gone }]);
    log.warn({ processes: gone }, "a process of this gateway is gone: the fate of what it had under way is looked up");
  }
}
