import { createClient } from "@connectrpc/connect";
import type { Client } from "@connectrpc/connect";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { fromBinary } from "@bufbuild/protobuf";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import { connectUpstream } from "../../../src/daemon/adapters/grpcUpstream.ts";
import { Daemon } from "../../../src/daemon/daemon.ts";
import { KeyRing } from "../../../src/daemon/keyRing.ts";
import type { ChainEndpoint, Head } from "../../../src/daemon/follow/ports.ts";
import type { DaemonChain, DaemonStore, NodeKeys } from "../../../src/daemon/ports.ts";
import type { PeerLogs } from "../../../src/daemon/faults/ports.ts";
import type { RunningProxy } from "../../../src/daemon/proxy/proxy.ts";
import { startProxy } from "../../../src/daemon/proxy/proxy.ts";
import { Recent } from "../../../src/daemon/proxy/recent.ts";
import { StockLog } from "../../../src/daemon/proxy/stockLog.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { VOUCHER_HEADER } from "../../../src/protocol/voucher.ts";
import { RETENTION_DAYS, payerEnvelope } from "../../support/envelopes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { StockNode } from "../../support/stockNode/stockNode.ts";
import { DOMAIN, NODE_ID, PAYER, PAYER_KEY, RATES, headerOf, storeAt } from "../support.ts";

export const NODE_KEY = new Uint8Array(32).fill(0x22);
const DEPOSIT = 5_000_000n;
/** More than all messages of a test cost. */
export const PREPAID = 1_000_000n;

export type ApiClient = Client<typeof ReplicationApi>;
export type Store = DaemonStore;

/** Whose keys are whose, as a test sets it. */
export class Registry implements NodeKeys {
  readonly keys = new Map<string, { retiredAt?: bigint }>([[`${NODE_ID}:${addressOf(NODE_KEY)}`, {}]]);
  isDown = false;

  keyOf = async (nodeId: number, signer: string) => {
    if (this.isDown) throw new Error("the chain does not answer");
    return this.keys.get(`${nodeId}:${signer}`);
  };
}

export interface WorldOptions {
  stock?: StockNode;
  store?: Store;
  peers?: PeerLogs;
  protocol?: "grpc" | "grpc-web";
  timeoutMs?: number;
}

/** A stock node, and a whole daemon with its proxy in front of it, on a chain in memory. */
export async function startWorld(options: WorldOptions = {}) {
  const clock = new ManualClock();
  const stock =
    options.stock ?? (await StockNode.start({ nodeId: NODE_ID, signingKey: toHex(NODE_KEY), keepAliveMs: 50 }));
  const store = options.store ?? (await storeAt(":memory:", { clock }));
  const registry = new Registry();
  const keys = new KeyRing(registry, clock);
  const upstream = connectUpstream({ url: stock.url, protocol: "grpc" });
  const recent = new Recent();
  const stockLog = new StockLog({
    ...{ nodeId: NODE_ID, upstream, keys, clock, log: silentLog, backoffMs: 1, maxBackoffMs: 5 },
    nodeIds: () => daemon.nodes.map(({ nodeId }) => nodeId),
    cursorOf: (id) => store.ledger.meterCursor(id),
    onOwn: (envelope) => recent.note(envelope),
    onBreak: () => daemon.doubtLog(),
  });
  const daemon: Daemon = new Daemon({
    ...{ nodeId: NODE_ID, domain: DOMAIN, deploymentBlock: 1n, operatorPort: 0, clock, log: silentLog, store },
    ...{
      termsEveryMs: 60_000,
      reconcileEveryMs: 3_600_000,
      staleHeadMs: 300_000,
      envelopeLog: stockLog,
      isCaughtUp: () => true,
    },
    policy: { maxGasBps: 200n, nativeTokenPrice: 0n, exposureCap: DEPOSIT },
    intervalsMs: { watch: 1_000, gossip: 1_000_000, settle: 1_000_000 },
    chain: chainWith(clock),
    highWater: { peers: options.peers ?? { read: async () => [] }, keys },
    transport: { send: async () => {} },
  });
  const proxy = await startProxy({
    ...{
      nodeId: NODE_ID,
      host: "127.0.0.1",
      port: 0,
      gate: daemon.gate,
      store: store.ledger,
      upstream,
      stockLog,
      keys,
      recent,
    },
    ...{ fallback: daemon.handler, clock, log: silentLog, timeoutMs: options.timeoutMs ?? 300, graceMs: 60_000 },
    isRegistered: () => daemon.nodes.some((node) => node.nodeId === NODE_ID),
    meter: () => daemon.drain(),
    onOldId: () => daemon.doubtLog(),
  });
  await daemon.start();
  await daemon.firstLook();
  const client = clientOf(proxy);
  return {
    ...{ clock, stock, store, registry, upstream, stockLog, daemon, proxy, client },
    /** Moves the clock until something is so. */
    until: (isSo: () => boolean | Promise<boolean>, stepMs = 100) => until(clock, isSo, stepMs),
    usagePico: async () => (await daemon.account(PAYER))?.usagePico ?? 0n,
    status: async () => (await (await fetch(`${daemon.operatorUrl}/status`)).json()) as Status,
    /** Ends daemon and proxy; the node and the ledger's file live on. */
    async stop() {
      await proxy.close();
      await daemon.close();
      await stockLog.stop();
      upstream.close();
    },
    async close() {
      await this.stop();
      stock.close();
    },
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;

interface Status {
  ready: boolean;
  highWater: { reached: boolean; sequenceId: string; problem: string | null };
}

/** A chain of three blocks, of which the second has the payer's deposit. */
function fundedEndpoint(clock: ManualClock): ChainEndpoint {
  const hash = (number: bigint): Hex => `0x${number.toString(16).padStart(64, "0")}`;
  const head = (): Head => ({ number: 2n, hash: hash(2n), timestamp: BigInt(clock.now()) / 1_000n });
  const blocks = [{ number: 1n, hash: hash(1n), touched: [PAYER] }];
  return {
    name: "memory",
    heads: async () => ({ latest: head(), safe: head(), finalized: head() }),
    peek: async (fromBlock) => ({ latest: head(), blocks: blocks.filter(({ number }) => number >= fromBlock) }),
    events: async (from, to) => ({
      blocks: blocks.filter(({ number }) => number >= from && number <= to),
      endHash: hash(to),
    }),
    hashOf: async (number) => (number <= 2n ? hash(number) : undefined),
    channels: async (channels) => channels.map(() => ({ ...EMPTY_CHANNEL, deposited: DEPOSIT })),
  };
}

function chainWith(clock: ManualClock): DaemonChain {
  const chain: Partial<DaemonChain> = {
    endpoints: [fundedEndpoint(clock)],
    heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
    settling: async () => new Map(),
    isRollOverDue: async () => false,
    hasVersion: async () => true,
    channels: async (channels) => channels.map(() => ({ ...EMPTY_CHANNEL, deposited: DEPOSIT })),
    rates: async () => [RATES],
    retentionDays: async () => RETENTION_DAYS,
    nodes: async () => [
      { nodeId: NODE_ID, httpAddress: "http://own", isCanonical: true },
      { nodeId: 200, httpAddress: "http://peer", isCanonical: true },
    ],
    gasPrice: async () => 1n,
    undistributed: async () => 0n,
    claimable: async () => 0n,
    epochSeconds: async () => 43_200n,
  };
  return chain as DaemonChain;
}

export function clientOf(proxy: Pick<RunningProxy, "url">, protocol: "grpc" | "grpc-web" = "grpc-web"): ApiClient {
  const transport =
    protocol === "grpc"
      ? createGrpcTransport({ baseUrl: proxy.url })
      : createGrpcWebTransport({ baseUrl: proxy.url, httpVersion: "1.1", nodeOptions: { agent: false } });
  return createClient(ReplicationApi, transport);
}

/** Publishes test messages by their numbers, prepaid unless said otherwise. */
export async function publish(
  client: ApiClient,
  numbers: number | number[],
  fees: bigint | null = PREPAID,
): Promise<OriginatorEnvelope[]> {
  const bytes = [numbers].flat().map((n) => payerEnvelope(n, NODE_ID, PAYER_KEY));
  return publishBytes(client, bytes, fees);
}

export async function publishBytes(
  client: ApiClient,
  envelopes: readonly Uint8Array[],
  fees: bigint | null = PREPAID,
): Promise<OriginatorEnvelope[]> {
  const header = headerOf(fees ?? undefined);
  const payerEnvelopes = envelopes.map((bytes) => fromBinary(PayerEnvelopeSchema, bytes));
  const headers: Record<string, string> = header === null ? {} : { [VOUCHER_HEADER]: header };
  return (await client.publishPayerEnvelopes({ payerEnvelopes }, { headers })).originatorEnvelopes;
}

export async function until(clock: ManualClock, isSo: () => boolean | Promise<boolean>, stepMs = 100): Promise<void> {
  for (const end = Date.now() + 8_000; !(await isSo());) {
    if (Date.now() > end) throw new Error(`it never came to that: ${String(isSo)}`);
    clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Resolves as the promise does, with the clock moved meanwhile. */
export async function moving<T>(clock: ManualClock, promise: Promise<T>, stepMs = 100): Promise<T> {
  let isOver = false;
  const over = () => (isOver = true);
  promise.then(over, over);
  await until(clock, () => isOver, stepMs);
  return promise;
}

export async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing failed");
}
