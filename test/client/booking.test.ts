import { expect } from "chai";

import type { Gateway } from "../../src/client/gateway.ts";
import type { GatewayStore, LedgerCommit } from "../../src/client/ports.ts";
import { groupMessage } from "../support/envelopes.ts";
import { GatewayHarness, publish } from "./support/gatewayHarness.ts";

/** A store whose bookings, or flushes, wait until they are let through; everything else is on disk at once. */
function slowStore(store: GatewayStore) {
  let letThrough = (): void => {};
  let held = Promise.resolve();
  let failures = 0;
  let begun = 0;
  let flushes = Promise.resolve();
  let endFlush = { resolve: (): void => {}, reject: (error: Error): void => void error };
  return {
    store: {
      ...store,
      async commit(step: LedgerCommit) {
        if (!step.answer) return store.commit(step);
        begun++;
        await held;
        if (failures-- > 0) throw new Error("disk full");
        return store.commit(step);
      },
      async flush() {
        await flushes;
        return store.flush();
      },
    },
    holdFlushes: () => {
      flushes = new Promise((resolve, reject) => (endFlush = { resolve, reject }));
      flushes.catch(() => {});
    },
    endFlush: (error?: Error) => {
      if (error) endFlush.reject(error);
      else endFlush.resolve();
      flushes = Promise.resolve();
    },
    hold: () => {
      held = new Promise((resolve) => (letThrough = resolve));
    },
    letThrough: () => letThrough(),
    failNext: () => (failures = 1),
    begun: () => begun,
  };
}

describe("client/gateway booking behind the answer", () => {
  let harness: GatewayHarness;
  let slow: ReturnType<typeof slowStore>;
  let gateway: Gateway;
  beforeEach(async () => {
    harness = new GatewayHarness();
    slow = slowStore(harness.openStore());
    gateway = await harness.start({ store: slow.store });
  });
  afterEach(async () => {
    slow.letThrough();
    await harness.stop();
  });

  const received = () => harness.network.nodes.flatMap((node) => node.received).length;

  it("answers while the disk is slow, and counts as used what is being booked", async () => {
    slow.hold();
    const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
    expect(answer).to.not.equal(undefined);
    expect(slow.begun()).to.equal(1);
    expect(gateway.status()).to.include({ usagePico: 0n, inFlightPico: harness.network.chargedPico, active: 1 });
    slow.letThrough();
    await harness.run(100);
    expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, inFlightPico: 0n, active: 0 });
  });

  it("sends while the reservation goes to the disk, and answers once it is there", async () => {
    gateway.setHeadroom(10_000n);
    await harness.settle(publish(gateway, groupMessage(1)));
    slow.holdFlushes();
    let isAnswered = false;
    const publishing = publish(gateway, groupMessage(2)).then(() => (isAnswered = true));
    await harness.run(3_000);
    expect([received(), isAnswered], "sent, not answered").to.deep.equal([2, false]);
    slow.endFlush();
    await harness.settle(publishing);
    expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, inFlightPico: 0n, doubles: 0n });
  });

  it("refuses a publish whose reservation never reached the disk, finds out what became of it, and charges it once", async () => {
    gateway.setHeadroom(10_000n);
    await harness.settle(publish(gateway, groupMessage(1)));
    slow.holdFlushes();
    const publishing = publish(gateway, groupMessage(2)).catch((error: unknown) => String(error));
    await harness.run(1_000);
    slow.endFlush(new Error("disk full"));
    expect(await harness.settle(publishing)).to.include("[internal]");
    expect(gateway.status()).to.include({ openAttempts: 1 });
    const [again] = await harness.settle(publish(gateway, groupMessage(2)));
    expect(again).to.not.equal(undefined);
    await harness.run(60_000, 500);
    expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, inFlightPico: 0n, doubles: 0n });
  });

  it("answers with nothing that the disk may not have, also when it is found out or was answered before", async () => {
    gateway.setHeadroom(10_000n);
    await harness.settle(publish(gateway, groupMessage(1)));
    for (const node of harness.network.nodes)
      node.mishaps = Array.from({ length: 50 }, () => "storedButSilent" as const);
    slow.holdFlushes();
    const answered: number[] = [];
    const send = (n: number) => publish(gateway, groupMessage(n)).then(() => answered.push(n));
    const found = send(2);
    await harness.run(60_000, 500);
    const repeated = send(1);
    await harness.run(5_000, 500);
    expect(answered).to.deep.equal([]);
    slow.endFlush();
    await harness.settle(Promise.all([found, repeated]));
    expect(answered.sort()).to.deep.equal([1, 2]);
  });

  it("signs a larger voucher only to the disk: nothing is sent before it is there", async () => {
    gateway.setHeadroom(0n);
    slow.holdFlushes();
    const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
    expect(answer, "the first voucher is committed and flushed at once").to.not.equal(undefined);
    slow.endFlush();
  });

  it("gives the same answer, and asks no node, when the same bytes come while they are booked and afterwards", async () => {
    slow.hold();
    const bytes = groupMessage(1);
    const first = await harness.settle(publish(gateway, bytes));
    const second = await harness.settle(publish(gateway, bytes));
    slow.letThrough();
    await harness.run(100);
    const third = await harness.settle(publish(gateway, bytes));
    expect(second).to.deep.equal(first);
    expect(third).to.deep.equal(first);
    expect(received()).to.equal(1);
    expect(slow.begun()).to.equal(1);
    expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, doubles: 0n });
  });

  it("does not look up what is being booked, however long that takes", async () => {
    slow.hold();
    await harness.settle(publish(gateway, groupMessage(1)));
    await harness.run(60_000, 500);
    expect(slow.begun()).to.equal(1);
    slow.letThrough();
    await harness.run(100);
    expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, openAttempts: 0 });
  });

  it("waits with closing until everything that was answered is booked", async () => {
    slow.hold();
    await harness.settle(publish(gateway, groupMessage(1)));
    let isClosed = false;
    const closing = gateway.close().then(() => (isClosed = true));
    await harness.run(1_000);
    expect(isClosed).to.equal(false);
    slow.letThrough();
    await harness.settle(closing);
    const restarted = await harness.start();
    expect(restarted.status()).to.include({ usagePico: harness.network.chargedPico, inFlightPico: 0n });
  });

  it("books later, once, what could not be booked, is sick meanwhile and says so", async () => {
    slow.failNext();
    await harness.settle(publish(gateway, groupMessage(1)));
    await harness.run(100);
    expect((await fetch(`${gateway.url}/health`)).status).to.equal(503);
    expect(gateway.status()).to.include({ usagePico: 0n, openAttempts: 1, active: 0 });
    expect(harness.logged.map(({ message }) => message).join()).to.contain("could not be booked");
    await harness.run(60_000, 500);
    expect((await fetch(`${gateway.url}/health`)).status).to.equal(200);
    expect(gateway.status()).to.include({
      ...{ usagePico: harness.network.chargedPico, inFlightPico: 0n },
      ...{ openAttempts: 0, doubles: 0n },
    });
    expect(received()).to.equal(1);
  });
});
