import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { abis } from "../../src/contracts/abis.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { CallCounter } from "../../src/contracts/rpc/callCounter.ts";
import { RpcEndpoint } from "../../src/contracts/rpc/rpcEndpoint.ts";
import { RpcProvider } from "../../src/contracts/rpc/rpcProvider.ts";
import { ethersChain } from "../../src/daemon/adapters/ethersChain.ts";
import { ethersEndpoint } from "../../src/daemon/adapters/ethersEndpoint.ts";
import { openStore } from "../../src/daemon/store/openStore.ts";
import type { Transactions } from "../../src/daemon/transactions/send.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { finalityOf } from "../../src/daemon/follow/finality.ts";
import { silentLog } from "../../src/platform/log.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { FakeChain } from "../../test/daemon/follow/fakeChain.ts";
import type { FakeEvent } from "../../test/daemon/follow/fakeChain.ts";
import { MemoryLog } from "../../test/daemon/support.ts";
import { ManualClock } from "../../test/support/manualClock.ts";
import { simulatedRpc } from "./simulatedRpc.ts";

export interface RpcFigure {
  calls: number;
  requests: number;
  methods: Record<string, number>;
}
export type RpcFigures = Record<string, RpcFigure>;

/** Whole daemon, JSON-RPC calls in an hour. */
export const TARGETS: Record<string, number> = {
  "follower, idle, 1 endpoint": 1_400,
  "daemon, idle, 1 endpoint": 2_100,
  "daemon, 1,000 channels, 1 endpoint": 3_600,
  "daemon, 1,000 channels, 2 endpoints": 4_200,
};

const CHAIN_ID = 8453;
const HOUR_SECONDS = 3_600;
const BLOCK_SECONDS = 2;
/** As config.ts has them. */
const FOLLOW_SECONDS = 6;
const SETTLE_SECONDS = 30;
/** Base: batches reach L1 in a minute or so, and are final a quarter of an hour later. */
const SAFE_BLOCKS = 45;
const FINAL_BLOCKS = 450;
const ADDRESS = `0x${"aa".repeat(20)}`;

export async function measureRpc(): Promise<RpcFigures> {
  return {
    "follower, idle, 1 endpoint": await anHour({ channels: 0, endpoints: 1, works: false }),
    "daemon, idle, 1 endpoint": await anHour({ channels: 0, endpoints: 1, works: true }),
    "daemon, 1,000 channels, 1 endpoint": await anHour({ channels: 1_000, endpoints: 1, works: true }),
    "daemon, 1,000 channels, 2 endpoints": await anHour({ channels: 1_000, endpoints: 2, works: true }),
  };
}

interface Scene {
  channels: number;
  endpoints: number;
  /** Settles and claims too, when something is due. */
  works: boolean;
}

async function anHour(scene: Scene): Promise<RpcFigure> {
  const chain = new FakeChain();
  Object.assign(chain, { safeLag: SAFE_BLOCKS, finalLag: FINAL_BLOCKS });
  const channels = Array.from(
    { length: scene.channels },
    (_, i): Address => `0x${(i + 1).toString(16).padStart(40, "0")}`,
  );
  chain.mine(channels.map((channel) => ({ kind: "deposit", channel, amount: 10_000_000n })));
  chain.mineEmpty(1_000);
  const clock = new ManualClock(Number(chain.at(chain.latest)!.head.timestamp) * 1_000);
  const calls = new CallCounter();
  const daemon = await daemonOver(chain, clock, calls, scene.endpoints);
  await daemon.poll();
  const before = total(calls);
  for (let second = BLOCK_SECONDS; second <= HOUR_SECONDS; second += BLOCK_SECONDS) {
    chain.mine(eventsAt(second, channels));
    clock.advance(BLOCK_SECONDS * 1_000);
    if (second % FOLLOW_SECONDS === 0) await daemon.poll();
    if (scene.works && second % SETTLE_SECONDS === 0) await daemon.work();
  }
  const after = total(calls);
  await daemon.close();
  const methods = Object.entries(after.methods).map(
    ([name, count]) => [name, count - (before.methods[name] ?? 0)] as const,
  );
  return {
    calls: after.calls - before.calls,
    requests: after.requests - before.requests,
    methods: Object.fromEntries(methods.filter(([, count]) => count > 0)),
  };
}

/** Of a thousand channels in an hour: 50 deposits, 10 withdrawals, and all settled once, a hundred in a transaction. */
function eventsAt(second: number, channels: readonly Address[]): FakeEvent[] {
  if (channels.length === 0) return [];
  const events: FakeEvent[] = [];
  const pick = (i: number) => channels[i % channels.length]!;
  if (second % 72 === 0) events.push({ kind: "deposit", channel: pick(second), amount: 1_000n });
  if (second % 360 === 2) {
    const batch = Math.floor(second / 360) * 100;
    for (let i = 0; i < 100; i++) events.push({ kind: "settle", channel: pick(batch + i), amount: 400n });
  }
  if (second % 360 === 180) events.push({ kind: "request", channel: pick(second), amount: 1_000n });
  return events;
}

async function daemonOver(chain: FakeChain, clock: ManualClock, calls: CallCounter, count: number): Promise<Daemon> {
  const names = ["alpha", "beta", "gamma"].slice(0, count);
  const endpoints = names.map((name) => {
    const transport = simulatedRpc(chain, CHAIN_ID, ADDRESS);
    return new RpcEndpoint({ name, chainId: CHAIN_ID, transport, clock, calls });
  });
  const over = (some: RpcEndpoint[]) =>
    new RpcProvider({ chainId: CHAIN_ID, endpoints: some, clock, pollingMs: 1_000 });
  const provider = over(endpoints);
  const addresses = Object.fromEntries(Object.keys(abis).map((key) => [key, { address: ADDRESS }]));
  const contracts = connectContracts({ contracts: addresses } as unknown as DeploymentRecord, provider);
  const domain = { chainId: BigInt(CHAIN_ID), postageChannels: ADDRESS as Address };
  const finality = finalityOf(domain.chainId);
  const views = endpoints.map((one) => ethersEndpoint({ name: one.name, provider: over([one]), contracts, finality }));
  const transactions: Transactions = {
    send: () => Promise.reject(new Error("nothing is sent here")),
    underway: async () => [],
  };
  return new Daemon({
    ...{ nodeId: 100, domain, clock, deploymentBlock: 1n, operatorPort: 0, log: silentLog },
    policy: { maxGasBps: 200n, nativeTokenPrice: 4_000_000_000n, exposureCap: 5_000_000n },
    intervalsMs: { watch: FOLLOW_SECONDS * 1_000, gossip: 5_000, settle: SETTLE_SECONDS * 1_000 },
    ...{ staleHeadMs: 300_000, termsEveryMs: 300_000, reconcileEveryMs: 3_600_000 },
    store: await openStore({ at: ":memory:", domain, nodeId: 100, clock, log: silentLog }),
    chain: ethersChain(contracts, provider, transactions, views),
    envelopeLog: new MemoryLog(),
    isCaughtUp: () => true,
    transport: { send: async () => {} },
  });
}

function total(calls: CallCounter): RpcFigure {
  const sum: RpcFigure = { calls: 0, requests: 0, methods: {} };
  for (const { requests, methods } of Object.values(calls.snapshot())) {
    sum.requests += requests;
    for (const [name, count] of Object.entries(methods)) {
      sum.calls += count;
      sum.methods[name] = (sum.methods[name] ?? 0) + count;
    }
  }
  return sum;
}
