import type { Beats } from "../../platform/beats.ts";
import type { Storage } from "../../platform/storage.ts";
import { picoToUnitsUp } from "../../protocol/units.ts";
import type { GatewayStatus } from "../server/status.ts";
import type { GatewayMetrics } from "./catalogue.ts";
import type { ChainHead } from "../ports.ts";

export interface GaugeSources {
  /** Milliseconds since 1970. */
  now: number;
  status: GatewayStatus;
  isHealthy: boolean;
  isReady: boolean;
  hasLedgerProblem: boolean;
  isLow: boolean;
  isCapped: boolean;
  loops: ReturnType<Beats["status"]>;
  head: ChainHead | undefined;
  /** When the channel was read, milliseconds since 1970; 0 before. */
  channelReadAt: number;
  storage: Storage | undefined;
}

/** Sets what is known whole at each look. */
export function setGauges(metrics: GatewayMetrics, sources: GaugeSources): void {
  setMoney(metrics, sources.status);
  setState(metrics, sources);
  const { status, storage } = sources;
  metrics.clear("nodeAvailable");
  for (const { id, isAvailable } of status.nodes) metrics.set("nodeAvailable", flag(isAvailable), { node: String(id) });
  if (!storage) return;
  metrics.set("diskFree", storage.freeBytes);
  for (const [database, bytes] of Object.entries(storage.databases)) metrics.set("databaseBytes", bytes, { database });
}

function setMoney(metrics: GatewayMetrics, status: GatewayStatus): void {
  const { gas, usage, inFlightPico, authorised, stampsSigned, headroom, deposited, left, runwaySeconds, doubles } =
    status;
  metrics.set("usage", Number(usage));
  metrics.set("inFlight", Number(picoToUnitsUp(inFlightPico)));
  metrics.set("authorised", Number(authorised));
  metrics.set("stampsSigned", Number(stampsSigned));
  metrics.set("headroom", Number(headroom));
  metrics.setKnown("deposited", deposited === undefined ? undefined : Number(deposited));
  metrics.setKnown("left", left === undefined ? undefined : Number(left));
  metrics.setKnown("runway", runwaySeconds);
  metrics.setKnown("gasBalance", gas && Number(gas.balanceWei));
  metrics.setKnown("gasRegistrations", gas?.registrations);
  metrics.set("doubles", Number(doubles));
  metrics.set("openAttempts", status.openAttempts);
  metrics.set("receipts", status.receipts);
  metrics.set("held", status.held);
  metrics.set("active", status.active);
}

function setState(metrics: GatewayMetrics, sources: GaugeSources): void {
  const { now, head, channelReadAt } = sources;
  metrics.set("healthy", flag(sources.isHealthy));
  metrics.set("ready", flag(sources.isReady));
  metrics.set("ledgerProblem", flag(sources.hasLedgerProblem));
  metrics.set("balanceLow", flag(sources.isLow));
  metrics.set("topUpCapped", flag(sources.isCapped));
  metrics.setKnown("channelReadAge", channelReadAt > 0 ? (now - channelReadAt) / 1_000 : undefined);
  metrics.setKnown("chainHead", head && Number(head.number));
  metrics.setKnown("chainHeadAge", head && now / 1_000 - Number(head.timestamp));
  metrics.clear("loopFailures");
  for (const { loop, ageSeconds, failures } of sources.loops) {
    metrics.set("loopAge", ageSeconds, { loop });
    metrics.count("loopFailures", failures, { loop });
  }
}

const flag = (is: boolean) => (is ? 1 : 0);
