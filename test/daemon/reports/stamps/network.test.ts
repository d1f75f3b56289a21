import { expect } from "chai";

import type { ProvedEvidenceChange } from "./support.ts";
import { lie, openStampNetwork, say } from "./support.ts";
import { Proofs } from "../../../../src/daemon/reports/proofs.ts";
import type { Hex } from "../../../../src/protocol/bytes.ts";
import { ReportedStamps } from "../../../../src/daemon/reports/stamps/reportedStamps.ts";
import { chargeFields, payoutFields } from "../../../../src/protocol/report/leaves.ts";
import { TreeTag, rootOfProof } from "../../../../src/protocol/report/tree.ts";
import { OTHER_KEY, PAYER } from "../../support.ts";
import {
  FOREIGN,
  INBOX,
  INSTALLATION,
  OTHER_INBOX,
  PRICE,
  SECOND,
  WALLET,
  byInstallation,
  byWallet,
  waiver,
  welcome,
  welcomeId,
} from "../../stamps/support.ts";
import type { Network } from "../network.ts";
import { EPOCH_END, EPOCH_SECONDS, IN_EPOCH_NS, SECOND_NS } from "../support.ts";

const HOUR_MS = 3_600_000;
const FIRST = welcome(1, INSTALLATION);
const about = { kind: "statement", inbox: INBOX, payer: PAYER, welcome: welcomeId(FIRST) } as const;
const SPAM = byWallet({ ...about, verdict: "spam", account: WALLET });
const ACCEPT = byInstallation({ ...about, verdict: "accept" });
const IN_TIME = Number(EPOCH_END) * 1_000 - 2 * HOUR_MS;

describe("daemon/reports/stamps: agreement of a network", () => {
  let network: Network;
  afterEach(() => network.close());

  async function start(count = 3) {
    network = await openStampNetwork(count);
    return network;
  }

  async function write(bytes = FIRST, at = IN_EPOCH_NS + SECOND_NS): Promise<void> {
    network.deliver(100, bytes, at);
    await network.meterAll();
  }

  async function nextEpoch(): Promise<void> {
    network.chain.time += EPOCH_SECONDS;
    await network.untilReported();
  }

  it("charges spam, pays its account, serves both with proofs, and is charged by who submitted it first", async () => {
    await start();
    await write();
    await write(welcome(2, SECOND));
    await say(network, SPAM, IN_TIME);
    await network.untilReported();
    const { report, digest, signed } = network.reported;
    expect(signed).to.deep.equal([100, 200, 300]);
    const { stamps } = await network.contents();
    expect(stamps!.charges.filter((leaf) => leaf.cumulativeAmount > 0n)).to.deep.equal([
      { channel: PAYER, cumulativeAmount: PRICE },
    ]);
    const proofs = new Proofs(network.node(200).store);
    const payout = (await proofs.payout(digest, WALLET))!;
    expect(payout.leaf).to.deep.equal({ account: WALLET, amount: PRICE / 2n });
    expect(rootOfProof(TreeTag.payouts, payoutFields(payout.leaf), payout.proof)).to.equal(report.stampPayoutsRoot);
    const charge = (await proofs.charge(digest, PAYER))!;
    expect(rootOfProof(TreeTag.charges, chargeFields(charge.leaf), charge.proof)).to.equal(report.stampChargesRoot);
    expect(await proofs.payout(digest, PAYER)).to.equal(undefined);
    // Final: the daemon that brought it on chain does not wait for its turn.
    const stamp = { payer: PAYER, inbox: INBOX, welcome: about.welcome };
    network.chain.time = network.chain.chain[0]!.finalAt;
    network.clock.advance(300_000);
    for (const { nodeId } of network.nodes) await network.step(nodeId);
    expect(network.chain.charged).to.have.length(1);
    expect(network.chain.charged[0]!.digest).to.equal(digest);
    const { store } = network.node(300);
    const loads: string[] = [];
    const counted = (one: Hex) => (loads.push(one), store.get(one));
    const reported = new ReportedStamps({ latest: (limit) => store.latest(limit), get: counted });
    expect(await reported.isCharged(stamp)).to.equal(true);
    expect(await reported.isCharged({ ...stamp, inbox: OTHER_INBOX })).to.equal(false);
    const openedAt = EPOCH_END - 43_200n + 1n;
    expect(
      await reported.outcomesOf([
        { ...stamp, openedAt },
        { ...stamp, inbox: OTHER_INBOX, openedAt },
      ]),
    ).to.deep.equal(["spam", "unreported"]);
    expect(loads, "however often stamps are asked about").to.have.length(1);
    // Whoever asks for proofs again and again has the report read once.
    loads.length = 0;
    const served = new Proofs({ get: counted, pages: store.pages.bind(store) });
    await Promise.all(Array.from({ length: 20 }, () => served.payout(digest, WALLET)));
    for (let i = 0; i < 20; i++) expect(await served.charge(digest, PAYER)).to.deep.equal(charge);
    for (let i = 0; i < 20; i++) expect(await served.usage(digest, PAYER)).not.to.equal(undefined);
    expect(loads).to.deep.equal([digest]);
  });

  it("38: accept beats spam, whichever node heard which; the next reports leave both alone", async () => {
    await start();
    await write();
    await say(network, SPAM, IN_TIME, [100, 200]);
    await say(network, ACCEPT, IN_TIME, [300]);
    // Both at one node, as gossip brings them, in the other order at the other.
    await say(network, ACCEPT, IN_TIME, [100, 200]);
    await network.untilReported();
    const { stamps } = await network.contents();
    expect(stamps!.payouts).to.deep.equal([]);
    expect(stamps!.charges.every(({ cumulativeAmount }) => cumulativeAmount === 0n)).to.equal(true);
  });

  it("silence costs a tenth a week later, on top of what the parent charged", async () => {
    await start();
    await write();
    await write(welcome(3, FOREIGN));
    await say(network, SPAM, IN_TIME);
    await network.untilReported();
    for (let epoch = 0; epoch < 15; epoch++) await nextEpoch();
    const { stamps } = await network.contents();
    expect(stamps!.charges.find(({ channel }) => channel === PAYER)!.cumulativeAmount).to.equal(PRICE + PRICE / 10n);
    expect(stamps!.payouts).to.deep.equal([]);
    expect(network.chain.chain).to.have.length(16);
  });

  it("a welcome that its node dates a week back counts from its parent's end on, so that its recipient has a week", async () => {
    await start();
    await write(welcome(3, FOREIGN));
    await network.untilReported();
    await write(FIRST, IN_EPOCH_NS - 8n * 86_400n * 1_000_000_000n);
    await nextEpoch();
    const openIn = async () => (await network.contents()).stamps!.rows.find(({ inbox }) => inbox === INBOX);
    expect(await openIn()).to.include({ openedAt: EPOCH_END, outcome: 0 });
    for (let epoch = 0; epoch < 12; epoch++) await nextEpoch();
    expect(await openIn()).to.include({ outcome: 0 });
    await say(network, SPAM, Number(network.chain.time) * 1_000);
    await nextEpoch();
    expect((await network.contents()).stamps!.payouts).to.deep.equal([{ account: WALLET, amount: PRICE / 2n }]);
  });

  it("37: a use of a waiver opens no stamp; an expired or foreign one does", async () => {
    await start();
    await write();
    await write(welcome(4, FOREIGN));
    const { stamps } = network.node(100).books;
    const note = byWallet(waiver(network.clock, { notAfter: EPOCH_END }));
    for (const node of network.nodes) {
      for (const [bytes, packed] of [
        [FIRST, note],
        // Of another inbox than the one that is written to.
        [welcome(4, FOREIGN), note],
      ] as const) {
        await node.books.stamps.takePass({
          ...{
            payer: PAYER,
            payerDigest: `${welcomeId(bytes)}${"00".repeat(16)}` as const,
            inbox: INBOX,
            note: packed,
          },
          ...{ tag: undefined, heardAt: IN_TIME, waiverId: 1n, mostUses: 10 },
        });
      }
    }
    expect(await stamps.uses(0, IN_TIME + 1, 10)).to.have.length(2);
    await network.untilReported();
    const { rows } = (await network.contents()).stamps!;
    expect(rows.map(({ inbox }) => inbox)).to.deep.equal([OTHER_INBOX]);
  });

  it("37: a waiver that is used in the epoch's last minutes is in its report, if only the proposer has heard of it", async () => {
    await start();
    await write();
    const note = byWallet(waiver(network.clock));
    const use = { payer: PAYER, payerDigest: `${welcomeId(FIRST)}${"00".repeat(16)}`, inbox: INBOX, note } as const;
    const pass = { ...use, tag: undefined, heardAt: Number(EPOCH_END) * 1_000 - 60_000, waiverId: 1n, mostUses: 10 };
    await network.node(100).books.stamps.takePass(pass);
    // It is the first one's turn alone.
    await network.step(100);
    expect(network.reported.signed).to.deep.equal([100, 200, 300]);
    expect((await network.contents()).stamps!.rows).to.deep.equal([]);
  });

  const LIES: [string, string, ProvedEvidenceChange][] = [
    [
      "a statement by a stranger",
      "stamps_differ",
      () => ({ statements: [byWallet({ ...about, verdict: "spam", account: PAYER }, OTHER_KEY)], uses: [] }),
    ],
    ["a statement that is no note", "stamps_differ", () => ({ statements: [new Uint8Array(20)], uses: [] })],
    [
      "what another network's recipient said",
      "stamps_differ",
      () => ({
        statements: [
          byInstallation({ ...about, verdict: "accept" }, undefined, { chainId: 1n, postageChannels: PAYER }),
        ],
        uses: [],
      }),
    ],
    ["a statement that its report does not follow", "stamps_differ", ({ uses }) => ({ statements: [ACCEPT], uses })],
    [
      "another payer's waiver",
      "stamps_differ",
      (evidence) => ({
        ...evidence,
        uses: [{ payer: WALLET, welcome: about.welcome, note: byWallet(waiver(network.clock)) }],
      }),
    ],
  ];
  for (const [what, why, change] of LIES) {
    it(`a proposer that brings ${what} is refused`, async () => {
      await start();
      await write();
      lie(network, 100, change);
      await network.step(100);
      expect(network.chain.chain).to.have.length(0);
      expect(network.node(200).reporter.desk.lastRefusal).to.include({ why });
    });
  }

  it("a proposer that pays whom a stranger named finds nobody to sign with it", async () => {
    await start();
    await write();
    const liar = network.node(100).books.stamps;
    liar.isMember = async () => true;
    await say(network, byWallet({ ...about, verdict: "spam", account: PAYER }, OTHER_KEY), IN_TIME, [100]);
    await network.step(100);
    expect(network.chain.chain).to.have.length(0);
    const { lastRefusal } = network.node(200).reporter.desk;
    expect(lastRefusal).to.include({ why: "stamps_differ" });
    expect(lastRefusal!.message).to.include("who belonged to its inbox");
  });

  it("a proposer that leaves out what others held for an epoch is refused; the honest ones report it", async () => {
    await start(4);
    await write();
    await network.untilReported();
    // Heard more than an epoch before the end of the next: only the liar did not.
    await say(network, SPAM, IN_TIME + 3 * HOUR_MS - Number(EPOCH_SECONDS) * 1_000, [200, 300, 400]);
    network.chain.time += EPOCH_SECONDS;
    for (let i = 0; i < 8 && network.chain.chain.length < 2; i++) {
      await network.step(100);
      network.chain.time += 60n;
    }
    expect(network.chain.chain).to.have.length(1);
    expect(network.node(200).reporter.desk.lastRefusal).to.include({ why: "stamps_omitted" });
    await network.untilReported();
    const { stamps } = await network.contents();
    expect(stamps!.payouts).to.deep.equal([{ account: WALLET, amount: PRICE / 2n }]);
  });

  it("what was heard in the last hour waits for the next report, and holds nobody up", async () => {
    await start();
    await write();
    await say(network, SPAM, Number(EPOCH_END) * 1_000 - HOUR_MS, [200]);
    await network.untilReported();
    expect((await network.contents()).stamps!.payouts).to.deep.equal([]);
    await say(network, SPAM, Number(EPOCH_END) * 1_000 - HOUR_MS);
    await nextEpoch();
    expect((await network.contents()).stamps!.payouts).to.have.length(1);
  });
});
