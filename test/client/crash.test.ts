import { ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import type { LedgerCommit } from "../../src/client/ports.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { picoToUnitsUp } from "../../src/protocol/units.ts";
import { readVoucher } from "../../src/protocol/voucher.ts";
import { groupMessage } from "../support/envelopes.ts";
import { DOMAIN } from "./support/fakeNetwork.ts";
import { GatewayHarness, publish } from "./support/gatewayHarness.ts";
import type { Kill } from "./support/killableStore.ts";
import { killableStore } from "./support/killableStore.ts";

const isReservation = ({ addAttempts }: LedgerCommit) => (addAttempts?.length ?? 0) > 0;
const isBooking = ({ answer }: LedgerCommit) => answer !== undefined;

/** Where kill -9 may strike, how often the network then sees the envelope before the retry, and whether the app hears. */
const MOMENTS: { name: string; kill: Kill; received: number; isAnswered: boolean }[] = [
  {
    name: "before the reservation is on disk",
    kill: { moment: "beforeCommit", at: isReservation },
    received: 0,
    isAnswered: false,
  },
  {
    name: "after the voucher is on disk and before it is sent",
    kill: { moment: "afterCommit", at: isReservation },
    received: 0,
    isAnswered: false,
  },
  {
    name: "after the app is answered and before that is booked",
    kill: { moment: "beforeCommit", at: isBooking },
    received: 1,
    isAnswered: true,
  },
  {
    name: "after it is booked and before the gateway knows that",
    kill: { moment: "afterCommit", at: isBooking },
    received: 1,
    isAnswered: true,
  },
];

describe("client/gateway killed in the middle", () => {
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  const received = () => harness.network.nodes.flatMap((node) => node.received);
  const largestSent = () =>
    harness.network.nodes
      .flatMap(({ vouchers }) => vouchers.map(({ fees }) => fees))
      .reduce((most, fees) => (fees > most ? fees : most), 0n);

  for (const { name, kill, received: expected, isAnswered } of MOMENTS) {
    it(`${name}: a retry is charged once and no voucher goes backwards`, async () => {
      const first = await harness.start();
      await harness.settle(publish(first, groupMessage(0)));
      await harness.settle(first.close());
      const before = received().length;

      const bytes = groupMessage(1);
      const killed = await harness.start({ store: killableStore(harness.openStore(), kill) });
      const heard = await harness.settle(publish(killed, bytes).catch((reason: unknown) => reason));
      if (!isAnswered) expect(heard).to.be.instanceOf(ConnectError);
      expect(received().length - before).to.equal(expected);

      const restarted = await harness.start();
      expect(restarted.status().authorised >= largestSent(), "what was sent was on disk").to.equal(true);
      const [answer] = await harness.settle(publish(restarted, bytes));
      if (isAnswered) expect([answer], "the same answer").to.deep.equal(heard);
      const forms = new Set(received().slice(before).map(toHex));
      expect(forms.size, "the same bytes").to.equal(1);
      expect(toHex(readOriginatorEnvelope(answer!).payerEnvelope)).to.equal([...forms][0]);
      expect(restarted.status()).to.include({
        usagePico: harness.network.chargedPico,
        inFlightPico: 0n,
        openAttempts: 0,
        doubles: 0n,
      });
      await harness.settle(publish(restarted, groupMessage(2)));
      const fees = harness.network.nodes.map(({ vouchers }) => vouchers.map((voucher) => voucher.fees));
      for (const list of fees) expect(list).to.deep.equal([...list].sort((a, b) => (a < b ? -1 : 1)));
      const row = await harness.settle(restarted.finalVoucher());
      expect(readVoucher(DOMAIN, row!).fees).to.equal(picoToUnitsUp(harness.network.chargedPico));
    });
  }

  it("books what a node stored although the app never asks again", async () => {
    const kill: Kill = { moment: "beforeCommit", at: isBooking };
    const killed = await harness.start({ store: killableStore(harness.openStore(), kill) });
    await harness.settle(publish(killed, groupMessage(1)).catch(() => {}));
    const restarted = await harness.start();
    expect(restarted.status().usagePico).to.equal(0n);
    expect(restarted.status().inFlightPico, "counted as used meanwhile").to.equal(harness.network.chargedPico);
    await harness.run(30_000, 100);
    expect(restarted.status()).to.include({ usagePico: harness.network.chargedPico, inFlightPico: 0n });
  });

  it("tells that it is sick while its store cannot be written", async () => {
    const kill: Kill = { moment: "beforeCommit", at: isReservation };
    const gateway = await harness.start({ store: killableStore(harness.openStore(), kill) });
    expect((await fetch(`${gateway.url}/health`)).status).to.equal(200);
    await harness.settle(publish(gateway, groupMessage(1)).catch(() => {}));
    expect((await fetch(`${gateway.url}/health`)).status).to.equal(503);
  });
});
