import type { DaemonOptions } from "../../src/daemon/options.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { ChainEndpoint } from "../../src/daemon/follow/ports.ts";
import type { DaemonChain } from "../../src/daemon/ports.ts";
import { silentLog } from "../../src/platform/log.ts";
import { ManualClock } from "../support/manualClock.ts";
import { DOMAIN, MemoryLog, NODE_ID, storeAt } from "./support.ts";

/** A daemon over memory and a chain of the test's making. */
export async function daemonWith(changes: Partial<DaemonOptions>, chain: Partial<DaemonChain>): Promise<Daemon> {
  const clock = new ManualClock();
  return new Daemon({
    ...{
      nodeId: NODE_ID,
      domain: DOMAIN,
      deploymentBlock: 1n,
      operatorPort: 0,
      termsEveryMs: 60_000,
      staleHeadMs: 300_000,
      reconcileEveryMs: 3_600_000,
      clock,
    },
    policy: { maxGasBps: 200n, nativeTokenPrice: 0n, exposureCap: 1n },
    intervalsMs: { watch: 1_000, gossip: 1_000, settle: 1_000_000 },
    store: changes.store ?? (await storeAt()),
    chain: { endpoints: [quietEndpoint(clock)], ...chain } as DaemonChain,
    envelopeLog: new MemoryLog(),
    isCaughtUp: () => true,
    transport: { send: async () => {} },
    log: silentLog,
    ...changes,
  });
}

/** An endpoint of a chain on which nothing happens but blocks. */
export function quietEndpoint(clock: ManualClock, isDown = () => false): ChainEndpoint {
  const hash = `0x${"01".repeat(32)}` as const;
  const head = () => {
    if (isDown()) throw new Error("connection refused");
    return { number: 1n, hash, timestamp: BigInt(clock.now()) / 1_000n };
  };
  return {
    name: "quiet",
    heads: async () => ({ latest: head(), safe: head(), finalized: head() }),
    peek: async () => ({ latest: head(), blocks: [] }),
    events: async () => ({ blocks: [], endHash: hash }),
    hashOf: async () => hash,
    channels: async () => [],
  };
}
