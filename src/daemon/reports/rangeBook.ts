import { FIRST_NODE_ID } from "../../protocol/envelope.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import { CannotAttestError } from "./errors.ts";
import type { KnownRange } from "./logWalk.ts";
import { LogWalk } from "./logWalk.ts";
import type { FactStore } from "./ports.ts";

/** What a report covers: from where its parent ended to the end of an epoch. */
export interface Scope {
  epoch: bigint;
  /** Unix seconds. */
  endsAt: bigint;
  /** The parent's ranges; none for the first report. */
  parentRanges: readonly LogRange[];
}

/** This node's own view of all logs in one scope. What it has walked is kept while the scope is the same. */
export class RangeBook {
  readonly #store: Pick<FactStore, "pages">;
  readonly #scope: Scope;
  readonly #walks = new Map<number, LogWalk>();

  constructor(store: Pick<FactStore, "pages">, scope: Scope) {
    this.#store = store;
    this.#scope = scope;
  }

  get scope(): Scope {
    return this.#scope;
  }

  /** Where the parent's range of an originator ended. */
  afterOf(originatorId: number): bigint {
    return this.#scope.parentRanges.find((range) => range.originatorId === originatorId)?.lastSequenceId ?? 0n;
  }

  /**
   * Of each originator that is known here, or was in the parent, the whole range; ascending. Those whose history is
   * missing here are left out: what they sent others may agree on.
   */
  async whole(originators: readonly number[]): Promise<KnownRange[]> {
    const ids = new Set([...originators, ...this.#scope.parentRanges.map(({ originatorId }) => originatorId)]);
    const ranges: KnownRange[] = [];
    for (const id of [...ids].filter((one) => one >= FIRST_NODE_ID).sort((a, b) => a - b)) {
      try {
        ranges.push(await this.#walk(id).whole());
      } catch (error) {
        if (!(error instanceof CannotAttestError)) throw error;
      }
    }
    return ranges;
  }

  /** The range that ends at a sequence id, undefined when it is not known so far. Rejects as LogWalk does. */
  upTo(originatorId: number, sequenceId: bigint): Promise<KnownRange | undefined> {
    return this.#walk(originatorId).upTo(sequenceId);
  }

  /** Something in the log of an originator was exchanged. */
  forget(originatorId: number): void {
    this.#walks.delete(originatorId);
  }

  #walk(originatorId: number): LogWalk {
    const known = this.#walks.get(originatorId);
    if (known) return known;
    const { endsAt } = this.#scope;
    const walk = new LogWalk({ store: this.#store, originatorId, after: this.afterOf(originatorId), endsAt });
    this.#walks.set(originatorId, walk);
    return walk;
  }
}
