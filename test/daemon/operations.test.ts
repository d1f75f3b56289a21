import { request } from "node:http";

import { expect } from "chai";

import type { Daemon } from "../../src/daemon/daemon.ts";
import type { DaemonOptions } from "../../src/daemon/options.ts";
import { METRICS } from "../../src/daemon/metrics/catalogue.ts";
import { Metrics } from "../../src/platform/metrics/metrics.ts";
import { observeStore } from "../../src/daemon/metrics/observed.ts";
import type { OverviewData } from "../../src/daemon/overview/overview.ts";
import type { Account, DaemonChain, LedgerStore } from "../../src/daemon/ports.ts";
import { StoreUnavailableError } from "../../src/platform/database/errors.ts";
import { readPayerEnvelope } from "../../src/protocol/envelope.ts";
import { EMPTY_CHANNEL } from "../../src/daemon/account.ts";
import { expectOnlyCatalogue } from "../support/catalogue.ts";
import { payerEnvelope } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";
import { daemonWith, quietEndpoint } from "./daemonWith.ts";
import { MemoryLog, NODE_ID, PAYER, PAYER_KEY, RATES, headerOf, refusalOf, storeAt } from "./support.ts";

const SEATS = [100, 200].map((nodeId) => ({ nodeId, httpAddress: `http://node-${nodeId}`, isCanonical: true }));
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What every chain of these tests answers. */
function calmChain(clock: ManualClock, isDown = () => false): Partial<DaemonChain> {
  return {
    heads: async () => ({ timestamp: BigInt(clock.now()) / 1_000n }),
    endpoints: [quietEndpoint(clock, isDown)],
    rates: async () => [RATES],
    retentionDays: async () => 60,
    nodes: async () => SEATS,
    gasPrice: async () => 1n,
    settling: async () => new Map(),
    undistributed: async () => 0n,
    claimable: async () => 0n,
    isRollOverDue: async () => false,
    hasVersion: async () => true,
    streaming: async () => 0n,
    epochSeconds: async () => 43_200n,
    channels: async (channels) => channels.map(() => ({ ...EMPTY_CHANNEL, withdrawableAt: 5_000_000_000n })),
  };
}

/** fetch keeps what a server has written; a plain request shows the status whatever the body is. */
async function ask(daemon: Daemon, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    request(`${daemon.operatorUrl}${path}`, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => (text += part.toString()));
      response.on("end", () => resolve({ status: response.statusCode!, text }));
    })
      .once("error", reject)
      .end();
  });
}

const judgement = async (daemon: Daemon, path: string) => {
  const { status, text } = await ask(daemon, path);
  return { status, ...(JSON.parse(text) as { ok: boolean; reasons: string[] }) };
};

describe("daemon/operations", () => {
  let daemon: Daemon | undefined;
  afterEach(async () => {
    await daemon?.close();
    daemon = undefined;
  });

  async function started(changes: Partial<DaemonOptions>, chain: Partial<DaemonChain>): Promise<Daemon> {
    daemon = await daemonWith(changes, chain);
    await daemon.start();
    return daemon;
  }

  async function pass(clock: ManualClock, steps: number, ms = 1_000): Promise<void> {
    for (let i = 0; i < steps; i++) {
      clock.advance(ms);
      await turn();
      await turn();
    }
  }

  it("/health fails when a loop hangs, and not when it fails again and again", async () => {
    const clock = new ManualClock();
    let letGo = () => {};
    let isHanging = false;
    const transactions = {
      tick: () => {
        if (!isHanging) return Promise.reject(new Error("the chain is away"));
        return new Promise<void>((resolve) => (letGo = resolve));
      },
      status: () => ({ isFenced: false, lanes: [] }),
      stop: () => {},
      close: async () => {},
    };
    const one = await started({ clock, transactions }, calmChain(clock));
    await pass(clock, 200);
    expect(await judgement(one, "/health")).to.deep.equal({ status: 200, ok: true, reasons: [] });
    isHanging = true;
    await pass(clock, 200);
    const hung = await judgement(one, "/health");
    expect([hung.status, hung.ok, hung.reasons.length]).to.deep.equal([503, false, 1]);
    expect(hung.reasons[0]).to.match(/the transactions loop has not ended a step for \d+ s/);
    expect((await ask(one, "/metrics")).text).to.include("\npennyblack_healthy 0\n");
    isHanging = false;
    letGo();
    await pass(clock, 3);
    expect((await judgement(one, "/health")).ok).to.equal(true);
  });

  it("/ready fails while the chain cannot be read, and says why; /health does not", async () => {
    const clock = new ManualClock();
    let isDown = true;
    const one = await started(
      { clock },
      calmChain(clock, () => isDown),
    );
    const shut = await judgement(one, "/ready");
    expect(shut.status).to.equal(503);
    expect(shut.reasons.join("; ")).to.include("not metered").and.include("connection refused");
    expect((await judgement(one, "/health")).ok).to.equal(true);
    isDown = false;
    await pass(clock, 30);
    expect(await judgement(one, "/ready")).to.deep.equal({ status: 200, ok: true, reasons: [] });
    // Five minutes later it lends nothing any more.
    isDown = true;
    await pass(clock, 40, 10_000);
    expect((await judgement(one, "/ready")).reasons[0]).to.include("the chain cannot be read");
  });

  it("/ready fails on a node's database that is an old copy", async () => {
    const clock = new ManualClock();
    const store = await storeAt(":memory:", { clock });
    await store.ledger.meter({ originatorId: NODE_ID, after: 0n, upTo: 4n, charges: [], minuteCounts: new Map() });
    const one = await started({ clock, store }, calmChain(clock));
    const old = await judgement(one, "/ready");
    expect(old.status).to.equal(503);
    expect(old.reasons.join("; ")).to.include("its database is an old copy");
  });

  it("a scrape fails when the ledger cannot be read, instead of giving old numbers", async () => {
    const clock = new ManualClock();
    const store = await storeAt(":memory:", { clock });
    const metrics = new Metrics(METRICS);
    let isAway = false;
    const whole = observeStore(store, new Metrics(METRICS), clock);
    const accounts: LedgerStore["accounts"] = (after, limit) =>
      isAway ? Promise.reject(new StoreUnavailableError("the disk is gone")) : whole.ledger.accounts(after, limit);
    const flaky = observeStore({ ...whole, ledger: { ...whole.ledger, accounts } }, metrics, clock);
    const one = await started({ clock, store: flaky, metrics }, calmChain(clock));
    expect((await ask(one, "/metrics")).status).to.equal(200);
    isAway = true;
    await pass(clock, 20);
    expect((await ask(one, "/metrics")).status).to.equal(500);
    isAway = false;
    await pass(clock, 20);
    const { text } = await ask(one, "/metrics");
    expect(text).to.match(/pennyblack_store_failures_total\{operation="accounts"\} [1-9]/);
  });

  it("counts what happens, under names of the catalogue and with labels of the catalogue", async () => {
    const clock = new ManualClock();
    const metrics = new Metrics(METRICS);
    const store = observeStore(await storeAt(":memory:", { clock }), metrics, clock);
    const envelopeLog = new MemoryLog();
    const rpcCalls = () => ({ "rpc.example": { requests: 3, failures: 1, methods: { eth_call: 4 } } });
    const storage = async () => ({ databases: { ledger: 4_096 }, freeBytes: 9 });
    const policy = { maxGasBps: 200n, nativeTokenPrice: 0n, exposureCap: 1_000n };
    const options = { clock, metrics, store, envelopeLog, rpcCalls, storage, policy };
    const one = await started(options, calmChain(clock));
    await pass(clock, 3);
    const chain = { ...EMPTY_CHANNEL, deposited: 1_000_000n, pendingWithdrawal: 5n };
    await store.ledger.recordChain({ states: new Map([[PAYER, chain]]), readTo: 1n, blocks: [] });
    const bytes = payerEnvelope(1, NODE_ID, PAYER_KEY);
    const call = { envelopes: [readPayerEnvelope(bytes)], voucherHeader: headerOf(50n) };
    const admission = await one.gate.admit(call);
    expect((await ask(one, "/metrics")).text).to.include("pennyblack_publishes_unacknowledged 1\n");
    envelopeLog.append(NODE_ID, bytes, BigInt(clock.now()) * 1_000_000n);
    admission.release(true);
    admission.release(true);
    await refusalOf(one.gate.admit({ ...call, envelopes: [readPayerEnvelope(payerEnvelope(2, 200, PAYER_KEY))] }));
    await pass(clock, 20);

    const { text } = await ask(one, "/metrics");
    const lines = text.split("\n");
    for (const line of [
      'pennyblack_publishes_total{result="accepted"} 1',
      'pennyblack_publishes_total{result="wrong_node"} 1',
      "pennyblack_publishes_waiting 0",
      "pennyblack_publishes_unacknowledged 0",
      "pennyblack_acknowledge_seconds_count 1",
      "pennyblack_envelopes_metered_total 1",
      "pennyblack_charges_total 1",
      "pennyblack_vouchers_raised_total 1",
      "pennyblack_channels 1",
      "pennyblack_unsettled_units 50",
      "pennyblack_leaving_channels 1",
      "pennyblack_nodes 2",
      "pennyblack_ready 1",
      'pennyblack_rpc_calls_total{endpoint="rpc.example",method="eth_call"} 4',
      'pennyblack_rpc_failures_total{endpoint="rpc.example"} 1',
      'pennyblack_database_bytes{database="ledger"} 4096',
      'pennyblack_chain_endpoint_well{endpoint="quiet"} 1',
      "pennyblack_disk_free_bytes 9",
    ]) {
      expect(lines).to.include(line);
    }
    expect(text).to.match(/pennyblack_gossip_rounds_total\{result="m\w+"\} [1-9]/);
    expect(text).to.match(/pennyblack_next_deadline_seconds \d+\n/);
    expect(text).to.match(/pennyblack_loop_age_seconds\{loop="settle"\}/);
    expectOnlyCatalogue(text, METRICS);
    expect((await ask(one, "/metrics")).text.match(/eth_call"\} 4/g), "sums are not added again").to.have.length(1);
  });

  it("shows on one screen what is exposed, what is unsettled and why", async () => {
    const clock = new ManualClock();
    const store = await storeAt(":memory:", { clock });
    const accounts = Array.from(
      { length: 1_203 },
      (_, i): Account["channel"] => `0x${(i + 1).toString(16).padStart(40, "0")}`,
    );
    const chain = { ...EMPTY_CHANNEL, deposited: 10n };
    await store.ledger.recordChain({
      states: new Map(accounts.map((channel) => [channel, chain])),
      readTo: 1n,
      blocks: [],
    });
    const charges = accounts
      .slice(0, 7)
      .map((channel, i) => ({ channel, digest: "ab".repeat(16), feePico: BigInt(i + 1) * 1_000_001n }));
    await store.ledger.meter({ originatorId: 200, after: 0n, upTo: 1n, charges, minuteCounts: new Map() });
    const endpoint = { ...quietEndpoint(clock), channels: async (asked: readonly string[]) => asked.map(() => chain) };
    const one = await started({ clock, store }, { ...calmChain(clock), endpoints: [endpoint] });
    await pass(clock, 3);
    const data = JSON.parse((await ask(one, "/overview")).text) as OverviewData;
    expect(data.books.channels).to.equal(1_203);
    expect(String(data.books.exposure)).to.equal("29");
    expect(data.books.largest.map(({ channel }) => channel)).to.deep.equal(accounts.slice(2, 7).reverse());
    expect(data.settlement.map(({ lane, whyNot }) => [lane, whyNot])).to.deep.equal([
      ["routine", "nothing to settle"],
      ["deadline", "nothing to settle"],
    ]);
    expect(data.ready).to.deep.equal({ ok: true, reasons: [] });
  });
});
