import type { Address, Hex } from "../bytes.ts";
import { fromHex } from "../bytes.ts";
import { keccak256 } from "../keccak.ts";
import { keccakText, separatorOf, typedDigest } from "../typedData.ts";
import { uintWord, wordOf } from "./words.ts";

/** What the nodes of the network agree on for the time since the report's parent. See protocol.md 2.6. */
export interface Report {
  shard: number;
  /** The epoch at whose end everything in it is read; every later one than the parent's will do. */
  epoch: bigint;
  /** How many successors of this parent were vetoed. */
  round: number;
  /** Digest of the report before; `NO_PARENT` for the first. */
  parent: Hex;
  /** The registry version in force at the end of the epoch. */
  registryVersion: bigint;
  logsRoot: Hex;
  usageRoot: Hex;
  stampChargesRoot: Hex;
  stampPayoutsRoot: Hex;
  /** Of the packed debits: see `packDebits`. */
  debitsHash: Hex;
  /** Bit i is the seat at position i of the registry version. */
  absentSeats: bigint;
}

/** Where reports hold: one EpochReports contract on one chain. */
export interface ReportsDomain {
  readonly chainId: bigint;
  readonly epochReports: Address;
}

/** The parent of the first report. */
export const NO_PARENT: Hex = `0x${"00".repeat(32)}`;

const NAME = keccakText("Pennyblack Reports");
const REPORT_TYPE = keccakText(
  "Report(uint32 shard,uint64 epoch,uint32 round,bytes32 parent,uint64 registryVersion,bytes32 logsRoot," +
    "bytes32 usageRoot,bytes32 stampChargesRoot,bytes32 stampPayoutsRoot,bytes32 debitsHash,uint128 absentSeats)",
);
const ROLL_CALL_TYPE = keccakText("RollCall(uint64 number)");

/** The EIP-712 digest that seats attest, and a report's name everywhere. Throws RangeError when a field does not fit. */
export function reportDigest(domain: ReportsDomain, report: Report): Uint8Array {
  const struct = keccak256(
    REPORT_TYPE,
    uintWord(BigInt(report.shard), 32),
    uintWord(report.epoch, 64),
    uintWord(BigInt(report.round), 32),
    bytes32(report.parent),
    uintWord(report.registryVersion, 64),
    bytes32(report.logsRoot),
    bytes32(report.usageRoot),
    bytes32(report.stampChargesRoot),
    bytes32(report.stampPayoutsRoot),
    bytes32(report.debitsHash),
    uintWord(report.absentSeats, 128),
  );
  return typedDigest(separator(domain), struct);
}

/** What a seat attests to answer a roll call. */
export function rollCallDigest(domain: ReportsDomain, number: bigint): Uint8Array {
  return typedDigest(separator(domain), keccak256(ROLL_CALL_TYPE, uintWord(number, 64)));
}

function separator({ chainId, epochReports }: ReportsDomain): Uint8Array {
  return separatorOf(NAME, chainId, epochReports);
}

function bytes32(value: Hex): Uint8Array {
  return wordOf(fromHex(value));
}
