import { concat } from "ethers";

import { provedLeaves } from "../../src/contracts/stampRows.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { chargesTree, payoutsTree } from "../../src/protocol/report/leaves.ts";
import { digestOf, firstSeats, nextReport, passVetoWindow, submit } from "../../test/contracts/reportWorld.ts";
import type { World } from "../../test/contracts/fixtures.ts";
import { DAY, USD, fund, passEpochs, postageKey, voucherRow } from "../../test/contracts/fixtures.ts";
import type { Sent } from "./receipts.ts";
import { gasOf, receiptOf } from "./receipts.ts";

/** Leaves of each tree: proofs of ten steps. */
const LEAVES = 1_000;
const ROWS = 100;
const CENT = USD / 100n;

/** Gas of whole transactions about stamps. */
export interface StampFigures {
  /** Of 100 rows, which open a report's pot; over rows. */
  chargePerRow: number;
  /** The first one fixes the pot and opens a word of bits. Each to an account with a balance. */
  claimFirst: number;
  claim: number;
  /** Of 100 payouts in one call, over payouts. */
  claimManyPerPayout: number;
  sweep: number;
}

/** In a world in which so many seats report. */
export async function measureStamps(world: World, seats: number): Promise<StampFigures> {
  const { stamps, postageChannels, usdc } = world;
  const keys = Array.from({ length: ROWS }, (_, i) => postageKey(7_000 + i));
  for (const key of keys) await fund(world, key, USD);
  const rows = await Promise.all(keys.map((key) => voucherRow(world, key, 0n, USD)));
  await (await postageChannels.connect(world.settler).settle(concat(rows))).wait();

  const others = Array.from({ length: LEAVES - ROWS }, (_, i) => postageKey(8_000 + i));
  const charges = [...keys, ...others]
    .map(({ address }) => ({ channel: toAddress(address), cumulativeAmount: 2n * CENT }))
    .sort((a, b) => (BigInt(a.channel) < BigInt(b.channel) ? -1 : 1));
  const payouts = Array.from({ length: LEAVES }, (_, i) => {
    const account = toAddress(`0x${(0xacc0_0000 + i).toString(16).padStart(40, "0")}`);
    return { account, amount: 1_000n };
  });
  for (const { account } of payouts.slice(0, 1 + ROWS)) await receiptOf(usdc.getFunction("mint")(account, 1n) as Sent);

  const charged = chargesTree(charges);
  const paid = payoutsTree(payouts);
  const ours = new Set(keys.map(({ address }) => toAddress(address)));
  const indices = charges.flatMap(({ channel }, i) => (ours.has(channel) ? [i] : []));
  await passEpochs(world, 1);
  const report = await nextReport(world, { stampChargesRoot: charged.root, stampPayoutsRoot: paid.root });
  await submit(world, report, firstSeats(seats));
  await passVetoWindow(world);
  const digest = await digestOf(world, report);

  const rowsOf = provedLeaves(charged, charges, indices);
  const chargePerRow = Math.ceil((await gasOf(stamps.charge(report, rowsOf))) / ROWS);
  if ((await stamps.potOf(digest)).charged !== BigInt(ROWS) * 2n * CENT) throw new Error("not all were charged");

  await world.net.networkHelpers.time.increase(3 * DAY);
  const [first, ...rest] = provedLeaves(paid, payouts, firstSeats(1 + ROWS));
  const claim = ({ account, amount, path }: NonNullable<typeof first>) =>
    gasOf(stamps.claim(digest, account, amount, path));
  const claimFirst = await claim(first!);
  const later = await claim(rest[0]!);
  const claimMany = await gasOf(stamps.claimMany(digest, rest.slice(1)));

  await world.net.networkHelpers.time.increase(365 * DAY);
  const sweep = await gasOf(stamps.sweep(digest));
  return {
    chargePerRow,
    claimFirst,
    claim: later,
    claimManyPerPayout: Math.ceil(claimMany / (ROWS - 1)),
    sweep,
  };
}
