import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";
import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ClientEnvelopeSchema, OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { toHex } from "../../src/protocol/bytes.ts";
import { readOriginatorEnvelope, signOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { stableOrder } from "../../src/protocol/nodeChoice.ts";
import { topicBytes } from "../../src/protocol/topics.ts";
import { picoToUnitsUp } from "../../src/protocol/units.ts";
import { readVoucher } from "../../src/protocol/voucher.ts";
import { groupMessage } from "../support/envelopes.ts";
import type { FakeNode } from "./support/fakeNetwork.ts";
import { CHANNEL, DOMAIN, USD } from "./support/fakeNetwork.ts";
import { GatewayHarness, payerApi, publish } from "./support/gatewayHarness.ts";

/** XIP-79's order for the group that test messages are in. */
const ORDER = stableOrder(topicBytes(0, new Uint8Array(16).fill(0xab)), [100, 200, 300]);

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  try {
    await promise;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("it did not fail");
}

function originatorOf(envelope: OriginatorEnvelope | undefined): number {
  return readOriginatorEnvelope(envelope!).originatorId;
}

/** What a node says that wants a larger voucher. */
function demand(required: bigint, available = 1_000n * USD) {
  const numbers = { required, authorised: 0n, available };
  return {
    refuse: {
      kind: "refused" as const,
      reason: "postage" as const,
      message: "short",
      demand: { code: "voucher_short", ...numbers, retryable: false },
    },
  };
}

describe("client/gateway publishing", () => {
  let harness: GatewayHarness;
  let first: FakeNode;
  let second: FakeNode;
  beforeEach(() => {
    harness = new GatewayHarness();
    first = harness.network.node(ORDER[0]!);
    second = harness.network.node(ORDER[1]!);
  });
  afterEach(() => harness.stop());

  it("publishes, pays exactly what is used, and answers with the node's receipt", async () => {
    const gateway = await harness.start();
    const { nodes } = await harness.settle(payerApi(gateway).getNodes({}));
    expect(Object.keys(nodes)).to.deep.equal(["100", "200", "300"]);
    const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
    const receipt = readOriginatorEnvelope(answer!);
    expect(receipt.originatorId).to.equal(ORDER[0]);
    expect(gateway.status().usagePico).to.equal(receipt.baseFeePico);
    expect(gateway.status().authorised).to.equal(picoToUnitsUp(receipt.baseFeePico));
    expect(gateway.status().inFlightPico).to.equal(0n);
    const row = await harness.settle(gateway.finalVoucher());
    expect(readVoucher(DOMAIN, row!).fees).to.equal(picoToUnitsUp(harness.network.chargedPico));
  });

  it("signs ahead while it has headroom and exactly what is used after setHeadroom(0)", async () => {
    const gateway = await harness.start({ headroom: 50n });
    for (let n = 0; n < 12; n++) await harness.settle(publish(gateway, groupMessage(n)));
    const rows = new Set(harness.network.nodes.flatMap(({ vouchers }) => vouchers.map(({ row }) => toHex(row))));
    expect(rows.size).to.be.lessThan(6);
    gateway.setHeadroom(0n);
    for (let n = 20; gateway.status().usage < gateway.status().authorised || n < 25; n++) {
      await harness.settle(publish(gateway, groupMessage(n)));
    }
    const row = await harness.settle(gateway.finalVoucher());
    expect(readVoucher(DOMAIN, row!).fees).to.equal(picoToUnitsUp(harness.network.chargedPico));
  });

  it("caps headroom at 1 % of the deposit", async () => {
    const gateway = await harness.start({ headroom: 50n * USD });
    await harness.settle(publish(gateway, groupMessage(1)));
    expect(gateway.status().headroom).to.equal(USD);
    expect(gateway.status().authorised - gateway.status().usage).to.equal(USD);
  });

  it("carries a batch in the order asked, under one voucher", async () => {
    const gateway = await harness.start();
    const envelopes = [3, 1, 2].map((n) => groupMessage(n));
    const answers = await harness.settle(publish(gateway, ...envelopes, envelopes[0]!));
    const texts = answers.map((answer) => toHex(readOriginatorEnvelope(answer).payerEnvelope));
    expect(new Set(texts).size).to.equal(3);
    expect(texts[3]).to.equal(texts[0]);
    expect(answers.map((answer) => readOriginatorEnvelope(answer).sequenceId)).to.deep.equal([1n, 2n, 3n, 1n]);
    expect(first.vouchers).to.have.length(1);
    expect(gateway.status().usagePico).to.equal(harness.network.chargedPico);
  });

  it("charges a retried envelope once: joined while under way, stored afterwards, also over a restart", async () => {
    const gateway = await harness.start();
    const bytes = groupMessage(7);
    const answers = await harness.settle(Promise.all(Array.from({ length: 20 }, () => publish(gateway, bytes))));
    const again = await harness.settle(publish(gateway, bytes));
    await harness.settle(gateway.close());
    const restarted = await harness.start();
    const later = await harness.settle(publish(restarted, bytes));
    const forms = [...answers, again, later].map(([answer]) => toHex(toBinary(OriginatorEnvelopeSchema, answer!)));
    expect(new Set(forms).size).to.equal(1);
    expect(first.received).to.have.length(1);
    expect(restarted.status().usagePico).to.equal(harness.network.chargedPico);
  });

  it("charges nothing for an old envelope that somebody sends again, and does not hold it against the node", async () => {
    const gateway = await harness.start({ limits: { answersKeptMs: 60_000 } });
    const [answer] = await harness.settle(publish(gateway, groupMessage(7)));
    await harness.run(1_500_000, 5_000);
    const [again] = await harness.settle(publish(gateway, groupMessage(7)));
    expect(readOriginatorEnvelope(again!).sequenceId).to.equal(readOriginatorEnvelope(answer!).sequenceId);
    expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, inFlightPico: 0n, doubles: 0n });
    expect(gateway.status().nodes.every(({ isAvailable }) => isAvailable)).to.equal(true);
    expect(second.received).to.have.length(0);
  }).timeout(180_000);

  it("books 150 concurrent publishes to the last picodollar", async function () {
    this.timeout(180_000);
    const gateway = await harness.start({ headroom: 1_000n });
    const jobs = Array.from({ length: 150 }, (_, n) =>
      publish(gateway, groupMessage(n, { group: n % 16, padding: 64 + n })),
    );
    const answers = await harness.settle(Promise.all(jobs));
    const fees = answers.map(([answer]) => readOriginatorEnvelope(answer!).baseFeePico);
    expect(fees.reduce((sum, fee) => sum + fee)).to.equal(harness.network.chargedPico);
    expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, inFlightPico: 0n, openAttempts: 0 });
    const originators = new Set(answers.map(([answer]) => originatorOf(answer)));
    expect(originators.size, "topics spread over the nodes").to.equal(3);
  });

  describe("postage that a node refuses", () => {
    it("raises the voucher to what the node asks, and the app sees nothing of it", async () => {
      const gateway = await harness.start();
      first.congestionFeePico = 29_000n; // unknown to the gateway before
      const bytes = groupMessage(1, { padding: 80 });
      // Whatever the first fee is, congestion carries it over a whole base unit.
      first.mishaps = [demand(9n)];
      const [answer] = await harness.settle(publish(gateway, bytes));
      expect(originatorOf(answer)).to.equal(first.id);
      expect(first.vouchers.at(-1)!.fees).to.equal(9n);
      expect(gateway.status().usagePico).to.equal(harness.network.chargedPico);
      await harness.settle(publish(gateway, groupMessage(2)));
      expect(gateway.status().usagePico).to.equal(harness.network.chargedPico);
    });

    it("signs nothing of 5,000 USD, drops the node and uses another (59a)", async () => {
      const gateway = await harness.start();
      first.mishaps = [demand(5_000n * USD)];
      const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
      expect(originatorOf(answer)).to.equal(second.id);
      expect(gateway.status().authorised).to.equal(picoToUnitsUp(harness.network.chargedPico));
      const { nodes } = await harness.settle(payerApi(gateway).getNodes({}));
      expect(Object.keys(nodes)).not.to.include(String(first.id));
      const status = gateway.status().nodes.find(({ id }) => id === first.id);
      expect(status!.problem).to.contain("5000.000000 USD");
      expect(harness.logged.some(({ message }) => message === "a node misbehaves and is left out")).to.equal(true);
      await harness.run(601_000, 1_000);
      const later = await harness.settle(payerApi(gateway).getNodes({}));
      expect(Object.keys(later.nodes), "it gets another chance").to.include(String(first.id));
    });

    it("gives up on a node that asks again and again", async () => {
      const gateway = await harness.start();
      first.mishaps = Array.from({ length: 10 }, (_, i) => demand(1_000n + BigInt(i)));
      const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
      expect(originatorOf(answer)).to.equal(second.id);
      expect(gateway.status().inFlightPico).to.equal(0n);
    });
  });

  describe("out of money", () => {
    it("holds the call and goes on after a top-up", async () => {
      harness.network.channel = { ...harness.network.channel, deposited: 1n };
      const gateway = await harness.start();
      const call = publish(gateway, groupMessage(1));
      await harness.run(30_000, 200);
      expect(gateway.status().held).to.equal(1);
      expect(first.received).to.have.length(0);
      harness.network.channel = { ...harness.network.channel, deposited: USD };
      expect(originatorOf((await harness.settle(call))[0])).to.equal(first.id);
      expect(gateway.status().held).to.equal(0);
    });

    it("fails after holdSeconds with the numbers, and has charged and lost nothing", async () => {
      harness.network.channel = { ...harness.network.channel, deposited: 5n * USD, pendingWithdrawal: 5n * USD };
      const gateway = await harness.start({ limits: { holdSeconds: 10 } });
      const startedAt = harness.clock.now();
      const error = await harness.settle(failure(publish(gateway, groupMessage(1))), 100);
      expect(harness.clock.now() - startedAt).to.be.within(9_900, 12_000);
      expect(error.code).to.equal(Code.ResourceExhausted);
      expect(error.rawMessage).to.contain(CHANNEL).and.to.contain("deposit at least");
      const [detail] = error.findDetails(PostageRefusalSchema);
      expect(detail).to.include({ code: "out_of_money", available: 0n, retryable: true });
      expect(detail!.required > 0n).to.equal(true);
      expect(gateway.status()).to.include({ usagePico: 0n, inFlightPico: 0n, authorised: 0n, openAttempts: 0 });
      harness.network.channel = { ...harness.network.channel, pendingWithdrawal: 0n };
      await harness.run(2_000, 100);
      expect(await harness.settle(publish(gateway, groupMessage(1)))).to.have.length(1);
    });

    it("holds a bounded number of calls", async () => {
      harness.network.channel = { ...harness.network.channel, deposited: 0n };
      const gateway = await harness.start({ limits: { holdSeconds: 5, mostHeld: 3 } });
      const calls = Array.from({ length: 6 }, (_, n) => failure(publish(gateway, groupMessage(n))));
      const errors = await harness.settle(Promise.all(calls), 100);
      expect(errors.filter(({ rawMessage }) => rawMessage.includes("on hold already"))).to.have.length(3);
      expect(errors.every(({ code }) => code === Code.ResourceExhausted)).to.equal(true);
    });
  });

  describe("nodes that fail", () => {
    it("goes to the next node at once when one refuses connections", async () => {
      const gateway = await harness.start();
      first.isDown = true;
      const startedAt = harness.clock.now();
      const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
      expect(originatorOf(answer)).to.equal(second.id);
      expect(harness.clock.now() - startedAt).to.be.lessThan(1_000);
      expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, openAttempts: 0, doubles: 0n });
      const { nodes } = await harness.settle(payerApi(gateway).getNodes({}));
      expect(Object.keys(nodes)).to.have.length(2);
      first.isDown = false;
      await harness.run(2_000);
      const back = await harness.settle(payerApi(gateway).getNodes({}));
      expect(Object.keys(back.nodes), "it comes back").to.have.length(3);
    });

    it("holds while no node is there, and publishes when one comes back", async () => {
      const gateway = await harness.start();
      for (const node of harness.network.nodes) node.isDown = true;
      const call = publish(gateway, groupMessage(1));
      await harness.run(20_000, 100);
      second.isDown = false;
      expect(originatorOf((await harness.settle(call))[0])).to.equal(second.id);
    });

    it("fails with Unavailable when none comes back in time", async () => {
      const gateway = await harness.start({ limits: { holdSeconds: 5 } });
      for (const node of harness.network.nodes) node.isDown = true;
      const error = await harness.settle(failure(publish(gateway, groupMessage(1))), 100);
      expect(error.code).to.equal(Code.Unavailable);
      expect(gateway.status()).to.include({ usagePico: 0n, inFlightPico: 0n, openAttempts: 0 });
    });

    it("sends the same bytes to the same node when an answer is lost, and pays once", async () => {
      const gateway = await harness.start();
      first.mishaps = ["storedButSilent", "lost"];
      const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
      expect(originatorOf(answer)).to.equal(first.id);
      expect(new Set(first.received.map(toHex)).size).to.equal(1);
      expect(first.received).to.have.length(3);
      expect(second.received).to.have.length(0);
      expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, openAttempts: 0, doubles: 0n });
    });

    it("looks an envelope up elsewhere after 20 s, and sends it nowhere else when it is there", async () => {
      const gateway = await harness.start();
      first.mishaps = ["storedButSilent", ...Array.from({ length: 200 }, () => "lost" as const)];
      const startedAt = harness.clock.now();
      const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
      expect(harness.clock.now() - startedAt).to.be.within(20_000, 30_000);
      expect(originatorOf(answer)).to.equal(first.id);
      expect(second.received).to.have.length(0);
      expect(gateway.status()).to.include({ usagePico: harness.network.chargedPico, openAttempts: 0 });
    });

    it("sends it to another node when nobody has it, and reports a double when the first one had", async () => {
      const gateway = await harness.start();
      first.mishaps = ["storedButSilent", ...Array.from({ length: 200 }, () => "lost" as const)];
      for (const node of harness.network.nodes) node.serves = ({ originatorId }) => originatorId !== first.id;
      const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
      expect(originatorOf(answer)).to.equal(second.id);
      expect(gateway.status().openAttempts, "the first one's fate is open").to.equal(1);
      expect(gateway.status().inFlightPico > 0n, "and counts as used").to.equal(true);
      for (const node of harness.network.nodes) node.serves = () => true;
      await harness.run(10_000, 100);
      expect(gateway.status()).to.include({ doubles: 1n, openAttempts: 0, usagePico: harness.network.chargedPico });
      expect(harness.logged.some(({ fields }) => "double" in fields)).to.equal(true);
    });

    it("frees the reservation when the first node turns out not to have it", async () => {
      const gateway = await harness.start();
      first.mishaps = Array.from({ length: 200 }, () => "lost" as const);
      await harness.settle(publish(gateway, groupMessage(1)));
      await harness.run(10_000, 100);
      expect(gateway.status()).to.include({
        doubles: 0n,
        openAttempts: 0,
        inFlightPico: 0n,
        usagePico: harness.network.chargedPico,
      });
    });

    it("refuses forged receipts, drops the node and uses another", async () => {
      const forge = (change: (read: ReturnType<typeof readOriginatorEnvelope>) => object, key?: Uint8Array) => ({
        forge: (honest: OriginatorEnvelope) => {
          const read = readOriginatorEnvelope(honest);
          const bytes = signOriginatorEnvelope({ ...read, ...change(read) }, key ?? first.key);
          return fromBinary(OriginatorEnvelopeSchema, bytes);
        },
      });
      const forgeries = {
        "no key signed": forge(() => ({}), new Uint8Array(32).fill(0x77)),
        "charges 1 picodollars": forge(() => ({ baseFeePico: 1n })),
        "for congestion": forge(() => ({ congestionFeePico: 30_001n })),
        "other bytes": forge(({ payerEnvelope }) => ({ payerEnvelope: payerEnvelope.slice(1) })),
        "is of originator": forge(() => ({ originatorId: 999 })),
        "is dated": forge(({ originatorNs }) => ({ originatorNs: originatorNs * 2n })),
      };
      let n = 0;
      for (const [problem, mishap] of Object.entries(forgeries)) {
        await harness.stop();
        harness = new GatewayHarness();
        first = harness.network.node(ORDER[0]!);
        // Others do not have it, so that there is nothing to find.
        for (const node of harness.network.nodes) node.serves = ({ originatorId }) => originatorId !== first.id;
        const gateway = await harness.start();
        first.mishaps = [mishap];
        const [answer] = await harness.settle(publish(gateway, groupMessage(n++)));
        expect(originatorOf(answer), problem).not.to.equal(first.id);
        const status = gateway.status().nodes.find(({ id }) => id === first.id);
        expect(status!.isAvailable).to.equal(false);
        expect(status!.problem).to.contain(problem);
      }
    }).timeout(180_000);

    it("lets every node say that an envelope is invalid before it believes it", async () => {
      const gateway = await harness.start();
      const invalid = { refuse: { kind: "refused", reason: "invalid", message: "bad", demand: undefined } } as const;
      first.mishaps = [invalid];
      expect(originatorOf((await harness.settle(publish(gateway, groupMessage(1))))[0])).to.equal(second.id);
      for (const node of harness.network.nodes) node.mishaps = [invalid];
      const error = await harness.settle(failure(publish(gateway, groupMessage(2))));
      expect(error.code).to.equal(Code.InvalidArgument);
    });
  });

  describe("read your writes", () => {
    it("answers when every listed node serves the envelope", async () => {
      const gateway = await harness.start();
      let isReplicated = false;
      second.serves = () => isReplicated;
      let isAnswered = false;
      const call = publish(gateway, groupMessage(1)).finally(() => (isAnswered = true));
      await harness.run(2_000);
      expect(isAnswered).to.equal(false);
      isReplicated = true;
      await harness.settle(call);
      expect(gateway.status().nodes.every(({ isAvailable }) => isAvailable)).to.equal(true);
    });

    it("takes a node that lags 5 s off the list, and puts it back when it has caught up", async () => {
      const gateway = await harness.start();
      let isReplicated = false;
      second.serves = () => isReplicated;
      await harness.settle(publish(gateway, groupMessage(1)));
      const nodes = async () => Object.keys((await harness.settle(payerApi(gateway).getNodes({}))).nodes);
      expect(await nodes()).not.to.include(String(second.id));
      const startedAt = harness.clock.now();
      await harness.settle(publish(gateway, groupMessage(2)));
      expect(harness.clock.now() - startedAt, "nobody waits for it any more").to.be.lessThan(2_000);
      isReplicated = true;
      await harness.run(2_000);
      expect(await nodes()).to.include(String(second.id));
    });
  });

  describe("requests that are wrong", () => {
    it("answers InvalidArgument and takes up nothing of the call", async () => {
      const gateway = await harness.start();
      const good = groupMessage(1);
      const noTopic = toBinary(ClientEnvelopeSchema, create(ClientEnvelopeSchema, { aad: {} }));
      const otherGroup = groupMessage(2).slice();
      otherGroup[5]! ^= 1;
      const large = groupMessage(3, { padding: 262_144 });
      const report = create(ClientEnvelopeSchema, {
        aad: { targetTopic: new Uint8Array(5).fill(4) },
        payload: { case: "payerReport", value: {} },
      });
      report.payload.value!.$unknown = [{ no: 15, wireType: 2, data: new Uint8Array(101).fill(100, 0, 1) }];
      for (const bad of [noTopic, otherGroup, large, toBinary(ClientEnvelopeSchema, report)]) {
        const error = await harness.settle(failure(publish(gateway, good, bad)));
        expect(error.code).to.equal(Code.InvalidArgument);
        expect(error.rawMessage).to.contain("envelope 1");
      }
      const many = Array.from({ length: 101 }, (_, n) => groupMessage(n));
      expect((await harness.settle(failure(publish(gateway, ...many)))).code).to.equal(Code.InvalidArgument);
      expect(gateway.status()).to.include({ usagePico: 0n, authorised: 0n });
      expect(await harness.settle(publish(gateway))).to.deep.equal([]);
    });

    it("refuses a body above the bound, and bytes that are no message", async () => {
      const gateway = await harness.start();
      const post = (body: Uint8Array) =>
        fetch(`${gateway.url}/xmtp.xmtpv4.payer_api.PayerApi/PublishClientEnvelopes`, {
          method: "POST",
          headers: { "content-type": "application/grpc-web+proto" },
          body: body as Uint8Array<ArrayBuffer>,
        });
      const frame = (length: number, bytes: Uint8Array) => {
        const head = Buffer.alloc(5);
        head.writeUInt32BE(length, 1);
        return Buffer.concat([head, bytes]);
      };
      const statusOf = async (response: Response) => {
        const trailer = Buffer.from(await response.arrayBuffer()).toString("latin1");
        return /grpc-status: ?(\d+)/i.exec(trailer)?.[1] ?? response.headers.get("grpc-status");
      };
      const huge = new Uint8Array(9 * 1024 * 1024);
      expect(await statusOf(await post(frame(huge.length, huge)))).to.equal(String(Code.ResourceExhausted));
      const noise = await statusOf(await post(frame(4, Uint8Array.of(0xff, 0xff, 0xff, 0xff))));
      expect(noise).to.be.oneOf([String(Code.InvalidArgument), String(Code.Internal)]);
    });
  });
});
