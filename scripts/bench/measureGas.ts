import type { BaseWallet, BytesLike, HDNodeWallet } from "ethers";
import { Interface, Signature, Wallet, concat, dataLength, toBeHex } from "ethers";

import type { World } from "../../test/contracts/fixtures.ts";
import { DAY, USD, fund, passEpochs, postageKey, registerNode, voucherRow } from "../../test/contracts/fixtures.ts";
import type { IdentityFigures } from "./measureIdentity.ts";
import { measureIdentity } from "./measureIdentity.ts";
import type { NodeFigures } from "./measureNodes.ts";
import { measureNodes } from "./measureNodes.ts";
import type { ReportFigures } from "./measureReports.ts";
import { FEW, measureReports } from "./measureReports.ts";
import type { StampFigures } from "./measureStamps.ts";
import { measureStamps } from "./measureStamps.ts";
import type { Sent } from "./receipts.ts";
import { dataFeeOf, gasOf, receiptOf } from "./receipts.ts";

/** Counts of rows that `settle` is measured with. */
export const BATCHES = [1, 10, 50, 100, 1000] as const;
const ROWS_GAS_LIMIT = 58_000_000;

/** Gas of whole transactions, in the state that they usually meet; data fees in wei. */
export interface GasFigures {
  settle: { gasPerRow: Record<string, number>; calldataPerRow: number; firstTime: number };
  deposit: { known: number; new: number; permit?: number; permitNew?: number };
  withdrawal: { request: number; cancel: number; withdraw: number; withdrawCredit: number };
  distribute: { first: number; later: number };
  claim: number;
  claims: { firstOfNode: number; oneEpochToRoll: number; everythingToRoll: number };
  identity: IdentityFigures;
  report: ReportFigures;
  stamps: StampFigures;
  nodes: NodeFigures;
  dataFeeWei: {
    settlePerRow: Record<string, number>;
    deposit: number;
    claim: number;
    register: number;
    commit: number;
  };
}

/** Nodes and reports are measured in worlds of their own, where there are no nodes yet. */
export async function measureGas(
  world: World,
  nodesWorld: World,
  reportWorlds: [few: World, many: World],
): Promise<GasFigures> {
  // In this order: deposits first meet an empty contract, and claims need what settlements collected.
  const deposit = await measureDeposits(world);
  const settle = await measureSettle(world);
  const withdrawal = await measureWithdrawal(world);
  const stream = await measureStream(world);
  const { dataFee: settlePerRow, ...rows } = settle;
  const { dataFee: depositFee, ...deposits } = deposit;
  const { dataFee: claimFee, ...streams } = stream;
  const { dataFees, ...identity } = await measureIdentity(world);
  return {
    settle: rows,
    deposit: deposits,
    withdrawal,
    ...streams,
    identity,
    report: await measureReports(...reportWorlds),
    // After the reports, in their world: it has seats.
    stamps: await measureStamps(reportWorlds[0], FEW),
    nodes: await measureNodes(nodesWorld),
    dataFeeWei: { settlePerRow, deposit: depositFee, claim: claimFee, ...dataFees },
  };
}

async function measureDeposits(world: World): Promise<GasFigures["deposit"] & { dataFee: number }> {
  const channels = world.postageChannels.connect(world.funder);
  // Somebody deposited before: the contract has a balance.
  await fund(world, postageKey(5_000), 10n * USD);
  const key = postageKey(5_001);
  const fresh = await gasOf(channels.deposit(key.address, 10n * USD));
  const known = await receiptOf(channels.deposit(key.address, 10n * USD));
  const permits = await measurePermits(world);
  return { known: Number(known.gasUsed), new: fresh, ...permits, dataFee: await dataFeeOf(world, known.hash) };
}

/** Measured as soon as the contract has the function. */
async function measurePermits(world: World): Promise<{ permit?: number; permitNew?: number }> {
  const { postageChannels, usdc, ethers } = world;
  if (!postageChannels.interface.hasFunction("depositWithPermit")) return {};
  const owner = new Wallet(toBeHex(0x7001, 32), ethers.provider);
  await world.funder.sendTransaction({ to: owner.address, value: 10n ** 18n });
  await (await (usdc.getFunction("mint")(owner.address, 1_000n * USD) as Sent)).wait();
  const spender = await postageChannels.getAddress();
  const deadline = Math.floor(Date.UTC(2030, 0) / 1000);
  const send = async (payer: string): Sent => {
    const nonce = (await usdc.getFunction("nonces")(owner.address)) as bigint;
    const permit = { owner: owner.address, spender, value: 10n * USD, nonce, deadline };
    const domain = {
      name: "USD Coin",
      version: "1",
      chainId: world.chainId,
      verifyingContract: await usdc.getAddress(),
    };
    const words = ["owner address", "spender address", "value uint256", "nonce uint256", "deadline uint256"];
    const Permit = words.map((word) => ({ name: word.split(" ")[0]!, type: word.split(" ")[1]! }));
    const { v, r, s } = Signature.from(await owner.signTypedData(domain, { Permit }, permit));
    const abi = ["function depositWithPermit(address,uint96,uint256,uint8,bytes32,bytes32)"];
    const data = new Interface(abi).encodeFunctionData("depositWithPermit", [payer, 10n * USD, deadline, v, r, s]);
    return owner.sendTransaction({ to: spender, data });
  };
  // An account that gave a permit before: its nonce is above 0.
  await gasOf(send(postageKey(5_002).address));
  const permit = await gasOf(send(postageKey(5_002).address));
  return { permit, permitNew: await gasOf(send(postageKey(5_003).address)) };
}

async function measureSettle(world: World): Promise<GasFigures["settle"] & { dataFee: Record<string, number> }> {
  const keys = Array.from({ length: 1000 }, (_, n) => postageKey(n));
  for (const key of keys) await fund(world, key, 10n * USD);
  const channels = world.postageChannels.connect(world.settler);
  const settle = (rows: BytesLike) => receiptOf(channels.settle(rows, { gasLimit: ROWS_GAS_LIMIT }));
  const vouchers = (count: number, fees: bigint) => rowsOf(world, keys.slice(0, count), fees);
  // The first settlement pays for storage that never empties again.
  const first = await settle(await vouchers(1000, 100_000n));

  const gasPerRow: Record<string, number> = {};
  const dataFee: Record<string, number> = {};
  let calldataPerRow = 0;
  let fees = 200_000n;
  for (const count of BATCHES) {
    const rows = await vouchers(count, fees);
    const { gasUsed, hash } = await settle(rows);
    gasPerRow[count] = Math.ceil(Number(gasUsed) / count);
    dataFee[count] = Math.ceil((await dataFeeOf(world, hash)) / count);
    calldataPerRow = dataLength(rows) / count;
    fees += 100_000n;
  }
  await requireCharged(world, keys[0]!, fees - 100_000n);
  return { gasPerRow, calldataPerRow, firstTime: Math.ceil(Number(first.gasUsed) / 1000), dataFee };
}

async function rowsOf(world: World, keys: (BaseWallet | HDNodeWallet)[], fees: bigint): Promise<string> {
  return concat(await Promise.all(keys.map((key, n) => voucherRow(world, key, fees + BigInt(n)))));
}

/** Gas of a settlement that changes nothing would look splendid. */
async function requireCharged(world: World, key: BaseWallet, fees: bigint): Promise<void> {
  const { feesSpent } = await world.postageChannels.getChannel(key.address);
  if (feesSpent !== fees) throw new Error(`the measured settlement charged ${feesSpent}, not ${fees}`);
}

async function measureWithdrawal(world: World): Promise<GasFigures["withdrawal"]> {
  const key = postageKey(6_000).connect(world.ethers.provider);
  await world.funder.sendTransaction({ to: key.address, value: 10n ** 18n });
  await fund(world, key, 10n * USD);
  await fund(world, { address: world.operator.address }, 10n * USD);
  const channels = world.postageChannels.connect(key);
  // Once before, so that the nonce is above 0.
  await receiptOf(channels.requestWithdrawal(key.address, USD));
  const cancel = await gasOf(channels.cancelWithdrawal(key.address));
  const request = await gasOf(channels.requestWithdrawal(key.address, USD));
  await world.net.networkHelpers.time.increase(4 * DAY);
  const withdraw = await gasOf(channels.withdraw(key.address, world.operator.address));
  const settler = world.postageChannels.connect(world.settler);
  const withdrawCredit = await gasOf(settler.withdrawCredit(world.operator.address));
  return { request, cancel, withdraw, withdrawCredit };
}

async function measureStream(
  world: World,
): Promise<Pick<GasFigures, "distribute" | "claim" | "claims"> & { dataFee: number }> {
  const { postageChannels, feeDistributor } = world;
  const nodeId = await registerNode(world, 0, world.operator.address);
  const other = await registerNode(world, 1, world.stranger.address);
  const key = postageKey(0);
  await passEpochs(world, 1);
  const distribute = [];
  for (const fees of [1n, 2n, 3n]) {
    await postageChannels.settle(await voucherRow(world, key, fees * USD));
    distribute.push(await gasOf(feeDistributor.distribute()));
    await passEpochs(world, 1);
  }
  const firstOfNode = await gasOf(feeDistributor.claim(nodeId));
  await passEpochs(world, 1);
  const oneEpochToRoll = await gasOf(feeDistributor.claim(nodeId));
  await passEpochs(world, 1);
  await receiptOf(feeDistributor.claim(other));
  const before = (await world.usdc.getFunction("balanceOf")(world.operator.address)) as bigint;
  const claim = await receiptOf(feeDistributor.claim(nodeId));
  const after = (await world.usdc.getFunction("balanceOf")(world.operator.address)) as bigint;
  if (after <= before) throw new Error("the measured claim paid nothing");
  await passEpochs(world, 15);
  const everythingToRoll = await gasOf(feeDistributor.claim(nodeId));
  return {
    distribute: { first: distribute[0]!, later: distribute[2]! },
    claim: Number(claim.gasUsed),
    claims: { firstOfNode, oneEpochToRoll, everythingToRoll },
    dataFee: await dataFeeOf(world, claim.hash),
  };
}
