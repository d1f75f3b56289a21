import type { Address } from "../../protocol/bytes.ts";
import type { Ledger } from "../ledger.ts";
import type { Account, Charge } from "../ports.ts";
import { PostageRefused } from "../refusal.ts";
import { MOST_HELD, decide, tooMuchHeld } from "./decide.ts";
import { Lent } from "./lent.ts";
import type { Ask, Hold, Holdings, Ripe } from "./ports.ts";
import { keyOf } from "./ports.ts";

/** Accounts may be dropped from memory between look and check, when very many channels are in use. */
const MOST_TRIES = 5;

const NONE_CHARGED: ReadonlySet<string> = new Set();
const NONE_USED: ReadonlyMap<Address, bigint> = new Map();

/** Holdings of a process that has its ledger to itself. After a crash the node's own log says what was accepted. */
export class MemoryHoldings implements Holdings {
  readonly #ledger: Ledger;
  readonly #lent = new Lent();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  get count(): number {
    return this.#ledger.reservations.count;
  }

  get isLent(): boolean {
    return !this.#lent.isEmpty();
  }

  lentPico(channel: Address): bigint {
    return this.#lent.pico(channel);
  }

  async hold(ask: Ask): Promise<Hold> {
    const { reservations } = this.#ledger;
    if (ask.raise) await this.#ledger.raise([ask.raise]);
    // To look costs a turn in the ledger's thread.
    const charged = ask.isNew ? NONE_CHARGED : await this.#chargedOf(ask.charges);
    const accounts = await this.#liveAccounts(ask.channels);
    const stampsUsed = ask.charges.some(({ stamp }) => stamp) ? await this.#ledger.stampsUsed(ask.channels) : NONE_USED;
    // From here on without an await: two calls cannot both take the last of a voucher.
    if (reservations.count + ask.charges.length > MOST_HELD) throw tooMuchHeld();
    const decided = decide(ask, {
      bookOf: (channel) => ({
        account: accounts.get(channel)!,
        heldPico: reservations.sumPico(channel),
        lentPico: this.#lent.pico(channel),
        stampsUsed: stampsUsed.get(channel) ?? 0n,
        heldStamps: stampsUsed === NONE_USED ? NONE_USED : reservations.stamps(channel),
      }),
      standingOf: (charge) => {
        if (reservations.has(charge.channel, charge.digest)) return "here";
        return charged.has(keyOf(charge)) ? "charged" : "free";
      },
    });
    if (decided instanceof PostageRefused) throw decided;
    for (const charge of decided) {
      reservations.add(charge);
      this.#lent.lend(charge.channel, charge.feePico);
    }
    return {
      isHeld: () => decided.length === ask.charges.length,
      release: (stored) => this.#release(decided, stored),
    };
  }

  async noteRound(): Promise<void> {
    this.#lent.noteRound();
  }

  ripe(): Ripe {
    return { own: this.#ledger.reservations.stored(), gone: [] };
  }

  async reap({ own }: Ripe): Promise<void> {
    for (const { channel, digest } of own) this.#ledger.reservations.remove(channel, digest);
  }

  async tend(): Promise<void> {}

  async close(): Promise<void> {}

  async #chargedOf(charges: readonly Charge[]): Promise<ReadonlySet<string>> {
    const charged = new Set<string>();
    for (const charge of charges) {
      if (await this.#ledger.isCharged(charge.channel, charge.digest)) charged.add(keyOf(charge));
    }
    return charged;
  }

  async #liveAccounts(channels: readonly Address[]): Promise<ReadonlyMap<Address, Account>> {
    const ledger = this.#ledger;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const found = await Promise.all(channels.map((channel) => ledger.account(channel)));
      const accounts = found.filter((account) => account !== undefined);
      if (accounts.length === channels.length && accounts.every((account) => ledger.isLive(account))) {
        return new Map(accounts.map((account) => [account.channel, account]));
      }
    }
    throw new PostageRefused("not_ready", "this node has more channels than it can hold at once: use another node");
  }

  #release(charges: readonly Charge[], stored: boolean): void {
    const { reservations } = this.#ledger;
    for (const { channel, digest, feePico } of charges) {
      if (stored) reservations.markStored(channel, digest);
      else {
        reservations.remove(channel, digest);
        this.#lent.takeBack(channel, feePico);
      }
    }
  }
}
