import { expect } from "chai";
import { Wallet } from "ethers";

import { toAddress } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { readPayerEnvelope } from "../../src/protocol/envelope.ts";
import { picoToUnitsUp } from "../../src/protocol/units.ts";
import type { PostageDomain } from "../../src/protocol/voucher.ts";
import { signVoucher, voucherToHeader } from "../../src/protocol/voucher.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { silentLog } from "../../src/platform/log.ts";
import { ethersChain } from "../../src/daemon/adapters/ethersChain.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { GossipTransport } from "../../src/daemon/ports.ts";
import type { World } from "../contracts/fixtures.ts";
import { EPOCH, USD, deployedWorld, register } from "../contracts/fixtures.ts";
import { payerEnvelope } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";
import { walletTransactions } from "../support/walletTransactions.ts";
import { MemoryLog, OTHER_KEY, PAYER, PAYER_KEY, refusalOf, storeAt } from "./support.ts";

const IDS = [100, 200, 300];
const POLICY = { maxGasBps: 200n, nativeTokenPrice: 4_000n * USD, exposureCap: 5n * USD };

/** Three seats with a daemon each, on real contracts. Envelopes reach every log, as replication would bring them. */
async function threeDaemons(policy = POLICY) {
  const world = await deployedWorld();
  const { postageChannels, operator, funder, ethers, net } = world;
  const payouts = IDS.map((id) => new Wallet(`0x${id.toString(16).padStart(64, "0")}`).address);
  for (const [i, id] of IDS.entries()) {
    await register(world, operator, i, { httpAddress: `http://node-${id}.example`, payout: payouts[i]! });
  }
  await net.networkHelpers.time.increase(EPOCH);
  await postageChannels.connect(funder).deposit(PAYER, 50n * USD);
  const domain: PostageDomain = {
    chainId: world.chainId,
    postageChannels: toAddress(await postageChannels.getAddress()),
  };
  const clock = new ManualClock((await net.networkHelpers.time.latest()) * 1000);
  const signers = (await ethers.getSigners()).slice(10);
  const daemons: Daemon[] = [];
  const transport: GossipTransport = {
    async send(httpAddress, rows) {
      const to = IDS.findIndex((id) => httpAddress.includes(`-${id}.`));
      await daemons[to]!.receiveVouchers(rows);
    },
  };
  const logs = IDS.map(() => new MemoryLog());
  for (const [i, nodeId] of IDS.entries()) {
    const contracts = connectContracts(world.record, signers[i]!);
    daemons.push(
      new Daemon({
        ...{ nodeId, domain, policy, transport, clock, log: silentLog, envelopeLog: logs[i]!, operatorPort: 0 },
        deploymentBlock: BigInt(world.record.deploymentBlock),
        intervalsMs: { watch: 1_000, gossip: 1_000, settle: 1_000 },
        store: await storeAt(":memory:", { domain, nodeId }),
        chain: ethersChain(contracts, ethers.provider, walletTransactions(signers[i]!)),
        termsEveryMs: 1_000,
        reconcileEveryMs: 3_600_000,
        staleHeadMs: 86_400_000,
        isCaughtUp: () => true,
      }),
    );
  }
  for (const daemon of daemons) await daemon.start();
  await Promise.all(daemons.map((daemon) => daemon.firstLook()));
  let published = 0;
  /** Publishes at the node of `at` and lets every node replicate it. */
  const publish = async (at: number, fees: bigint, n = published++) => {
    const bytes = payerEnvelope(n, IDS[at]!, PAYER_KEY);
    const voucherHeader = voucherToHeader(signVoucher(domain, { fees, stamps: 0n }, PAYER_KEY));
    const admission = await daemons[at]!.gate.admit({ envelopes: [readPayerEnvelope(bytes)], voucherHeader });
    for (const log of logs) log.append(IDS[at]!, bytes, BigInt(clock.now()) * 1_000_000n);
    admission.release(true);
    await Promise.all(daemons.map((daemon) => daemon.drain()));
  };
  const usagePico = async (at: number) => (await daemons[at]!.account(PAYER))?.usagePico ?? 0n;
  const post = async (at: number, path: string) => {
    const response = await fetch(`${daemons[at]!.operatorUrl}${path}`, { method: "POST" });
    return (await response.json()) as Record<string, unknown>;
  };
  opened.push({ daemons, world });
  return { world, daemons, domain, publish, usagePico, post, payouts };
}

const opened: { daemons: Daemon[]; world: World }[] = [];

describe("daemon settling synthetic envelopes on real contracts", () => {
  afterEach(async () => {
    for (const { daemons, world } of opened.splice(0)) {
      await Promise.all(daemons.map((daemon) => daemon.close()));
      await world.net.close();
    }
  });

  it("meters, settles, distributes and claims, and everything adds up to the last unit", async () => {
    const { world, publish, usagePico, post, payouts, domain, daemons } = await threeDaemons();
    const { postageChannels, feeDistributor, usdc, net, governance } = world;
    for (let n = 0; n < 60; n++) await publish(n % 3, 400n);
    const usage = await Promise.all([0, 1, 2].map(usagePico));
    expect(new Set(usage).size, "every daemon came to the same usage").to.equal(1);
    const charged = picoToUnitsUp(usage[0]!);
    expect(charged <= 400n).to.equal(true);

    const row = signVoucher(domain, { fees: 400n, stamps: 0n }, PAYER_KEY);
    expect(await daemons[1]!.receiveVouchers(row), "known already").to.equal(0);
    const { transactions } = (await post(1, "/settle")) as { transactions: Record<string, string>[] };
    expect(transactions).to.have.length(1);
    expect(transactions[0]).to.include({ collected: "400", settledRows: 1, bounty: "2" });
    expect((await postageChannels.getChannel(PAYER)).feesSpent).to.equal(400n);
    expect((await post(2, "/settle")).transactions, "nothing left for another daemon").to.deep.equal([]);

    expect(await post(0, "/distribute")).to.deep.equal({ distributed: "398" });
    await net.networkHelpers.time.increase(15 * EPOCH);
    let claimed = 0n;
    for (const at of [0, 1, 2]) claimed += BigInt((await post(at, "/claim")).claimed as string);
    const paid = await Promise.all(payouts.map((payout) => usdc.getFunction("balanceOf")(payout) as Promise<bigint>));
    expect(paid.reduce((sum, amount) => sum + amount)).to.equal(claimed);
    const treasury = await feeDistributor.creditOf(governance);
    const held = (await usdc.getFunction("balanceOf")(await feeDistributor.getAddress())) as bigint;
    expect(treasury).to.equal(39n);
    expect(claimed + held + 2n, "claims, treasury, what still streams, dust and the bounty").to.equal(400n);
  });

  it("settles a payer who withdraws at gas that routine work would wait out, and stops its credit at once (62)", async () => {
    const { world, publish, daemons } = await threeDaemons();
    const { postageChannels, usdc, funder, net } = world;
    await publish(2, 2n * USD);
    await daemons[2]!.work();
    await net.networkHelpers.time.increase(180);
    await daemons[2]!.work();
    expect((await postageChannels.getChannel(PAYER)).feesSpent, "2 USD wait for cheaper gas").to.equal(0n);
    const key = new Wallet(`0x${Buffer.from(PAYER_KEY).toString("hex")}`, world.ethers.provider);
    await funder.sendTransaction({ to: key.address, value: 10n ** 18n });
    await postageChannels.connect(key).requestWithdrawal(PAYER, 50n * USD);
    await daemons[2]!.poll();
    expect((await refusalOf(publish(2, 2n * USD))).refusal).to.equal("deposit_short");
    await daemons[2]!.work(); // seen to be due, then its turn
    await net.networkHelpers.time.increase(180);
    await daemons[2]!.work();
    expect((await postageChannels.getChannel(PAYER)).feesSpent).to.equal(2n * USD);
    await net.networkHelpers.time.increase(72 * 3_600 + 1);
    await postageChannels.connect(key).withdraw(PAYER, key.address);
    expect(await usdc.getFunction("balanceOf")(key.address)).to.equal(48n * USD);
  });

  it("waits while gas costs more than the configured part of the value, and settles when it is worth it", async () => {
    const { world, publish, daemons } = await threeDaemons();
    await publish(0, 400n);
    await daemons[0]!.work();
    expect((await world.postageChannels.getChannel(PAYER)).feesSpent, "0.0004 USD is not worth a transaction").to.equal(
      0n,
    );
    const cheap = await threeDaemons({ ...POLICY, nativeTokenPrice: 0n });
    await cheap.publish(0, 400n);
    // As gossip would: the date decides which of the three has the first turn, the others wait a minute or two.
    const row = signVoucher(cheap.domain, { fees: 400n, stamps: 0n }, PAYER_KEY);
    for (const daemon of cheap.daemons) await daemon.receiveVouchers(row);
    for (const daemon of cheap.daemons) await daemon.work();
    expect((await cheap.world.postageChannels.getChannel(PAYER)).feesSpent).to.equal(400n);
  });

  it("does not lend against a deposit that is not there, nor to somebody else's channel", async () => {
    const { daemons, domain } = await threeDaemons();
    const bytes = payerEnvelope(1, 100, OTHER_KEY);
    const voucherHeader = voucherToHeader(signVoucher(domain, { fees: 400n, stamps: 0n }, OTHER_KEY));
    const refusal = await refusalOf(daemons[0]!.gate.admit({ envelopes: [readPayerEnvelope(bytes)], voucherHeader }));
    expect(refusal.refusal).to.equal("channel_unknown");
    expect(await daemons[0]!.account(addressOf(OTHER_KEY))).to.equal(undefined);
  });
});
