import { expect } from "chai";

import { ethersReports } from "../../../src/daemon/adapters/ethersReports.ts";
import { ethersTransactions } from "../../../src/daemon/adapters/ethersTransactions.ts";
import { ethersWork, hasEffect } from "../../../src/daemon/adapters/ethersWork.ts";
import type { ReportsChain } from "../../../src/daemon/reports/ports.ts";
import { TransactionManager } from "../../../src/daemon/transactions/manager.ts";
import { systemClock as clock } from "../../../src/platform/clock.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { toAddress, uintToBytes } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { readVoucher, signVoucher } from "../../../src/protocol/voucher.ts";
import { RETENTION_DAYS, payerEnvelope } from "../../support/envelopes.ts";
import type { World } from "../../contracts/fixtures.ts";
import { DAY, EPOCH, USD, passEpochs } from "../../contracts/fixtures.ts";
import { attester, reportWorld } from "../../contracts/reportWorld.ts";
import { OTHER_KEY, PAYER, PAYER_KEY } from "../support.ts";
import { MemoryIntents } from "../transactions/memoryIntents.ts";
import { deadlineSigner, routineSigner } from "../transactions/support.ts";
import { RollCalls } from "../../../src/daemon/reports/rollCalls.ts";
import { Proofs } from "../../../src/daemon/reports/proofs.ts";
import { FOREIGN, INBOX, INSTALLATION, PRICE, byWallet, welcome, welcomeId } from "../stamps/support.ts";
import { openStampNetwork, say } from "./stamps/support.ts";
import { Network } from "./network.ts";

const SEATS = 4;
const POLICY = { maxGasBps: 10_000n, nativeTokenPrice: 0n };
const OTHER = addressOf(OTHER_KEY);
const SECOND_NS = 1_000_000_000n;

async function expectRefusal(action: Promise<unknown>, error: string): Promise<void> {
  const message = await action.then(() => "nothing", String);
  expect(message).to.include(error);
}

describe("daemon/reports on the real EpochReports", () => {
  let world: World;
  let network: Network;
  let chain: ReportsChain;
  let manager: TransactionManager;
  let store: MemoryIntents;
  let close = async () => {};
  afterEach(() => close());

  beforeEach(async () => {
    const firstRates = {
      ...{ messageFeePico: "1000000000", storageFeePicoPerByteDay: "1000000" },
      ...{ congestionFeePicoPerUnit: "0", targetRatePerMinute: 6_000 },
    };
    world = await reportWorld(SEATS, { firstRates: firstRates as never, maxSeats: SEATS });
    for (const { address } of [routineSigner, deadlineSigner]) {
      await world.funder.sendTransaction({ to: address, value: 10n ** 18n });
    }
    store = new MemoryIntents(clock);
    manager = new TransactionManager({
      ...{ store, leadership: store, clock, chainId: world.chainId, log: silentLog, pollingMs: 5 },
      ...{ chain: ethersTransactions(world.ethers.provider), holder: "a", leaseMs: 600_000 },
      ...{ signers: { routine: routineSigner, deadline: deadlineSigner }, reserveWei: 0n, hasEffect: hasEffect(world) },
    });
    const accounts = { routine: routineSigner.address, deadline: deadlineSigner.address };
    const { provider } = world.ethers;
    chain = ethersReports({ contracts: world, provider, transactions: manager, accounts, policy: POLICY });
    const domain = { chainId: world.chainId, epochReports: toAddress(await world.epochReports.getAddress()) };
    const keys = Array.from({ length: SEATS }, (_, i) => uintToBytes(attester(i), 32));
    network = await Network.of(SEATS, [], { keys, parts: { domain, chain } });
    for (const { books } of network.nodes) books.rateBook.update(await chain.rates(), RETENTION_DAYS);
    close = async () => {
      await network.close();
      await world.net.close();
    };
  });

  /** All take their turns until there are so many reports. */
  async function untilReported(count: bigint): Promise<void> {
    for (let i = 0; i < 8 && (await chain.head()).length < count; i++) {
      for (const { nodeId } of network.nodes) await network.step(nodeId);
      await world.net.networkHelpers.time.increase(60);
    }
    expect((await chain.head()).length).to.equal(count);
  }

  async function traffic(count: number): Promise<void> {
    const epoch = (await chain.now()) / BigInt(EPOCH) - 1n;
    const ns = (epoch * BigInt(EPOCH) + 60n) * SECOND_NS;
    for (let n = 0; n < count; n++) {
      network.deliver(100, payerEnvelope(n, 100, PAYER_KEY), ns);
      network.deliver(200, payerEnvelope(n, 200, OTHER_KEY), ns);
    }
    await network.meterAll();
  }

  it("is attested by all, accepted, final, applied and announced: the debtor is debited, stock nodes may prune", async () => {
    const { postageChannels, epochReports, feeDistributor, funder, net } = world;
    const domain = { chainId: world.chainId, postageChannels: toAddress(await postageChannels.getAddress()) };
    await postageChannels.connect(funder).deposit(PAYER, 50n * USD);
    const work = ethersWork(world, manager);
    await work.settle(signVoucher(domain, { fees: 40n * USD, stamps: 0n }, PAYER_KEY), {
      lane: "routine",
      budgetWei: 10n ** 18n,
    });
    await work.distribute({ lane: "routine", budgetWei: 10n ** 18n });
    // What pays for a channel is what it was when the epoch ended.
    await passEpochs(world, 1);
    await traffic(150);
    await untilReported(1n);
    const { digest } = await chain.head();
    const contents = (await network.node(100).store.get(digest))!;
    expect(contents.usage.find(PAYER)!.authorisedAmount * 1_000_000n >= contents.usage.find(PAYER)!.usagePico).to.equal(
      true,
    );
    expect(contents.usage.find(OTHER)!.authorisedAmount).to.equal(0n);
    expect(contents.debits).to.have.length(1);
    expect(await chain.standing(digest)).to.include({ status: "accepted", isAnnounced: false });
    await net.networkHelpers.time.increase(await epochReports.vetoWindowSeconds());
    await net.networkHelpers.time.increase(5 * 60);
    network.clock.advance(300_000);
    for (const { nodeId } of network.nodes) await network.step(nodeId);
    expect(await chain.standing(digest)).to.include({ hasPenaltiesApplied: true, isAnnounced: true });
    expect(await feeDistributor.debitOf(200)).to.equal(contents.debits[0]!.amount);
    expect(await feeDistributor.debitOf(100)).to.equal(0n);
    const { startSequenceId, endSequenceId, payersMerkleRoot } = await epochReports.getPayerReport(100, 0);
    expect([startSequenceId, endSequenceId, payersMerkleRoot]).to.deep.equal([0n, 150n, contents.report.logsRoot]);
    const done = store.all.filter(({ outcome }) => outcome === "done").map(({ kind }) => kind);
    expect(done).to.include.members(["report", "penalties", "announce"]);
  });

  it("charges a final report's stamps, settling the ceiling first, and the pot is its recipients' (32, 33)", async () => {
    await network.close();
    const { postageChannels, stamps, epochReports, funder, net } = world;
    const domain = { chainId: world.chainId, postageChannels: toAddress(await postageChannels.getAddress()) };
    const accounts = { routine: routineSigner.address, deadline: deadlineSigner.address };
    const keys = Array.from({ length: SEATS }, (_, i) => uintToBytes(attester(i), 32));
    const reports = { chainId: world.chainId, epochReports: toAddress(await epochReports.getAddress()) };
    const { provider } = world.ethers;
    chain = ethersReports({ contracts: world, provider, transactions: manager, accounts, policy: POLICY });
    network = await openStampNetwork(SEATS, { keys, parts: { domain: reports, chain } }, 0n);
    for (const { books } of network.nodes) books.rateBook.update(await chain.rates(), RETENTION_DAYS);
    await postageChannels.connect(funder).deposit(PAYER, 50n * USD);
    const voucher = readVoucher(domain, signVoucher(domain, { fees: 40n * USD, stamps: 2n * PRICE }, PAYER_KEY));
    for (const { books } of network.nodes) {
      const channel = { deposited: 50n * USD, feesSpent: 0n, stampsSpent: 0n, stampsSigned: 0n, pendingWithdrawal: 0n };
      await books.ledger.recordChain({ states: new Map([[PAYER, channel]]), readTo: 1n, blocks: [] });
      await books.ledger.raise([voucher]);
    }
    await passEpochs(world, 1);
    const epoch = (await chain.now()) / BigInt(EPOCH) - 1n;
    const ns = (epoch * BigInt(EPOCH) + 60n) * SECOND_NS;
    const [first, second] = [welcome(1, INSTALLATION), welcome(2, FOREIGN)];
    for (const bytes of [first, second]) network.deliver(100, bytes, ns);
    await network.meterAll();
    const about = { kind: "statement", inbox: INBOX, payer: PAYER, welcome: welcomeId(first) } as const;
    const account = toAddress(world.stranger.address);
    await say(network, byWallet({ ...about, verdict: "spam", account }), Number(epoch * BigInt(EPOCH)) * 1_000);
    await untilReported(1n);
    const { digest } = await chain.head();
    await net.networkHelpers.time.increase(await epochReports.vetoWindowSeconds());
    await net.networkHelpers.time.increase(5 * 60);
    network.clock.advance(300_000);
    for (const { nodeId } of network.nodes) await network.step(nodeId);
    expect(await postageChannels.getChannels([PAYER]).then(([channel]) => channel!.stampsSpent)).to.equal(PRICE);
    const pot = await stamps.potOf(digest);
    expect([pot.charged, pot.recipientsBps]).to.deep.equal([PRICE, 5_000n]);
    const kinds = store.all.filter(({ outcome }) => outcome === "done").map(({ kind }) => kind);
    // One of four sent it, and the ceiling before.
    expect(kinds.filter((kind) => kind === "charge" || kind === "settle")).to.deep.equal(["settle", "charge"]);
    await net.networkHelpers.time.increase(3 * DAY);
    const { leaf, proof } = (await new Proofs(network.node(300).store).payout(digest, account))!;
    const before = await world.usdc.getFunction("balanceOf")(account);
    await stamps.claim(digest, leaf.account, leaf.amount, proof);
    expect((await world.usdc.getFunction("balanceOf")(account)) - before).to.equal(PRICE / 2n);
    await expectRefusal(stamps.claim(digest, leaf.account, leaf.amount, proof), "StampsClaimed");
  });

  it("goes on with a second report on a pending one, and after a veto with the next round", async () => {
    await traffic(3);
    await untilReported(1n);
    const first = await chain.head();
    await passEpochs(world, 1);
    await traffic(2);
    await untilReported(2n);
    const second = await chain.head();
    expect((await network.node(300).store.get(second.digest))!.report.parent).to.equal(first.digest);
    const guardian = await world.epochReports.guardian();
    await world.net.networkHelpers.impersonateAccount(guardian);
    await world.net.networkHelpers.setBalance(guardian, 10n ** 18n);
    await world.epochReports.connect(await world.ethers.getSigner(guardian)).veto(second.digest);
    expect(await chain.head()).to.include({ digest: first.digest, length: 1n, round: 1 });
    await untilReported(2n);
    expect((await chain.head()).digest).not.to.equal(second.digest);
    network.clock.advance(300_000);
    await network.step(100);
    expect(await network.node(100).store.summary(second.digest)).to.include({ state: "void" });
  });

  it("another proposer's report that was faster is no failure", async () => {
    await traffic(2);
    await world.net.networkHelpers.time.increase(600);
    const [first, second] = [network.node(100), network.node(200)];
    const submit = chain.submit.bind(chain);
    let isFirst = true;
    chain.submit = async (...attested) => {
      if (!isFirst) return submit(...attested);
      isFirst = false;
      network.down.add(400);
      await network.step(second.nodeId);
      network.down.clear();
      return submit(...attested);
    };
    expect(await network.step(first.nodeId)).to.include({ state: "reported" });
    expect((await chain.head()).length).to.equal(1n);
  });

  it("answers a roll call from its own account for deadlines", async () => {
    await traffic(2);
    await untilReported(1n);
    await world.net.networkHelpers.time.increase(4 * DAY);
    await world.epochReports.connect(world.stranger).openRollCall();
    network.down.add(100).add(200).add(300).add(400);
    for (const { nodeId } of network.nodes) await network.step(nodeId);
    const { answered } = await world.epochReports.latestRollCall();
    expect(answered).to.equal(0b1111n);
    const answers = store.all.filter(({ kind }) => kind === "rollCall");
    expect(answers.map(({ lane }) => lane)).to.deep.equal(Array(SEATS).fill("deadline"));
  });

  it("33b: opens a roll call when it is time and worth its gas, and closes it over who did not answer", async () => {
    const { postageChannels, epochReports, nodeSeats, funder, net } = world;
    const domain = { chainId: world.chainId, postageChannels: toAddress(await postageChannels.getAddress()) };
    await traffic(2);
    expect(await chain.isRollCallDue("open"), "before a first report").to.equal(false);
    await untilReported(1n);
    await net.networkHelpers.time.increase(3 * DAY);
    expect(await chain.isRollCallDue("open"), "nobody earns anything").to.equal(false);
    await postageChannels.connect(funder).deposit(PAYER, 50n * USD);
    const work = ethersWork(world, manager);
    const terms = { lane: "routine", budgetWei: 10n ** 18n } as const;
    await work.settle(signVoucher(domain, { fees: 40n * USD, stamps: 0n }, PAYER_KEY), terms);
    await work.distribute(terms);
    expect(await chain.isRollCallDue("close"), "none is open").to.equal(false);
    expect([await chain.isRollCallDue("open"), await chain.openRollCall(), await chain.openRollCall()]).to.deep.equal([
      true,
      true,
      false,
    ]);
    const calls = network.nodes.map(({ options }) => new RollCalls(options));
    for (const call of calls.slice(0, 3)) await call.step();
    expect((await chain.rollCall())!.answered).to.equal(0b111n);
    expect([await chain.isRollCallDue("close"), await chain.closeRollCall()]).to.deep.equal([false, false]);
    await net.networkHelpers.time.increase(DAY + 1);
    network.clock.advance(300_000);
    // Everybody's turn has come by the second look; who did not answer closes nothing.
    await calls[3]!.step();
    await net.networkHelpers.time.increase(3_600);
    network.clock.advance(300_000);
    await calls[3]!.step();
    expect((await chain.rollCall())!.isClosed).to.equal(false);
    for (const call of calls.slice(0, 3)) await call.step();
    await net.networkHelpers.time.increase(3_600);
    network.clock.advance(300_000);
    for (const call of calls.slice(0, 3)) await call.step();
    expect((await chain.rollCall())!.isClosed).to.equal(true);
    await passEpochs(world, 1);
    expect(await nodeSeats.isActive(400n)).to.equal(false);
    expect(await nodeSeats.isActive(300n)).to.equal(true);
    expect(await epochReports.queryFilter(epochReports.filters.RollCallClosed())).to.have.length(1);
    const kinds = store.all.filter(({ outcome }) => outcome === "done").map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind.startsWith("rollCall"))).to.deep.equal([
      ...["rollCallOpen", "rollCall", "rollCall", "rollCall", "rollCallClose"],
    ]);
  });
});
