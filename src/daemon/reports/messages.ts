import { z } from "zod";

import { concatBytes, fromHex, toHex } from "../../protocol/bytes.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { packRange, unpackRanges } from "../../protocol/report/packedRanges.ts";
import type { Report } from "../../protocol/report/report.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import { MOST_NOTE_BYTES } from "../../protocol/stamps/noteBytes.ts";
import type { WhyNot } from "./errors.ts";
import type { StampEvidence } from "./stamps/evidence.ts";
import { MOST_STATEMENTS, MOST_USES } from "./stamps/evidence.ts";
import type { KnownRange } from "./logWalk.ts";
import { hex32, reportSchema, reportToJson, uint } from "../../protocol/report/reportJson.ts";

// What daemons say to one another about reports. Every list is bounded; what does not fit is malformed.

/** Originators of one network: 90 seats, and those that had one. */
export const MOST_ORIGINATORS = 512;
/** Ends that are asked about at once, and channels. */
export const MOST_ENDS = 2_048;
export const MOST_CHANNELS = 1_000;
/** Channels that are not paid in full, with whose vouchers a proposal comes. */
export const MOST_VOUCHERS = 10_000;

export interface End {
  originatorId: number;
  sequenceId: bigint;
}

/** How far does your log go, and what are its facts up to these ends? */
export interface Question {
  epoch: bigint;
  parent: Hex;
  ends: readonly End[];
}

export interface Answer {
  whole: KnownRange[];
  /** Of the ends asked about, in their order; undefined where the log is not known so far. */
  factsAt: (Hex | undefined)[];
  /** Seats that this node found absent. */
  absent: number[];
}

/** Will you attest this? `attestation` is the proposer's own. */
export interface Proposal {
  nodeId: number;
  attestation: Uint8Array;
  report: Report;
  ranges: LogRange[];
  /** Channels that are not paid in full where it was built: vouchers that others know of them change it. */
  unpaidChannels: Address[];
  /** Rows of the largest vouchers of channels that are not paid in full. */
  vouchers: Uint8Array;
  /** What it says of stamps is built on. */
  evidence: StampEvidence;
}

export interface Refusal {
  why: WhyNot;
  message: string;
  at?: End;
  /** Rows of vouchers that the proposer does not know. */
  vouchers?: Uint8Array;
}

export type Reply = { attestation: Uint8Array } | Refusal;

const node = z.int().min(0).max(0xffffffff);
const bytes = (most: number) =>
  z
    .string()
    .max(2 + 2 * most)
    .regex(/^0x([0-9a-f]{2})*$/)
    .transform((text) => fromHex(text));
const ranges = bytes(MOST_ORIGINATORS * 68).transform((rows) => unpackRanges(rows));
const address = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/)
  .transform((text) => text as Address);
const end = z.strictObject({ originatorId: node, sequenceId: uint(64) });
const attestation = bytes(96).refine(({ length }) => length === 96, "not 96 bytes");
const vouchers = bytes(MOST_VOUCHERS * 160);

const note = bytes(MOST_NOTE_BYTES);
const welcome = z
  .string()
  .regex(/^0x[0-9a-f]{32}$/)
  .transform((text) => text as Hex);
const use = z.strictObject({ payer: address, welcome, note });

export const questionSchema = z.strictObject({
  epoch: uint(64),
  parent: hex32,
  ends: z.array(end).max(MOST_ENDS),
});

export const answerSchema = z.strictObject({
  ranges,
  facts: z.array(hex32).max(MOST_ORIGINATORS),
  factsAt: z.array(hex32.nullable()).max(MOST_ENDS),
  absent: z.array(node).max(128),
});

export const proposalSchema = z.strictObject({
  nodeId: node,
  attestation,
  report: reportSchema,
  ranges,
  unpaidChannels: z.array(address).max(MOST_VOUCHERS),
  vouchers,
  evidence: z
    .strictObject({ statements: z.array(note).max(MOST_STATEMENTS), uses: z.array(use).max(MOST_USES) })
    .default({ statements: [], uses: [] }),
});

const WHY_NOT = [
  ...(["history_missing", "behind", "log_differs", "usage_differs", "debits_differ", "absence_differs"] as const),
  ...(["stamps_differ", "stamps_omitted"] as const),
  ...([
    "chain_state_missing",
    "parent_unknown",
    "not_due",
    "not_a_seat",
    "bad_signature",
    "malformed",
    "busy",
  ] as const),
] as const satisfies readonly WhyNot[];

const refusalSchema = z.strictObject({
  why: z.enum(WHY_NOT),
  message: z.string().max(1_000),
  at: end.optional(),
  vouchers: vouchers.optional(),
});
export const replySchema = z.union([z.strictObject({ attestation }), refusalSchema]);
export const vouchersSchema = z.strictObject({ vouchers });
export const channelsSchema = z.strictObject({ channels: z.array(address).max(MOST_CHANNELS) });

export function questionToJson({ epoch, parent, ends }: Question): z.input<typeof questionSchema> {
  return { epoch: String(epoch), parent, ends: ends.map(endToJson) };
}

export function answerToJson({ whole, factsAt, absent }: Answer): z.input<typeof answerSchema> {
  const rows = toHex(concatBytes(...whole.map(({ range }) => packRange(range))));
  return { ranges: rows, facts: whole.map(({ facts }) => facts), factsAt: factsAt.map((at) => at ?? null), absent };
}

/** Throws ZodError, and ProtocolError for ranges that are none. */
export function answerFromJson(json: unknown, { ends }: Question): Answer {
  const { ranges: read, facts, factsAt, absent } = answerSchema.parse(json);
  if (facts.length !== read.length || factsAt.length !== ends.length) throw new TypeError("not as many as asked for");
  const whole = read.map((range, i) => ({ range, facts: facts[i]! }));
  return { whole, factsAt: factsAt.map((at) => at ?? undefined), absent };
}

export function proposalToJson(proposal: Proposal): z.input<typeof proposalSchema> {
  return {
    ...{ nodeId: proposal.nodeId, attestation: toHex(proposal.attestation), report: reportToJson(proposal.report) },
    ...{ ranges: toHex(concatBytes(...proposal.ranges.map(packRange))), vouchers: toHex(proposal.vouchers) },
    unpaidChannels: proposal.unpaidChannels,
    evidence: {
      statements: proposal.evidence.statements.map(toHex),
      uses: proposal.evidence.uses.map((one) => ({ ...one, note: toHex(one.note) })),
    },
  };
}

export function replyToJson(reply: Reply): z.input<typeof replySchema> {
  if ("attestation" in reply) return { attestation: toHex(reply.attestation) };
  const { why, message, at, vouchers: rows } = reply;
  return { why, message, ...(at ? { at: endToJson(at) } : {}), ...(rows ? { vouchers: toHex(rows) } : {}) };
}

export function replyFromJson(json: unknown): Reply {
  const reply = replySchema.parse(json);
  if ("attestation" in reply) return reply;
  const { why, message, at, vouchers: rows } = reply;
  return { why, message, ...(at ? { at } : {}), ...(rows ? { vouchers: rows } : {}) };
}

const endToJson = ({ originatorId, sequenceId }: End) => ({ originatorId, sequenceId: String(sequenceId) });
