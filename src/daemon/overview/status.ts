import type { FaultWatch } from "../faults/faultWatch.ts";
import type { HighWater } from "../highWater.ts";
import { describe } from "../http.ts";
import type { DaemonOptions } from "../options.ts";
import type { Reports } from "../reports/openReports.ts";
import type { Stamps } from "../stamps/openStamps.ts";
import type { Watch } from "../watch.ts";

/** Accounts that a status shows; the rest is counted. */
const SHOWN_ACCOUNTS = 100;

export interface StatusSources extends Pick<
  DaemonOptions,
  "nodeId" | "domain" | "store" | "envelopeLog" | "isCaughtUp" | "rpcCalls" | "transactions"
> {
  watch: Pick<Watch, "doubt" | "nodes" | "status">;
  highWater: Pick<HighWater, "status">;
  faults: Pick<FaultWatch, "status"> | undefined;
  reports: Pick<Reports, "status"> | undefined;
  stamps: Pick<Stamps, "status"> | undefined;
  isOpen: boolean;
}

/** Everything in one piece, for `/status`. */
export async function statusOf(sources: StatusSources): Promise<object> {
  const { nodeId, domain, store, envelopeLog, watch } = sources;
  const accounts = await store.ledger.accounts(undefined, SHOWN_ACCOUNTS);
  const originators = await envelopeLog.originators();
  const cursors = await Promise.all(originators.map(async (id) => [id, await store.ledger.meterCursor(id)] as const));
  return {
    nodeId,
    chainId: domain.chainId,
    postageChannels: domain.postageChannels,
    ready: sources.isOpen,
    highWater: sources.highWater.status(),
    caughtUp: sources.isCaughtUp(),
    chainDoubt: watch.doubt(),
    chain: await watch.status(),
    rpcCalls: sources.rpcCalls?.(),
    metered: Object.fromEntries(cursors),
    nodes: watch.nodes,
    transactions: sources.transactions?.status(),
    faults: await sources.faults?.status(),
    reports: (await sources.reports?.status()) ?? "off",
    stamps: (await sources.stamps?.status()) ?? "off",
    channels: accounts.map(describe),
  };
}
