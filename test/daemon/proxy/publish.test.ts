import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ConnectError } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import { status } from "@grpc/grpc-js";
import { expect } from "chai";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import { bytesToUint, concatBytes, fromHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import {
  encodePayerEnvelope,
  readOriginatorEnvelope,
  readPayerEnvelope,
  recoverOriginator,
  signPayerEnvelope,
} from "../../../src/protocol/envelope.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { groupMessage, payerEnvelope } from "../../support/envelopes.ts";
import { NODE_ID, OTHER_KEY, PAYER, PAYER_KEY, storeAt } from "../support.ts";
import type { World } from "./support.ts";
import { NODE_KEY, clientOf, errorOf, moving, publish, publishBytes, startWorld } from "./support.ts";

const FEE_PICO = 100n + 200n * BigInt(payerEnvelope(1, NODE_ID, PAYER_KEY).length) * 60n;
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const idsOf = (envelopes: Awaited<ReturnType<typeof publish>>) =>
  envelopes.map((envelope) => readOriginatorEnvelope(envelope).sequenceId);

describe("daemon/proxy, publishing at a stock node", function () {
  this.timeout(180_000);
  let world: World;
  const charged = () => world.usagePico();
  const pending = () => world.proxy.openFates();

  beforeEach(async () => (world = await startWorld()));
  afterEach(() => world.close());

  it("has the node originate what is paid for, answers with its envelope, and charges it once", async () => {
    const { client, stock, store, until } = world;
    const [envelope] = await publish(client, 1);
    const read = readOriginatorEnvelope(envelope!);
    expect(read).to.include({ originatorId: NODE_ID, sequenceId: 1n });
    expect(recoverOriginator(read)).to.equal(addressOf(NODE_KEY));
    expect(read.payerEnvelope).to.deep.equal(payerEnvelope(1, NODE_ID, PAYER_KEY));
    expect(await store.ledger.raiseHighWater(0n), "on disk before the answer").to.equal(1n);
    expect(stock.calls).to.have.length(1);
    await until(async () => (await charged()) === FEE_PICO);
  });

  it("takes a batch in one call, over gRPC as over gRPC-Web, and numbers with gaps", async () => {
    const { stock, proxy, until } = world;
    stock.quirks.gap = 6n;
    expect(idsOf(await publish(clientOf(proxy, "grpc"), [1, 2, 3]))).to.deep.equal([7n, 14n, 21n]);
    expect(stock.calls).to.have.length(1);
    await until(async () => (await charged()) === 3n * FEE_PICO);
  });

  it("refuses what is not paid for with the reference node's words and details, and sends the node nothing", async () => {
    const { client, stock } = world;
    const refusals: [() => Promise<unknown>, Code, string][] = [
      [() => publish(client, 1, null), Code.FailedPrecondition, "voucher_missing"],
      [() => publish(client, 1, 1n), Code.FailedPrecondition, "voucher_short"],
      [
        () => publishBytes(client, [payerEnvelope(1, NODE_ID, OTHER_KEY)], null),
        Code.FailedPrecondition,
        "channel_unknown",
      ],
    ];
    for (const [refusal, code, name] of refusals) {
      const error = (await errorOf(refusal())) as ConnectError;
      const [detail] = error.findDetails(PostageRefusalSchema);
      expect([error.code, detail?.code]).to.deep.equal([code, name]);
    }
    expect((await errorOf(publishBytes(client, []))).message).to.include("there is no envelope to publish");
    const many = Array.from({ length: 101 }, () => payerEnvelope(1, NODE_ID, PAYER_KEY));
    expect((await errorOf(publishBytes(client, many))).message).to.include("at most 100 envelopes, this has 101");
    expect(stock.calls).to.have.length(0);
  });

  it("refuses another node's, a commit, another retention and other bytes before the node sees them (59)", async () => {
    const { client, stock } = world;
    const original = readPayerEnvelope(payerEnvelope(1, NODE_ID, PAYER_KEY));
    const flipped = original.payerSignature.slice();
    flipped.set(uintToBytes(ORDER - bytesToUint(flipped.subarray(32, 64)), 32), 32);
    flipped[64]! ^= 1;
    const sign = (unsignedClientEnvelope: Uint8Array, retentionDays: number) =>
      signPayerEnvelope({ unsignedClientEnvelope, targetOriginator: NODE_ID, retentionDays }, PAYER_KEY);
    const cases: [Uint8Array, RegExp][] = [
      [payerEnvelope(1, 200, PAYER_KEY), /signed for originator 200, this is node 100/],
      [sign(groupMessage(1, { contentType: 3 }), 60), /MLS commit or proposal/],
      [sign(groupMessage(1), 365), /kept 60 days/],
      [encodePayerEnvelope({ ...original, payerSignature: flipped }), /canonical/],
      [concatBytes(original.bytes, fromHex("7a0161")), /canonical/],
    ];
    for (const [bytes, message] of cases) {
      const error = (await errorOf(publishBytes(client, [bytes]))) as ConnectError;
      expect([error.code, message.test(error.message)], error.message).to.deep.equal([Code.InvalidArgument, true]);
    }
    expect(stock.calls).to.have.length(0);
  });

  it("answers the same bytes from what the node has, without sending or charging them again (56)", async () => {
    const { client, stock, until } = world;
    const first = await publish(client, 1);
    const again = await Promise.all(Array.from({ length: 50 }, () => publish(client, [1, 1], 0n)));
    for (const envelopes of again) expect(envelopes).to.deep.equal([first[0], first[0]]);
    const many = await Promise.all(Array.from({ length: 50 }, () => publish(client, 2)));
    for (const envelopes of many) expect(envelopes).to.deep.equal(many[0]);
    expect(stock.calls).to.have.length(2);
    await until(async () => (await charged()) === 2n * FEE_PICO);
  });

  it("answers them after a restart, too, when the node is all that remembers", async () => {
    const directory = mkdtempSync(join(tmpdir(), "pennyblack-proxy-"));
    await world.close();
    world = await startWorld({ store: await storeAt(`${directory}/ledger.sqlite`) });
    const { stock } = world;
    stock.quirks.gap = 3n;
    const first = await publish(world.client, [1, 2]);
    await world.until(async () => (await charged()) === 2n * FEE_PICO);
    await world.stop();
    world = await startWorld({ stock, store: await storeAt(`${directory}/ledger.sqlite`) });
    const again = await publish(world.client, [2, 1], 0n);
    expect(idsOf(again)).to.deep.equal(idsOf(first).reverse());
    expect(stock.calls).to.have.length(1);
    expect(await charged()).to.equal(2n * FEE_PICO);
    rmSync(directory, { recursive: true });
  });

  it("does not publish again what was charged and is not served any more", async () => {
    const { client, stock, until } = world;
    await publish(client, 1);
    await until(async () => (await charged()) === FEE_PICO);
    await world.stop();
    stock.logs.truncate(NODE_ID, 0n);
    world = await startWorld({ stock, store: await metered(FEE_PICO) });
    await fetch(`${world.daemon.operatorUrl}/trust-log`, { method: "POST" });
    const error = (await errorOf(publish(world.client, 1))) as ConnectError;
    expect(error.code).to.equal(Code.AlreadyExists);
    expect(stock.calls).to.have.length(1);
  });

  describe("when the node's answer is missing", () => {
    const found: [string, (world: World) => void][] = [
      ["hangs after storing", ({ stock }) => (stock.quirks.hangsAfterStoring = true)],
      ["fails after storing", ({ stock }) => (stock.quirks.failsAfterStoring = status.INTERNAL)],
      ["says it is unavailable and stores it later", ({ stock }) => (stock.quirks.storesLaterMs = 50)],
      ["answers with another payer envelope", ({ stock }) => (stock.quirks.lies = "payer")],
      ["answers with a stranger's signature", ({ stock }) => (stock.quirks.lies = "signature")],
      ["answers as another originator", ({ stock }) => (stock.quirks.lies = "originator")],
    ];
    for (const [what, misbehave] of found) {
      it(`finds the envelope and answers with it, once charged: the node ${what}`, async () => {
        const { client, stock, clock, until } = world;
        misbehave(world);
        const [envelope] = await moving(clock, publish(client, 1));
        const read = readOriginatorEnvelope(envelope!);
        expect(recoverOriginator(read)).to.equal(addressOf(NODE_KEY));
        expect(read.payerEnvelope).to.deep.equal(payerEnvelope(1, NODE_ID, PAYER_KEY));
        await until(async () => (await charged()) === FEE_PICO);
        expect([stock.calls.length, pending()]).to.deep.equal([1, 0]);
        expect(idsOf(await publish(client, 1))).to.deep.equal([read.sequenceId]);
        expect(stock.calls).to.have.length(1);
      });
    }

    it("finds it when the node died with it and came back", async () => {
      const { client, stock, clock, until } = world;
      stock.quirks.diesAfterStoring = true;
      const publishing = publish(client, 1);
      const error = errorOf(publishing).catch(() => undefined);
      await until(() => stock.calls.length === 1);
      stock.quirks.diesAfterStoring = false;
      await new Promise((resolve) => setTimeout(resolve, 50));
      await stock.up();
      await moving(clock, error);
      await until(async () => (await charged()) === FEE_PICO);
      await until(() => world.daemon.gate.isOpen());
      expect(idsOf(await moving(clock, publish(client, 1)))).to.deep.equal([1n]);
      expect(stock.calls).to.have.length(1);
    });

    it("keeps the postage and sends nothing again until the log shows that the node never stored it", async () => {
      const { client, stock, clock, until, daemon } = world;
      stock.quirks.hangs = true;
      const fees = (FEE_PICO + 999_999n) / 1_000_000n;
      const error = (await moving(clock, errorOf(publish(client, 1, fees)))) as ConnectError;
      expect([error.code, error.message.includes("send the same bytes again")]).to.deep.equal([Code.Unavailable, true]);
      expect(pending()).to.equal(1);
      const again = (await moving(clock, errorOf(publish(client, 1, fees)))) as ConnectError;
      expect(again.code).to.equal(Code.Unavailable);
      expect(stock.calls, "not sent again").to.have.length(1);
      // Its postage is not lent to another message.
      const other = (await errorOf(publish(client, 2, fees))) as ConnectError;
      expect(other.findDetails(PostageRefusalSchema)[0]!.code).to.equal("voucher_short");
      stock.quirks.hangs = false;
      await until(() => pending() === 0, 1_000);
      expect(daemon.gate.isOpen()).to.equal(true);
      expect(idsOf(await publish(client, 2, fees))).to.deep.equal([1n]);
      await until(async () => (await charged()) === FEE_PICO);
    });

    it("charges what the node stores a minute later, and answers it then", async () => {
      const { client, stock, clock, until } = world;
      stock.quirks.storesLaterMs = 400;
      const publishing = errorOf(publish(client, 1));
      await moving(clock, publishing, 2_000);
      stock.quirks.storesLaterMs = undefined;
      await until(() => stock.logs.last(NODE_ID) === 1n, 0);
      await until(async () => (await charged()) === FEE_PICO, 100);
      expect(idsOf(await moving(clock, publish(client, 1)))).to.deep.equal([1n]);
      expect(stock.calls).to.have.length(1);
      await until(() => pending() === 0);
    });

    it("gives the postage back at once when the node refused, or was not there", async () => {
      const { client, stock, daemon, until } = world;
      const fees = (FEE_PICO + 999_999n) / 1_000_000n;
      stock.quirks.refuses = status.INVALID_ARGUMENT;
      const refused = (await errorOf(publish(client, 1, fees))) as ConnectError;
      expect([refused.code, refused.message]).to.deep.equal([
        Code.InvalidArgument,
        "[invalid_argument] refused by quirk",
      ]);
      stock.quirks.refuses = undefined;
      stock.crash();
      await until(() => !daemon.gate.isOpen());
      const shut = (await errorOf(publish(client, 2, fees))) as ConnectError;
      expect(shut.findDetails(PostageRefusalSchema)[0]!.code).to.equal("not_ready");
      await stock.up();
      await until(() => daemon.gate.isOpen());
      await publish(client, 3, fees);
      expect(pending()).to.equal(0);
    });
  });
});

/** A ledger that has metered message 1 of the node. */
async function metered(feePico: bigint) {
  const store = await storeAt();
  const { digest } = readPayerEnvelope(payerEnvelope(1, NODE_ID, PAYER_KEY));
  const charge = { channel: PAYER, digest: Buffer.from(digest.subarray(0, 16)).toString("hex"), feePico };
  await store.ledger.meter({ originatorId: NODE_ID, after: 0n, upTo: 1n, charges: [charge], minuteCounts: new Map() });
  return store;
}
