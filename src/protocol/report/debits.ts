import type { Address, Hex } from "../bytes.ts";
import { bytesToUint, concatBytes, toHex, uintToBytes } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { keccak256 } from "../keccak.ts";
import { PICO_PER_UNIT } from "../units.ts";

/** What a node owes for traffic that it let in unpaid, in base units. */
export interface Debit {
  nodeId: number;
  amount: bigint;
}

const ROW = 12;
/** No debit of a report is larger: 10,000 USD. What quorum says it is, it can take no more from a seat at once. */
export const DEBIT_CAP_AMOUNT = 10_000_000_000n;
/** What an originator may let in unpaid: 1 USD, and this share of what it originated. */
const ALLOWANCE_PICO = 1_000_000_000_000n;
const ALLOWANCE_SHARE = 100n;

/** How many seats one report may hit with debits and absences together: a tenth of them, at least one. */
export function mostSeatsHit(seats: number): number {
  return Math.max(1, Math.floor(seats / 10));
}

/** Rows of 12 bytes, `nodeId 4 | amount 8`, ascending: what is applied on chain once the report is final. */
export function packDebits(debits: readonly Debit[]): Uint8Array {
  for (const [i, { nodeId }] of debits.entries()) {
    if (i > 0 && nodeId <= debits[i - 1]!.nodeId) throw new RangeError("debits ascend by node, each once");
  }
  return concatBytes(
    ...debits.map(({ nodeId, amount }) => concatBytes(uintToBytes(BigInt(nodeId), 4), uintToBytes(amount, 8))),
  );
}

/** Throws ProtocolError `malformed_report` for what `packDebits` does not make. */
export function unpackDebits(rows: Uint8Array): Debit[] {
  if (rows.length % ROW !== 0) throw malformed(`debits have rows of ${ROW} bytes, these have ${rows.length}`);
  const debits: Debit[] = [];
  for (let at = 0; at < rows.length; at += ROW) {
    const nodeId = Number(bytesToUint(rows.subarray(at, at + 4)));
    if (debits.length > 0 && nodeId <= debits.at(-1)!.nodeId) throw malformed("debits ascend by node, each once");
    debits.push({ nodeId, amount: bytesToUint(rows.subarray(at + 4, at + ROW)) });
  }
  return debits;
}

const malformed = (problem: string) => new ProtocolError("malformed_report", problem);

/** The report's `debitsHash`. */
export function debitsHash(debits: readonly Debit[]): Hex {
  return toHex(keccak256(packDebits(debits)));
}

/** A channel's unpaid usage at the report and at its parent, and what each originator let in for it in between. */
export interface UnpaidChannel {
  channel: Address;
  unpaidPico: bigint;
  unpaidPicoAtParent: bigint;
  originatedPico: ReadonlyMap<number, bigint>;
}

/** Usage of a channel that nothing pays for: above the largest voucher, or above what the deposit backs. */
export function unpaidPicoOf(usagePico: bigint, authorisedAmount: bigint): bigint {
  const paidPico = authorisedAmount * PICO_PER_UNIT;
  return usagePico > paidPico ? usagePico - paidPico : 0n;
}

/**
 * Each originator's share of what became unpaid since the parent: by what it originated for the channel, floored, the
 * rest to the lowest id. Usage that nobody originated since the parent is nobody's.
 */
export function sharesOfUnpaid({ unpaidPico, unpaidPicoAtParent, originatedPico }: UnpaidChannel): Map<number, bigint> {
  const shares = new Map<number, bigint>();
  const originators = [...originatedPico].filter(([, pico]) => pico > 0n).sort(([a], [b]) => a - b);
  const added = unpaidPico - unpaidPicoAtParent;
  const total = originators.reduce((sum, [, pico]) => sum + pico, 0n);
  if (added <= 0n || total === 0n) return shares;
  let rest = added;
  for (const [nodeId, pico] of originators) {
    const share = (added * pico) / total;
    shares.set(nodeId, share);
    rest -= share;
  }
  const [lowest] = originators[0]!;
  return shares.set(lowest, shares.get(lowest)! + rest);
}

/** What an originator owes of what it let in unpaid: above the allowance, in whole base units, at most the cap. */
export function debitAmountOf(unpaidPico: bigint, originatedPico: bigint): bigint {
  const excessPico = unpaidPico - ALLOWANCE_PICO - originatedPico / ALLOWANCE_SHARE;
  const amount = excessPico > 0n ? excessPico / PICO_PER_UNIT : 0n;
  return amount < DEBIT_CAP_AMOUNT ? amount : DEBIT_CAP_AMOUNT;
}

/** At most `most` debits, ascending by node: the largest amounts, of equal ones the lower ids; none of nothing. */
export function boundedDebits(debits: Iterable<Debit>, most: number): Debit[] {
  const owed = [...debits].filter(({ amount }) => amount > 0n);
  const kept = owed.sort((a, b) => (a.amount === b.amount ? a.nodeId - b.nodeId : a.amount > b.amount ? -1 : 1));
  return kept.slice(0, Math.max(0, most)).sort((a, b) => a.nodeId - b.nodeId);
}
