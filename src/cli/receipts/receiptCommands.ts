import type { Contradiction, KeptReceipt, NodeAnswer, Outcome, ReceiptStore } from "../../index.ts";
import { CommandError } from "../../commands/core/errors.ts";
import type { Report, Row } from "../../commands/core/plan.ts";
import type { Address } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { receiptLine, writeEvidence } from "./receiptFiles.ts";

/** What a command works on: a gateway's store, or a file of receipts. */
export interface Receipts {
  channel: Address;
  store: Pick<ReceiptStore, "receipt" | "receipts">;
}

/** Which of them: one, or the first so many. */
export interface Selection {
  node: number | undefined;
  sequenceId: bigint | undefined;
  limit: number;
}

const PAGE = 500;
const nameOf = ({ originatorId, sequenceId }: KeptReceipt) => `${originatorId}:${sequenceId}`;

/** In their order. Throws CommandError `unknown_receipt` when one is named that is not there. */
export async function* selected(
  { channel, store }: Receipts,
  { node, sequenceId, limit }: Selection,
): AsyncGenerator<KeptReceipt> {
  if (node !== undefined && sequenceId !== undefined) {
    const one = await store.receipt(channel, { originatorId: node, sequenceId });
    if (one) {
      yield one;
      return;
    }
    const why = "it was proved and let go, chance did not keep it, or another channel paid for it";
    throw new CommandError("unknown_receipt", `no receipt of ${node}:${sequenceId} is kept: ${why}`);
  }
  let count = 0;
  for (let after: KeptReceipt | undefined; ;) {
    const page = await store.receipts(channel, after, PAGE);
    for (const receipt of page) {
      if (node !== undefined && receipt.originatorId !== node) continue;
      if (count++ === limit) return;
      yield receipt;
    }
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}

export async function listReceipts(receipts: Receipts, selection: Selection): Promise<Report> {
  const rows: Row[] = [];
  const data: object[] = [];
  for await (const receipt of selected(receipts, selection)) {
    const { keptAt, contradiction } = receipt;
    const kept = `kept ${new Date(keptAt).toISOString()}`;
    rows.push([nameOf(receipt), contradiction ? `${kept}, ${contradictionText(contradiction)}` : kept]);
    data.push(dataOf(receipt));
  }
  const notes = rows.length === selection.limit ? [`These are the first ${selection.limit}: see --limit.`] : [];
  const title = rows.length === 0 ? "No receipts are kept." : `Receipts of channel ${receipts.channel}`;
  return { kind: "report", title, sections: [{ rows }], notes, data: { channel: receipts.channel, receipts: data } };
}

export interface Prover {
  prove(receipt: KeptReceipt, signal: AbortSignal): Promise<Outcome>;
}

/** Holds receipts against final reports, and writes evidence for `fault prove`. */
export async function proveReceipts(
  receipts: Receipts,
  selection: Selection,
  { prover, directory, signal }: { prover: Prover; directory: string; signal: AbortSignal },
): Promise<Report> {
  const counts = { included: 0, notCovered: 0, contradicted: 0, unserved: 0 };
  const rows: Row[] = [];
  const data: object[] = [];
  const files: string[] = [];
  for await (const receipt of selected(receipts, selection)) {
    const outcome = await outcomeOf(receipt, prover, signal);
    counts[outcome.kind]++;
    const file = outcome.contradiction && evidenceFile(receipt, outcome.contradiction, directory);
    if (file !== undefined) files.push(file);
    const isNamed = selection.sequenceId !== undefined;
    if (isNamed || outcome.contradiction || outcome.kind === "unserved") rows.push([nameOf(receipt), outcome.text]);
    data.push({ ...dataOf({ ...receipt, contradiction: outcome.contradiction }), finding: outcome.kind, file });
  }
  const { included, notCovered, contradicted, unserved } = counts;
  const summary: Row[] = [
    ["in the logs", `${included}: proved, and let go`],
    ["not covered yet", `${notCovered}`],
    ["contradicted", `${contradicted}`],
    ["nobody serves the proof", `${unserved}`],
  ];
  return {
    kind: "report",
    title: `Receipts of channel ${receipts.channel} against final reports`,
    sections: [{ rows: summary }, ...(rows.length > 0 ? [{ heading: "These", rows }] : [])],
    notes: files.map((file) => `\`pennyblack fault prove ${file}\` brings it to the chain.`),
    data: { channel: receipts.channel, counts, receipts: data },
    ...problemOf(contradicted, unserved),
  };
}

function problemOf(contradicted: number, unserved: number): { problem?: CommandError } {
  if (contradicted > 0) {
    const text = `${contradicted} receipts are contradicted: nodes gave them for what is not in the logs`;
    return {
      problem: new CommandError(
        "receipt_contradicted",
        `${text}. Bring the evidence to the chain, where there is some`,
      ),
    };
  }
  if (unserved === 0) return {};
  return {
    problem: new CommandError("receipt_not_served", `${unserved} proofs are served by nobody: try again later`),
  };
}

async function outcomeOf(
  receipt: KeptReceipt,
  prover: Prover,
  signal: AbortSignal,
): Promise<{ kind: Outcome["kind"]; contradiction?: Contradiction; text: string }> {
  if (receipt.contradiction) {
    const { contradiction } = receipt;
    return { kind: "contradicted", contradiction, text: contradictionText(contradiction) };
  }
  const outcome = await prover.prove(receipt, signal);
  switch (outcome.kind) {
    case "included":
      return { kind: outcome.kind, text: `in report ${outcome.report.digest} of epoch ${outcome.report.report.epoch}` };
    case "notCovered":
      return { kind: outcome.kind, text: "no final report covers it" };
    case "unserved":
      return { kind: outcome.kind, text: outcome.error.message };
    case "contradicted": {
      const { accusation, report } = outcome;
      const isEvidence = accusation.kind === "evidence";
      const contradiction: Contradiction = {
        report: report.digest,
        proof: isEvidence ? accusation.proof : undefined,
        reason: isEvidence ? undefined : accusation.reason,
      };
      return { kind: outcome.kind, contradiction, text: contradictionText(contradiction) };
    }
  }
}

function evidenceFile(receipt: KeptReceipt, { report, proof }: Contradiction, directory: string): string | undefined {
  if (proof === undefined) return undefined;
  const name = `contradiction-${receipt.originatorId}-${receipt.sequenceId}.json`;
  return writeEvidence(directory, name, { envelopes: [toHex(receipt.envelope)], report, proof });
}

/** Asks other nodes whether they serve receipts, and writes evidence of what the originator signed twice. */
export async function auditReceipts(
  receipts: Receipts,
  selection: Selection,
  { audit, directory }: { audit: (receipt: KeptReceipt) => Promise<NodeAnswer[]>; directory: string },
): Promise<Report> {
  const sections: Report["sections"] = [];
  const data: object[] = [];
  const files: string[] = [];
  let missing = 0;
  for await (const receipt of selected(receipts, selection)) {
    const answers = await audit(receipt);
    sections.push({
      heading: nameOf(receipt),
      rows: answers.map(({ nodeId, served }) => [`node ${nodeId}`, servedText(served)]),
    });
    for (const { served } of answers) {
      if (served.kind === "missing") missing++;
      if (served.kind !== "other") continue;
      const name = `equivocation-${receipt.originatorId}-${receipt.sequenceId}.json`;
      files.push(writeEvidence(directory, name, { envelopes: [toHex(receipt.envelope), toHex(served.envelope)] }));
      // One convicts: others would be the same case.
      break;
    }
    data.push({ ...dataOf(receipt), answers: answers.map(({ nodeId, served }) => ({ nodeId, served: served.kind })) });
  }
  const notes = files.map((file) => `\`pennyblack fault prove ${file}\` brings it to the chain.`);
  const title = `Receipts of channel ${receipts.channel} at other nodes`;
  const report: Report = {
    kind: "report",
    title,
    sections,
    notes,
    data: { channel: receipts.channel, receipts: data, files },
  };
  if (files.length > 0) {
    const text = `${files.length} sequence ids were given to two messages: bring the evidence to the chain`;
    return { ...report, problem: new CommandError("receipt_contradicted", text) };
  }
  if (missing === 0) return report;
  const text = `${missing} answers lack the envelope and have later ones: ask again when a report covers them (receipts prove)`;
  return { ...report, problem: new CommandError("receipt_not_served", text) };
}

/** Every receipt as a line of JSON. */
export async function* exportLines(receipts: Receipts, selection: Selection): AsyncGenerator<string> {
  for await (const receipt of selected(receipts, selection)) yield `${receiptLine(receipt)}\n`;
}

function servedText(served: NodeAnswer["served"]): string {
  switch (served.kind) {
    case "served":
      return "serves it";
    case "other":
      return "serves another message there, which the originator signed too";
    case "forged":
      return "serves there what the originator did not sign";
    case "missing":
      return `does not have it, but ${served.next}: it may have gone with its retention`;
    case "notYet":
      return "has nothing from there on yet";
    case "unreachable":
      return `did not answer: ${served.problem}`;
  }
}

function contradictionText({ report, proof, reason }: Contradiction): string {
  return `contradicted by report ${report}${proof === undefined ? `; convicts nobody: ${reason}` : ""}`;
}

function dataOf({ originatorId, sequenceId, keptAt, contradiction }: KeptReceipt): Record<string, unknown> {
  const found = contradiction && { ...contradiction };
  return { node: originatorId, sequenceId: String(sequenceId), keptAt, contradiction: found };
}
