import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import type { Gateway, GatewayOptions } from "../../../src/client/gateway.ts";
import type { GatewayStore, PublishOutcome } from "../../../src/client/ports.ts";
import { bearerTokens } from "../../../src/client/server/bearerTokens.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { picoToUnitsUp } from "../../../src/protocol/units.ts";
import { readVoucher } from "../../../src/protocol/voucher.ts";
import { groupMessage } from "../../support/envelopes.ts";
import { DOMAIN, USD } from "../support/fakeNetwork.ts";
import { GatewayHarness, publish, publishAs } from "../support/gatewayHarness.ts";
import { onSharedStore } from "../support/stores.ts";

/** The store of a process that stops for good, as kill -9 does, and of one whose bookings do. */
function mortal(store: GatewayStore) {
  let isDead = false;
  return {
    die: () => (isDead = true),
    store: {
      ...store,
      shared: {
        leave: async () => {},
        turn: async (...[channel, ask, work]: Parameters<NonNullable<GatewayStore["shared"]>["turn"]>) => {
          if (isDead) throw new Error("killed");
          return store.shared!.turn(channel, ask, work);
        },
      },
    } as GatewayStore,
  };
}

const REFUSED: PublishOutcome = { kind: "refused", reason: "other", message: "no", demand: undefined };

onSharedStore("client/gateway beside others", (place) => {
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  const start = async (changes: Partial<GatewayOptions> = {}) =>
    harness.start({ store: changes.store ?? (await place().open()), ...changes });
  const received = () => harness.network.nodes.flatMap((node) => node.received.map(toHex));
  const sent = async (count: number) => {
    for (let i = 0; i < 200 && received().length < count; i++) await harness.run(5, 5);
    expect(received()).to.have.length(count);
  };
  const send = (gateway: Gateway, ...bytes: Uint8Array[]) => harness.settle(publish(gateway, ...bytes));
  /** As if the leases of all processes had ended long ago. */
  const age = () => place().query("update gateway_processes set expires_at = expires_at - 60000");
  /** Each knows of all that was charged, to the picodollar, as soon as all is booked and it has heard of it. */
  const settled = async (...gateways: Gateway[]) => {
    const isSettled = (one: Gateway) => one.status().usagePico === harness.network.chargedPico;
    for (let i = 0; i < 20 && !gateways.every(isSettled); i++) await harness.run(3_000, 100);
    for (const gateway of gateways) {
      expect(gateway.status()).to.include({
        ...{ usagePico: harness.network.chargedPico, inFlightPico: 0n, openAttempts: 0, doubles: 0n },
      });
    }
  };

  it("says where its ledger is, and how many share it", async () => {
    const [one, two] = [await start(), await start()];
    await harness.run(5_000, 100);
    expect(one.status()).to.include({ store: "PostgreSQL", processes: 2 });
    await harness.settle(two.close());
    await harness.run(5_000, 100);
    expect(one.status()).to.include({ processes: 1 });
  });

  it("counts in its metrics what it signed and spent itself", async () => {
    const [one, two] = [await start(), await start()];
    for (const n of [1, 2]) await send(one, groupMessage(n));
    await send(two, groupMessage(3));
    await settled(one, two);
    const signed = async (gateway: Gateway) => {
      const { text } = await gateway.metrics();
      return /^pennyblack_gateway_vouchers_signed_total (\d+)$/m.exec(text)?.[1];
    };
    expect([await signed(one), await signed(two)]).to.deep.equal(["2", "1"]);
    expect((await two.metrics()).text).to.match(/store_seconds_count\{operation="turn"\} \d/);
  });

  it("counts what all of them use, in one voucher that only grows", async () => {
    const gateways = [await start(), await start(), await start()];
    const calls = Array.from({ length: 30 }, (_, n) => publish(gateways[n % 3]!, groupMessage(n, { group: n % 7 })));
    await harness.settle(Promise.all(calls));
    await settled(...gateways);
    const final = await harness.settle(gateways[1]!.finalVoucher());
    expect(readVoucher(DOMAIN, final!).fees).to.equal(picoToUnitsUp(harness.network.chargedPico));
    const dropped = gateways.flatMap((one) => one.status().nodes.filter(({ isAvailable }) => !isAvailable));
    expect(dropped, "no node is blamed for what another process used").to.deep.equal([]);
  });

  it("sends the same bytes once, and gives both the same answer, when they come to two at once", async () => {
    const [one, two] = [await start(), await start()];
    for (let n = 0; n < 10; n++) {
      const bytes = groupMessage(n);
      const [[a], [b]] = await harness.settle(Promise.all([publish(one, bytes), publish(two, bytes)]));
      expect(a).to.deep.equal(b);
    }
    expect(received()).to.have.length(10);
    expect(new Set(received()).size).to.equal(10);
    await settled(one, two);
  });

  it("does not let one message of a call that is under way elsewhere hold up the others' sending", async () => {
    const [one, two] = [await start(), await start()];
    const first = harness.network.node(100).id;
    for (const node of harness.network.nodes) node.mishaps = ["lost", "lost"];
    const slow = publish(one, groupMessage(1));
    await harness.run(200);
    const both = publish(two, groupMessage(1), groupMessage(2));
    const [[a], [b, c]] = await harness.settle(Promise.all([slow, both]));
    expect(a).to.deep.equal(b);
    expect(readOriginatorEnvelope(c!).sequenceId > 0n && first > 0).to.equal(true);
    expect(new Set(received()).size).to.equal(2);
    await settled(one, two);
  });

  it("waits for the fate of what another one tries, and tries it itself when that one gives up", async () => {
    const [one, two] = [await start({ limits: { holdSeconds: 5 } }), await start()];
    for (const node of harness.network.nodes) node.mishaps = Array.from({ length: 4 }, () => ({ refuse: REFUSED }));
    const failing = publish(one, groupMessage(1)).catch((error: unknown) => ConnectError.from(error).message);
    await harness.run(100);
    const [answer] = await send(two, groupMessage(1));
    expect(answer).to.not.equal(undefined);
    await harness.settle(failing);
    await harness.run(30_000, 500);
    await settled(one, two);
  });

  it("takes over what a killed one had sent: the same bytes to the same node, charged once", async () => {
    const { store, die } = mortal(await place().open());
    const [one, two] = [await start({ store }), await start()];
    for (const node of harness.network.nodes) node.mishaps = ["storedButSilent"];
    const lost = publish(one, groupMessage(1)).catch(() => "no answer");
    await sent(1);
    die();
    const retried = publish(two, groupMessage(1));
    await harness.run(3_000);
    expect(received(), "nobody else sends it while the first may live").to.have.length(1);
    await age();
    await harness.settle(retried);
    expect(new Set(received()).size, "the same bytes").to.equal(1);
    await settled(two);
    void lost;
  });

  it("books what a killed one had sent although nobody asks again", async () => {
    const { store, die } = mortal(await place().open());
    const [one, two] = [await start({ store }), await start()];
    for (const node of harness.network.nodes) node.mishaps = ["storedButSilent"];
    publish(one, groupMessage(1)).catch(() => {});
    await sent(1);
    die();
    await age();
    await harness.run(60_000, 500);
    expect(received()).to.have.length(1);
    await settled(two);
  });

  it("holds a user to one budget, whichever gateway the user goes to", async () => {
    const token = "the-token-of-alice";
    const authenticate = bearerTokens([{ token, user: "alice" }]);
    const price = harness.network;
    const probe = await start({ authenticate });
    await harness.settle(publishAs(token, probe, groupMessage(0)));
    await harness.run(100);
    const most = picoToUnitsUp(price.chargedPico * 5n);
    const options = { authenticate, budgets: { user: { postage: most } } };
    const gateways = [await start(options), await start(options)];
    const results = await harness.settle(
      Promise.allSettled(Array.from({ length: 12 }, (_, n) => publishAs(token, gateways[n % 2]!, groupMessage(n + 1)))),
    );
    const codes = results.map((one) =>
      one.status === "fulfilled" ? "sent" : Code[ConnectError.from(one.reason).code],
    );
    expect(codes.filter((code) => code === "sent").length).to.equal(4);
    expect(codes.filter((code) => code === "ResourceExhausted").length).to.equal(8);
    await settled(...gateways);
  });

  it("sends a commit to the chain once when it comes to two", async () => {
    const [one, two] = [await start(), await start()];
    const commit = groupMessage(1, { contentType: 3 });
    const [[a], [b]] = await harness.settle(Promise.all([publish(one, commit), publish(two, commit)]));
    expect(a).to.deep.equal(b);
    expect(harness.network.transactions).to.have.length(1);
    await settled(one, two);
  });

  it("makes one deposit for one need, of all of them", async () => {
    const deposits: string[] = [];
    const topUp = {
      ...{ below: 50n * USD, amount: 60n * USD, mostPerDay: 1_000n * USD },
      newKey: () => toHex(crypto.getRandomValues(new Uint8Array(32))),
      deposit: async (amount: bigint, key: string) => {
        if (!deposits.includes(key)) harness.network.channel.deposited += amount;
        deposits.push(key);
        return { deposited: harness.network.channel.deposited };
      },
    };
    harness.network.channel.deposited = 20n * USD;
    const gateways = [await start({ topUp }), await start({ topUp }), await start({ topUp })];
    await harness.run(120_000, 500);
    expect(harness.network.channel.deposited).to.equal(80n * USD);
    expect(deposits).to.have.length(1);
    expect(gateways[2]!.status().deposited).to.equal(80n * USD);
  });
});
