import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect } from "chai";

import { silentLog } from "../../src/platform/log.ts";
import { ManualClock } from "../support/manualClock.ts";
import { payerEnvelope } from "../support/envelopes.ts";
import { daemonWith, quietEndpoint } from "./daemonWith.ts";
import { FakeFaultChain } from "./faults/fakeFaultChain.ts";
import { ACCUSED, FilledLog, envelopeOf, salts } from "./faults/support.ts";
import { MemoryLog, NODE_ID, PAYER_KEY, RATES, storeAt } from "./support.ts";

const NS = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("daemon start", () => {
  it("keeps the gate shut while the chain cannot be read, and opens it when it can", async () => {
    let isDown = true;
    const clock = new ManualClock();
    const daemon = await daemonWith(
      { clock },
      {
        heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
        endpoints: [quietEndpoint(clock, () => isDown)],
        rates: async () => [RATES],
        retentionDays: async () => 60,
        nodes: async () => [],
        gasPrice: async () => 1n,
        undistributed: async () => 0n,
        claimable: async () => 0n,
        epochSeconds: async () => 43_200n,
      },
    );
    await daemon.start();
    await daemon.firstLook();
    expect(daemon.gate.isOpen()).to.equal(false);
    isDown = false;
    for (let i = 0; i < 100 && !daemon.gate.isOpen(); i++) {
      clock.advance(1_000);
      await turn();
    }
    expect(daemon.gate.isOpen()).to.equal(true);
    await daemon.close();
  });

  it("serves deadlines, gossip and transactions while a long log is metered, and ends with the page it is at", async () => {
    const clock = new ManualClock();
    const done = { deadlines: 0, gossip: 0, ticks: 0, pages: 0 };
    let giveOut = () => {};
    // A log that has always one more page, and gives it out when the test says so.
    const envelopeLog = new MemoryLog();
    for (let n = 0; n < 3; n++) envelopeLog.append(NODE_ID, payerEnvelope(n, NODE_ID, PAYER_KEY), NS);
    const read = envelopeLog.read.bind(envelopeLog);
    envelopeLog.read = async (originatorId, after) => {
      done.pages++;
      await new Promise<void>((resolve) => (giveOut = resolve));
      return read(originatorId, after % 3n, 1).then(([copy]) => [{ ...copy!, sequenceId: after + 1n }]);
    };
    const daemon = await daemonWith(
      {
        ...{ clock, envelopeLog },
        intervalsMs: { watch: 1_000, gossip: 1_000, settle: 1_000 },
        transactions: {
          tick: async () => void done.ticks++,
          status: () => ({ isFenced: false, lanes: [] }),
          stop: () => {},
          close: async () => {},
        },
        transport: { send: async () => void done.gossip++ },
      },
      {
        heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
        rates: async () => [RATES],
        retentionDays: async () => 60,
        nodes: async () => [{ nodeId: 300, httpAddress: "http://300", isCanonical: true }],
        gasPrice: async () => 1n,
        settling: async () => {
          done.deadlines++;
          return new Map();
        },
        undistributed: async () => 0n,
        claimable: async () => 0n,
        isRollOverDue: async () => false,
        hasVersion: async () => true,
        streaming: async () => 0n,
        epochSeconds: async () => 43_200n,
      },
    );
    const started = daemon.start().then(() => "started");
    const late = new Promise((resolve) => setTimeout(() => resolve("still metering"), 2_000).unref());
    expect(await Promise.race([started, late])).to.equal("started");
    for (let i = 0; i < 200 && !(done.deadlines > 3 && done.ticks > 3 && done.pages > 3); i++) {
      clock.advance(1_000);
      giveOut();
      await turn();
    }
    expect(done.deadlines).to.be.greaterThan(3);
    expect(done.ticks).to.be.greaterThan(3);
    expect(done.pages).to.be.greaterThan(3);
    expect(daemon.gate.isOpen()).to.equal(false);
    const closed = daemon.close().then(() => "closed");
    giveOut();
    const stuck = new Promise((resolve) => setTimeout(() => resolve("still metering"), 2_000).unref());
    expect(await Promise.race([closed, stuck])).to.equal("closed");
  });

  it("claims and has versions written although settling and distributing fail, and logs each failure", async () => {
    const lines: object[] = [];
    const done: string[] = [];
    const clock = new ManualClock();
    const daemon = await daemonWith(
      { clock, log: { ...silentLog, warn: (fields) => void lines.push(fields) } },
      {
        heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
        rates: async () => [RATES],
        retentionDays: async () => 60,
        nodes: async () => [{ nodeId: NODE_ID, httpAddress: "http://own", isCanonical: true }],
        epochSeconds: async () => 43_200n,
        gasPrice: async () => 1n,
        settling: () => Promise.reject(new Error("no answer about settlements")),
        undistributed: async () => 5n,
        distribute: () => Promise.reject(new Error("it reverts")),
        claimable: async () => 7n,
        claim: async () => {
          done.push("claim");
          return 7n;
        },
        streaming: async () => 100n,
        isRollOverDue: async () => true,
        hasVersion: async () => true,
        rollOver: async () => void done.push("rollOver"),
      },
    );
    await daemon.work();
    expect(done).to.deep.equal(["claim", "rollOver"]);
    expect(lines).to.deep.equal([
      { step: "settle deadlines", error: "Error: no answer about settlements" },
      { step: "settle", error: "Error: no answer about settlements" },
      { step: "distribute", error: "Error: it reverts" },
    ]);
    await daemon.close();
  });

  it("has the first version of a registry written before there is anything to earn, later ones when they are worth it", async () => {
    let versions = 0;
    const budgets: bigint[] = [];
    const clock = new ManualClock();
    const policy = { maxGasBps: 200n, nativeTokenPrice: 4_000_000_000n, exposureCap: 50_000_000n };
    const daemon = await daemonWith(
      { clock, policy },
      {
        heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
        rates: async () => [RATES],
        retentionDays: async () => 60,
        nodes: async () => [{ nodeId: NODE_ID, httpAddress: "http://own", isCanonical: true }],
        epochSeconds: async () => 43_200n,
        gasPrice: async () => 10n ** 9n,
        settling: async () => new Map(),
        undistributed: async () => 0n,
        claimable: async () => 0n,
        streaming: async () => 0n,
        isRollOverDue: async () => true,
        hasVersion: async () => versions > 0,
        rollOver: async ({ budgetWei }) => {
          versions++;
          budgets.push(budgetWei);
        },
      },
    );
    for (let run = 0; run < 3; run++) {
      await daemon.work();
      clock.advance(3_600_000);
    }
    expect(versions).to.equal(1);
    expect(budgets[0]).to.be.greaterThan(1_200_000n * 10n ** 9n);
    expect(budgets[0], "never without bound").to.be.lessThan(10n * 1_200_000n * 10n ** 9n);
    await daemon.close();
  });

  it("looks for faults and shows what it found", async () => {
    const pair = [5n, 6n].map((ns) => envelopeOf(ACCUSED, 1n, { ns })) as [Uint8Array, Uint8Array];
    const clock = new ManualClock();
    const envelopeLog = new FilledLog();
    envelopeLog.set(ACCUSED, 1n, pair[0]);
    const faults = { chain: new FakeFaultChain({ envelopes: () => pair }), peers: { read: async () => [pair[1]] } };
    const daemon = await daemonWith(
      { clock, envelopeLog, faults: { ...faults, report: true, everyMs: 1_000, randomSalt: salts() } },
      {
        heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
        rates: async () => [RATES],
        retentionDays: async () => 60,
        nodes: async () => [{ nodeId: 300, httpAddress: "http://300", isCanonical: true }],
      },
    );
    await daemon.start();
    const shown = async () => {
      const { faults: found } = (await (await fetch(`${daemon.operatorUrl}/status`)).json()) as {
        faults: { evidence: { nodeId: number; sequenceId: string; state: string }[] };
      };
      return found.evidence;
    };
    for (let i = 0; i < 100 && (await shown())[0]?.state !== "committed"; i++) clock.advance(1_000);
    expect((await shown())[0]).to.include({ nodeId: ACCUSED, sequenceId: "1", state: "committed" });
    await daemon.close();
  });

  it("does not wait with its end for a transaction that no block takes", async () => {
    const clock = new ManualClock();
    let isAsked = false;
    let giveUp = () => {};
    const given = new Promise<never>((_, reject) => (giveUp = () => reject(new Error("the daemon stops"))));
    given.catch(() => {});
    const transactions = {
      tick: async () => {},
      status: () => ({ isFenced: false, lanes: [] }),
      stop: () => giveUp(),
      close: async () => {},
    };
    const daemon = await daemonWith(
      { clock, transactions },
      {
        heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
        rates: async () => [RATES],
        retentionDays: async () => 60,
        nodes: async () => [],
        settling: async () => new Map(),
        gasPrice: async () => 1n,
        undistributed: async () => 0n,
        claimable: async () => 1n,
        epochSeconds: async () => 43_200n,
        claim: async () => {
          isAsked = true;
          return given;
        },
      },
    );
    await daemon.start();
    for (let i = 0; i < 100 && !isAsked; i++) await turn();
    expect(isAsked).to.equal(true);
    const closed = daemon.close().then(() => "closed");
    const late = new Promise((resolve) => setTimeout(() => resolve("still waiting"), 2_000));
    expect(await Promise.race([closed, late])).to.equal("closed");
  });

  it("53: keeps the gate shut on a node database that is older than the ledger, and says what to do", async () => {
    const log = new MemoryLog();
    for (let n = 0; n < 3; n++) log.append(NODE_ID, payerEnvelope(n, NODE_ID, PAYER_KEY), NS);
    const store = await storeAt();
    await store.ledger.meter({ originatorId: NODE_ID, after: 0n, upTo: 4n, charges: [], minuteCounts: new Map() });
    const clock = new ManualClock();
    const daemon = await daemonWith(
      { store, clock, envelopeLog: log },
      {
        heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
        rates: async () => [RATES],
        retentionDays: async () => 60,
        nodes: async () => [],
      },
    );
    await daemon.start();
    await daemon.firstLook();
    expect(daemon.gate.isOpen()).to.equal(false);
    const status = async () => (await (await fetch(`${daemon.operatorUrl}/status`)).json()) as object;
    expect(await status()).to.deep.include({ ready: false });
    expect(JSON.stringify(await status())).to.include("restore the newest one");
    // The newest database is back.
    log.append(NODE_ID, payerEnvelope(4, NODE_ID, PAYER_KEY), NS);
    for (let i = 0; i < 100 && !daemon.gate.isOpen(); i++) {
      clock.advance(1_000);
      await turn();
    }
    expect(await status()).to.deep.include({ ready: true });
    await daemon.close();
  });

  it("does not start on a port that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const taken = await (await daemonWith({ operatorPort: port }, {})).start().catch((error: unknown) => error);
    expect((taken as Error).message).to.include("EADDRINUSE");
    await new Promise((resolve) => other.close(resolve));
  });
});
