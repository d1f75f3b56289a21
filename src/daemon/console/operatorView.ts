import type { Alert, GasLane, MoneyFlow, OperatorView, ReportRow, SettlementLane } from "../../console/views.ts";
import type { OverviewData } from "../overview/overview.ts";
import type { ReportSummary } from "../reports/ports.ts";

interface Beside {
  history: OperatorView["history"];
  alerts: Alert[];
  onChain: Pick<MoneyFlow, "undistributed" | "streaming" | "claimable">;
  epochSeconds: bigint | undefined;
}

/** An overview as the page takes it: plain values, amounts as decimal strings. */
export function operatorView(data: OverviewData, { history, alerts, onChain, epochSeconds }: Beside): OperatorView {
  const { nodeId, now, health, ready, books, exposureCap, seats, faults, transactions } = data;
  const { deposited, used, signed, settled, exposure, unsettled } = books;
  const row = (line: (typeof books.largest)[number]) => ({
    ...{ channel: line.channel, exposure: String(line.exposure), unsettled: String(line.unsettled) },
  });
  return {
    ...{ nodeId, now, isHealthy: health.ok, isReady: ready.ok, alerts, history },
    money: {
      ...{ deposited: String(deposited), used: String(used), signed: String(signed), settled: String(settled) },
      ...{ exposure: String(exposure), unsettled: String(unsettled), exposureCap: String(exposureCap), ...onChain },
    },
    channels: { count: books.channels, leaving: books.leavingChannels, largest: books.largest.map(row) },
    deadlines: data.deadlines.map((line) => ({
      ...row(line),
      ...(line.withdrawableAt === undefined ? {} : { withdrawableAtSeconds: Number(line.withdrawableAt) }),
    })),
    settlement: data.settlement.map(settlementLane),
    gas: gasLanes(transactions),
    isFenced: transactions?.isFenced ?? false,
    chain: chainOf(data),
    seat: {
      ...{ isSeated: seats.own?.isCanonical === true, begins: seats.own?.isCanonical === false },
      ...{ active: seats.active, nodes: seats.nodes },
    },
    ...epochOf(data, epochSeconds),
    ...reportsOf(data),
    ...stampsOf(data),
    faults: { isAccused: faults.accused === true, openCases: faults.open },
    loops: data.loops.map(({ loop, sinceSuccessSeconds, failures, isStuck }) => ({
      ...{ loop, sinceSuccessSeconds: Math.round(sinceSuccessSeconds), failures, isStuck },
    })),
    ...diskOf(data),
  };
}

function settlementLane({ lane, whyNot, lastRun }: OverviewData["settlement"][number]): SettlementLane {
  if (!lastRun) return { lane, whyNot };
  const { at, unsettledAccounts, unsettled, underway, due, ripe, waitSeconds, gasCost } = lastRun;
  return {
    ...{ lane, whyNot },
    lastRun: {
      ...{ at, unsettledPayers: unsettledAccounts, unsettled: String(unsettled), underway, due, ripe },
      ...{ waitSeconds: Number(waitSeconds), gasCost: String(gasCost) },
    },
  };
}

/** One per account: lanes may share it. */
function gasLanes(transactions: OverviewData["transactions"]): GasLane[] {
  const lanes = transactions?.lanes ?? [];
  return lanes
    .filter(({ account }, i) => lanes.findIndex((one) => one.account === account) === i)
    .map(({ lane, account, balanceWei, reserveWei, runway, alarm, open, pending, oldestPendingAt }) => ({
      ...{ lane, account, reserveWei: String(reserveWei), alarm, open, pending },
      ...(balanceWei === undefined ? {} : { balanceWei: String(balanceWei) }),
      ...(runway === undefined ? {} : { runway: Number(runway) }),
      ...(oldestPendingAt === undefined ? {} : { oldestPendingAt }),
    }));
}

function chainOf({ chain }: OverviewData): OperatorView["chain"] {
  const { head, finalized, doubt, endpoints } = chain;
  return {
    ...(head ? { head: { number: String(head.number), timestampSeconds: Number(head.timestamp) } } : {}),
    ...(finalized ? { finalized: String(finalized.number) } : {}),
    doubt,
    endpoints: endpoints.map(({ name, state, problem }) => ({ name, state, ...(problem ? { problem } : {}) })),
  };
}

function epochOf({ chain }: OverviewData, length: bigint | undefined): Pick<OperatorView, "epoch"> {
  if (!chain.head || !length) return {};
  const number = chain.head.timestamp / length;
  return { epoch: { number: String(number), seconds: Number(length), endsAtSeconds: Number((number + 1n) * length) } };
}

function reportsOf({ reports }: OverviewData): Pick<OperatorView, "reports"> {
  if (!reports) return {};
  const { state, epoch, message, latest } = reports;
  return {
    reports: {
      state,
      ...(epoch === undefined ? {} : { epoch: String(epoch) }),
      ...(message === undefined ? {} : { message }),
      latest: reportRows(latest),
    },
  };
}

export function reportRows(latest: readonly ReportSummary[]): ReportRow[] {
  return latest.map(({ epoch, digest, state, attestedAt, finalAt }) => ({
    ...{ epoch: String(epoch), digest, state },
    ...(attestedAt === undefined ? {} : { attestedAt }),
    ...(finalAt === undefined ? {} : { finalAtSeconds: Number(finalAt) }),
  }));
}

function stampsOf({ stamps }: OverviewData): Pick<OperatorView, "stamps"> {
  if (!stamps) return {};
  const { price, open, notes } = stamps;
  return {
    stamps: {
      ...(price === undefined ? {} : { price: String(price) }),
      ...{ open: Number(open), notes: Number(notes) },
    },
  };
}

function diskOf({ disk }: OverviewData): Pick<OperatorView, "disk"> {
  if (!disk) return {};
  const databaseBytes = Object.values(disk.databases).reduce((sum, bytes) => sum + bytes, 0);
  return { disk: { freeBytes: disk.freeBytes, databaseBytes } };
}
