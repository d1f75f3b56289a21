import type { Clock } from "../../platform/clock.ts";
import type { HttpHandler } from "../../platform/grpcServer.ts";
import { startGrpcServer } from "../../platform/grpcServer.ts";
import type { Log } from "../../platform/log.ts";
import type { Gate } from "../gate.ts";
import type { KeyRing } from "../keyRing.ts";
import { startLoop } from "../loop.ts";
import type { LedgerStore } from "../ports.ts";
import type { Answer } from "./answers.ts";
import { Fates } from "./fates.ts";
import { Lookup } from "./lookup.ts";
import { proxyRoutes } from "./passThrough.ts";
import type { Upstream } from "./ports.ts";
import { ProxyPublisher } from "./publisher.ts";
import type { Recent } from "./recent.ts";
import type { StockLog } from "./stockLog.ts";

/** A call takes up to a hundred envelopes of the largest size only when split. */
const MOST_REQUEST_BYTES = 8 * 1024 * 1024;
const ROUND_MS = 1_000;
/** Of the 30 s that a stop may take: first publishes end, then what hangs on the node's answer is cut. */
const PUBLISHES_END_MS = 12_000;
const CALLS_END_MS = 25_000;

export interface ProxyOptions {
  nodeId: number;
  host: string;
  /** 0 takes a free one. */
  port: number;
  gate: Pick<Gate, "admit" | "isOpen">;
  isRegistered: () => boolean;
  store: LedgerStore;
  upstream: Upstream;
  stockLog: StockLog;
  keys: KeyRing;
  recent: Recent;
  /** Plain HTTP below the node's address: the daemon's routes. */
  fallback: HttpHandler;
  meter: () => Promise<void>;
  onOldId: () => void;
  clock: Clock;
  log: Log;
  /** See ProxyPublisherOptions and FatesOptions. Defaults 40 s and 120 s. */
  timeoutMs?: number;
  graceMs?: number;
}

export interface RunningProxy {
  url: string;
  /** Publishes of which nobody knows whether the node stored them. */
  openFates(): number;
  /** Takes no more calls, lets those under way end, at most 30 s. */
  close(): Promise<void>;
}

/** Stands at a stock node's registered address: the node's API, with postage on publishes. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { nodeId, gate, store, upstream, stockLog, keys, recent, clock, log } = options;
  const lookup = new Lookup({ nodeId, keys, upstream });
  const conclude = async (answers: ReadonlyMap<string, Answer>) => {
    const newest = [...answers.values()].reduce((most, { sequenceId }) => (sequenceId > most ? sequenceId : most), 0n);
    await store.raiseHighWater(newest);
    stockLog.noteAnswered(newest);
    for (const [key, answer] of answers) recent.keep(key, answer);
  };
  const fates = new Fates({
    ...{ lookup, conclude, clock, log, meter: options.meter, graceMs: options.graceMs ?? 120_000 },
    doubtLog: () => stockLog.doubt(nodeId),
  });
  const publisher = new ProxyPublisher({
    ...{ nodeId, gate, store, upstream, keys, lookup, recent, fates, conclude, log },
    isRegistered: options.isRegistered,
    onOldId: () => {
      stockLog.forget(nodeId);
      options.onOldId();
    },
    timeoutMs: options.timeoutMs ?? 40_000,
  });
  const server = await startGrpcServer({
    ...{ host: options.host, port: options.port, fallback: options.fallback, drainMs: CALLS_END_MS },
    maxMessageBytes: MOST_REQUEST_BYTES,
    routes: proxyRoutes({ publisher, gate, upstream }),
  });
  const loop = startLoop("fates", ROUND_MS, () => fates.round(), { clock, log });
  let closing: Promise<void> | undefined;
  const close = async () => {
    await Promise.all([server.close(), publisher.drain(PUBLISHES_END_MS)]);
    fates.stop();
    await loop.stop();
  };
  return { url: server.url, openFates: () => fates.openCount, close: () => (closing ??= close()) };
}
