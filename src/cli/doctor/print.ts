import { paragraph } from "../../commands/core/print.ts";
import type { Finding, FindingState } from "./finding.ts";

const WORDS: Record<FindingState, string> = { ok: "ok  ", warn: "WARN", fail: "FAIL", skipped: "-   " };

/** Each check with what was found and, below, what to do about it. */
export function printFindings(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, state, says, fix }) => {
    const [first = "", ...rest] = says.split("\n");
    const indent = " ".repeat(width + 7);
    return [
      `${WORDS[state]} ${check.padEnd(width)}  ${first}`,
      ...rest.map((line) => indent + line),
      ...(fix === undefined ? [] : paragraph(fix, indent, "-> ")),
    ];
  });
  const failed = findings.filter(({ state }) => state === "fail").length;
  const warned = findings.filter(({ state }) => state === "warn").length;
  const well = failed + warned === 0 ? "all is well" : `${failed} to mend, ${warned} to look at`;
  return [...lines, "", well];
}
