/** The small changes that the mutation campaign makes, one at a time. */
import { readFileSync } from "node:fs";

export interface Mutant {
  file: string;
  line: number;
  before: string;
  after: string;
  /** The file with the change. */
  text: string;
}

type Change = string | ((match: RegExpMatchArray) => string);

/** Between two operands, as Prettier sets it: `a < b`. */
const between = (operator: string) => new RegExp(String.raw`(?<=[\w)\]] )${operator}(?= [\w(~])`, "g");
const call = (name: string) => new RegExp(String.raw`\b${name}\((?!\))`, "g");

/** What each changes: the text that is found and what takes its place. */
const OPERATORS: [RegExp, Change][] = [
  [between("<"), "<="],
  [between(">"), ">="],
  [between("<="), "<"],
  [between(">="), ">"],
  [between("=="), "!="],
  [between("!="), "=="],
  [between(String.raw`\+`), "-"],
  [between("-"), "+"],
  [between(String.raw`\*`), "/"],
  [between("/"), "*"],
  [between("%"), "/"],
  [between(String.raw`\+=`), "-="],
  [between("-="), "+="],
  [between("&"), "|"],
  [between(String.raw`\|`), "&"],
  [/&&/g, "||"],
  [/\|\|/g, "&&"],
  [/<<(?= \d)/g, ">>"],
  [/>>(?= \d)/g, "<<"],
  [/\b0\b(?=[;,)])/g, "1"],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/\+\+(?=[;)\]])/g, "--"],
  [/--(?=[;)\]])/g, "++"],
  // Assembly.
  [call("add"), "sub("],
  [call("sub"), "add("],
  [call("shl"), "shr("],
  [call("shr"), "shl("],
  [call("and"), "or("],
  [call("lt"), "gt("],
  [/\b(0x[0-9a-f]{2,3})(?=[,)])/g, ([word]) => `0x${(Number(word) + 1).toString(16)}`],
  // Bounds.
  [/(?<=constant [A-Z_]+ = )[^;k]+(?=;)/g, ([value]) => `${value} + 1`],
  // Statements that do something: left out. A line each; a block that an `if` opens is not one.
  [/^( +)((emit )?[\w.]+(\[[^\]]*\])?\([^;{}]*\);)$/gm, ([, indent]) => indent!],
  [/^( +)((else )?if \([^;{}]*\) [^;{}]*;|else [^;{}]*;)$/gm, ([, indent]) => indent!],
  [/^( +)([\w.[\]]+ [+-]?= [^;{}]*;|[\w.]+(\+\+|--);)$/gm, ([, indent]) => indent!],
  [/^( +)(sstore|mstore|pop)\(.*\)$/gm, ([, indent]) => indent!],
  [/ (nonReentrant|restricted|whenEntriesOpen)\b/g, ""],
];

function isComment(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", at) + 1, at);
  return /^\s*(\/\/|\*|\/\*)/.test(line) || line.includes("// ") || /^(import|pragma|using)/.test(line);
}

export function mutantsOf(file: string): Mutant[] {
  const text = readFileSync(file, "utf8");
  return OPERATORS.flatMap(([pattern, change]) =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const at = match.index;
      if (isComment(text, at)) return [];
      const after = typeof change === "string" ? change : change(match);
      const mutated = text.slice(0, at) + after + text.slice(at + match[0].length);
      const line = text.slice(0, at).split("\n").length;
      return [{ file, line, before: match[0].trim(), after: after.trim() || "(left out)", text: mutated }];
    }),
  );
}
