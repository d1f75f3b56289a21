import type { Address } from "../protocol/bytes.ts";
import { concatBytes } from "../protocol/bytes.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { PICO_PER_UNIT } from "../protocol/units.ts";
import type { LargestVouchers, PostageDomain, SignedVoucher } from "../protocol/voucher.ts";
import { VOUCHER_ROW_LENGTH, readVoucher } from "../protocol/voucher.ts";
import type { Log } from "../platform/log.ts";
import { authorisedFees } from "./account.ts";
import type { Ledger } from "./ledger.ts";
import type { Account, GossipTransport, RegisteredNode } from "./ports.ts";

/** Rows that one call carries at most. */
export const MOST_GOSSIP_ROWS = 1_000;
/** A raise that is worth a signature check and a disk write whatever the total: 0.001 USD. */
const NOTEWORTHY_UNITS = 1_000n;
const SEND_TIMEOUT_MS = 5_000;

export interface GossipOptions {
  nodeId: number;
  domain: PostageDomain;
  ledger: Ledger;
  transport: GossipTransport;
  log: Log;
}

/** Vouchers are a join semilattice: whoever hears the same ones, in any order, ends with the same largest ones. */
export class Gossip {
  readonly #options: GossipOptions;
  /** Per peer, the fees and stamps that it took last, so that a round carries only what grew. */
  readonly #sent = new Map<number, Map<Address, LargestVouchers>>();

  constructor(options: GossipOptions) {
    this.#options = options;
  }

  /** Takes rows from a peer. Rows of no use are passed over; answers how many raised something. */
  async receive(rows: Uint8Array): Promise<number> {
    const usable = new Map<string, SignedVoucher>();
    const end = Math.min(rows.length, MOST_GOSSIP_ROWS * VOUCHER_ROW_LENGTH);
    for (let at = 0; at + VOUCHER_ROW_LENGTH <= end; at += VOUCHER_ROW_LENGTH) {
      const voucher = this.#read(rows.subarray(at, at + VOUCHER_ROW_LENGTH));
      const account = voucher && (await this.#options.ledger.account(voucher.channel));
      if (voucher && account && isWorthTaking(account, voucher)) usable.set(`${voucher.channel}:${at}`, voucher);
    }
    await this.#options.ledger.raise([...usable.values()]);
    return usable.size;
  }

  #read(row: Uint8Array): SignedVoucher | undefined {
    try {
      return readVoucher(this.#options.domain, row);
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  /** Tells every peer what grew since it last listened. A peer that fails hears all of it in the next round. */
  async round(peers: readonly RegisteredNode[], signal: AbortSignal): Promise<void> {
    const others = peers.filter(({ nodeId }) => nodeId !== this.#options.nodeId);
    for (const nodeId of this.#sent.keys()) {
      if (!others.some((peer) => peer.nodeId === nodeId)) this.#sent.delete(nodeId);
    }
    await Promise.all(others.map((peer) => this.#tell(peer, signal)));
  }

  async #tell({ nodeId, httpAddress }: RegisteredNode, signal: AbortSignal): Promise<void> {
    const { ledger, transport, log } = this.#options;
    const sent = this.#sent.get(nodeId) ?? new Map<Address, LargestVouchers>();
    this.#sent.set(nodeId, sent);
    let after: Address | undefined;
    try {
      do {
        const page = await ledger.accounts(after, MOST_GOSSIP_ROWS / 2);
        const news = page.filter(({ channel, vouchers }) => vouchers && !isSame(sent.get(channel), vouchers));
        if (news.length > 0) {
          const timeout = AbortSignal.any([signal, AbortSignal.timeout(SEND_TIMEOUT_MS)]);
          await transport.send(httpAddress, concatBytes(...news.flatMap(({ vouchers }) => rowsOf(vouchers!))), timeout);
        }
        for (const { channel, vouchers } of news) sent.set(channel, vouchers!);
        after = page.at(-1)?.channel;
      } while (after);
    } catch (error) {
      if (!signal.aborted) log.debug({ peer: nodeId, error: String(error) }, "a peer did not take our vouchers");
    }
  }
}

function isSame(a: LargestVouchers | undefined, b: LargestVouchers): boolean {
  return a?.fees.fees === b.fees.fees && a.stamps.stamps === b.stamps.stamps;
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
