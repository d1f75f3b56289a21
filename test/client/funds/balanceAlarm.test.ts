import { expect } from "chai";

import type { GatewayEvent } from "../../../src/client/funds/events.ts";
import { groupMessage } from "../../support/envelopes.ts";
import { USD } from "../support/fakeNetwork.ts";
import { GatewayHarness, publish } from "../support/gatewayHarness.ts";

describe("client/funds/balanceAlarm", () => {
  let harness: GatewayHarness;
  let events: GatewayEvent[];
  beforeEach(() => {
    harness = new GatewayHarness();
    events = [];
  });
  afterEach(() => harness.stop());

  const onEvent = (event: GatewayEvent) => void events.push(event);

  it("tells once that little is left, and once that it is enough again", async () => {
    harness.network.channel = { ...harness.network.channel, deposited: 90_000n };
    const gateway = await harness.start({ onEvent });
    await harness.run(65_000, 500);
    expect(events).to.have.length(1);
    expect(events[0]).to.include({ kind: "low_balance", left: 90_000n, runwaySeconds: undefined });
    expect(harness.logged.some(({ fields }) => "event" in fields && fields.event === "low_balance")).to.equal(true);
    harness.network.channel = { ...harness.network.channel, deposited: USD };
    await harness.run(65_000, 500);
    expect(events.map(({ kind }) => kind)).to.deep.equal(["low_balance", "balance_restored"]);
    expect(gateway.status()).to.include({ left: USD, runwaySeconds: undefined });
  });

  it("knows for how long it lasts, as the last days went, and tells when that is too short", async () => {
    harness.network.channel = { ...harness.network.channel, deposited: 10n * USD };
    const gateway = await harness.start({ onEvent, lowBalance: { runwayDays: 10_000_000 } });
    for (let n = 0; n < 4; n++) await harness.settle(publish(gateway, groupMessage(n)));
    harness.clock.set(Date.UTC(2026, 0, 3));
    await harness.run(65_000, 500);
    const { left, runwaySeconds, usagePico } = gateway.status();
    // Two days, and what the run took.
    const picoPerSecond = Number(usagePico) / (2 * 86_400 + 65);
    const expected = (Number(left) * 1_000_000) / picoPerSecond;
    // Hardhat's matchers for numbers take integers alone.
    expect(Math.abs(runwaySeconds! / expected - 1) < 0.01, `${runwaySeconds} and ${expected}`).to.equal(true);
    expect(events.map(({ kind }) => kind)).to.deep.equal(["low_balance"]);
  });

  it("goes on when a listener throws", async () => {
    harness.network.channel = { ...harness.network.channel, deposited: 90_000n };
    const gateway = await harness.start({
      onEvent: () => {
        throw new Error("the pager is away");
      },
    });
    await harness.run(31_000, 500);
    await harness.settle(publish(gateway, groupMessage(1)));
    expect(harness.logged.some(({ message }) => message.includes("listener"))).to.equal(true);
  });
});
