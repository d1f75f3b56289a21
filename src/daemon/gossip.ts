import { setImmediate } from "node:timers/promises";

import type { Address } from "../protocol/bytes.ts";
import { concatBytes } from "../protocol/bytes.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { PICO_PER_UNIT } from "../protocol/units.ts";
import type { LargestVouchers, PostageDomain, SignedVoucher } from "../protocol/voucher.ts";
import { VOUCHER_ROW_LENGTH, readVoucher } from "../protocol/voucher.ts";
import type { Clock } from "../platform/clock.ts";
import { FairQueue, QueueFullError } from "../platform/fairQueue.ts";
import type { Log } from "../platform/log.ts";
import { fastRecoverAddress } from "../platform/recover.ts";
import { within } from "../platform/within.ts";
import { authorisedFees } from "./account.ts";
import type { Ledger } from "./ledger.ts";
import type { Account, GossipTransport, RegisteredNode } from "./ports.ts";

/** Rows that one call carries at most. */
export const MOST_GOSSIP_ROWS = 1_000;
/** Calls that wait to be read, by turns among callers: a flood must not come before what peers say. More are turned away. */
const QUEUE = { concurrency: 1, mostPerKey: 31, mostInAll: 512, startsPerTurn: 1 };
/** A raise that is worth a disk write whatever the total: 0.001 USD. */
const NOTEWORTHY_UNITS = 1_000n;
const SEND_TIMEOUT_MS = 5_000;
/** Once a majority has answered, a round waits so long for the others; they are told all the same. */
const PATIENCE_MS = 1_000;
/** Signatures checked before others get their turn. */
const ROWS_PER_TURN = 8;
const PAGE = MOST_GOSSIP_ROWS / 2;
/** Every so many rounds everything is told again: a peer may have had no use for it then, or have lost it since. */
const ROUNDS_BETWEEN_RETELLINGS = 60;

/** More gossip than this daemon reads at once; the peer tells again later. */
export class GossipBusy extends Error {
  override readonly name = "GossipBusy";
}

export interface GossipOptions {
  nodeId: number;
  domain: PostageDomain;
  ledger: Ledger;
  transport: GossipTransport;
  clock: Clock;
  log: Log;
}

/** Vouchers are a join semilattice: whoever hears the same ones, in any order, ends with the same largest ones. */
export class Gossip {
  readonly #options: GossipOptions;
  readonly #reading = new FairQueue(QUEUE);
  /** Per peer, the channels whose vouchers grew since it was told. */
  readonly #news = new Map<number, Set<Address>>();
  /** Peers that take long over what an earlier round tells them. */
  readonly #telling = new Set<number>();
  #round = 0;

  constructor(options: GossipOptions) {
    this.#options = options;
  }

  /**
   * Takes rows from a peer or a payer. Rows of no use are passed over; answers how many raised something.
   * Throws GossipBusy when too many calls wait already.
   * @param caller with whom others take turns
   */
  async receive(rows: Uint8Array, caller = ""): Promise<number> {
    // Whoever only wants to know that we are there need not wait.
    if (rows.length === 0) return 0;
    try {
      return await this.#reading.run(caller, () => this.#read(rows));
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      throw new GossipBusy("too much gossip at once: tell again later");
    }
  }

  async #read(rows: Uint8Array): Promise<number> {
    const { ledger } = this.#options;
    const usable: SignedVoucher[] = [];
    const count = Math.min(Math.floor(rows.length / VOUCHER_ROW_LENGTH), MOST_GOSSIP_ROWS);
    for (let i = 0; i < count; i++) {
      if (i % ROWS_PER_TURN === 0) await setImmediate();
      const voucher = this.#voucherOf(rows.subarray(i * VOUCHER_ROW_LENGTH, (i + 1) * VOUCHER_ROW_LENGTH));
      const account = voucher && (await ledger.account(voucher.channel));
      if (voucher && account && isWorthTaking(account, voucher)) usable.push(voucher);
    }
    await ledger.raise(usable);
    return usable.length;
  }

  #voucherOf(row: Uint8Array): SignedVoucher | undefined {
    try {
      return readVoucher(this.#options.domain, row, fastRecoverAddress);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  /** The ledger says that a channel's vouchers grew. */
  noteRaise(channel: Address): void {
    for (const news of this.#news.values()) news.add(channel);
  }

  /**
   * Tells every peer what grew since it last listened. A peer that fails hears it in the next round. Whether a majority of
   * the seats, this node's included, has taken part.
   *
   * @param mustReach also calls peers that there is nothing to tell, to know that they are there
   */
  async round(peers: readonly RegisteredNode[], signal: AbortSignal, mustReach = false): Promise<boolean> {
    const answered = new Set<number>([this.#options.nodeId]);
    const others = peers.filter(({ nodeId }) => nodeId !== this.#options.nodeId);
    const retell = this.#round++ % ROUNDS_BETWEEN_RETELLINGS === 0;
    for (const nodeId of this.#news.keys()) {
      if (!others.some((peer) => peer.nodeId === nodeId)) this.#news.delete(nodeId);
    }
    const seats = peers.filter(({ isCanonical }) => isCanonical);
    const isMajority = () => seats.filter(({ nodeId }) => answered.has(nodeId)).length * 2 > seats.length;
    const over = new AbortController();
    await new Promise<void>((resolve) => {
      let patience: Promise<void> | undefined;
      const noteAnswer = () => {
        if (isMajority()) patience ??= this.#options.clock.sleep(PATIENCE_MS, over.signal).then(resolve, () => {});
      };
      const told = others.map(async (peer) => {
        if (this.#telling.has(peer.nodeId)) return;
        this.#telling.add(peer.nodeId);
        if (await this.#tell(peer, { signal, mustReach, retell })) answered.add(peer.nodeId);
        this.#telling.delete(peer.nodeId);
        noteAnswer();
      });
      noteAnswer();
      void Promise.all(told).then(() => resolve());
    });
    over.abort();
    return isMajority();
  }

  /** Whether a peer was told something, or asked, and has answered. Never rejects. */
  async #tell(
    peer: RegisteredNode,
    { signal, mustReach, retell }: { signal: AbortSignal; mustReach: boolean; retell: boolean },
  ): Promise<boolean> {
    const isNew = !this.#news.has(peer.nodeId);
    if (isNew) this.#news.set(peer.nodeId, new Set());
    try {
      const sent = await (isNew || retell ? this.#tellAll(peer, signal) : this.#tellNews(peer, signal));
      if (!sent && mustReach) await this.#send(peer.httpAddress, new Uint8Array(), signal);
      return sent || mustReach;
    } catch (error) {
      // Forgotten, it counts as new in the next round and hears everything.
      if (isNew || retell) this.#news.delete(peer.nodeId);
      if (!signal.aborted) {
        this.#options.log.debug({ peer: peer.nodeId, error: String(error) }, "a peer did not take our vouchers");
      }
      return false;
    }
  }

  /** Whether there was something to tell. */
  async #tellNews({ nodeId, httpAddress }: RegisteredNode, signal: AbortSignal): Promise<boolean> {
    let hasSent = false;
    const news = this.#news.get(nodeId)!;
    while (news.size > 0) {
      const some = [...news].slice(0, PAGE);
      for (const channel of some) news.delete(channel);
      try {
        const accounts = await Promise.all(some.map((channel) => this.#options.ledger.account(channel)));
        hasSent = (await this.#sendVouchers(httpAddress, accounts, signal)) || hasSent;
      } catch (error) {
        for (const channel of some) news.add(channel);
        throw error;
      }
    }
    return hasSent;
  }

  async #tellAll({ nodeId, httpAddress }: RegisteredNode, signal: AbortSignal): Promise<boolean> {
    let hasSent = false;
    // What grows meanwhile is news again.
    this.#news.get(nodeId)!.clear();
    let after: Address | undefined;
    do {
      const page = await this.#options.ledger.accounts(after, PAGE);
      hasSent = (await this.#sendVouchers(httpAddress, page, signal)) || hasSent;
      after = page.at(-1)?.channel;
    } while (after);
    return hasSent;
  }

  async #sendVouchers(
    httpAddress: string,
    accounts: readonly (Account | undefined)[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const rows = accounts.flatMap((account) => (account?.vouchers ? rowsOf(account.vouchers) : []));
    if (rows.length > 0) await this.#send(httpAddress, concatBytes(...rows), signal);
    return rows.length > 0;
  }

  async #send(httpAddress: string, rows: Uint8Array, signal: AbortSignal): Promise<void> {
    const { transport, clock } = this.#options;
    await within(signal, SEND_TIMEOUT_MS, (ended) => transport.send(httpAddress, rows, ended), clock);
  }
}

function rowsOf({ fees, stamps }: LargestVouchers): Uint8Array[] {
  return fees === stamps || fees.stamps === stamps.stamps ? [fees.row] : [fees.row, stamps.row];
}

/**
 * Only funded channels, and only what raises a column by 1 % or 0.001 USD: else two colluding parties could make every
 * daemon write to disk for each base unit. What pays for usage that nothing else covers is taken whatever its size.
 */
export function isWorthTaking(account: Account, voucher: SignedVoucher): boolean {
  if (account.chain.deposited === 0n) return false;
  const { vouchers } = account;
  const authorised = authorisedFees(account);
  if (voucher.fees > authorised && account.usagePico > authorised * PICO_PER_UNIT) return true;
  return (
    isNoteworthy(vouchers?.fees.fees ?? 0n, voucher.fees) || isNoteworthy(vouchers?.stamps.stamps ?? 0n, voucher.stamps)
  );
}

function isNoteworthy(from: bigint, to: bigint): boolean {
  return to > from && (to - from >= NOTEWORTHY_UNITS || (to - from) * 100n >= from);
}
