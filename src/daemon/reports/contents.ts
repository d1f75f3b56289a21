import type { Hex } from "../../protocol/bytes.ts";
import { concatBytes, toHex, utf8ToBytes } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { debitsHash, packDebits, unpackDebits } from "../../protocol/report/debits.ts";
import { logsTree } from "../../protocol/report/leaves.ts";
import { packRange, unpackRanges } from "../../protocol/report/packedRanges.ts";
import type { ReportsDomain } from "../../protocol/report/report.ts";
import { reportDigest } from "../../protocol/report/report.ts";
import type { ReportContents } from "./ports.ts";
import { reportFromJson, reportToJson } from "../../protocol/report/reportJson.ts";
import { packParts, unpackParts } from "./parts.ts";
import { NO_STAMPS, packStamps, rootsOf, unpackStamps } from "./stamps/stampRows.ts";
import { UsageLeaves } from "./usageLeaves.ts";

type Four = [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** More of one report is not taken from a peer: with it a million channels fit. */
export const MOST_CONTENTS_BYTES = 64 * 1024 * 1024;

/** Report as JSON, ranges, debits, usage leaves and, where there are any, stamps, each behind its length in 4 bytes. */
export function packContents({ report, ranges, usage, debits, stamps }: ReportContents): Uint8Array {
  return packParts([
    utf8ToBytes(JSON.stringify(reportToJson(report))),
    concatBytes(...ranges.map(packRange)),
    packDebits(debits),
    usage.packed,
    ...(stamps ? [packStamps(stamps)] : []),
  ]);
}

/**
 * Reads what a peer says a digest stands for. Whatever it says is checked against the digest, so that it is the one thing
 * it can be. Throws ProtocolError `malformed_report` for everything else.
 */
export function unpackContents(domain: ReportsDomain, digest: Hex, packed: Uint8Array): ReportContents {
  try {
    const parts = unpackParts(packed, 5);
    const [json, rangeRows, debitRows, leaves, stamps] = parts as [...Four, Uint8Array?];
    const contents: ReportContents = {
      report: reportFromJson(JSON.parse(new TextDecoder().decode(json))),
      ranges: unpackRanges(rangeRows),
      debits: unpackDebits(debitRows),
      usage: new UsageLeaves(leaves.slice()),
      ...(stamps ? { stamps: unpackStamps(stamps) } : {}),
    };
    requireMatch(domain, digest, contents);
    return contents;
  } catch (cause) {
    throw new ProtocolError("malformed_report", `this is not what ${digest} stands for`, { cause });
  }
}

function requireMatch(
  domain: ReportsDomain,
  digest: Hex,
  { report, ranges, debits, usage, stamps }: ReportContents,
): void {
  const { stampChargesRoot, stampPayoutsRoot } = rootsOf(stamps ?? NO_STAMPS);
  const matches =
    toHex(reportDigest(domain, report)) === digest &&
    logsTree(ranges).root === report.logsRoot &&
    debitsHash(debits) === report.debitsHash &&
    stampChargesRoot === report.stampChargesRoot &&
    stampPayoutsRoot === report.stampPayoutsRoot &&
    usage.root() === report.usageRoot;
  if (!matches) throw new RangeError("its hashes are others");
}
