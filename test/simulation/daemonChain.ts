import { fastRecoverAddress } from "../../src/platform/fastEcdsa.ts";
import type { DaemonChain } from "../../src/daemon/ports.ts";
import type { Receipt } from "../../src/daemon/transactions/chain.ts";
import type { Lane } from "../../src/daemon/transactions/ports.ts";
import type { SendTerms, Transactions } from "../../src/daemon/transactions/send.ts";
import type { Clock } from "../../src/platform/clock.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import { fromHex, toHex } from "../../src/protocol/bytes.ts";
import type { Rates } from "../../src/protocol/fees.ts";
import type { PostageDomain } from "../../src/protocol/voucher.ts";
import { VOUCHER_ROW_LENGTH, readVoucher } from "../../src/protocol/voucher.ts";
import type { SimCall, SimChain } from "./chain.ts";
import { CONTRACT, decodeCall, encodeCall } from "./chain.ts";
import { channelAt } from "./rpc.ts";
import type { SimRpc } from "./rpc.ts";

/** As on contracts: who waits longer looks again later, and what was sent is looked after all the same. */
const SEND_TIMEOUT_MS = 120_000;

export interface SimDaemonChainOptions {
  chain: SimChain;
  endpoints: readonly SimRpc[];
  transactions: Transactions;
  domain: PostageDomain;
  rates: Rates;
  retentionDays: number;
  clock: Clock;
}

/** What `ethersChain` is on contracts, on the simulated chain. */
export function simDaemonChain(options: SimDaemonChainOptions): DaemonChain {
  const { chain, endpoints, transactions, domain, rates, retentionDays, clock } = options;
  const rpc = endpoints[0]!;

  function send(call: SimCall, terms: SendTerms): Promise<Receipt> {
    const patience = new AbortController();
    void clock.sleep(SEND_TIMEOUT_MS).then(() => patience.abort(new Error("it is not mined yet")));
    return transactions.send({ ...terms, kind: call.do, to: CONTRACT, data: encodeCall(call) }, patience.signal);
  }

  return {
    endpoints,
    heads: () => rpc.read(({ timestamp }) => ({ timestamp })),
    channels: (channels) => rpc.read((block) => channels.map((channel) => channelAt(block, channel))),
    rates: () => rpc.read(() => [rates]),
    retentionDays: () => rpc.read(() => retentionDays),
    nodes: () =>
      rpc.read(() =>
        chain.nodeIds.map((nodeId) => ({ nodeId, httpAddress: `http://node-${nodeId}`, isCanonical: true })),
      ),
    epochSeconds: () => rpc.read(() => 43_200n),
    gasPrice: () => rpc.read(() => chain.baseFee),

    simulateSettle: (rows) =>
      rpc.read(({ state }) => sumOf(chain.simulate(encodeCall({ do: "settle", rows: toHex(rows) }), state))),
    async settle(rows, terms) {
      const receipt = await send({ do: "settle", rows: toHex(rows) }, terms);
      const effect = effectOf(receipt);
      const settledRows = Object.keys(JSON.parse(effect) as object).length;
      const { hash: transactionHash, gasUsed } = receipt;
      return { transactionHash, gasUsed, collected: sumOf(effect), bounty: 0n, settledRows };
    },
    async settling(isDemanded) {
      const settling = new Map<Address, Set<Lane>>();
      for (const { lane, data } of await transactions.underway("settle", isDemanded)) {
        for (const channel of channelsIn(domain, data)) {
          settling.set(channel, (settling.get(channel) ?? new Set()).add(lane));
        }
      }
      return settling;
    },
    undistributed: () => rpc.read(({ state }) => state.collected - state.distributed),
    distribute: async (terms) => void (await send({ do: "distribute" }, terms)),
    claimable: (nodeId) => rpc.read(({ state }) => chain.claimable(nodeId, state)),
    claim: async (nodeId, terms) => BigInt(effectOf(await send({ do: "claim", nodeId }, terms))),
    hasVersion: async () => true,
    isRollOverDue: () => rpc.read(() => false),
    streaming: () => rpc.read(() => 0n),
    rollOver: async () => {},
  };
}

/** Whether a receipt shows that a transaction did what it was for. */
export function hasEffect(_: unknown, receipt: Receipt): boolean {
  const effect = receipt.logs.length === 0 ? "" : effectOf(receipt);
  return effect !== "" && effect !== "{}" && effect !== "0";
}

function effectOf({ logs }: Receipt): string {
  return Buffer.from(fromHex(logs[0]!.data)).toString();
}

function sumOf(collected: string): bigint {
  const amounts = Object.values(JSON.parse(collected) as Record<string, string>);
  return amounts.reduce((sum, amount) => sum + BigInt(amount), 0n);
}

function channelsIn(domain: PostageDomain, data: Hex): Address[] {
  const call = decodeCall(data);
  if (call.do !== "settle") return [];
  const rows = fromHex(call.rows);
  return Array.from({ length: rows.length / VOUCHER_ROW_LENGTH }, (_, i) => {
    const row = rows.subarray(i * VOUCHER_ROW_LENGTH, (i + 1) * VOUCHER_ROW_LENGTH);
    return readVoucher(domain, row, fastRecoverAddress).channel;
  });
}
