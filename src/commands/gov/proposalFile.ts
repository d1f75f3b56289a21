import { readFileSync } from "node:fs";

import type { FunctionFragment, ParamType } from "ethers";
import { AbiCoder } from "ethers";

import type { Hex } from "../../protocol/bytes.ts";
import { CommandError } from "../core/errors.ts";
import type { Target } from "./describeCalls.ts";
import type { ProposedCall } from "./proposal.ts";

/** What a proposal file says. */
export interface FiledProposal {
  description: string;
  calls: ProposedCall[];
}

interface Problem {
  where: string;
  what: string;
  isForeign?: boolean;
}

const FORM =
  'a proposal file is { "description": "...", "calls": [{ "contract": "nodeSeats", "function": "setMaxSeats(uint256)", "args": ["30"] }] }';

/**
 * Reads a proposal: its description, and calls by contract, function and arguments. Throws CommandError `bad_proposal` or
 * `foreign_target`, which list every problem.
 */
export function readProposalFile(file: string, targets: readonly Target[]): FiledProposal {
  const problems: Problem[] = [];
  const content = parseJson(readText(file), problems);
  const { description, calls } = isObject(content) ? content : {};
  if (isObject(content)) {
    noOthers(content, ["description", "calls"], "the file", problems);
    if (typeof description !== "string" || description.trim() === "") {
      problems.push({ where: "description", what: "is not a text" });
    }
    if (!Array.isArray(calls) || calls.length === 0)
      problems.push({ where: "calls", what: "is not a list with calls" });
  }
  const read = (Array.isArray(calls) ? calls : []).map((call: unknown, i) =>
    readCall(call, `call ${i + 1}`, targets, problems),
  );
  if (problems.length > 0) throw problemOf(file, problems);
  return { description: description as string, calls: read as ProposedCall[] };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError("bad_file", `cannot read the proposal: ${(error as Error).message}`, { cause: error });
  }
}

function problemOf(file: string, problems: readonly Problem[]): CommandError {
  const code = problems.every(({ isForeign }) => isForeign) ? "foreign_target" : "bad_proposal";
  const words = problems.map(({ where, what }) => `${where} ${what}`);
  const many = words.length === 1 ? "a problem" : `${words.length} problems`;
  return new CommandError(code, `${file} has ${many}: ${words.join("; ")}. Mend the file: ${FORM}`, {
    args: { problems: words },
  });
}

function parseJson(text: string, problems: Problem[]): unknown {
  try {
    const content: unknown = JSON.parse(text);
    if (!isObject(content)) problems.push({ where: "the file", what: "is not a JSON object" });
    return content;
  } catch (error) {
    problems.push({ where: "the file", what: `is not JSON (${(error as Error).message})` });
    return undefined;
  }
}

function readCall(
  call: unknown,
  where: string,
  targets: readonly Target[],
  problems: Problem[],
): ProposedCall | undefined {
  if (!isObject(call)) {
    problems.push({ where, what: "is not an object" });
    return undefined;
  }
  noOthers(call, ["contract", "function", "args"], where, problems);
  const target = targets.find(({ name, address }) => call.contract === name || lower(call.contract) === address);
  if (!target) {
    const names = targets.map(({ name }) => name).join(", ");
    const what = `calls "${String(call.contract)}", which is not of this deployment: name one of ${names}`;
    problems.push({ where, what, isForeign: typeof call.contract === "string" });
    return undefined;
  }
  const fragment = findFunction(target, call.function, where, problems);
  if (!fragment) return undefined;
  const args: unknown[] = Array.isArray(call.args) ? call.args : [];
  if (!Array.isArray(call.args) || args.length !== fragment.inputs.length) {
    const wanted = fragment.inputs.map((input) => input.format("full")).join(", ");
    const what = `has ${args.length} args, ${fragment.name} takes ${fragment.inputs.length} (${wanted})`;
    problems.push({ where, what });
    return undefined;
  }
  const wrong = fragment.inputs.flatMap((input, i) => argumentProblem(input, args[i], `${where}, ${input.name || i}`));
  problems.push(...wrong);
  if (wrong.length > 0) return undefined;
  return { target: target.address, data: target.abi.encodeFunctionData(fragment, args) as Hex, value: 0n };
}

function findFunction(target: Target, written: unknown, where: string, problems: Problem[]) {
  const changing: FunctionFragment[] = [];
  target.abi.forEachFunction((one) => void (one.constant || changing.push(one)));
  const normal = typeof written === "string" ? written.replace(/\s/g, "") : "";
  const found = changing.filter((one) => one.format("sighash") === normal || one.name === normal);
  if (found.length === 1) return found[0];
  const signatures = changing.map((one) => one.format("sighash"));
  const choice = found.length > 1 ? found.map((one) => one.format("sighash")) : signatures;
  const what = `names the function "${String(written)}", and ${target.name} has ${choice.join(", ") || "none that changes anything"}`;
  problems.push({ where, what });
  return undefined;
}

/** ethers takes any word for a truth, so that types are looked at first. */
function argumentProblem(type: ParamType, value: unknown, where: string): Problem[] {
  const what = (wanted: string): Problem[] => [{ where, what: `is ${JSON.stringify(value)}, not ${wanted}` }];
  if (type.baseType === "array") {
    if (!Array.isArray(value)) return what(`a list (${type.type})`);
    const wrong = value.flatMap((one, i) => argumentProblem(type.arrayChildren!, one, `${where}[${i}]`));
    if (wrong.length > 0) return wrong;
  } else if (type.baseType === "tuple") {
    if (!isObject(value)) return what(`an object with ${type.components!.map(({ name }) => name).join(", ")}`);
    const known = type.components!.map(({ name }) => name);
    const others = Object.keys(value).filter((key) => !known.includes(key));
    const wrong = type.components!.flatMap((part) => argumentProblem(part, value[part.name], `${where}.${part.name}`));
    wrong.push(...others.map((key) => ({ where, what: `has "${key}", which it does not take` })));
    if (wrong.length > 0) return wrong;
  } else if (type.baseType === "bool") {
    if (typeof value !== "boolean") return what("true or false");
  } else if (/^u?int/.test(type.baseType)) {
    const isWhole = typeof value === "string" ? /^-?\d+$/.test(value) : Number.isSafeInteger(value);
    if (!isWhole) return what(`a whole number (${type.type}); write large ones as text`);
  } else if (typeof value !== "string") return what(`a text (${type.type})`);
  try {
    AbiCoder.defaultAbiCoder().encode([type], [value]);
    return [];
  } catch {
    return what(`of type ${type.type}`);
  }
}

function noOthers(content: Record<string, unknown>, known: readonly string[], where: string, problems: Problem[]) {
  for (const key of Object.keys(content).filter((one) => !known.includes(one))) {
    problems.push({ where, what: `has "${key}", which it does not take` });
  }
}

const lower = (value: unknown): string | undefined => (typeof value === "string" ? value.toLowerCase() : undefined);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
