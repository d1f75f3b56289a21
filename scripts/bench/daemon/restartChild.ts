/** A daemon over a quiet chain that says when its gate is open; of `restart.ts`. */
import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import { Daemon } from "../../../src/daemon/daemon.ts";
import type { ChainEndpoint } from "../../../src/daemon/follow/ports.ts";
import type { DaemonChain } from "../../../src/daemon/ports.ts";
import { systemClock } from "../../../src/platform/clock.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { logOf, openAt, DOMAIN, NODE_ID } from "./world.ts";

const HASH = `0x${"01".repeat(32)}` as const;
const head = () => ({ number: 1n, hash: HASH, timestamp: BigInt(Math.floor(Date.now() / 1_000)) });
const endpoint: ChainEndpoint = {
  name: "quiet",
  heads: async () => ({ latest: head(), safe: head(), finalized: head() }),
  peek: async () => ({ latest: head(), blocks: [] }),
  events: async () => ({ blocks: [], endHash: HASH }),
  hashOf: async () => HASH,
  channels: async (channels) => channels.map(() => ({ ...EMPTY_CHANNEL, deposited: 2n ** 62n })),
};
const nothing = () => Promise.reject(new Error("nothing is done on this chain"));
const chain: DaemonChain = {
  endpoints: [endpoint],
  heads: async () => head(),
  channels: async (channels) => endpoint.channels(channels, HASH),
  rates: async () => [
    { messageFeePico: 100n, storageFeePico: 200n, congestionFeePico: 300n, targetRatePerMinute: 6_000n, startAt: 0n },
  ],
  retentionDays: async () => 60,
  nodes: async () => [],
  epochSeconds: async () => 43_200n,
  gasPrice: async () => 10_000_000n,
  settling: async () => new Map(),
  undistributed: async () => 0n,
  claimable: async () => 0n,
  isRollOverDue: async () => false,
  hasVersion: async () => true,
  streaming: async () => 0n,
  ...{ simulateSettle: nothing, settle: nothing, distribute: nothing, claim: nothing, rollOver: nothing },
};

const daemon = new Daemon({
  ...{ nodeId: NODE_ID, domain: DOMAIN, deploymentBlock: 1n, operatorPort: undefined, clock: systemClock },
  policy: { maxGasBps: 200n, nativeTokenPrice: 4_000_000_000n, exposureCap: 5_000_000n },
  intervalsMs: { watch: 1_000, gossip: 5_000, settle: 30_000 },
  ...{ termsEveryMs: 300_000, staleHeadMs: 300_000, reconcileEveryMs: 3_600_000, log: silentLog, chain },
  store: await openAt(process.argv[2]!),
  envelopeLog: logOf([], 0, 1),
  isCaughtUp: () => true,
  transport: { send: async () => {} },
});
await daemon.start();
while (!daemon.gate.isOpen()) await systemClock.sleep(5);
console.log("open");
