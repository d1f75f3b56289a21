import type { AgreementStory } from "./agreement.ts";
import { table } from "./table.ts";
import type { WayUp } from "./receipt.ts";
import { NO_PARENT } from "../../src/protocol/report/report.ts";

const TOKEN = 10n ** 18n;

/** What the nodes agreed on, and the way of one receipt into it, for people. */
export function printAgreement(story: AgreementStory): void {
  const { digest, report, seats, finalAt, isFinal, usage, receipt } = story;
  const facts = (rows: string[][]) => rows.map(([name, value]) => `  ${name!.padEnd(11)}  ${value}`).join("\n");
  console.log(`\nThe report of epoch ${report.epoch}: what the nodes agreed on`);
  console.log(
    facts([
      ["digest", digest],
      ["parent", report.parent === NO_PARENT ? "none: it is the network's first" : report.parent],
      ["logs", report.logsRoot],
      ["usage", report.usageRoot],
      ["absent", report.absentSeats === 0n ? "nobody" : `seats ${report.absentSeats.toString(2)}`],
      ["final", isFinal ? `since ${dateOf(finalAt)} of the chain, when nobody had vetoed it` : "not yet"],
    ]),
  );
  const countOf = (nodeId: number) => receipt.ranges.find((one) => one.originatorId === nodeId)?.count ?? 0n;
  const rows = seats.map(({ nodeId, weight, hasSigned }) => {
    return [String(nodeId), String(weight / TOKEN), hasSigned ? "yes" : "no", String(countOf(nodeId))];
  });
  console.log(table("Who signed it", ["node", "stake, tokens", "signed", "envelopes in its log"], rows));
  console.log(
    `\n  It says that ${usage.channel} has used ${usage.usagePico} picodollars, and shown a voucher over` +
      `\n  ${usage.authorisedAmount} units for them: proved by node ${usage.servedBy} against the usage root.`,
  );

  const { nodeId, sequenceId, entry, log, range, alsoServe } = receipt;
  console.log(`\nA receipt held against it: node ${nodeId} signed for envelope ${sequenceId}`);
  console.log(
    facts([
      ["signed by", `${receipt.signer}, node ${nodeId}'s key in the registry`],
      ["for", `${receipt.payerEnvelopeHash}, the hash of what was sent`],
      ["node's log", `${wayOf(entry)}, from node ${receipt.servedBy}`],
      ["", `${entry.root}${entry.root === range.root ? ", the log's root" : " IS NOT the log's root"}`],
      ["report", wayOf(log)],
      ["", `${log.root}${log.root === report.logsRoot ? ", the logs root on chain" : " IS NOT the logs root"}`],
      ["also served", `by nodes ${alsoServe.join(" and ")}`],
      ["command", `pennyblack receipts prove: ${story.finding}`],
    ]),
  );
}

function wayOf({ index, count, siblings }: WayUp): string {
  return `leaf ${index + 1} of ${count}, ${siblings} hash${siblings === 1 ? "" : "es"} up to`;
}

function dateOf(seconds: bigint): string {
  return new Date(Number(seconds) * 1_000).toISOString().slice(0, 16).replace("T", " ");
}
