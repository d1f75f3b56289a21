import type { ReportsChain } from "../../../src/daemon/reports/ports.ts";
import type { Lane } from "../../../src/daemon/transactions/ports.ts";
import type { Transactions } from "../../../src/daemon/transactions/send.ts";
import type { Clock } from "../../../src/platform/clock.ts";
import type { Rates } from "../../../src/protocol/fees.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { NO_PARENT, reportDigest } from "../../../src/protocol/report/report.ts";
import type { SimChain } from "../chain.ts";
import { CONTRACT, GWEI, encodeCall } from "../chain.ts";
import type { SimRpc } from "../rpc.ts";
import { channelAt } from "../rpc.ts";
import type { ReportCall, ReportRules } from "./rules.ts";
import { EPOCH_SECONDS, SimRevert, VETO_WINDOW_SECONDS, submitCall } from "./rules.ts";

const SEND_TIMEOUT_MS = 120_000;
/** A hundred times the usual price of gas at times: a report goes all the same. */
const BUDGET_WEI = 100_000n * 200n * GWEI;
const OVERTAKEN = new Set(["EpochReportsNotOnHead", "EpochReportsWrongRound", "EpochReportsTooLate"]);

export interface SimReportsChainOptions {
  chain: SimChain;
  rules: ReportRules;
  rpc: SimRpc;
  transactions: Transactions;
  rates: Rates;
  retentionDays: number;
  clock: Clock;
}

/** What `ethersReports` is on contracts, on the simulated chain. */
export function simReportsChain(options: SimReportsChainOptions): ReportsChain {
  const { rules, rpc, transactions, rates, retentionDays, clock } = options;

  async function send(call: ReportCall, deadlineAt?: bigint): Promise<void> {
    const patience = new AbortController();
    void clock.sleep(SEND_TIMEOUT_MS).then(() => patience.abort(new Error("it is not mined yet")));
    const lane: Lane = deadlineAt === undefined ? "routine" : "deadline";
    const terms = { lane, budgetWei: BUDGET_WEI, ...(deadlineAt === undefined ? {} : { deadlineAt }) };
    await transactions.send({ ...terms, kind: call.do, to: CONTRACT, data: encodeCall(call) }, patience.signal);
  }

  return {
    now: () => rpc.read(({ timestamp }) => timestamp),
    epochSeconds: () => rpc.read(() => EPOCH_SECONDS),
    rates: () => rpc.read(() => [rates]),
    retentionDays: () => rpc.read(() => retentionDays),
    seatsAt: () => rpc.read(() => rules.seats),
    head: () =>
      rpc.read(({ state: { reports } }) => {
        const head = reports.at(-1);
        const length = BigInt(reports.length);
        return { digest: head?.digest ?? NO_PARENT, length, round: 0, epoch: head?.report.epoch ?? 0n };
      }),
    standing: (digest) =>
      rpc.read(({ state: { reports } }) => {
        const found = reports.find((one) => one.digest === digest);
        const { hasPenaltiesApplied = false, isAnnounced = false } = found ?? {};
        const finalAt = found ? found.acceptedAt + VETO_WINDOW_SECONDS : 0n;
        return { status: found ? "accepted" : "unknown", finalAt, hasPenaltiesApplied, isAnnounced };
      }),
    backing: (channels, before) =>
      rpc.readBefore(before, (block) => new Map(channels.map((channel) => [channel, channelAt(block, channel)]))),
    async submit({ report, signers, signature }, deadlineAt) {
      try {
        await send(submitCall(report, signers, signature), deadlineAt);
        return true;
      } catch (error) {
        if (error instanceof SimRevert && OVERTAKEN.has(error.error)) return false;
        throw error;
      }
    },
    async applyPenalties(report) {
      await send({ do: "penalties", digest: digestOf(rules, report) });
      return true;
    },
    async announce(report) {
      await send({ do: "announce", digest: digestOf(rules, report) });
      return true;
    },
    charge: () => Promise.reject(new Error("nobody owes stamps here")),
    rollCall: () => rpc.read(() => undefined),
    answerRollCall: () => Promise.reject(new Error("nobody calls a roll here")),
    isRollCallDue: async () => false,
    openRollCall: async () => false,
    closeRollCall: async () => false,
  };
}

function digestOf({ domain }: ReportRules, report: Parameters<typeof reportDigest>[1]) {
  return toHex(reportDigest(domain, report));
}
