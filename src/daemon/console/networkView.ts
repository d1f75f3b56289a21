import { feesView } from "../../console/feesView.ts";
import type { EpochFees, NetworkNode, NetworkView, ProposalsView } from "../../console/views.ts";
import type { Rates } from "../../protocol/fees.ts";
import type { OverviewData } from "../overview/overview.ts";
import type { HourOfLog, RegisteredNode } from "../ports.ts";
import type { SeatList } from "../reports/quorum.ts";
import { reportRows } from "./operatorView.ts";

interface Known {
  nodes: readonly RegisteredNode[];
  rates: { history: readonly Rates[]; retentionDays: number };
  /** Weights are stakes as the registry's version has them; undefined when no version was read. */
  seats: SeatList | undefined;
  /** Of the last seven days. */
  hours: readonly HourOfLog[];
  epochs: EpochFees[];
  proposals: ProposalsView | undefined;
}

/** The network as this daemon knows it: what it does not know is left out. */
export function networkView(data: OverviewData, { nodes, rates, seats, hours, epochs, proposals }: Known): NetworkView {
  const { price } = data.stamps ?? {};
  const { history, retentionDays } = rates;
  const priced = { history, retentionDays, ...(price === undefined ? {} : { stampPrice: price }) };
  return {
    now: data.now,
    nodes: nodes.map((node) => ({ ...nodeOf(node), ...weightOf(node, seats), ...trafficOf(node, hours) })),
    ...feesView(priced, Math.floor(data.now / 1_000)),
    ...(data.reports ? { reports: reportRows(data.reports.latest), epochs } : {}),
    ...(proposals ? { proposals } : {}),
    ...(seats ? { registryVersion: String(seats.version) } : {}),
  };
}

function nodeOf({ nodeId: id, httpAddress, isCanonical: isSeated }: RegisteredNode): NetworkNode {
  return { id, httpAddress, isSeated };
}

function weightOf({ nodeId }: RegisteredNode, seats: SeatList | undefined): Pick<NetworkNode, "weightPercent"> {
  const own = seats?.seats.find((seat) => seat.nodeId === nodeId);
  const all = seats?.seats.reduce((sum, { weight }) => sum + weight, 0n) ?? 0n;
  return own && all > 0n ? { weightPercent: Number((own.weight * 10_000n) / all) / 100 } : {};
}

function trafficOf({ nodeId }: RegisteredNode, hours: readonly HourOfLog[]) {
  const own = hours.filter(({ originatorId }) => originatorId === nodeId);
  return {
    messages: Number(own.reduce((sum, { messages }) => sum + messages, 0n)),
    feesPico: String(own.reduce((sum, { feesPico }) => sum + feesPico, 0n)),
  };
}
