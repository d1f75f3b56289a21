import { Code, ConnectError } from "@connectrpc/connect";

/** Of all streams together: what the node has sent and their readers have not taken. */
const MOST_HELD_BYTES = 256 * 1024 * 1024;

/** Bytes of frames that wait for slow readers, whatever the number of streams. */
export class HeldBytes {
  #held = 0;
  readonly #most: number;

  constructor(most = MOST_HELD_BYTES) {
    this.#most = most;
  }

  get held(): number {
    return this.#held;
  }

  /**
   * Passes frames on, each one held until the reader asks for the next. Ends with ResourceExhausted, which a client answers
   * by subscribing again from where it was, when a frame does not fit beside those that others hold.
   */
  async *pass<T>(frames: AsyncIterable<T>, sizeOf: (frame: T) => number): AsyncIterable<T> {
    for await (const frame of frames) {
      const bytes = sizeOf(frame);
      if (this.#held + bytes > this.#most) {
        throw new ConnectError("too much waits for slow readers here: subscribe again", Code.ResourceExhausted);
      }
      this.#held += bytes;
      try {
        yield frame;
      } finally {
        this.#held -= bytes;
      }
    }
  }
}
