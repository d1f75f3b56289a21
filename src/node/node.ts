import type { Clock } from "../platform/clock.ts";
import { systemClock } from "../platform/clock.ts";
import type { HttpHandler } from "../platform/grpcServer.ts";
import { startGrpcServer } from "../platform/grpcServer.ts";
import type { Log } from "../platform/log.ts";
import { silentLog } from "../platform/log.ts";
import { nodeRoutes } from "./api/routes.ts";
import { ChainIndexer } from "./chain/indexer.ts";
import { describe } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import { NetworkView } from "./network.ts";
import type { EnvelopeLog, NodeChain, PublishGate } from "./ports.ts";
import { pause } from "./pause.ts";
import { Publisher } from "./publish.ts";
import type { FollowerState } from "./replicate/follower.ts";
import { Replicator } from "./replicate/replicator.ts";
import { NodeStore } from "./store/store.ts";

/** Of the 30 s that a stop may take; 5 s more are for publishes that the gate still holds. */
const CALLS_END_MS = 20_000;

export interface NodeOptions {
  /** 100, 200, ... as the registry has it. */
  nodeId: number;
  /** 32 bytes; the registry has its address as the node's signer. */
  signingKey: Uint8Array;
  host: string;
  /** 0 takes a free one. */
  port: number;
  databasePath: string;
  chain: NodeChain;
  /** A daemon's gate needs the node's log, so it may be made from it. */
  gate: PublishGate | ((log: EnvelopeLog) => PublishGate | Promise<PublishGate>);
  /** Serves plain HTTP requests on the same port. */
  fallback?: HttpHandler;
  clock?: Clock;
  log?: Log;
  /** How often the chain's head is looked at. Default 1 s. */
  chainPollMs?: number;
  /** Blocks on top of a block before it is indexed: 0 (default) on an L2, 3 on L1. */
  confirmations?: number;
  /** Blocks read from the chain in one step. Default 1,000. */
  blocksPerStep?: number;
  /** How often registry and rates are read. Default 60 s. */
  registryRefreshMs?: number;
  /** Frames on silent streams. Default 30 s. */
  keepAliveMs?: number;
  /** First and longest wait before a peer is called again. Default 500 ms and 10 s. */
  peerBackoffMs?: number;
  peerMaxBackoffMs?: number;
  /** How long close() lets calls under way end before it cuts them. Default 20 s. */
  callsEndMs?: number;
  /** How long close() waits for publishes that the gate still holds. Default 5 s. */
  drainMs?: number;
}

export interface NodeStats {
  /** Highest sequence id stored per originator, ascending by id. */
  originators: { id: number; lastSequenceId: bigint }[];
  /** Block up to which the chain is indexed. */
  indexedBlock: number | undefined;
  /** Subscriptions that are open. */
  streams: number;
  peers: FollowerState[];
  /** A publish would be taken. */
  isReady: boolean;
  /** Every other node's log was read to its end since the start, or that node could not be reached. */
  isCaughtUp: boolean;
}

export interface RunningNode {
  /** Where clients and peers reach it. */
  url: string;
  log: EnvelopeLog;
  stats(): NodeStats;
  /** Reads registry and rates now; false when the chain does not answer. */
  refresh(): Promise<boolean>;
  /** Takes no more calls, lets those under way end, and closes the store. */
  close(): Promise<void>;
}

/** Starts a broadcast node. It serves what it has even while the chain does not answer. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { nodeId, chain, signingKey } = options;
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  const store = new NodeStore(options.databasePath, log);
  try {
    const gate = typeof options.gate === "function" ? await options.gate(store.log) : options.gate;
    const network = new NetworkView(chain, clock, log);
    await network.refresh();
    const publisher = new Publisher({ nodeId, signingKey, store, network, gate, clock, log });
    const server = await startGrpcServer({
      host: options.host,
      port: options.port,
      fallback: options.fallback,
      maxMessageBytes: LIMITS.requestBytes,
      drainMs: options.callsEndMs ?? CALLS_END_MS,
      routes: nodeRoutes({ store, clock, keepAliveMs: options.keepAliveMs ?? 30_000 }, publisher),
    });
    const stop = new AbortController();
    const indexer = new ChainIndexer({
      chain,
      store,
      clock,
      log,
      pollMs: options.chainPollMs ?? 1_000,
      confirmations: options.confirmations ?? 0,
      blocksPerStep: options.blocksPerStep ?? 1_000,
    });
    const replicator = new Replicator({
      store,
      network,
      clock,
      log,
      ownId: nodeId,
      backoffMs: options.peerBackoffMs ?? 500,
      maxBackoffMs: options.peerMaxBackoffMs ?? 10_000,
      silenceMs: 3 * (options.keepAliveMs ?? 30_000),
    });
    const running = [
      indexer.run(stop.signal),
      refreshRegularly(network, clock, options.registryRefreshMs ?? 60_000, stop.signal),
    ];
    log.info({ nodeId, url: server.url }, "the node is up");
    let closing: Promise<void> | undefined;
    const close = async () => {
      stop.abort(new Error("the node is closing"));
      await Promise.all([server.close(), replicator.stop(), ...running]);
      const gaveUp = new AbortController();
      await Promise.race([publisher.drain(), pause(clock, options.drainMs ?? 5_000, gaveUp.signal)]);
      gaveUp.abort(new Error("drained"));
      store.close();
      log.info({ nodeId }, "the node is down");
    };
    return {
      url: server.url,
      log: store.log,
      stats: () => ({
        originators: store.reader.originators().map(({ id, lastSequenceId }) => ({ id, lastSequenceId })),
        indexedBlock: store.chain.cursor()?.number,
        streams: store.hub.streams,
        peers: replicator.peers,
        isReady: publisher.isReady(),
        isCaughtUp: network.nodes.length > 0 && replicator.peers.every((peer) => peer.isCaughtUp),
      }),
      refresh: () => network.refresh(),
      close: () => (closing ??= close()),
    };
  } catch (error) {
    log.error({ nodeId, error: describe(error) }, "the node could not start");
    store.close();
    throw error;
  }
}

async function refreshRegularly(network: NetworkView, clock: Clock, everyMs: number, signal: AbortSignal) {
  // While nothing is known yet, the node cannot publish: ask more often.
  const next = () => (network.nodes.length > 0 ? everyMs : Math.min(everyMs, 1_000));
  while (!signal.aborted) {
    await pause(clock, next(), signal);
    if (!signal.aborted) await network.refresh();
  }
}
