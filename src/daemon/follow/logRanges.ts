import type { JournalBlock } from "../ports.ts";
import type { ChainEndpoint, Head } from "./ports.ts";
import { InconsistentError, RangeRefusedError } from "./ports.ts";

/** Blocks per question about logs: what endpoints take, and fewer after one has refused. */
const MOST_BLOCKS = 2_000n;
const FEWEST_BLOCKS = 10n;
/** Answers after which a wider range is tried again. */
const WIDEN_AFTER = 500;
/** Questions about what is above the final block. More is a chain that has stopped to finalize. */
const MOST_OPEN_RANGES = 100;

/** Asks for logs in ranges that endpoints answer. */
export class LogRanges {
  #size = MOST_BLOCKS;
  #answers = 0;

  get size(): bigint {
    return this.#size;
  }

  /** The end of a range that begins with `from`. */
  endOf(from: bigint, last: bigint): bigint {
    const to = from + this.#size - 1n;
    return to < last ? to : last;
  }

  read(endpoint: ChainEndpoint, from: bigint, to: bigint) {
    return this.#noting(() => endpoint.events(from, to));
  }

  peek(endpoint: ChainEndpoint, from: bigint) {
    return this.#noting(() => endpoint.peek(from));
  }

  async #noting<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const found = await ask();
      // Now and then: each refusal costs a look.
      if (this.#size < MOST_BLOCKS && ++this.#answers % WIDEN_AFTER === 0) this.#size *= 2n;
      return found;
    } catch (error) {
      if (error instanceof RangeRefusedError && this.#size > FEWEST_BLOCKS) this.#size /= 2n;
      throw error;
    }
  }

  /** Everything from a block up to a head, whose hash the endpoint must still have after the last question. */
  async readAll(endpoint: ChainEndpoint, from: bigint, head: Head): Promise<JournalBlock[]> {
    const blocks: JournalBlock[] = [];
    for (let i = 0; from <= head.number; i++) {
      if (i >= MOST_OPEN_RANGES) throw new Error(`final blocks are too far below block ${head.number} to follow it`);
      const to = this.endOf(from, head.number);
      const found = await this.read(endpoint, from, to);
      blocks.push(...found.blocks);
      from = to + 1n;
      if (to === head.number && found.endHash !== head.hash) {
        throw new InconsistentError(`block ${head.number} of ${endpoint.name} changed while it was read`);
      }
    }
    return blocks;
  }
}
