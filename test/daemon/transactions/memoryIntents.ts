import type {
  Attempt,
  Intent,
  IntentStore,
  Leadership,
  NewIntent,
  Outcome,
} from "../../../src/daemon/transactions/ports.ts";
import { StaleTermError } from "../../../src/daemon/transactions/ports.ts";
import type { Clock } from "../../../src/platform/clock.ts";
import type { Address } from "../../../src/protocol/bytes.ts";

/** Intents and leadership that end with the process, and that several managers of it may share. */
export class MemoryIntents implements IntentStore, Leadership {
  readonly all: Intent[] = [];
  readonly #clock: Clock;
  #leader: { holder: string; term: bigint; until: number } | undefined;
  #newestTerm = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async open(from: Address): Promise<Intent[]> {
    const open = this.all.filter((intent) => intent.from === from && intent.outcome === undefined);
    return open.sort((a, b) => a.nonce - b.nonce).map((intent) => ({ ...intent, attempts: [...intent.attempts] }));
  }

  async begin(intent: NewIntent, term: bigint): Promise<Intent> {
    this.#fence(term);
    const { from, nonce } = intent;
    if (this.all.some((other) => other.from === from && other.nonce === nonce && other.outcome !== "replaced")) {
      throw new Error(`nonce ${nonce} is taken`);
    }
    const begun = { ...intent, id: BigInt(this.all.length + 1), attempts: [] };
    this.all.push(begun);
    return { ...begun };
  }

  async addAttempt(id: bigint, attempt: Attempt, term: bigint): Promise<void> {
    this.#fence(term);
    const intent = this.#get(id);
    intent.attempts = [...intent.attempts, attempt];
  }

  async setMined(id: bigint, mined: Intent["mined"], term: bigint): Promise<void> {
    this.#fence(term);
    this.#get(id).mined = mined;
  }

  async finish(id: bigint, outcome: Outcome, term: bigint): Promise<void> {
    this.#fence(term);
    this.#get(id).outcome = outcome;
  }

  async reopen(from: Address, aboveBlock: bigint, term: bigint): Promise<void> {
    this.#fence(term);
    for (const intent of this.all) {
      const isOver = intent.outcome === "done" || intent.outcome === "reverted";
      if (intent.from === from && isOver && intent.mined!.blockNumber > aboveBlock) intent.outcome = undefined;
    }
  }

  async recent(limit: number): Promise<Intent[]> {
    return this.all.slice(-limit).reverse();
  }

  async hold(holder: string, leaseMs: number): Promise<bigint | undefined> {
    const now = this.#clock.now();
    const isFree = !this.#leader || this.#leader.until <= now;
    if (!isFree && this.#leader!.holder !== holder) return undefined;
    const term = this.#leader?.holder === holder && !isFree ? this.#leader.term : ++this.#newestTerm;
    this.#leader = { holder, term, until: now + leaseMs };
    return term;
  }

  async release(holder: string): Promise<void> {
    if (this.#leader?.holder === holder) this.#leader = undefined;
  }

  #get(id: bigint): Intent {
    return this.all.find((intent) => intent.id === id)!;
  }

  #fence(term: bigint): void {
    if (term !== this.#newestTerm) throw new StaleTermError(`term ${term} is over`, term);
  }
}
