import type { ContractTransaction } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { fromHex, toAddress, toHex } from "../../protocol/bytes.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { VOUCHER_ROW_LENGTH, readVoucher } from "../../protocol/voucher.ts";
import type { Receipt } from "../transactions/chain.ts";
import type { Intent, IntentKind, Lane } from "../transactions/ports.ts";
import type { SendTerms, Transactions } from "../transactions/send.ts";
import type { WorkChain } from "../work.ts";

/** Who waits longer than this looks again later; the transaction is looked after all the same. */
const SEND_TIMEOUT_MS = 120_000;
/** Hex digits of a row of `Settled`: `channel 20 | feesSpent 8 | stampsSigned 8`. */
const SETTLED_ROW_DIGITS = 72;

type WorkContracts = Pick<Contracts, "postageChannels" | "feeDistributor" | "nodeSeats">;

/** Settling and earning on the contracts. `contracts` only read. */
export function ethersWork(contracts: WorkContracts, transactions: Transactions): WorkChain {
  const { postageChannels, feeDistributor, nodeSeats } = contracts;
  let domain: PostageDomain | undefined;
  /** Recovering signatures takes a while, and a settlement may be under way for long. */
  let channelsOf = new Map<bigint, Address[]>();

  async function send(kind: IntentKind, call: ContractTransaction, terms: SendTerms): Promise<Receipt> {
    const request = { ...terms, kind, to: toAddress(call.to), data: call.data as Hex };
    return transactions.send(request, AbortSignal.timeout(SEND_TIMEOUT_MS));
  }

  async function postageDomain(): Promise<PostageDomain> {
    if (domain) return domain;
    const { chainId } = await postageChannels.runner!.provider!.getNetwork();
    domain = { chainId, postageChannels: toAddress(await postageChannels.getAddress()) };
    return domain;
  }

  function channelsIn(data: Hex, where: PostageDomain): Address[] {
    const rows = fromHex(String(postageChannels.interface.decodeFunctionData("settle", data)[0]));
    const channels: Address[] = [];
    for (let at = 0; at + VOUCHER_ROW_LENGTH <= rows.length; at += VOUCHER_ROW_LENGTH) {
      channels.push(readVoucher(where, rows.subarray(at, at + VOUCHER_ROW_LENGTH), fastRecoverAddress).channel);
    }
    return channels;
  }

  return {
    simulateSettle: async (rows) => (await postageChannels.settle.staticCall(toHex(rows))).collected,

    async settle(rows, terms) {
      const receipt = await send("settle", await postageChannels.settle.populateTransaction(toHex(rows)), terms);
      const result = { transactionHash: receipt.hash, gasUsed: receipt.gasUsed };
      const event = eventOf(postageChannels.interface, receipt, "Settled");
      if (!event) return { ...result, collected: 0n, bounty: 0n, settledRows: 0 };
      const { collected, bounty, rows: changed } = event as Record<string, bigint | string>;
      const settledRows = (String(changed).length - 2) / SETTLED_ROW_DIGITS;
      return { ...result, collected: BigInt(collected!), bounty: BigInt(bounty!), settledRows };
    },

    async settling(isDemanded) {
      const underway = await transactions.underway("settle", isDemanded);
      if (underway.length === 0) return new Map();
      const where = await postageDomain();
      channelsOf = new Map(underway.map(({ id, data }) => [id, channelsOf.get(id) ?? channelsIn(data, where)]));
      const settling = new Map<Address, Set<Lane>>();
      for (const { id, lane } of underway) {
        for (const channel of channelsOf.get(id)!) {
          settling.set(channel, (settling.get(channel) ?? new Set()).add(lane));
        }
      }
      return settling;
    },

    async undistributed() {
      return (await postageChannels.uncollected()) + (await feeDistributor.remainder());
    },

    async distribute(terms) {
      await send("distribute", await feeDistributor.distribute.populateTransaction(), terms);
    },

    claimable: (nodeId) => feeDistributor.claimable(nodeId),

    async claim(nodeId, terms) {
      const receipt = await send("claim", await feeDistributor.claim.populateTransaction(nodeId), terms);
      const claimed = eventOf(feeDistributor.interface, receipt, "Claimed");
      return BigInt((claimed?.amount as bigint | undefined) ?? 0n);
    },

    hasVersion: async () => (await nodeSeats.latestVersion()) > 0n,

    async isRollOverDue() {
      const [latest, next] = await Promise.all([nodeSeats.latestVersion(), nodeSeats.rollOver.staticCall()]);
      return next > latest;
    },

    streaming: () => feeDistributor.streaming(),

    async rollOver(terms) {
      await send("rollOver", await nodeSeats.rollOver.populateTransaction(), terms);
    },
  };
}

/**
 * Whether a transaction did what it was sent for, by the events in its receipt: a settlement that another daemon came
 * before is mined and does nothing.
 */
export function hasEffect({
  postageChannels,
  nodeSeats,
  epochReports,
  stamps,
}: WorkContracts & Pick<Contracts, "epochReports" | "stamps">) {
  const topics: Partial<Record<IntentKind, string>> = {
    settle: postageChannels.interface.getEvent("Settled").topicHash,
    report: epochReports.interface.getEvent("ReportAccepted").topicHash,
    charge: stamps.interface.getEvent("Charged").topicHash,
    penalties: epochReports.interface.getEvent("PenaltiesApplied").topicHash,
    announce: epochReports.interface.getEvent("RangesAnnounced").topicHash,
    rollCall: epochReports.interface.getEvent("RollCallAnswered").topicHash,
    rollCallOpen: epochReports.interface.getEvent("RollCallOpened").topicHash,
    rollCallClose: epochReports.interface.getEvent("RollCallClosed").topicHash,
    rollOver: nodeSeats.interface.getEvent("RegistryVersionWritten").topicHash,
  };
  return ({ kind, to }: Intent, receipt: Receipt): boolean => {
    if (to === null) return receipt.contractAddress !== null;
    const own = receipt.logs.filter(({ address }) => address === to);
    const topic = topics[kind];
    return topic === undefined ? receipt.logs.length > 0 : own.some((log) => log.topics[0] === topic);
  };
}

interface EventReader {
  parseLog(log: { topics: readonly string[]; data: string }): { name: string; args: unknown } | null;
}

function eventOf(reader: EventReader, { logs }: Receipt, name: string): Record<string, unknown> | undefined {
  const event = logs.map((log) => reader.parseLog(log)).find((found) => found?.name === name);
  return event?.args as Record<string, unknown> | undefined;
}
