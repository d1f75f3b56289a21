import type { Hex } from "../../protocol/bytes.ts";
import { bytesToUint, concatBytes, toHex, uintToBytes, utf8ToBytes } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { debitsHash, packDebits, unpackDebits } from "../../protocol/report/debits.ts";
import { logsTree } from "../../protocol/report/leaves.ts";
import { packRange, unpackRanges } from "../../protocol/report/packedRanges.ts";
import type { ReportsDomain } from "../../protocol/report/report.ts";
import { reportDigest } from "../../protocol/report/report.ts";
import type { ReportContents } from "./ports.ts";
import { reportFromJson, reportToJson } from "../../protocol/report/reportJson.ts";
import { UsageLeaves } from "./usageLeaves.ts";

/** More of one report is not taken from a peer: with it a million channels fit. */
export const MOST_CONTENTS_BYTES = 64 * 1024 * 1024;

/** Report as JSON, ranges, debits and usage leaves, each behind its length in 4 bytes. */
export function packContents({ report, ranges, usage, debits }: ReportContents): Uint8Array {
  const parts = [
    utf8ToBytes(JSON.stringify(reportToJson(report))),
    concatBytes(...ranges.map(packRange)),
    packDebits(debits),
    usage.packed,
  ];
  return concatBytes(...parts.flatMap((part) => [uintToBytes(BigInt(part.length), 4), part]));
}

/**
 * Reads what a peer says a digest stands for. Whatever it says is checked against the digest, so that it is the one thing
 * it can be. Throws ProtocolError `malformed_report` for everything else.
 */
export function unpackContents(domain: ReportsDomain, digest: Hex, packed: Uint8Array): ReportContents {
  try {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < packed.length && parts.length < 4;) {
      const length = Number(bytesToUint(packed.subarray(at, at + 4)));
      parts.push(packed.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    const [json, rangeRows, debitRows, leaves] = parts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const contents = {
      report: reportFromJson(JSON.parse(new TextDecoder().decode(json))),
      ranges: unpackRanges(rangeRows),
      debits: unpackDebits(debitRows),
      usage: new UsageLeaves(leaves.slice()),
    };
    requireMatch(domain, digest, contents);
    return contents;
  } catch (cause) {
    throw new ProtocolError("malformed_report", `this is not what ${digest} stands for`, { cause });
  }
}

function requireMatch(domain: ReportsDomain, digest: Hex, { report, ranges, debits, usage }: ReportContents): void {
  const matches =
    toHex(reportDigest(domain, report)) === digest &&
    logsTree(ranges).root === report.logsRoot &&
    debitsHash(debits) === report.debitsHash &&
    usage.root() === report.usageRoot;
  if (!matches) throw new RangeError("its hashes are others");
}
