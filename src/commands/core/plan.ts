import type { Address, Hex } from "../../protocol/bytes.ts";
import type { CommandError } from "./errors.ts";
import type { Mined } from "./sender.ts";

/** A label and what is behind it, printed aligned. */
export type Row = readonly [label: string, value: string];

/** A transaction to sign: by the account of the plan. */
export interface Call {
  /** Null deploys a contract. */
  to: Address | null;
  data: Hex;
  value: bigint;
}

/** One transaction of a plan. */
export interface Step {
  /** What it does, in a sentence. */
  description: string;
  /** The transaction, or how it follows from what earlier steps did. */
  call: Call | ((mined: readonly Mined[]) => Call);
  /**
   * False when the chain can only judge it after the steps before: a dry run then says so. An allowance does not need
   * this, see `approves`.
   */
  canSimulate?: boolean;
  /** The allowance that it gives. Steps after it are simulated as if it was there. */
  approves?: { token: Address; spender: Address; amount: bigint };
  /** It is refused until so many seconds have passed since the step before was mined. */
  afterSeconds?: number;
}

/** What a command is going to do: words for people, transactions for signers. Making one changes nothing. */
export interface Plan {
  kind: "plan";
  /** Who signs. */
  account: Address;
  /** What happens, to whom, for how much. */
  summary: string;
  facts: Row[];
  steps: Step[];
  /** What can go wrong. */
  risks: string[];
  /** When the money comes back, and whose it is until then. */
  moneyBack: string;
  /** Why it would be refused, as far as reading tells. */
  problems: CommandError[];
  /** Of a dry run, for machines; `bigint` are amounts in base units. */
  data: Record<string, unknown>;
  /** What came of it. Asked once all steps are mined. */
  outcome: (mined: readonly Mined[]) => Promise<Outcome>;
}

export interface Outcome {
  /** What has happened, in a sentence or two, and what to do next. */
  text: string;
  data: Record<string, unknown>;
}

/** What a command has found out. */
export interface Report {
  kind: "report";
  title: string;
  sections: { heading?: string; rows: Row[] }[];
  /** What to do next, or to know. */
  notes: string[];
  /** For machines; `bigint` are amounts in base units. */
  data: Record<string, unknown>;
  /** Takes the place of everything on standard output; the words go to standard error. */
  file?: string;
  /** What is wrong with what was found: the exit code is 1. */
  problem?: CommandError;
}
