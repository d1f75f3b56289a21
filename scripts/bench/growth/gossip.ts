import { Gossip } from "../../../src/daemon/gossip.ts";
import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import type { Ledger } from "../../../src/daemon/ledger.ts";
import type { Account, GossipTransport } from "../../../src/daemon/ports.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { systemClock } from "../../../src/platform/clock.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { VOUCHER_ROW_LENGTH, mergeVouchers } from "../../../src/protocol/voucher.ts";
import type { Payer } from "../daemon/world.ts";
import { DOMAIN, voucherRow } from "../daemon/world.ts";

export interface GossipFigures {
  /** Rows that one node hears of one voucher, its own news and what others tell again. */
  rowsPerRaise: number;
  /** Milliseconds of one core for one row heard, its signature included. */
  msPerRow: number;
}

/** Nodes with a book in memory each: what a row costs without its disk. */
export async function measureGossip(seats: number, payers: readonly Payer[]): Promise<GossipFigures> {
  let rows = 0;
  let sending = 0;
  const members = new Map<string, { gossip: Gossip; raise: (payer: Payer, fees: bigint) => Promise<void> }>();
  const nodes = Array.from({ length: seats }, (_, i) => {
    return { nodeId: 100 * (i + 1), httpAddress: `http://node-${i}`, isCanonical: true };
  });
  const transport: GossipTransport = {
    send: async (httpAddress, sent) => {
      rows += sent.length / VOUCHER_ROW_LENGTH;
      sending++;
      await members.get(httpAddress)!.gossip.receive(sent);
    },
  };
  for (const { nodeId, httpAddress } of nodes) {
    const accounts = new Map(payers.map(({ channel }) => [channel, accountOf(channel)]));
    let noteRaise: (channel: Address) => void = () => {};
    const ledger: Pick<Ledger, "account" | "accounts" | "raise"> = {
      account: async (channel) => accounts.get(channel),
      accounts: async () => [],
      raise: async (vouchers) => {
        for (const voucher of vouchers) {
          const account = accounts.get(voucher.channel)!;
          const { vouchers } = account;
          const own = { fees: voucher, stamps: voucher };
          account.vouchers = vouchers ? mergeVouchers(vouchers, own) : own;
          noteRaise(voucher.channel);
        }
      },
    };
    const options = { nodeId, domain: DOMAIN, transport, clock: systemClock, log: silentLog };
    const gossip = new Gossip({ ...options, ledger: ledger as Ledger });
    noteRaise = (channel) => gossip.noteRaise(channel);
    const raise = async (payer: Payer, fees: bigint) => {
      const row = voucherRow({ fees, stamps: 0n }, payer);
      await ledger.raise([{ channel: payer.channel, fees, stamps: 0n, row }]);
    };
    members.set(httpAddress, { gossip, raise });
  }
  const never = new AbortController().signal;
  const everybody = async () => {
    for (const { gossip } of members.values()) await gossip.round(nodes, never);
  };
  // The first round makes peers known to each other.
  await everybody();
  rows = 0;
  for (const [i, payer] of payers.entries()) await members.get(nodes[i % seats]!.httpAddress)!.raise(payer, 100_000n);
  const began = performance.now();
  for (let before = -1; before !== sending;) {
    before = sending;
    await everybody();
  }
  return { rowsPerRaise: rows / seats / payers.length, msPerRow: (performance.now() - began) / rows };
}

function accountOf(channel: Address): Account {
  return { channel, usagePico: 0n, chain: { ...EMPTY_CHANNEL, deposited: 10_000_000n } };
}
