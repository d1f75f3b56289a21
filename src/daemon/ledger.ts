import type { Address } from "../protocol/bytes.ts";
import type { SignedVoucher } from "../protocol/voucher.ts";
import { mergeVouchers } from "../protocol/voucher.ts";
import type { Account, ChainProgress, Charge, LedgerStore, MeterBatch } from "./ports.ts";

/** Admitted and not metered yet. */
interface Pending {
  feePico: bigint;
  /** The node has it on disk, so the meter will meet it. */
  stored: boolean;
}

const CACHED_ACCOUNTS = 50_000;

/**
 * The accounts in use, over the durable store. What is pending lives in memory only: after a crash the node's own log
 * says what was accepted, and metering it again charges it.
 *
 * Every change reaches the store first and the cached account in the same turn of the event loop in which the store
 * answered, so a check and a reservation without an `await` between them cannot be overtaken.
 */
export class Ledger {
  readonly #store: LedgerStore;
  readonly #cache = new Map<Address, Account>();
  readonly #pending = new Map<Address, Map<string, Pending>>();
  readonly #onRaise: (channel: Address) => void;

  /** @param onRaise hears of each channel whose largest vouchers may have grown, once that is on disk */
  constructor(store: LedgerStore, onRaise: (channel: Address) => void = () => {}) {
    this.#store = store;
    this.#onRaise = onRaise;
  }

  /** The live account: its fields change as envelopes are metered. Undefined for a channel nobody funded or used. */
  async account(channel: Address): Promise<Account | undefined> {
    const cached = this.#cache.get(channel);
    if (cached) return cached;
    const stored = await this.#store.account(channel);
    // Another call may have loaded it meanwhile; there must be one object per channel.
    const raced = this.#cache.get(channel);
    if (raced || !stored) return raced;
    if (this.#cache.size >= CACHED_ACCOUNTS) this.#evict();
    this.#cache.set(channel, stored);
    return stored;
  }

  /** False when the account was dropped from memory since it was asked for: then it is no longer live. */
  isLive(account: Account): boolean {
    return this.#cache.get(account.channel) === account;
  }

  accounts(after: Address | undefined, limit: number): Promise<Account[]> {
    return this.#store.accounts(after, limit);
  }

  async raise(vouchers: readonly SignedVoucher[]): Promise<void> {
    if (vouchers.length === 0) return;
    await this.#store.raise(vouchers);
    for (const voucher of vouchers) {
      this.#onRaise(voucher.channel);
      const account = this.#cache.get(voucher.channel);
      if (!account) continue;
      const both = { fees: voucher, stamps: voucher };
      account.vouchers = account.vouchers ? mergeVouchers(account.vouchers, both) : both;
    }
  }

  async recordChain(progress: ChainProgress): Promise<void> {
    await this.#store.recordChain(progress);
    for (const [channel, chain] of progress.states) {
      const account = this.#cache.get(channel);
      if (account) account.chain = chain;
    }
  }

  async meter(batch: MeterBatch): Promise<Charge[]> {
    const charged = await this.#store.meter(batch);
    for (const { channel, feePico } of charged) {
      const account = this.#cache.get(channel);
      if (account) account.usagePico += feePico;
    }
    for (const { channel, digest } of batch.charges) this.unreserve(channel, digest);
    return charged;
  }

  /** Whether an envelope was charged already, or is about to be. */
  async isCharged(channel: Address, digest: string): Promise<boolean> {
    return this.isPending(channel, digest) || (await this.#store.chargedOf([{ channel, digest }])).size > 0;
  }

  isPending(channel: Address, digest: string): boolean {
    return this.#pending.get(channel)?.has(digest) ?? false;
  }

  pendingPico(channel: Address): bigint {
    let sum = 0n;
    for (const { feePico } of this.#pending.get(channel)?.values() ?? []) sum += feePico;
    return sum;
  }

  pendingCount(): number {
    let count = 0;
    for (const entries of this.#pending.values()) count += entries.size;
    return count;
  }

  reserve({ channel, digest, feePico }: Charge): void {
    const entries = this.#pending.get(channel) ?? new Map<string, Pending>();
    entries.set(digest, { feePico, stored: false });
    this.#pending.set(channel, entries);
  }

  unreserve(channel: Address, digest: string): void {
    const entries = this.#pending.get(channel);
    entries?.delete(digest);
    if (entries?.size === 0) this.#pending.delete(channel);
  }

  markStored(channel: Address, digest: string): void {
    const entry = this.#pending.get(channel)?.get(digest);
    if (entry) entry.stored = true;
  }

  /**
   * What the node has stored by now. Once its log was metered to the end after this, whatever of it is still pending
   * was a duplicate that the node did not store again.
   */
  storedReservations(): { channel: Address; digest: string }[] {
    return [...this.#pending].flatMap(([channel, entries]) =>
      [...entries].filter(([, { stored }]) => stored).map(([digest]) => ({ channel, digest })),
    );
  }

  #evict(): void {
    for (const channel of this.#cache.keys()) {
      if (this.#pending.has(channel)) continue;
      this.#cache.delete(channel);
      return;
    }
  }
}
