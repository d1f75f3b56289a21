import type { LocalNetwork } from "../local/localNetwork.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { waitUntilQuiet } from "./money.ts";
import type { KeptFile, ReceiptStory } from "./receipt.ts";
import { exportReceipts, holdAgainst, proveByCommand } from "./receipt.ts";
import type { ReportStory, UsageStory } from "./report.ts";
import { endEpoch, readUsage } from "./report.ts";

/** What the nodes signed when the epoch was over, and what the gateway kept until then. */
export interface Pending {
  report: ReportStory;
  kept: KeptFile;
}

export interface AgreementStory extends ReportStory {
  isFinal: boolean;
  usage: UsageStory;
  receipt: ReceiptStory;
  /** What `pennyblack receipts prove` found of it. */
  finding: string;
}

/** The epoch ends and the nodes agree on what was in it. The report is final when its veto window has passed. */
export async function agree(
  network: LocalNetwork,
  directory: string,
  progress: (text: string) => void,
): Promise<Pending> {
  await waitUntilQuiet(network);
  const kept = await exportReceipts(directory);
  progress(`the gateway keeps ${kept.receipts.length} receipts, until a report covers them`);
  const report = await endEpoch(network, progress);
  const signed = report.seats.filter(({ hasSigned }) => hasSigned).map(({ nodeId }) => nodeId);
  progress(`nodes ${signed.join(", ")} signed one report, one of them brought it on chain: ${report.digest}`);
  return { report, kept };
}

/** After the veto window: the last receipt is held against the report. Another node than the one that gave it is asked. */
export async function holdToIt(
  network: LocalNetwork,
  directory: string,
  { report, kept }: Pending,
): Promise<AgreementStory> {
  const last = kept.receipts.toSorted((a, b) => b.keptAt - a.keptAt)[0];
  if (!last) throw new Error("the gateway has kept no receipt");
  const others = network.nodes.filter(({ nodeId }) => nodeId !== last.originatorId);
  return {
    ...report,
    isFinal: await network.contracts.epochReports.isFinal(report.digest),
    usage: await readUsage(report, others[0]!, toAddress(network.channel)),
    receipt: await holdAgainst(network, last, others),
    finding: await proveByCommand(directory, kept.file, last),
  };
}

/** Everything that has to be so and is not. */
export function disagreements(
  { digest, report, seats, isFinal, usage, receipt, finding }: AgreementStory,
  nodeIds: readonly number[],
  usagePico: bigint,
): string[] {
  const problems: string[] = [];
  const require = (what: string, isSo: boolean) => {
    if (!isSo) problems.push(what);
  };
  const { nodeId, sequenceId, entry, log, range, logsRoot, signer, alsoServe } = receipt;
  const signed = seats.filter(({ hasSigned }) => hasSigned).map((seat) => seat.nodeId);
  require(`nodes ${signed.join(", ")} signed the report, not all`, signed.join() === nodeIds.join());
  require("the report is not final", isFinal);
  require("the usage is not proved", usage.isProved);
  require(`the report says ${usage.usagePico} picodollars, the gateway ${usagePico}`, usage.usagePico === usagePico);
  require("the voucher does not pay for the usage", usage.authorisedAmount * 1_000_000n >= usage.usagePico);
  require("it is another report that covers the receipt", receipt.digest === digest && logsRoot === report.logsRoot);
  require(`node ${nodeId} did not sign the receipt`, signer !== undefined);
  require(`envelope ${sequenceId} is not in node ${nodeId}'s log`, entry.root === range.root);
  require(`node ${nodeId}'s log is not in the report`, log.root === report.logsRoot);
  require("not every other node serves it", alsoServe.length === nodeIds.length - 1);
  require(`\`pennyblack receipts prove\` found "${finding}"`, finding === "included");
  return problems;
}
