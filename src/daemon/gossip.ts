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
import { fastRecoverAddress } from "../platform/fastEcdsa.ts";
import { within } from "../platform/within.ts";
import { authorisedFees } from "./account.ts";
import type { Ledger } from "./ledger.ts";
import { MOST_NEWS, PeerNews } from "./peerNews.ts";
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
/**
 * Channels that one round retells to each peer. So of N channels each is retold within 60 rounds or N / 250 + 1, whichever
 * is more, and a round sends a peer at most 10,250 channels' vouchers: 1.6 MB.
 */
const RETOLD_PER_ROUND = 250;

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
  readonly #news = new Map<number, PeerNews>();
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
    for (const news of this.#news.values()) news.note(channel);
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
    this.#round++;
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
        if (await this.#tell(peer, signal, mustReach)) answered.add(peer.nodeId);
        this.#telling.delete(peer.nodeId);
        noteAnswer();
      });
      noteAnswer();
      void Promise.all(told).then(() => resolve());
    });
    over.abort();
    return isMajority();
  }

  /** Whether a peer was told all that is new, or asked, and has answered. Never rejects. */
  async #tell(peer: RegisteredNode, signal: AbortSignal, mustReach: boolean): Promise<boolean> {
    const news = this.#news.get(peer.nodeId) ?? new PeerNews();
    this.#news.set(peer.nodeId, news);
    try {
      const hasTold = await this.#tellNews(peer, news, signal);
      const sent = (await this.#retell(peer, news, signal)) || hasTold;
      if (!sent && mustReach) await this.#send(peer.httpAddress, new Uint8Array(), signal);
      return (sent || mustReach) && !news.hasLost;
    } catch (error) {
      if (!signal.aborted) {
        this.#options.log.debug({ peer: peer.nodeId, error: String(error) }, "a peer did not take our vouchers");
      }
      return false;
    }
  }

  /** Whether there was something to tell. What grows meanwhile may wait for the next round. */
  async #tellNews({ httpAddress }: RegisteredNode, news: PeerNews, signal: AbortSignal): Promise<boolean> {
    let hasSent = false;
    for (let told = 0; news.size > 0 && told < MOST_NEWS; told += PAGE) {
      const some = news.take(PAGE);
      try {
        const accounts = await Promise.all(some.map((channel) => this.#options.ledger.account(channel)));
        hasSent = (await this.#sendVouchers(httpAddress, accounts, signal)) || hasSent;
      } catch (error) {
        news.putBack(some);
        throw error;
      }
    }
    return hasSent;
  }

  /** Goes on where the round before has stopped, or failed. */
  async #retell({ httpAddress }: RegisteredNode, news: PeerNews, signal: AbortSignal): Promise<boolean> {
    const from = news.retelling(this.#round);
    if (!from) return false;
    const page = await this.#options.ledger.accounts(from.after, RETOLD_PER_ROUND);
    const hasSent = await this.#sendVouchers(httpAddress, page, signal);
    news.noteRetold(page.length < RETOLD_PER_ROUND ? undefined : page.at(-1)!.channel);
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
