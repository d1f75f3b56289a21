/** An envelope of a log, as it is metered and compared. */
export interface Copy {
  sequenceId: bigint;
  /** Serialized OriginatorEnvelope. */
  envelope: Uint8Array;
}

/** Bytes that one originator's tail keeps; what is older is asked for again. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The end of one originator's log: everything after `start`, as a stream brought it. */
export class Tail {
  #start: bigint;
  #end: bigint;
  #copies: Copy[] = [];
  #bytes = 0;
  /** The stream is open, and it was seen that it has brought all there was. */
  isWhole = false;

  constructor(start: bigint) {
    this.#start = start;
    this.#end = start;
  }

  get end(): bigint {
    return this.#end;
  }

  /** Passes over what came already; ids may have gaps. */
  push(copy: Copy): void {
    if (copy.sequenceId <= this.#end) return;
    this.#end = copy.sequenceId;
    this.#copies.push(copy);
    this.#bytes += copy.envelope.length;
    while (this.#bytes > MOST_BYTES) {
      const oldest = this.#copies.shift()!;
      this.#bytes -= oldest.envelope.length;
      this.#start = oldest.sequenceId;
    }
  }

  /** What follows a place; undefined when this does not reach back to it. */
  after(sequenceId: bigint, limit: number): Copy[] | undefined {
    if (sequenceId < this.#start) return undefined;
    const first = this.#copies.findIndex((copy) => copy.sequenceId > sequenceId);
    return first === -1 ? [] : this.#copies.slice(first, first + limit);
  }

  /** Moves on over an envelope that is not kept. */
  skip(sequenceId: bigint): void {
    if (sequenceId > this.#end) this.#end = sequenceId;
  }
}
