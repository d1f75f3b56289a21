import { unitsToPico } from "../../protocol/units.ts";
import type { OverviewData } from "../overview/overview.ts";
import type { DaemonMetrics } from "./ports.ts";

const ALARMS = { none: 0, low: 1, reserve: 2, empty: 3 };

/** What the chain's endpoints were asked since the start, by endpoint. */
export type RpcCalls = Record<string, { requests: number; failures: number; methods: Record<string, number> }>;

/** Sets what is known whole at each look. */
export function setGauges(metrics: DaemonMetrics, data: OverviewData, rpcCalls: RpcCalls | undefined): void {
  setState(metrics, data);
  setChain(metrics, data);
  setMoney(metrics, data);
  setTransactions(metrics, data);
  setRpcCalls(metrics, rpcCalls ?? {});
}

function setState(
  metrics: DaemonMetrics,
  { health, ready, loops, highWater, faults, seats, disk }: OverviewData,
): void {
  metrics.set("healthy", flag(health.ok));
  metrics.set("ready", flag(ready.ok));
  metrics.clear("loopFailures");
  for (const { loop, ageSeconds, failures, sinceSuccessSeconds } of loops) {
    metrics.set("loopAge", ageSeconds, { loop });
    metrics.count("loopFailures", failures, { loop });
    if (loop === "meter") metrics.set("meterLag", sinceSuccessSeconds);
  }
  metrics.set("highWater", Number(highWater.sequenceId));
  metrics.set("highWaterReached", flag(highWater.reached));
  metrics.set("evidenceOpen", faults.open);
  metrics.set("accused", flag(faults.accused === true));
  metrics.set("nodes", seats.nodes);
  if (!disk) return;
  metrics.set("diskFree", disk.freeBytes);
  for (const [database, bytes] of Object.entries(disk.databases)) metrics.set("databaseBytes", bytes, { database });
}

function setChain(metrics: DaemonMetrics, { chain, now }: OverviewData): void {
  metrics.set("chainDoubt", chain.doubt);
  metrics.set("chainBroken", flag(chain.broken !== undefined));
  metrics.set("clockOff", chain.clockOffSeconds);
  metrics.set("rolledBack", chain.rolledBackBlocks);
  metrics.set("disagreements", chain.disagreements);
  metrics.set("ledgerDifferences", chain.reconciliation.differences);
  if (chain.head) {
    metrics.set("chainHead", Number(chain.head.number));
    metrics.set("chainHeadAge", now / 1_000 - Number(chain.head.timestamp));
  } else {
    metrics.clear("chainHead");
    metrics.clear("chainHeadAge");
  }
  if (chain.finalized) metrics.set("chainFinalized", Number(chain.finalized.number));
  for (const { name: endpoint, state, block } of chain.endpoints) {
    metrics.set("endpointWell", flag(state === "well"), { endpoint });
    if (block !== undefined) metrics.set("endpointBlock", Number(block), { endpoint });
  }
}

function setMoney(metrics: DaemonMetrics, { books, deadlines, exposureCap, chain }: OverviewData): void {
  metrics.set("channels", books.channels);
  metrics.set("exposure", Number(books.exposure));
  metrics.set("unsettled", Number(books.unsettled));
  metrics.set("leavingChannels", books.leavingChannels);
  const most = books.largest[0]?.exposure ?? 0n;
  metrics.set("largestExposure", exposureCap > 0n ? Number(unitsToPico(most)) / Number(unitsToPico(exposureCap)) : 0);
  const first = deadlines.find(({ withdrawableAt }) => withdrawableAt !== undefined)?.withdrawableAt;
  if (first === undefined || !chain.head) metrics.clear("nextDeadline");
  else metrics.set("nextDeadline", Number(first - chain.head.timestamp));
}

function setTransactions(metrics: DaemonMetrics, { transactions, now }: OverviewData): void {
  metrics.set("fenced", flag(transactions?.isFenced ?? false));
  metrics.clear("oldestPending");
  for (const status of transactions?.lanes ?? []) {
    const { lane, open, pending, oldestPendingAt, balanceWei, reserveWei, runway, alarm } = status;
    metrics.set("transactionsOpen", pending, { lane, state: "pending" });
    metrics.set("transactionsOpen", open - pending, { lane, state: "mined" });
    if (oldestPendingAt !== undefined) metrics.set("oldestPending", (now - oldestPendingAt) / 1_000, { lane });
    if (balanceWei !== undefined) metrics.set("gasBalance", Number(balanceWei), { lane });
    metrics.set("gasReserve", Number(reserveWei), { lane });
    if (runway !== undefined) metrics.set("gasRunway", Number(runway), { lane });
    metrics.set("gasAlarm", ALARMS[alarm], { lane });
  }
}

/** They are counted elsewhere, from the start: the sums replace what was here. */
function setRpcCalls(metrics: DaemonMetrics, rpcCalls: RpcCalls): void {
  for (const metric of ["rpcCalls", "rpcRequests", "rpcFailures"] as const) metrics.clear(metric);
  for (const [endpoint, { requests, failures, methods }] of Object.entries(rpcCalls)) {
    metrics.count("rpcRequests", requests, { endpoint });
    metrics.count("rpcFailures", failures, { endpoint });
    for (const [method, calls] of Object.entries(methods)) metrics.count("rpcCalls", calls, { endpoint, method });
  }
}

const flag = (is: boolean) => (is ? 1 : 0);
