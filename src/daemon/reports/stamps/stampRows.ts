import type { Address, Hex } from "../../../protocol/bytes.ts";
import { bytesToUint, concatBytes, toHex, uintToBytes } from "../../../protocol/bytes.ts";
import { keccak256 } from "../../../protocol/keccak.ts";
import type { ChargeLeaf, PayoutLeaf } from "../../../protocol/report/leaves.ts";
import { chargesTree, payoutsTree } from "../../../protocol/report/leaves.ts";
import { bytesOf, hexOf } from "../../store/encode.ts";
import { packParts, unpackParts } from "../parts.ts";

/** What became of a stamp, as reports say. */
export const Outcome = { open: 0, accepted: 1, spam: 2, silent: 3 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** A stamp as reports carry it on: open ones, and closed ones as long as they cover their inbox. */
export interface StampRow {
  payer: Address;
  inbox: Hex;
  /** Date of the welcome that opened it, unix seconds. */
  openedAt: bigint;
  /** The first 16 bytes of its payer digest. */
  welcome: Hex;
  price: bigint;
  outcome: Outcome;
}

/** What a report says of stamps. */
export interface ReportStamps {
  /** Ascending by payer and inbox. */
  rows: StampRow[];
  /** Ascending by channel; one of them is no channel but stands for the rows, see `commitmentOf`. */
  charges: ChargeLeaf[];
  /** Ascending by account. */
  payouts: PayoutLeaf[];
}

export const NO_STAMPS: ReportStamps = { rows: [], charges: [], payouts: [] };

/** `payer 20 | inbox 32 | opened at 8 | welcome 16 | price 8 | outcome 1`. */
const ROW_LENGTH = 85;
const LEAF_LENGTH = 28;

export const pairOf = ({ payer, inbox }: Pick<StampRow, "payer" | "inbox">) => `${payer}${inbox.slice(2)}`;

export function packRows(rows: readonly StampRow[]): Uint8Array {
  return concatBytes(
    ...rows.map(({ payer, inbox, openedAt, welcome, price, outcome }) =>
      concatBytes(
        ...[bytesOf(payer), bytesOf(inbox), uintToBytes(openedAt, 8), bytesOf(welcome), uintToBytes(price, 8)],
        Uint8Array.of(outcome),
      ),
    ),
  );
}

/** Throws RangeError unless rows are whole and ascend. */
export function unpackRows(packed: Uint8Array): StampRow[] {
  const rows = slices(packed, ROW_LENGTH).map((row): StampRow => {
    const outcome = row[84]! as Outcome;
    if (outcome > Outcome.silent) throw new RangeError(`a stamp with outcome ${outcome}`);
    return {
      ...{ payer: hexOf(row.subarray(0, 20)), inbox: hexOf(row.subarray(20, 52)) },
      ...{ openedAt: bytesToUint(row.subarray(52, 60)), welcome: hexOf(row.subarray(60, 76)) },
      ...{ price: bytesToUint(row.subarray(76, 84)), outcome },
    };
  });
  for (const [i, row] of rows.entries()) {
    if (i > 0 && pairOf(row) <= pairOf(rows[i - 1]!)) throw new RangeError("stamps ascend by payer and inbox");
  }
  return rows;
}

/**
 * A charge of nothing to an address that is a hash over the rows: so the digest of a report, and with it its signers, stand
 * for the rows too, and whoever fetches them can check them. The contract, asked to charge it, would move nothing.
 */
export function commitmentOf(rows: readonly StampRow[]): ChargeLeaf[] {
  if (rows.length === 0) return [];
  return [{ channel: toHex(keccak256(packRows(rows)).subarray(0, 20)), cumulativeAmount: 0n }];
}

/** Those that are owed. */
export function owedOf(charges: readonly ChargeLeaf[]): ChargeLeaf[] {
  return charges.filter(({ cumulativeAmount }) => cumulativeAmount > 0n);
}

export function rootsOf({ charges, payouts }: ReportStamps): { stampChargesRoot: Hex; stampPayoutsRoot: Hex } {
  return { stampChargesRoot: chargesTree(charges).root, stampPayoutsRoot: payoutsTree(payouts).root };
}

/** Rows, charges and payouts, each behind its length in 4 bytes. */
export function packStamps({ rows, charges, payouts }: ReportStamps): Uint8Array {
  return packParts([
    packRows(rows),
    packLeaves(charges.map(({ channel, cumulativeAmount }) => [channel, cumulativeAmount])),
    packLeaves(payouts.map(({ account, amount }) => [account, amount])),
  ]);
}

/** Throws RangeError when it is not what `packStamps` gives, or the charges do not stand for the rows. */
export function unpackStamps(packed: Uint8Array): ReportStamps {
  const [rowBytes, chargeBytes, payoutBytes] = unpackParts(packed, 3);
  if (!rowBytes || !chargeBytes || !payoutBytes) throw new RangeError("stamps of a report have three parts");
  const rows = unpackRows(rowBytes);
  const charges = unpackLeaves(chargeBytes).map(([channel, cumulativeAmount]) => ({ channel, cumulativeAmount }));
  const payouts = unpackLeaves(payoutBytes).map(([account, amount]) => ({ account, amount }));
  requireCommitment({ rows, charges });
  return { rows, charges, payouts };
}

function requireCommitment({ rows, charges }: Pick<ReportStamps, "rows" | "charges">): void {
  const expected = commitmentOf(rows)[0]?.channel;
  const found = charges.filter(({ cumulativeAmount }) => cumulativeAmount === 0n);
  if (found.length > 1 || found[0]?.channel !== expected) throw new RangeError("the charges stand for other stamps");
}

function packLeaves(leaves: readonly [Address, bigint][]): Uint8Array {
  return concatBytes(...leaves.map(([account, amount]) => concatBytes(bytesOf(account), uintToBytes(amount, 8))));
}

function unpackLeaves(packed: Uint8Array): [Address, bigint][] {
  return slices(packed, LEAF_LENGTH).map((row) => [hexOf(row.subarray(0, 20)), bytesToUint(row.subarray(20))]);
}

function slices(packed: Uint8Array, length: number): Uint8Array[] {
  if (packed.length % length !== 0) throw new RangeError(`rows have ${length} bytes`);
  return Array.from({ length: packed.length / length }, (_, i) => packed.slice(i * length, (i + 1) * length));
}
