import { expect } from "chai";

import { ChainWork } from "../../src/daemon/chainWork.ts";
import type { Recorder } from "../../src/daemon/metrics/ports.ts";
import type { DaemonChain } from "../../src/daemon/ports.ts";
import { silentLog } from "../../src/platform/log.ts";
import { ManualClock } from "../support/manualClock.ts";
import { openBooks } from "./support.ts";

describe("daemon/chainWork", () => {
  it("counts the steps that fail, does the others and goes on", async () => {
    const counted: string[] = [];
    const recorder: Recorder = {
      count: (metric, by = 1, labels = {}) => void counted.push(`${metric} ${labels.step} ${by}`),
      observe: () => {},
      set: () => {},
    };
    const down = async () => {
      throw new Error("connection refused");
    };
    const { ledger } = await openBooks();
    const chain = { gasPrice: down, heads: down, epochSeconds: down } as unknown as DaemonChain;
    const policy = { maxGasBps: 200n, nativeTokenPrice: 0n, exposureCap: 1n };
    const options = { nodeId: 100, ledger, chain, policy, poll: async () => {}, clock: new ManualClock() };
    const work = new ChainWork({ ...options, recorder, log: silentLog });
    await work.routine();
    await work.settleDeadlines();
    expect(counted).to.deep.equal(
      ["settle", "distribute", "claim", "rollOver", "settle deadlines"].map((step) => `workFailures ${step} 1`),
    );
  });
});
