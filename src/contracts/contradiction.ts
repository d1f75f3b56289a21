import { AbiCoder } from "ethers";

import type { Hex } from "../protocol/bytes.ts";
import type { EntryProof, ProvedRange } from "../protocol/report/logProofs.ts";
import type { Report } from "../protocol/report/report.ts";
import type { LeafProof } from "../protocol/report/tree.ts";

const PATH = "tuple(uint64 index, uint64 count, uint128 total, bytes32[] siblings)";
const REPORT =
  "tuple(uint32 shard, uint64 epoch, uint32 round, bytes32 parent, uint64 registryVersion, bytes32 logsRoot, " +
  "bytes32 usageRoot, bytes32 stampChargesRoot, bytes32 stampPayoutsRoot, bytes32 debitsHash, uint128 absentSeats)";
const RANGE =
  "tuple(uint32 originatorId, uint64 firstSequenceId, uint64 lastSequenceId, uint32 firstMinute, uint32 lastMinute, " +
  "uint64 count, bytes32 root)";
const ENTRY = `tuple(uint64 sequenceId, bytes32 payerEnvelopeHash, ${PATH} path)`;
const CONTRADICTION = `tuple(${REPORT} report, uint256 position, tuple(${RANGE} range, ${PATH} path) range, ${ENTRY}[] entries)`;

/** What shows that a final report has another envelope than a receipt says, or none. */
export interface Contradiction {
  report: Report;
  /** Of the receipt's node among the seats of the report's registry version. */
  position: number;
  range: ProvedRange;
  entries: EntryProof["entries"];
}

/** The `proof` that FaultProofs.revealContradiction takes for EpochReports. */
export function encodeContradiction({ report, position, range, entries }: Contradiction): Hex {
  const value = {
    report,
    position,
    range: { range: range.range, path: pathOf(range.proof) },
    entries: entries.map(({ proof, ...entry }) => ({ ...entry, path: pathOf(proof) })),
  };
  return AbiCoder.defaultAbiCoder().encode([CONTRADICTION], [value]) as Hex;
}

const pathOf = ({ index, count, total, siblings }: LeafProof) => ({ index, count, total, siblings });
