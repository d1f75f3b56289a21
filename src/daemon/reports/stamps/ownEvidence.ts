import { toHex } from "../../../protocol/bytes.ts";
import { unpackNote } from "../../../protocol/stamps/noteBytes.ts";
import { STAMP_WINDOW_SECONDS } from "../../../protocol/stamps/rules.ts";
import type { BuiltReport } from "../buildReport.ts";
import { CannotAttestError } from "../errors.ts";
import type { Proposal } from "../messages.ts";
import type { ReporterOptions } from "../options.ts";
import type { Session } from "../session.ts";
import type { ReadEvidence, StampEvidence } from "./evidence.ts";
import {
  MOST_STATEMENTS,
  MOST_USES,
  NO_EVIDENCE,
  UNTIL_NOW,
  heldEvidence,
  heldSeconds,
  readEvidence,
  useKey,
} from "./evidence.ts";
import { saidKey } from "./nextStamps.ts";
import type { ReportStamps, StampRow } from "./stampRows.ts";
import { NO_STAMPS, Outcome, pairOf } from "./stampRows.ts";

/** Evidence is looked for so far back: a stamp's window, and reports that were skipped. */
const LOOKED_BACK = 3n * STAMP_WINDOW_SECONDS;

type Options = Pick<ReporterOptions, "stamps" | "chain">;

/** What this node has heard of in time, as its proposal carries it. */
export async function ownEvidence(
  { stamps, chain }: Options,
  { endsAt, parent }: Session,
): Promise<{ evidence: StampEvidence; read: ReadEvidence }> {
  if (!stamps) return { evidence: NO_EVIDENCE, read: { said: new Map(), waivers: new Map() } };
  const before = endsAt - heldSeconds(await chain.epochSeconds());
  const closed = closedIn(parent?.stamps ?? NO_STAMPS);
  const heard = { from: endsAt - LOOKED_BACK, before, usedBefore: UNTIL_NOW };
  const held = await heldEvidence(stamps, heard, (note) => !closed.has(saidKey(note)));
  return onlyValid(stamps, held, endsAt);
}

/** What a proposal carries. Throws CannotAttestError `stamps_differ` when a piece of it does not hold. */
export async function checkedEvidence(
  { stamps }: Options,
  { endsAt }: Session,
  evidence: StampEvidence,
): Promise<ReadEvidence> {
  return stamps ? readEvidence(stamps, evidence, endsAt) : { said: new Map(), waivers: new Map() };
}

/**
 * The proposal says of stamps what its evidence makes of them, and it leaves out nothing that this node has held for a whole
 * epoch. Throws CannotAttestError `stamps_differ` and `stamps_omitted`.
 */
export async function requireStamps(
  { stamps, chain }: Options,
  { endsAt, parent }: Session,
  { report, stamps: built = NO_STAMPS }: BuiltReport,
  { report: proposed, evidence }: Proposal,
): Promise<void> {
  const isSame =
    report.stampChargesRoot === proposed.stampChargesRoot && report.stampPayoutsRoot === proposed.stampPayoutsRoot;
  if (!isSame)
    throw new CannotAttestError("stamps_differ", "its charges or payouts are not what welcomes and notes say");
  if (!stamps) return;
  const length = await chain.epochSeconds();
  const before = endsAt - heldSeconds(length) - length;
  const undecided = undecidedIn(built, parent?.stamps ?? NO_STAMPS);
  const heard = { from: endsAt - LOOKED_BACK, before, usedBefore: before };
  const own = await heldEvidence(stamps, heard, (note) => undecided.has(saidKey(note)));
  // What the proposal carries was checked with it: only the rest costs signatures.
  const named = new Set(evidence.statements.map((packed) => subjectOf(packed)));
  const opened = new Set(newIn(built, parent?.stamps ?? NO_STAMPS).map(useKey));
  const used = new Set(evidence.uses.map(useKey));
  const rest = {
    statements: own.statements.filter((packed) => !named.has(subjectOf(packed))),
    uses: own.uses.filter((use) => opened.has(useKey(use)) && !used.has(useKey(use))),
  };
  const { statements: missing, uses } = (await onlyValid(stamps, rest, endsAt)).evidence;
  if (missing.length > 0 && evidence.statements.length < MOST_STATEMENTS) {
    throw omitted(`${missing.length} statements, the first of them ${toHex(missing[0]!)}`);
  }
  if (uses.length > 0 && evidence.uses.length < MOST_USES) {
    throw omitted(`${uses.length} uses of waivers, the first for welcome ${uses[0]!.welcome}`);
  }
}

const omitted = (what: string) =>
  new CannotAttestError("stamps_omitted", `it leaves out what this node has held for an epoch: ${what}`);

/** Of two statements about one stamp a proposal may carry either: which of them counts, every node finds out alike. */
function subjectOf(packed: Uint8Array): string {
  const { note } = unpackNote(packed);
  return note.kind === "statement" ? saidKey(note) : toHex(packed);
}

/** Pieces that others would not take, of who left the inbox since, are not carried. */
async function onlyValid(
  sources: NonNullable<Options["stamps"]>,
  evidence: StampEvidence,
  endsAt: bigint,
): Promise<{ evidence: StampEvidence; read: ReadEvidence }> {
  const readIfValid = async (pieces: StampEvidence) =>
    readEvidence(sources, pieces, endsAt).catch((error: unknown) => {
      if (error instanceof CannotAttestError) return undefined;
      throw error;
    });
  // Nearly always all of them hold.
  const all = await readIfValid(evidence);
  if (all) return { evidence, read: all };
  const valid: { statements: Uint8Array[]; uses: StampEvidence["uses"][number][] } = { statements: [], uses: [] };
  for (const one of evidence.statements) {
    if (await readIfValid({ statements: [one], uses: [] })) valid.statements.push(one);
  }
  for (const one of evidence.uses) if (await readIfValid({ statements: [], uses: [one] })) valid.uses.push(one);
  return { evidence: valid, read: await readEvidence(sources, valid, endsAt) };
}

function closedIn({ rows }: ReportStamps): Set<string> {
  return new Set(rows.filter(({ outcome }) => outcome !== Outcome.open).map(saidKey));
}

/** Stamps of which this report knows no word, though it decides or carries them. */
function undecidedIn({ rows }: ReportStamps, parent: ReportStamps): Set<string> {
  const before = new Map(parent.rows.map((row) => [pairOf(row), row]));
  const isSilentNow = (row: StampRow) => {
    const known = before.get(pairOf(row));
    return row.outcome === Outcome.silent && (known?.welcome !== row.welcome || known.outcome === Outcome.open);
  };
  return new Set(rows.filter((row) => row.outcome === Outcome.open || isSilentNow(row)).map(saidKey));
}

function newIn({ rows }: ReportStamps, parent: ReportStamps): StampRow[] {
  const before = new Set(parent.rows.map(saidKey));
  return rows.filter((row) => !before.has(saidKey(row)));
}
