import { readRates } from "../../contracts/readRates.ts";
import { toAddress } from "../../protocol/bytes.ts";
import { callOf } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { kebab } from "../core/spec.ts";
import { DAY, HOUR, instant } from "../core/time.ts";
import { executeBy, planProposal, readCalendar } from "./propose.ts";
import type { RateTerms } from "./rateBounds.ts";
import { RATE_FIELDS, earliestStart, latestScheduling } from "./rateBounds.ts";

/** Left for queueing and execution when no start is named, besides a late quorum. */
const SLACK_SECONDS = DAY;

/** Proposes other rates. Those that are not named stay as they were scheduled last. */
export async function ratesPropose(context: Context, input: Input): Promise<Plan> {
  const { contracts, record } = context;
  const named = RATE_FIELDS.flatMap((field) => {
    const value = wholeNumber(input, field.option);
    return value === undefined ? [] : [{ field, value }];
  });
  const start = parseStart(input.optional("start"));
  if (named.length === 0) {
    const options = RATE_FIELDS.map(({ option }) => `--${kebab(option)}`).join(", ");
    throw new CommandError("missing_argument", `which rate? Name at least one of ${options}`);
  }
  const [history, { executableAt }, extension] = await Promise.all([
    readRates(contracts.rateRegistry),
    readCalendar(context),
    contracts.postageGovernor.lateQuorumVoteExtension(),
  ]);
  const last = history.at(-1)!;
  const earliest = earliestStart(last.startAt, executableAt);
  const startTime = start ?? roundUp(earliest + extension + SLACK_SECONDS);
  const terms = { startTime } as RateTerms;
  for (const { argument, key } of RATE_FIELDS) terms[argument] = last[key];
  for (const { field, value } of named) terms[field.argument] = value;
  const { address } = record.contracts.rateRegistry;
  const { data } = callOf(address, contracts.rateRegistry.interface, "scheduleRates", [terms]);
  const words = named.map(({ field: { label, unit, key }, value }) => `${label} ${last[key]} -> ${value} ${unit}`);
  const plan = await planProposal(context, {
    calls: [{ target: toAddress(address), data, value: 0n }],
    description: input.optional("description") ?? `Rates from ${instant(startTime)}: ${words.join(", ")}`,
    risks: [executeBy(latestScheduling(startTime))],
  });
  const isSame = named.every(({ field, value }) => last[field.key] === value);
  const same = new CommandError("nothing_to_do", "these are the rates that are scheduled last: see `rates show`");
  return {
    ...plan,
    problems: isSame ? [same, ...plan.problems] : plan.problems,
    data: { ...plan.data, rates: terms, earliestStart: earliest },
  };
}

function wholeNumber(input: Input, option: string): bigint | undefined {
  const text = input.optional(option);
  if (text === undefined) return undefined;
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new CommandError("bad_number", `--${kebab(option)} "${text}": write a whole number, its unit is in the name`);
}

const START = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/;

/** An instant in UTC, `2026-12-10T00:00Z`, or unix seconds. */
function parseStart(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return BigInt(text);
  const ms = START.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(ms)) return BigInt(ms) / 1_000n;
  throw new CommandError("bad_number", `--start "${text}": write 2026-12-10T00:00Z, or unix seconds`);
}

const roundUp = (seconds: bigint): bigint => ((seconds + HOUR - 1n) / HOUR) * HOUR;
