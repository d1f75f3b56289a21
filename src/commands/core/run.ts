import type { Output } from "../../platform/output.ts";
import type { Context } from "./context.ts";
import { CommandError } from "./errors.ts";
import type { Plan, Report, Step } from "./plan.ts";
import { json, paragraph, printError, printPlan, printReport, printTransactions } from "./print.ts";
import { asCommandError } from "./refusal.ts";
import type { Mined } from "./sender.ts";
import type { Verdict } from "./simulate.ts";
import { printableCall, simulate } from "./simulate.ts";
import { duration } from "./time.ts";

export interface Mode {
  json: boolean;
  dryRun: boolean;
  unsigned: boolean;
  /** A transaction that is not in a block after this is given up. */
  timeoutSeconds: number;
}

/** How long a step that has to wait is tried again after its time has come: blocks may be late. */
const LATE_SECONDS = 300;
const RETRY_MS = 5_000;

/**
 * Runs a command and prints what came of it. Resolves with the exit code: 0 done, 1 refused or found wrong, 2 bad input.
 * Rejects with what is nobody's mistake but this program's.
 */
export async function runCommand(
  command: string,
  start: () => Promise<{ context: Context; result: Plan | Report } | { context?: undefined; result: Report }>,
  mode: Mode,
  output: Output,
): Promise<number> {
  const done: Mined[] = [];
  try {
    if (mode.dryRun && mode.unsigned) {
      throw new CommandError("conflicting_options", "--dry-run and --unsigned: choose one of them");
    }
    const { context, result } = await start();
    if (result.kind === "report") return finishReport(command, result, mode, output);
    if (mode.dryRun) return await dryRun(command, context!, result, mode, output);
    if (mode.unsigned) return await printUnsigned(command, context!, result, mode, output);
    return await execute(command, context!, result, { mode, output, done });
  } catch (error) {
    const known = asCommandError(error);
    if (!known) throw error;
    return fail(command, known, done, mode, output);
  }
}

function fail(command: string, error: CommandError, done: readonly Mined[], mode: Mode, output: Output): number {
  if (mode.json) output.out(json({ command, error: errorData(error), transactions: done.map(minedData) }));
  else {
    output.err(printError(error).join("\n"));
    if (done.length > 0) {
      const before = `Before that, ${done.length} of its transactions went through (${done.map(({ hash }) => hash).join(", ")}).`;
      output.err(paragraph(`${before} Look with --dry-run at what is left.`).join("\n"));
    }
  }
  return error.exitCode;
}

function finishReport(command: string, report: Report, mode: Mode, output: Output): number {
  const { data, file, problem } = report;
  if (mode.json) output.out(json({ command, ...data, ...(problem ? { error: errorData(problem) } : {}) }));
  else if (file !== undefined) {
    output.out(file);
    output.err(printReport(report).join("\n"));
  } else output.out(printReport(report).join("\n"));
  if (problem && !mode.json) output.err(`\n${printError(problem).join("\n")}`);
  return problem ? problem.exitCode : 0;
}

async function dryRun(command: string, context: Context, plan: Plan, mode: Mode, output: Output): Promise<number> {
  const verdicts = await simulate(context.provider, plan);
  const refusal = refusalIn(plan, verdicts);
  if (mode.json) {
    const transactions = plan.steps.map(({ description, call }, i) => ({
      ...(typeof call === "function" ? {} : printableCall(call)),
      description,
      verdict: verdicts[i]!.state,
    }));
    const { account, summary, risks, moneyBack, data } = plan;
    const chainId = context.record.chainId;
    const words = { summary, risks, moneyBack };
    const error = refusal ? { error: errorData(refusal) } : {};
    output.out(json({ command, dryRun: true, chainId, account, ...words, ...data, transactions, ...error }));
  } else {
    output.out(printPlan(plan, verdicts).join("\n"));
    if (refusal) output.err(`\nIt would be refused.\n${printError(refusal).join("\n")}`);
  }
  return refusal ? 1 : 0;
}

/** What reading has found comes first: it knows what to do. */
function refusalIn({ problems }: Plan, verdicts: readonly Verdict[]): CommandError | undefined {
  const refused = verdicts.find((verdict) => verdict.state === "refused");
  return problems[0] ?? (refused?.state === "refused" ? refused.refusal : undefined);
}

async function printUnsigned(
  command: string,
  context: Context,
  plan: Plan,
  mode: Mode,
  output: Output,
): Promise<number> {
  if (plan.steps.some(({ call }) => typeof call === "function" || call.to === null)) {
    const problem = "a transaction of this plan depends on the ones before it, or deploys a contract";
    throw new CommandError("not_possible_unsigned", `${problem}: sign it with a key (--key)`);
  }
  const verdicts = await simulate(context.provider, plan);
  const refusal = refusalIn(plan, verdicts);
  const { account, summary, steps } = plan;
  if (mode.json) {
    const transactions = steps.map(({ description, call }) => ({
      ...(typeof call === "function" ? {} : printableCall(call)),
      description,
    }));
    const warnings = refusal ? [errorData(refusal)] : [];
    output.out(json({ command, chainId: context.record.chainId, account, summary, transactions, warnings }));
  } else {
    output.out(printTransactions(plan).join("\n"));
    if (refusal) output.err(`\nSent now it would be refused.\n${printError(refusal).join("\n")}`);
  }
  return 0;
}

async function execute(
  command: string,
  context: Context,
  plan: Plan,
  { mode, output, done }: { mode: Mode; output: Output; done: Mined[] },
): Promise<number> {
  const { account, summary, steps, problems } = plan;
  if (problems.length > 0) throw problems[0]!;
  if (!context.sender) {
    const problem = `nothing can be signed for ${account} without a key`;
    throw new CommandError("no_account", `${problem}: give --key, or --unsigned for a Safe, or --dry-run to look`);
  }
  if (!mode.json) output.err(paragraph(summary).join("\n"));
  for (const [i, step] of steps.entries()) {
    const waits = step.afterSeconds ? ` (in ${duration(step.afterSeconds)})` : "";
    if (!mode.json) output.err(paragraph(step.description + waits, "", `${i + 1}/${steps.length} `).join("\n"));
    const mined = await sendStep(context, step, done, mode);
    if (!mined.isSuccess) {
      const problem = `transaction ${mined.hash} was mined and reverted: something changed on the way`;
      throw new CommandError("reverted", `${problem}; look with --dry-run, then run it again`);
    }
    done.push(mined);
  }
  const { text, data } = await plan.outcome(done);
  if (mode.json) {
    const transactions = done.map((mined, i) => ({ description: steps[i]!.description, ...minedData(mined) }));
    output.out(json({ command, chainId: context.record.chainId, account, transactions, ...data }));
  } else
    output.out(
      text
        .split("\n")
        .flatMap((line) => paragraph(line))
        .join("\n"),
    );
  return 0;
}

async function sendStep({ sender, clock }: Context, step: Step, done: readonly Mined[], mode: Mode): Promise<Mined> {
  const send = () => {
    const call = typeof step.call === "function" ? step.call(done) : step.call;
    return sender!.send(call, AbortSignal.timeout(mode.timeoutSeconds * 1000));
  };
  if (step.afterSeconds === undefined) return send();
  await clock.sleep(step.afterSeconds * 1000);
  const givenUpAt = clock.now() + LATE_SECONDS * 1000;
  for (;;) {
    try {
      return await send();
    } catch (error) {
      // The chain's clock may be behind ours.
      if (asCommandError(error)?.contractError !== "FaultProofsRevealTooEarly" || clock.now() > givenUpAt) throw error;
      await clock.sleep(RETRY_MS);
    }
  }
}

const minedData = ({ hash, blockNumber, gasUsed }: Mined) => ({ hash, blockNumber, gasUsed });

function errorData({ code, message, contractError, args }: CommandError): Record<string, unknown> {
  return { code, message, ...(contractError ? { contractError } : {}), ...(args ? { args } : {}) };
}
