import { expect } from "chai";

import type { Finding, Waiver } from "../../scripts/campaigns/judgeFindings.ts";
import { judgeFindings } from "../../scripts/campaigns/judgeFindings.ts";

/** What Slither says of lines of `Channels.withdraw`. */
function finding(check: string, ...lines: number[]): Finding {
  const at = (line: number) => ({ filename_relative: "Channels.sol", lines: [line] });
  const parent = { name: "Channels" };
  return {
    check,
    impact: "Low",
    description: `about ${lines.join(" and ")}\n`,
    elements: [
      { type: "function", name: "withdraw", source_mapping: at(1), type_specific_fields: { parent } },
      ...lines.map((line) => ({ type: "node", name: `line ${line}`, source_mapping: at(line) })),
    ],
  };
}

describe("judgeFindings", () => {
  it("takes findings at a place that is explained, also when one line is found twice", () => {
    const findings = [finding("timestamp", 4, 7), finding("calls-loop", 5), finding("calls-loop", 5)];
    const waivers: Record<string, Waiver> = {
      "timestamp Channels.withdraw": [2, "days"],
      "calls-loop Channels.withdraw": [1, "once"],
    };
    expect(judgeFindings(findings, waivers)).to.deep.equal({ explained: 3, failures: [] });
  });

  it("fails a finding that nothing explains, with its place and its description", () => {
    const { explained, failures } = judgeFindings([finding("timestamp", 4)], {});
    expect(explained).to.equal(0);
    expect(failures).to.have.length(1);
    expect(failures[0]).to.contain("timestamp Channels.withdraw (1 lines)").and.contain("Low: about 4");
  });

  it("fails another detector and another function than the explained one", () => {
    const waivers: Record<string, Waiver> = { "timestamp Channels.withdraw": [1, "days"] };
    const elsewhere = { ...finding("timestamp", 4), elements: finding("timestamp", 4).elements.slice(1) };
    const findings = [finding("timestamp", 4), finding("weak-prng", 4), elsewhere];
    const { failures } = judgeFindings(findings, waivers);
    expect(failures.map((failure) => failure.split(" (")[0])).to.deep.equal([
      "weak-prng Channels.withdraw",
      "timestamp line 4",
    ]);
  });

  it("fails one line more or less at a place that is explained", () => {
    const waivers: Record<string, Waiver> = { "timestamp Channels.withdraw": [2, "days"] };
    for (const lines of [[4], [4, 7, 9]]) {
      const { failures } = judgeFindings([finding("timestamp", ...lines)], waivers);
      expect(failures[0]).to.contain(`timestamp Channels.withdraw: 2 lines are explained, ${lines.length} are found`);
    }
  });

  it("fails an explanation that nothing needs", () => {
    const waivers: Record<string, Waiver> = { "timestamp Channels.withdraw": [1, "days"] };
    expect(judgeFindings([], waivers).failures).to.deep.equal([
      'nothing needs the waiver "timestamp Channels.withdraw" any more',
    ]);
  });
});
