import type { Plan, Report, Row } from "./plan.ts";
import type { Verdict } from "./simulate.ts";
import { printableCall } from "./simulate.ts";
import type { CommandError } from "./errors.ts";

const WIDTH = 100;

/** Labels and values in two columns. */
export function table(rows: readonly Row[], indent = "  "): string[] {
  const width = Math.max(0, ...rows.map(([label]) => label.length));
  return rows.flatMap(([label, value]) => {
    const [first = "", ...rest] = value.split("\n");
    const lines = [`${indent}${label.padEnd(width)}  ${first}`];
    return [...lines, ...rest.map((line) => `${indent}${" ".repeat(width)}  ${line}`)].map((line) => line.trimEnd());
  });
}

/** A paragraph, broken at words; lines after the first are indented like it. */
export function paragraph(text: string, indent = "", bullet = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line && indent.length + bullet.length + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, line].map((one, i) => indent + (i === 0 ? bullet : " ".repeat(bullet.length)) + one);
}

export function printReport({ title, sections, notes }: Report): string[] {
  const body = sections.flatMap(({ heading, rows }) => ["", ...(heading ? [heading] : []), ...table(rows)]);
  return [title, ...body, ...(notes.length > 0 ? ["", ...notes.flatMap((note) => paragraph(note, "", "- "))] : [])];
}

/** What a dry run says. */
export function printPlan(plan: Plan, verdicts: readonly Verdict[]): string[] {
  const { account, summary, facts, steps, risks, moneyBack } = plan;
  return [
    "Dry run: nothing is sent.",
    "",
    ...paragraph(summary),
    "",
    ...table([...facts, ["signed by", account]]),
    "",
    steps.length === 1 ? "Transaction" : `Transactions, ${steps.length} in this order`,
    ...steps.flatMap(({ description }, i) => [
      ...paragraph(description, "  ", `${i + 1}. `),
      ...paragraph(judgement(verdicts[i]!), "     "),
    ]),
    "",
    "What can go wrong",
    ...risks.flatMap((risk) => paragraph(risk, "  ", "- ")),
    "",
    "When money comes back",
    ...paragraph(moneyBack, "  "),
  ];
}

function judgement(verdict: Verdict): string {
  switch (verdict.state) {
    case "accepted":
      return verdict.gas === undefined ? "would be accepted now" : `would be accepted now, about ${verdict.gas} gas`;
    case "refused":
      return `would be refused now: ${verdict.refusal.message}`;
    case "later":
      return "cannot be tried before the steps above are in a block";
  }
}

export function printTransactions({ account, steps }: Plan): string[] {
  return [
    `To be signed by ${account}, in this order:`,
    ...steps.flatMap(({ description, call }, i) => {
      if (typeof call === "function") throw new Error("a step that depends on others has no transaction yet");
      const { to, data, value } = printableCall(call);
      return [
        "",
        ...paragraph(description, "", `${i + 1}. `),
        ...table([
          ["to", to!],
          ["value", value],
          ["data", data],
        ]),
      ];
    }),
  ];
}

export function printError({ message, code }: CommandError): string[] {
  return [...paragraph(message), `(${code})`];
}

/** JSON with amounts as decimal strings. */
export function json(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? one.toString() : one), 2);
}
