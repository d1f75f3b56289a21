import type { Clock } from "../../platform/clock.ts";
import type { HoldingStore } from "./ports.ts";

export interface LeaseOptions {
  store: Pick<HoldingStore, "enter" | "renew" | "leave">;
  clock: Clock;
  leaseMs: number;
  /** The process was taken for gone: it is a new one now, and nothing that the old one held counts. */
  onLost: () => void;
}

/** Under which number the other processes know this one, and until when. */
export class Lease {
  readonly #options: LeaseOptions;
  #process: bigint | undefined;
  #renewedAt = 0;
  #entering: Promise<bigint> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Enters when this process has no number. */
  async process(): Promise<bigint> {
    if (this.#process !== undefined) return this.#process;
    this.#entering ??= this.#enter().finally(() => (this.#entering = undefined));
    return this.#entering;
  }

  /** After this `process` answers a living one, another one if need be. */
  async renew(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return void (await this.process());
    const from = this.#options.clock.elapsed();
    if (await this.#options.store.renew(process, this.#options.leaseMs)) {
      // What another call has found out since is newer.
      if (this.#process === process && from > this.#renewedAt) this.#renewedAt = from;
      return;
    }
    if (this.#process !== process) return;
    this.#process = undefined;
    this.#options.onLost();
    await this.process();
  }

  /** What was held under another number was lost with it. */
  isOf(process: bigint): boolean {
    return process === this.#process;
  }

  /**
   * Whether nobody can think yet that the process of that number is gone. By this machine's clock, from before the database
   * was asked: so it ends here before it ends there.
   */
  isSure(process: bigint): boolean {
    const { clock, leaseMs } = this.#options;
    return this.isOf(process) && clock.elapsed() - this.#renewedAt < leaseMs;
  }

  /** @param agoMs so long ago it ended, as others are to see it */
  async end(agoMs: number): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process !== undefined) await this.#options.store.leave(process, agoMs);
  }

  async #enter(): Promise<bigint> {
    const { store, clock, leaseMs } = this.#options;
    const from = clock.elapsed();
    const process = await store.enter(leaseMs);
    this.#renewedAt = from;
    this.#process = process;
    return process;
  }
}
