import { request } from "node:http";

import { expect } from "chai";

import type { Gateway } from "../../src/client/gateway.ts";
import { GATEWAY_METRICS } from "../../src/client/metrics/catalogue.ts";
import type { PublishOutcome } from "../../src/client/ports.ts";
import { bearerTokens } from "../../src/client/server/bearerTokens.ts";
import { observeCalls } from "../../src/platform/metrics/observeCalls.ts";
import { expectOnlyCatalogue } from "../support/catalogue.ts";
import { groupMessage } from "../support/envelopes.ts";
import { USD } from "./support/fakeNetwork.ts";
import { GatewayHarness, judged, publish, publishAs } from "./support/gatewayHarness.ts";
import { killableStore } from "./support/killableStore.ts";

const TOKEN = "the-token-of-alice";
const commit = (n: number) => groupMessage(n, { contentType: 3 });
const DEMAND = { code: "voucher_too_low", authorised: 0n, available: 100n * USD, retryable: true };
const BUSY: PublishOutcome = { kind: "refused", reason: "other", message: "busy", demand: undefined };

/** node:http, because fetch sets headers of its own. */
function ask(url: string, path: string, headers = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { headers }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => (text += part.toString()));
      response.on("end", () => resolve({ status: response.statusCode!, text }));
    })
      .once("error", reject)
      .end();
  });
}

describe("client/gateway metrics", () => {
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  const linesOf = async (gateway: Gateway) => (await harness.settle(gateway.metrics())).text.split("\n");
  const failure = (call: Promise<unknown>) => harness.settle(call.catch(() => "refused"));

  it("counts publishes by kind and outcome, and what they cost, in names and labels of the catalogue", async () => {
    const gateway = await harness.start({ headroom: 5n });
    await harness.settle(publish(gateway, groupMessage(1)));
    await harness.settle(publish(gateway, groupMessage(1)));
    await harness.settle(publish(gateway, commit(2)));
    await failure(publish(gateway, new Uint8Array()));
    const { text } = await harness.settle(gateway.metrics());
    const lines = text.split("\n");
    for (const line of [
      'pennyblack_gateway_calls_total{result="accepted"} 3',
      'pennyblack_gateway_calls_total{result="invalid_envelope"} 1',
      'pennyblack_gateway_publishes_total{kind="message",result="accepted"} 1',
      'pennyblack_gateway_publishes_total{kind="message",result="repeated"} 1',
      'pennyblack_gateway_publishes_total{kind="commit",result="accepted"} 1',
      'pennyblack_gateway_publish_seconds_count{kind="message"} 1',
      "pennyblack_gateway_reserve_seconds_count 1",
      'pennyblack_gateway_node_seconds_count{outcome="accepted"} 1',
      "pennyblack_gateway_vouchers_signed_total 1",
      'pennyblack_gateway_spent_gas_wei_total{kind="commit"} 1000',
      `pennyblack_gateway_spent_postage_units_total{kind="message"} ${Number(harness.network.chargedPico) / 1e6}`,
      `pennyblack_gateway_usage_units ${gateway.status().usage}`,
      `pennyblack_gateway_authorised_units ${gateway.status().authorised}`,
      `pennyblack_gateway_left_units ${gateway.status().left}`,
      "pennyblack_gateway_deposited_units 100000000",
      "pennyblack_gateway_in_flight_units 0",
      'pennyblack_gateway_node_available{node="200"} 1',
      "pennyblack_gateway_chain_head_block 7",
      "pennyblack_gateway_ready 1",
      "pennyblack_gateway_healthy 1",
    ]) {
      expect(lines, line).to.include(line);
    }
    expect(text).to.match(/store_seconds_count\{operation="commit"\} [1-9]/);
    expect(text).not.to.include("process_resident_memory_bytes");
    expectOnlyCatalogue(text, GATEWAY_METRICS);
  });

  it("counts fail-overs, dropped nodes and demands above the ledger", async () => {
    const gateway = await harness.start({ nodes: { strategy: "ordered", preferredNodes: [100, 200, 300] } });
    const demand = { ...DEMAND, required: 5_000n * USD };
    harness.network.node(100).mishaps = [{ refuse: BUSY }];
    harness.network.node(200).mishaps = [{ refuse: { kind: "refused", reason: "postage", message: "pay", demand } }];
    await harness.settle(publish(gateway, groupMessage(1)));
    const lines = await linesOf(gateway);
    for (const line of [
      'pennyblack_gateway_failovers_total{why="refused_by_nodes"} 1',
      'pennyblack_gateway_failovers_total{why="demand_above_ledger"} 1',
      'pennyblack_gateway_node_calls_total{node="100",outcome="refused"} 1',
      'pennyblack_gateway_node_calls_total{node="300",outcome="accepted"} 1',
      "pennyblack_gateway_demands_above_ledger_total 1",
      "pennyblack_gateway_nodes_dropped_total 1",
      'pennyblack_gateway_node_available{node="100"} 1',
      'pennyblack_gateway_node_available{node="200"} 0',
    ]) {
      expect(lines, line).to.include(line);
    }
  });

  it("has no user's name in it, whatever it is", async () => {
    const gateway = await harness.start({
      authenticate: bearerTokens([{ token: TOKEN, user: 'mallory"} 1', app: "mallory's" }]),
      ...{ rateLimits: { user: 1 }, budgets: { user: { postage: 0n } } },
    });
    await failure(publishAs(TOKEN, gateway, groupMessage(1)));
    await failure(publishAs(TOKEN, gateway, groupMessage(2)));
    const lines = await linesOf(gateway);
    expect(lines).to.include('pennyblack_gateway_publishes_total{kind="message",result="budget_exhausted"} 1');
    expect(lines).to.include('pennyblack_gateway_calls_total{result="budget_exhausted"} 1');
    expect(lines).to.include('pennyblack_gateway_calls_total{result="rate_limited"} 1');
    expect(lines.join("\n")).not.to.include("mallory");
  });

  it("counts top-ups, and says when the day's limit is reached and when the balance is low", async () => {
    harness.network.channel = { ...harness.network.channel, deposited: 10n };
    let fails = true;
    const deposit = async (amount: bigint) => {
      if (fails) throw new Error("the endpoint is away");
      const { deposited } = harness.network.channel;
      harness.network.channel = { ...harness.network.channel, deposited: deposited + amount };
      return { deposited: deposited + amount };
    };
    const terms = {
      below: 1_000n,
      amount: 20n,
      mostPerDay: 40n,
      deposit,
      newKey: () => `0x${"07".repeat(32)}` as const,
    };
    const gateway = await harness.start({ topUp: terms, lowBalance: { below: 1_000n } });
    await harness.run(3_000, 100);
    fails = false;
    await harness.run(200_000, 1_000);
    const lines = await linesOf(gateway);
    expect(lines).to.include("pennyblack_gateway_top_up_failures_total 1");
    expect(lines).to.include("pennyblack_gateway_top_ups_total 2");
    expect(lines).to.include("pennyblack_gateway_top_up_units_total 40");
    expect(lines).to.include("pennyblack_gateway_top_up_capped 1");
    expect(lines).to.include("pennyblack_gateway_balance_low 1");
  });

  it("says how old the chain's head is when it stands still, and nothing of what was never read", async () => {
    harness.network.chainIsDown = true;
    const gateway = await harness.start();
    const unread = (await linesOf(gateway)).filter((line) => !line.startsWith("#")).join("\n");
    for (const name of ["chain_head_age_seconds", "channel_read_age_seconds", "left_units", "deposited_units"]) {
      expect(unread).not.to.include(`pennyblack_gateway_${name}`);
    }
    harness.network.chainIsDown = false;
    harness.network.headAt = Math.floor(harness.clock.now() / 1_000);
    await harness.run(90_000, 1_000);
    const age = (await linesOf(gateway)).find((line) => line.startsWith("pennyblack_gateway_chain_head_age_seconds"));
    expect(Number(age!.split(" ")[1])).to.be.within(88, 95);
  });

  it("gives metrics to this machine alone, and to others on a listener of their own that takes nothing", async () => {
    const gateway = await harness.start({ metricsListen: { host: "127.0.0.1", port: 0 } });
    expect((await ask(gateway.url, "/metrics")).text).to.include("pennyblack_gateway_ready 1");
    for (const headers of [{ host: "prometheus:9090" }, { "x-forwarded-for": "203.0.113.9" }]) {
      expect((await ask(gateway.url, "/metrics", headers)).status).to.equal(403);
      const watched = await ask(gateway.metricsUrl!, "/metrics", headers);
      expect([watched.status, watched.text.includes("pennyblack_gateway_ready 1")]).to.deep.equal([200, true]);
    }
    expect((await ask(gateway.metricsUrl!, "/ready")).status).to.equal(200);
    for (const path of ["/status", "/voucher", "/console/", "//"]) {
      expect((await ask(gateway.metricsUrl!, path)).status, path).to.equal(404);
    }
    const taken = Number(new URL(gateway.metricsUrl!).port);
    const other = harness.start({ store: harness.openStore(), metricsListen: { host: "127.0.0.1", port: taken } });
    expect(await other.catch((error: { code?: string }) => error.code)).to.equal("EADDRINUSE");
  });

  it("is unhealthy when the store cannot be written, until it can", async () => {
    let isFull = false;
    const store = killableStore(harness.openStore(), { moment: "beforeCommit", at: () => false });
    const commitTo = store.commit.bind(store);
    store.commit = async (step) => {
      if (isFull) throw new Error("the disk is full");
      return commitTo(step);
    };
    const gateway = await harness.start({ store });
    isFull = true;
    await failure(publish(gateway, groupMessage(1)));
    const sick = await judged(gateway.url, "/health");
    expect([sick.status, sick.ok]).to.deep.equal([503, false]);
    expect(sick.reasons).to.deep.equal(["the ledger could not be written: Error: the disk is full"]);
    expect((await judged(gateway.url, "/ready")).reasons).to.deep.equal(sick.reasons);
    const lines = await linesOf(gateway);
    expect(lines).to.include("pennyblack_gateway_ledger_problem 1");
    expect(lines).to.include('pennyblack_gateway_store_failures_total{operation="commit"} 1');
    expect(lines).to.include('pennyblack_gateway_publishes_total{kind="message",result="failed"} 1');
    isFull = false;
    await harness.settle(publish(gateway, groupMessage(2)));
    expect(await judged(gateway.url, "/health")).to.deep.equal({ status: 200, ok: true, reasons: [] });
  });

  for (const operation of ["commit", "flush"] as const) {
    it(`is well again when the store takes a ${operation}, although nobody publishes`, async () => {
      let isFull = false;
      const store = killableStore(harness.openStore(), { moment: "beforeCommit", at: () => false });
      const failing = <T extends unknown[]>(work: (...args: T) => Promise<void>) => {
        return async (...args: T) => {
          if (isFull) throw new Error("the disk is full");
          return work(...args);
        };
      };
      if (operation === "commit") store.commit = failing(store.commit.bind(store));
      else store.flush = failing(store.flush.bind(store));
      const gateway = await harness.start({ store });
      await harness.settle(publish(gateway, groupMessage(1)));
      isFull = true;
      // What is answered before is flushed before it is answered again.
      await failure(publish(gateway, groupMessage(operation === "flush" ? 1 : 2)));
      const { usagePico } = gateway.status();
      await harness.run(130_000, 2_000);
      expect((await judged(gateway.url, "/health")).reasons[0], "still full").to.include("the disk is full");
      isFull = false;
      await harness.run(61_000, 2_000);
      expect(await judged(gateway.url, "/health")).to.deep.equal({ status: 200, ok: true, reasons: [] });
      expect(gateway.status().usagePico, "nothing was written but that it works").to.equal(usagePico);
      await harness.settle(publish(gateway, groupMessage(3)));
    });
  }

  it("is unhealthy when the store answers no more, although nobody publishes, and is not for nodes that are away", async () => {
    let answers: "well" | "fails" | "hangs" = "well";
    const store = observeCalls(harness.openStore(), { took: () => {}, failed: () => {} }, harness.clock);
    const spendTotal = store.spendTotal.bind(store);
    let letGo = () => {};
    store.spendTotal = async (...args) => {
      if (answers === "fails") throw new Error("the disk is gone");
      if (answers === "hangs") await new Promise<void>((resolve) => (letGo = resolve));
      return spendTotal(...args);
    };
    const gateway = await harness.start({ store });
    for (const node of harness.network.nodes) node.isDown = true;
    await harness.run(300_000, 2_000);
    expect(await judged(gateway.url, "/health")).to.deep.equal({ status: 200, ok: true, reasons: [] });
    expect((await judged(gateway.url, "/ready")).reasons).to.deep.equal(["no node is available"]);
    answers = "fails";
    await harness.run(60_000, 2_000);
    expect((await judged(gateway.url, "/health")).reasons).to.deep.equal(["the store does not work: see the log"]);
    answers = "hangs";
    await harness.run(400_000, 2_000);
    expect((await judged(gateway.url, "/health")).reasons[0]).to.match(/the balance loop has not ended a step/);
    answers = "well";
    letGo();
    await harness.run(60_000, 2_000);
    expect((await judged(gateway.url, "/health")).ok).to.equal(true);
  });
});
