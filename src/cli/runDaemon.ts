import { grpcPeerLogs } from "../daemon/adapters/grpcPeerLogs.ts";
import { connectUpstream } from "../daemon/adapters/grpcUpstream.ts";
import { Daemon } from "../daemon/daemon.ts";
import { startLoop } from "../daemon/loop.ts";
import { CatchUp } from "../daemon/proxy/catchUp.ts";
import { startProxy } from "../daemon/proxy/proxy.ts";
import { Recent } from "../daemon/proxy/recent.ts";
import { StockLog } from "../daemon/proxy/stockLog.ts";
import { keepMark } from "../daemon/mark.ts";
import { systemClock as clock } from "../platform/clock.ts";
import type { DaemonConfig } from "./config/operatorConfig.ts";
import type { RunningNodeWithDaemon } from "./runNode.ts";
import { markFile, openSettlement } from "./settlement.ts";

const CATCH_UP_MS = 1_000;

/** A settlement daemon in front of a stock node, which is another process and knows nothing of it. */
export async function runDaemon(config: DaemonConfig): Promise<RunningNodeWithDaemon> {
  const { nodeId } = config;
  const { log, store, keys, options, close: closeChain } = await openSettlement(config, "daemon");
  const upstream = connectUpstream(config.upstream);
  const recent = new Recent();
  const stockLog = new StockLog({
    ...{ nodeId, upstream, keys, clock, log },
    nodeIds: () => daemon.nodes.map((node) => node.nodeId),
    cursorOf: (id) => store.ledger.meterCursor(id),
    onOwn: (envelope) => recent.note(envelope),
    onBreak: () => daemon.doubtLog(),
  });
  const catchUp = new CatchUp({ nodeId, stockLog, peers: grpcPeerLogs, keys, nodes: () => daemon.nodes, log });
  const daemon: Daemon = new Daemon({ ...options, envelopeLog: stockLog, isCaughtUp: () => catchUp.isDone });
  const proxy = await startProxy({
    ...{ nodeId, store: store.ledger, upstream, stockLog, keys, recent, clock, log },
    ...{ gate: daemon.gate, ...config.listen },
    fallback: daemon.handler,
    isRegistered: () => daemon.nodes.some((node) => node.nodeId === nodeId),
    meter: () => daemon.drain(),
    onOldId: () => daemon.doubtLog(),
    timeoutMs: config.upstream.timeoutMs,
  }).catch(async (error: unknown) => {
    await store.close();
    upstream.close();
    await closeChain();
    throw error;
  });
  const loop = startLoop("catch up", CATCH_UP_MS, () => catchUp.round(), { clock, log });
  let mark: ReturnType<typeof keepMark> | undefined;
  const nodeIds = () => daemon.nodes.map((one) => one.nodeId);
  const close = async () => {
    await Promise.all([proxy.close(), loop.stop()]);
    // First, so that a meter with much of the log before it ends with the page it is at.
    await stockLog.stop();
    await mark?.stop();
    await daemon.close();
    upstream.close();
    await closeChain();
  };
  try {
    await daemon.start();
    mark = keepMark({ ...{ file: markFile(config), nodeId, ledger: store.ledger, clock, log }, originators: nodeIds });
  } catch (error) {
    // Half a daemon must not look like a whole one: its supervisor has to see that it ended.
    await close();
    throw error;
  }
  return { url: proxy.url, operatorUrl: daemon.operatorUrl, close };
}
