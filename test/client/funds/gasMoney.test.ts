import { readFileSync } from "node:fs";

import { expect } from "chai";

import type { GatewayEvent } from "../../../src/client/funds/events.ts";
import { REGISTRATION_GAS } from "../../../src/client/funds/gasMoney.ts";
import { groupMessage } from "../../support/envelopes.ts";
import { GAS_ACCOUNT } from "../support/fakeNetwork.ts";
import { GatewayHarness, judged, publish } from "../support/gatewayHarness.ts";

/** What a sender asks for before it registers a passkey's inbox: gas and its margin, at twice the network's base fee and a tip. */
const REGISTRATION = (651_296n + 150_000n) * 2_100_000_000n;

describe("client/funds/gasMoney", () => {
  let harness: GatewayHarness;
  let events: GatewayEvent[];
  beforeEach(() => {
    harness = new GatewayHarness();
    events = [];
  });
  afterEach(() => harness.stop());

  const onEvent = (event: GatewayEvent) => void events.push(event);

  it("says from the start that an account without gas puts nothing on chain, and whom to send some", async () => {
    harness.network.gasWei = 0n;
    const gateway = await harness.start({ onEvent });
    const { status, ok, reasons, warnings } = await judged(gateway.url, "/ready");
    expect({ status, ok, reasons }, "messages go on").to.deep.equal({ status: 200, ok: true, reasons: [] });
    expect(warnings).to.have.length(1);
    expect(warnings![0]).to.include(GAS_ACCOUNT).and.include("commit").and.include("registration").and.include("send");
    expect(await judged(gateway.url, "/health")).to.deep.equal({ status: 200, ok: true, reasons: [] });
    expect(gateway.status().gas).to.deep.equal({ account: GAS_ACCOUNT, balanceWei: 0n, registrations: 0 });
    const view = await harness.settle(fetch(`${gateway.url}/console/api/payer`).then((answer) => answer.json()));
    expect((view as { problems: string[] }).problems).to.deep.equal(warnings);
    const told = harness.logged.find(({ fields }) => "event" in fields && fields.event === "low_gas");
    expect(told?.fields).to.deep.include({ account: GAS_ACCOUNT, balanceWei: 0n });
    expect(await harness.settle(publish(gateway, groupMessage(1)))).to.have.length(1);
  });

  it("takes it back within a minute of a payment, and tells both once", async () => {
    harness.network.gasWei = REGISTRATION - 1n;
    const gateway = await harness.start({ onEvent });
    await harness.run(200_000, 500);
    expect(events).to.deep.equal([
      { kind: "low_gas", account: GAS_ACCOUNT, balanceWei: REGISTRATION - 1n, registrations: 0 },
    ]);
    harness.network.gasWei = 100n * REGISTRATION;
    await harness.run(61_000, 500);
    expect(await judged(gateway.url, "/ready")).to.deep.equal({ status: 200, ok: true, reasons: [] });
    expect(events.slice(1)).to.deep.equal([
      { kind: "gas_restored", account: GAS_ACCOUNT, balanceWei: 100n * REGISTRATION, registrations: 100 },
    ]);
  });

  it("tells before the account is empty, again when it is, and not at every swing of the gas price", async () => {
    harness.network.gasWei = 50n * REGISTRATION;
    const gateway = await harness.start({ onEvent });
    expect(events, "enough").to.deep.equal([]);
    harness.network.gasWei = 49n * REGISTRATION;
    await harness.run(61_000, 500);
    expect(gateway.status().gas).to.include({ registrations: 49 });
    expect((await judged(gateway.url, "/ready")).warnings, "it still pays").to.equal(undefined);
    harness.network.baseFee = 700_000_000n;
    await harness.run(61_000, 500);
    harness.network.baseFee = 1_000_000_000n;
    await harness.run(61_000, 500);
    expect(events.map(({ kind }) => kind)).to.deep.equal(["low_gas"]);
    harness.network.gasWei = 0n;
    await harness.run(61_000, 500);
    expect(events.map(({ kind }) => kind)).to.deep.equal(["low_gas", "low_gas"]);
    expect((await judged(gateway.url, "/ready")).warnings).to.have.length(1);
  });

  it("knows the dearest of what the account pays for", () => {
    const snapshot = JSON.parse(
      readFileSync(new URL("../../assurance/gas.snapshot.json", import.meta.url), "utf8"),
    ) as { identity: Record<string, number> };
    expect(Number(REGISTRATION_GAS)).to.equal(Math.max(...Object.values(snapshot.identity)));
  });

  it("counts a tip, which is most of the price where the base fee is next to nothing", async () => {
    harness.network.baseFee = 1n;
    harness.network.tip = 1_000_000n;
    harness.network.gasWei = 801_296n * 1_000_002n - 1n;
    const gateway = await harness.start();
    expect(gateway.status().gas).to.include({ registrations: 0 });
    expect((await judged(gateway.url, "/ready")).warnings![0]).to.include("may");
  });

  it("takes the endpoint's word that the account is empty, whatever its balance should pay for", async () => {
    harness.network.gasIsRefused = true;
    const gateway = await harness.start({ onEvent });
    expect((await judged(gateway.url, "/ready")).warnings).to.have.length(1);
    expect(gateway.status().gas).to.include({ registrations: 0 });
    harness.network.gasIsRefused = false;
    await harness.run(61_000, 500);
    expect(await judged(gateway.url, "/ready")).to.deep.equal({ status: 200, ok: true, reasons: [] });
    expect(events.map(({ kind }) => kind)).to.deep.equal(["low_gas", "gas_restored"]);
  });

  it("does not make the newest block unknown where an endpoint tells no balance", async () => {
    harness.network.gasReadFails = true;
    await harness.start();
    await harness.run(300_000, 1_000);
    const failed = harness.logged.flatMap(({ fields }) => ("task" in fields ? [fields.task] : []));
    expect(new Set(failed)).to.deep.equal(new Set(["gas"]));
  });

  it("asks the chain at most once a minute, and is silent while it does not know", async () => {
    harness.network.chainIsDown = true;
    const gateway = await harness.start({ onEvent });
    expect(gateway.status().gas).to.equal(undefined);
    expect((await judged(gateway.url, "/ready")).warnings).to.equal(undefined);
    harness.network.chainIsDown = false;
    await harness.run(600_000, 1_000);
    expect(harness.network.gasReads).to.be.within(9, 11);
    expect(events).to.deep.equal([]);
  });

  it("has metrics", async () => {
    harness.network.gasWei = 3n * REGISTRATION;
    const gateway = await harness.start();
    const lines = (await harness.settle(gateway.metrics())).text.split("\n");
    expect(lines).to.include("pennyblack_gateway_gas_registrations 3");
    expect(lines).to.include(`pennyblack_gateway_gas_balance_wei ${3n * REGISTRATION}`);
  });
});
