import type { Clock } from "../../platform/clock.ts";
import { GatewayError } from "../errors.ts";

/** Counts the calls that wait for money, nodes or the chain. */
export class HoldRoom {
  readonly #most: number;
  #held = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get held(): number {
    return this.#held;
  }

  async during<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#held >= this.#most) {
      const problem = `${this.#held} publishes are on hold already: the payer is out of money or nodes are away`;
      throw new GatewayError("too_busy", `${problem}; see GET /status`, { retryable: true });
    }
    this.#held++;
    try {
      return await wait();
    } finally {
      this.#held--;
    }
  }
}

/**
 * How long one publish may wait. An app that is refused loses the message, one that waits does not; so everything
 * that may pass by itself is waited for until the deadline, and only then told.
 */
export class Hold {
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #room: HoldRoom;
  readonly #deadlineAt: number;

  /** @param deadlineAt milliseconds since 1970 */
  constructor(clock: Clock, room: HoldRoom, deadlineAt: number, signal: AbortSignal) {
    this.#clock = clock;
    this.#room = room;
    this.#deadlineAt = deadlineAt;
    this.signal = signal;
  }

  get isOver(): boolean {
    return this.#clock.now() >= this.#deadlineAt;
  }

  /** Waits a moment before the next try; throws `reason` when the time is over or waiting cannot help. */
  async pause(reason: GatewayError, ms = 250): Promise<void> {
    if (!reason.retryable || this.isOver) throw reason;
    const rest = Math.max(1, this.#deadlineAt - this.#clock.now());
    await this.#room.during(() => this.#clock.sleep(Math.min(ms, rest), this.signal));
  }

  /** Repeats `work` while it fails with a retryable GatewayError and time remains. */
  async until<T>(work: () => Promise<T> | T, ms = 250): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        await this.pause(error, ms);
      }
    }
  }
}
