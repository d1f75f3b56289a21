import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { ReadOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { KeptReceipt, Random, ReceiptStore } from "../ports.ts";

export interface ReceiptBookOptions {
  store: Pick<ReceiptStore, "receiptCount" | "forgetReceipts">;
  channel: Address;
  clock: Clock;
  log: Log;
  random: Random;
  mostReceipts: number;
  receiptsKeptMs: number;
}

/**
 * Which receipts are kept. All of them while there is room; above half of it by chance, the fewer the less room is left.
 * So disk is bounded, no receipt that is kept gives way to a later one, and a node cannot know which of its receipts
 * nobody holds any more.
 */
export class ReceiptBook {
  readonly #options: ReceiptBookOptions;
  #count: number;

  private constructor(options: ReceiptBookOptions, count: number) {
    this.#options = options;
    this.#count = count;
  }

  static async open(options: ReceiptBookOptions): Promise<ReceiptBook> {
    return new ReceiptBook(options, await options.store.receiptCount(options.channel));
  }

  /** How many are on disk, as of the last look. */
  get count(): number {
    return this.#count;
  }

  /** The receipt as it is kept; undefined when it is not. */
  take({ originatorId, sequenceId }: ReadOriginatorEnvelope, envelope: Uint8Array): KeptReceipt | undefined {
    const { clock, mostReceipts, random } = this.#options;
    const free = (2 * (mostReceipts - this.#count)) / mostReceipts;
    if (!(free >= 1 || random() < free)) return undefined;
    this.#count++;
    return { originatorId, sequenceId, envelope, keptAt: clock.now(), contradiction: undefined };
  }

  /** Forgets what no report covered in time, and counts anew. */
  async prune(limit: number): Promise<void> {
    const { channel, clock, log, receiptsKeptMs, store } = this.#options;
    const forgotten = await store.forgetReceipts(channel, clock.now() - receiptsKeptMs, limit);
    if (forgotten > 0) log.warn({ receipts: forgotten }, "receipts that no final report covered in time are forgotten");
    await this.recount();
  }

  /** Others add and remove some too. */
  async recount(): Promise<void> {
    const { channel, store } = this.#options;
    this.#count = await store.receiptCount(channel);
  }
}
