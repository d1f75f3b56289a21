import { expect } from "chai";

import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { isRangeOf, readEntryProof, proveEntry } from "../../../src/protocol/report/logProofs.ts";
import { logsTree, rangeTree } from "../../../src/protocol/report/leaves.ts";
import { NO_PARENT } from "../../../src/protocol/report/report.ts";
import { proveLeaf } from "../../../src/protocol/report/tree.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { keccak256 } from "../../../src/protocol/keccak.ts";
import { picoToUnitsUp } from "../../../src/protocol/units.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { OTHER_KEY, PAYER, PAYER_KEY, RATES } from "../support.ts";
import { Network } from "./network.ts";
import { EPOCH, EPOCH_SECONDS, IN_EPOCH_NS, SECOND_NS } from "./support.ts";

const OTHER = addressOf(OTHER_KEY);
const USD = 1_000_000n;
const DEAR = { ...RATES, messageFeePico: 300_000_000_000n }; // 0.30 USD a message

describe("daemon/reports: agreement of a network", () => {
  let network: Network;
  const start = async (count: number, weights: bigint[] = []) => (network = await Network.of(count, weights));
  afterEach(() => network.close());

  /** Each node originates some envelopes, in everybody's log. */
  function traffic(from = 0, count = 4, ns = IN_EPOCH_NS) {
    for (const { nodeId } of network.nodes) {
      for (let n = from; n < from + count; n++) {
        network.deliver(nodeId, payerEnvelope(n, nodeId, PAYER_KEY), ns + BigInt(n) * SECOND_NS);
      }
    }
  }

  it("brings one report on chain that all have attested, and then rests", async () => {
    await start(4);
    traffic();
    await network.meterAll();
    await network.untilReported();
    const { report, signed } = network.reported;
    expect(signed).to.deep.equal([100, 200, 300, 400]);
    expect(report).to.include({ epoch: EPOCH, parent: NO_PARENT, round: 0 });
    const { ranges } = await network.contents();
    expect(ranges.map(({ originatorId, count }) => [originatorId, count])).to.deep.equal(
      [100, 200, 300, 400].map((id) => [id, 4n]),
    );
    for (const { nodeId } of network.nodes) {
      expect(await network.step(nodeId)).to.include({ state: "reported" });
    }
    expect(network.chain.chain).to.have.length(1);
  });

  it("covers the next epoch on top of it, from where its ranges ended", async () => {
    await start(4);
    traffic();
    await network.meterAll();
    await network.untilReported();
    const first = await network.contents();
    network.chain.time += EPOCH_SECONDS;
    traffic(4, 3, IN_EPOCH_NS + EPOCH_SECONDS * SECOND_NS);
    await network.meterAll();
    await network.untilReported();
    const second = await network.contents();
    expect(second.report).to.include({ epoch: EPOCH + 1n, parent: network.chain.chain[0]!.digest });
    expect(second.ranges[0]).to.include({ firstSequenceId: 5n, lastSequenceId: 7n });
    const usage = (await network.node(100).books.ledger.account(PAYER))!.usagePico;
    expect(second.usage.find(PAYER)!.usagePico).to.equal(usage);
    expect(first.usage.find(PAYER)!.usagePico < usage).to.equal(true);
  });

  it("reports with absent nodes up to a third, and not with one more", async () => {
    await start(7);
    traffic();
    await network.meterAll();
    network.down.add(100).add(200);
    await network.untilReported();
    expect(network.reported.signed).to.deep.equal([300, 400, 500, 600, 700]);
    network.chain.time += EPOCH_SECONDS;
    network.down.add(300);
    await network.untilReported();
    expect(network.chain.chain).to.have.length(1);
    const { state, signed } = await network.step(400);
    expect({ state, signed }).to.deep.equal({ state: "proposing", signed: [400, 500, 600, 700] });
    network.down.clear();
    await network.untilReported();
    expect(network.reported.signed, "epochs may be skipped, nothing is lost").to.have.length(7);
  });

  it("needs two thirds of the stake and half of the seats", async () => {
    await start(4, [100n, 1n, 1n, 1n]);
    traffic();
    await network.meterAll();
    network.down.add(100);
    await network.untilReported();
    expect(network.chain.chain, "three seats, 3 % of the stake").to.deep.equal([]);
    network.down.clear();
    network.down.add(300).add(400);
    await network.untilReported();
    expect(network.chain.chain, "98 % of the stake, half of the seats").to.deep.equal([]);
    network.down.delete(300);
    await network.untilReported();
    expect(network.reported.signed).to.deep.equal([100, 200, 300]);
  });

  it("case 33b: an originator with two histories loses what follows, nobody else anything, and all go on", async () => {
    await start(4);
    traffic();
    // Node 400 shows one half of the network one thing, and the other half another.
    network.deliver(400, payerEnvelope(50, 400, PAYER_KEY), IN_EPOCH_NS + 60n * SECOND_NS, [100, 200]);
    network.deliver(400, payerEnvelope(51, 400, PAYER_KEY), IN_EPOCH_NS + 60n * SECOND_NS, [300, 400]);
    network.deliver(400, payerEnvelope(52, 400, PAYER_KEY), IN_EPOCH_NS + 61n * SECOND_NS);
    await network.meterAll();
    await network.untilReported();
    const { ranges } = await network.contents();
    expect(ranges.map(({ count }) => count)).to.deep.equal([4n, 4n, 4n, 4n]);
    expect(network.reported.signed).to.have.length(4);
    const said = await Promise.all(network.nodes.map(async ({ reporter }) => (await reporter.status()).differences));
    const named = said.find((differences) => differences?.length);
    expect(named).to.deep.equal([{ originatorId: 400, sequenceId: 5n }]);
  });

  it("case 33b: an originator that withholds its log from most nodes delays nobody", async () => {
    await start(4);
    traffic();
    for (let n = 10; n < 13; n++)
      network.deliver(300, payerEnvelope(n, 300, PAYER_KEY), IN_EPOCH_NS + 60n * SECOND_NS, [300]);
    await network.meterAll();
    await network.untilReported();
    expect((await network.contents()).ranges.map(({ count }) => count)).to.deep.equal([4n, 4n, 4n, 4n]);
    expect(network.reported.signed).to.have.length(4);
  });

  it("ends a range where two thirds agree when some are behind, and who is behind attests as well", async () => {
    await start(4);
    traffic();
    network.deliver(100, payerEnvelope(70, 100, PAYER_KEY), IN_EPOCH_NS + 70n * SECOND_NS, [100, 200, 300]);
    network.deliver(100, payerEnvelope(71, 100, PAYER_KEY), IN_EPOCH_NS + 71n * SECOND_NS, [100, 200]);
    await network.meterAll();
    await network.untilReported();
    const { ranges } = await network.contents();
    expect(ranges.find(({ originatorId }) => originatorId === 100)!.lastSequenceId).to.equal(5n);
    expect(network.reported.signed).to.deep.equal([100, 200, 300]);
    expect(network.node(400).reporter.desk.lastRefusal).to.deep.include({
      why: "behind",
      at: { originatorId: 100, sequenceId: 5n },
    });
    // It catches up, and the next report finds it with the others.
    network.node(400).log.append(100, payerEnvelope(70, 100, PAYER_KEY), IN_EPOCH_NS + 70n * SECOND_NS);
    network.chain.time += EPOCH_SECONDS;
    await network.meterAll();
    await network.untilReported();
    expect(network.reported.signed).to.have.length(4);
  });

  it("a node with another copy than the rest fetches theirs, in few questions, and attests", async () => {
    await start(4);
    for (let n = 0; n < 300; n++) {
      const [ns, usual] = [IN_EPOCH_NS + BigInt(n) * SECOND_NS, payerEnvelope(n % 10, 200, PAYER_KEY)];
      network.deliver(200, usual, ns, [100, 200, 300]);
      network.deliver(200, n === 222 ? payerEnvelope(222, 200, OTHER_KEY) : usual, ns, [400]);
    }
    await network.meterAll();
    await network.untilReported();
    expect(network.reported.signed).to.have.length(4);
    expect((await network.contents(400)).usage.find(OTHER), "what only it was shown").to.equal(undefined);
    expect(network.asked).to.be.lessThan(30);
  });

  it("a node that was shown the same envelopes in another order fetches the others' order, and attests", async () => {
    await start(4);
    const orders = { rest: [0, 1, 2, 3, 4, 2], misled: [0, 2, 1, 4, 3, 2] };
    for (const [i, n] of orders.rest.entries()) {
      const ns = IN_EPOCH_NS + BigInt(i) * SECOND_NS;
      network.deliver(200, payerEnvelope(n, 200, PAYER_KEY), ns, [100, 200, 300]);
      network.deliver(200, payerEnvelope(orders.misled[i]!, 200, PAYER_KEY), ns, [400]);
    }
    await network.meterAll();
    await network.untilReported();
    expect(network.node(400).reporter.desk.lastRefusal).to.equal(undefined);
    expect(network.reported.signed).to.have.length(4);
  });

  it("the proposer itself may be the one that was shown something else", async () => {
    await start(4);
    for (let n = 0; n < 20; n++) {
      const ns = IN_EPOCH_NS + BigInt(n) * SECOND_NS;
      network.deliver(200, payerEnvelope(n, 200, PAYER_KEY), ns, [100, 300, 200]);
      network.deliver(200, payerEnvelope(n === 7 ? 777 : n, 200, PAYER_KEY), ns, [400]);
    }
    await network.meterAll();
    network.chain.time += 600n;
    const { state, differences } = await network.step(400);
    expect({ state, differences }).to.deep.equal({
      state: "sent",
      differences: [{ originatorId: 200, sequenceId: 8n }],
    });
    expect((await network.contents()).ranges[0]).to.include({ originatorId: 200, count: 20n });
  });

  it("a node never takes another copy of its own log than its own (33d)", async () => {
    await start(4);
    for (let n = 0; n < 5; n++) network.deliver(200, payerEnvelope(n, 200, PAYER_KEY), IN_EPOCH_NS, [200]);
    for (let n = 5; n < 10; n++) network.deliver(200, payerEnvelope(n, 200, PAYER_KEY), IN_EPOCH_NS, [100, 300, 400]);
    await network.meterAll();
    await network.untilReported();
    expect(network.reported.signed).to.deep.equal([100, 300, 400]);
    expect(network.node(200).reporter.desk.lastRefusal).to.include({ why: "log_differs" });
  });

  it("case 33d: a receipt of before the range's end is in it; what comes after proves nothing against its node", async () => {
    await start(4);
    traffic();
    await network.meterAll();
    await network.untilReported();
    const { report, ranges } = await network.contents();
    const late = payerEnvelope(99, 100, PAYER_KEY);
    network.deliver(100, late, IN_EPOCH_NS + 100n * SECOND_NS);
    const range = ranges[0]!;
    expect(isRangeOf(report.logsRoot, { range, proof: proveLeaf(logsTree(ranges), 0) })).to.equal(true);
    const entries = [0, 1, 2, 3].map((n) => {
      return { sequenceId: BigInt(n + 1), payerEnvelopeHash: toHex(keccak256(payerEnvelope(n, 100, PAYER_KEY))) };
    });
    const tree = rangeTree(entries);
    const receipt = readEntryProof(range, 4n, proveEntry(tree, entries, 4n));
    expect(receipt).to.deep.equal({ kind: "present", payerEnvelopeHash: entries[3]!.payerEnvelopeHash });
    expect(readEntryProof(range, 5n, proveEntry(tree, entries, 5n))).to.deep.equal({ kind: "nothing" });
    network.chain.time += EPOCH_SECONDS;
    await network.meterAll();
    await network.untilReported();
    const next = (await network.contents()).ranges[0]!;
    expect(next, "the next report has it").to.include({ firstSequenceId: 5n, lastSequenceId: 5n, count: 1n });
  });

  it("a vetoed report comes again in another round, with another digest", async () => {
    await start(4);
    traffic();
    await network.meterAll();
    await network.untilReported();
    const { digest } = network.reported;
    network.chain.veto();
    await network.untilReported();
    expect(network.reported.report.round).to.equal(1);
    expect(network.reported.digest).not.to.equal(digest);
    expect(network.reported.signed).to.have.length(4);
  });

  it("case 33a: the network debits who let unpaid traffic in, once all know what pays for the rest", async () => {
    await start(4);
    network.chain.rateHistory = [DEAR];
    for (let n = 0; n < 10; n++) network.deliver(100, payerEnvelope(n, 100, PAYER_KEY), IN_EPOCH_NS);
    for (let n = 0; n < 10; n++) network.deliver(200, payerEnvelope(n, 200, OTHER_KEY), IN_EPOCH_NS);
    await network.meterAll();
    for (const channel of [PAYER, OTHER]) {
      network.chain.money.set(channel, { deposited: 100n * USD, stampsSpent: 0n, feesSpent: 0n });
      for (const { books } of network.nodes) await books.fund(channel, { deposited: 100n * USD });
    }
    // The voucher that pays for all of it is known to one node, which is no proposer, and one that pays for a part to another.
    await network.sign({ key: PAYER_KEY, fees: 100n * USD }, [300]);
    await network.sign({ key: PAYER_KEY, fees: 1n * USD }, [200, 400]);
    await network.untilReported(10);
    const { usage, debits } = await network.contents();
    expect(usage.find(PAYER)!.authorisedAmount).to.equal(picoToUnitsUp(usage.find(PAYER)!.usagePico));
    expect(debits.map(({ nodeId }) => nodeId)).to.deep.equal([200]);
    expect(network.reported.signed.length).to.be.greaterThan(2);
  });

  it("lying nodes delay nothing: wrong facts, wrong ranges, forged attestations, garbage, silence", async () => {
    await start(7);
    traffic();
    await network.meterAll();
    const zero = toHex(new Uint8Array(32));
    network.liars.set(100, {
      ask: async (_, { ends }) => ({ whole: [], factsAt: ends.map(() => zero), absent: [200, 300, 400] }),
      propose: async () => ({ attestation: new Uint8Array(96).fill(7) }),
    });
    network.liars.set(200, {
      ask: async () => {
        throw new Error("garbage");
      },
      propose: async () => new Promise(() => {}),
    });
    // Its silence ends with the time that a peer has.
    const ticking = setInterval(() => network.judged === 4 && network.clock.advance(20_000), 50);
    network.chain.time += 600n;
    await network.step(300).finally(() => clearInterval(ticking));
    expect(network.reported.signed).to.deep.equal([300, 400, 500, 600, 700]);
    expect(network.reported.report.absentSeats).to.equal(0n);
  });

  it("case 33c: a cartel below two thirds cannot name anybody absent, and a quorum at most one in ten", async () => {
    await start(7);
    traffic();
    await network.meterAll();
    for (const id of [100, 200, 300, 400]) network.node(id).absent.push(600, 700);
    network.chain.time += 600n;
    await network.step(100);
    expect(network.reported.report.absentSeats).to.equal(0n);
    network.chain.time += EPOCH_SECONDS;
    network.node(500).absent.push(600, 700);
    network.down.add(600).add(700);
    await network.step(100);
    expect(network.reported.report.absentSeats, "one of the two: position 5").to.equal(1n << 5n);
    expect(network.reported.signed).to.deep.equal([100, 200, 300, 400, 500]);
  });

  it("case 33c: a signer names nobody absent whom it has found there itself", async () => {
    await start(7);
    traffic();
    await network.meterAll();
    for (const id of [100, 200, 300, 400]) network.node(id).absent.push(600);
    const honest = network.node(500).reporter.desk;
    network.liars.set(500, {
      ask: async (_, question) => ({ ...(await honest.answer(question, "")), absent: [600] }),
    });
    network.down.add(600).add(700);
    network.chain.time += 600n;
    expect(await network.step(100)).to.deep.include({ state: "proposing", signed: [100, 200, 300, 400] });
    expect(honest.lastRefusal).to.include({ why: "absence_differs", proposer: 100 });
  });

  it("attests nothing for who has no seat, is not the one it says, or proposes what does not fit", async () => {
    await start(4);
    traffic();
    await network.meterAll();
    const proposals: Parameters<Network["nodes"][0]["options"]["peers"]["propose"]>[1][] = [];
    network.liars.set(200, {
      propose: async (_, proposal) => (proposals.push(proposal), { why: "busy", message: "" }),
    });
    network.down.add(300).add(400);
    network.chain.time += 600n;
    await network.step(100);
    network.down.clear();
    const { desk } = network.node(400).reporter;
    const [proposal] = proposals;
    const whyOf = async (changes: object) => {
      const reply = await desk.judge({ ...proposal!, ...changes });
      return "why" in reply ? reply.why : "attested";
    };
    expect(await whyOf({ nodeId: 500 })).to.equal("not_a_seat");
    expect(await whyOf({ nodeId: 300 })).to.equal("bad_signature");
    const { report } = proposal!;
    expect(await whyOf({ report: { ...report, usageRoot: report.logsRoot } })).to.equal("bad_signature");
    expect(await whyOf({ report: { ...report, epoch: report.epoch - 1n } })).to.equal("not_due");
    expect(await whyOf({ ranges: proposal!.ranges.slice(1) })).to.equal("malformed");
    expect(await whyOf({})).to.equal("attested");
    for (let i = 0; i < 60; i++) await whyOf({});
    expect(await whyOf({}), "not without end").to.equal("busy");
  });

  it("who was away gets what it missed from any peer, and believes none", async () => {
    await start(4);
    traffic();
    await network.meterAll();
    network.down.add(400);
    await network.untilReported();
    network.down.clear();
    network.chain.time += EPOCH_SECONDS;
    network.liars.set(100, { contents: async () => new Uint8Array(500) });
    const { digest } = network.reported;
    expect(await network.node(400).store.get(digest)).to.equal(undefined);
    await network.untilReported();
    expect(network.reported.signed).to.have.length(4);
    expect((await network.node(400).store.get(digest))!.report.epoch).to.equal(EPOCH);
  });

  it("says why it cannot: no history, no seat, no parent, no old state", async () => {
    await start(4);
    traffic();
    await network.meterAll();
    network.chain.time += 600n;
    const whyOf = async (id: number) => (await network.step(id)).why;
    const { seats } = network.chain;
    network.chain.seats = { ...seats, seats: seats.seats.slice(1) };
    expect(await whyOf(100)).to.equal("not_a_seat");
    network.chain.seats = seats;
    network.chain.backing = async () => {
      throw new Error("missing trie node");
    };
    network.chain.time += EPOCH_SECONDS;
    expect(await whyOf(200)).to.equal("chain_state_missing");
    network.down.add(300);
    network.chain.head = async () => ({ digest: toHex(keccak256()), length: 1n, round: 0, epoch: EPOCH });
    expect(await whyOf(300)).to.equal("parent_unknown");
  });
});
