import type { Address } from "../../protocol/bytes.ts";
import { bytesOf, hexOf } from "../store/encode.ts";
import type { MeteredEnvelope, UnreadableEnvelope } from "../threads/readEnvelope.ts";

/** What an envelope is for usage. */
export const FactKind = {
  /** Nobody's: node-only, unreadable, or for another node. It is in the log and in no price. */
  free: 0,
  /** The first of its payer digest in its originator's log. */
  charged: 1,
  /** A copy: it loads the network and costs nothing. */
  copy: 2,
  /** No envelope, but what is more to say of the one before: a welcome's topic and payer digest. */
  welcome: 3,
} as const;
export type FactKind = (typeof FactKind)[keyof typeof FactKind];

/** What reports need of an envelope. Each follows from its bytes and those before it in its originator's log. */
export interface Fact {
  sequenceId: bigint;
  kind: FactKind;
  /** Of `originator_ns`. */
  seconds: bigint;
  /** Bytes of the canonical payer envelope. */
  size: number;
  /** All zero when nobody's. */
  payer: Address;
  payerEnvelopeHash: Uint8Array;
  /** Of a welcome that somebody can be charged for. */
  welcome?: {
    /** The installation key that it is addressed to. */
    key: Uint8Array;
    /** The first 16 bytes of the payer digest. */
    id: Uint8Array;
  };
}

const NOBODY: Address = `0x${"00".repeat(20)}`;

/** As a copy, when somebody can be charged for it: whether it is the first one the ledger knows. */
export function factOf(sequenceId: bigint, envelope: MeteredEnvelope | UnreadableEnvelope): Fact {
  const { originatorNs, payerEnvelopeHash } = envelope;
  const isFree = "problem" in envelope || envelope.isFree;
  const { payer, size } = isFree ? { payer: NOBODY, size: 0 } : envelope;
  const kind = isFree ? FactKind.free : FactKind.copy;
  const seconds = originatorNs / 1_000_000_000n;
  const welcome =
    isFree || !envelope.welcomeKey ? undefined : { key: envelope.welcomeKey, id: bytesOf(envelope.digest) };
  const fact = { sequenceId, kind, seconds, size, payer, payerEnvelopeHash: bytesOf(payerEnvelopeHash) };
  return welcome ? { ...fact, welcome } : fact;
}

/**
 * `sequence id 8 | kind 1 | seconds 8 | size 4 | payer 20 | payer envelope hash 32`; after a welcome a row more, with its id
 * (16, padded) in the payer's place and its key in the hash's.
 */
export const FACT_LENGTH = 73;
const KIND_AT = 8;

export function packFacts(facts: readonly Fact[]): Uint8Array {
  const rows = facts.flatMap((fact) => (fact.welcome ? [fact, welcomeRow(fact)] : [fact]));
  const packed = new Uint8Array(rows.length * FACT_LENGTH);
  const view = new DataView(packed.buffer);
  for (const [i, { sequenceId, kind, seconds, size, payer, payerEnvelopeHash }] of rows.entries()) {
    const at = i * FACT_LENGTH;
    view.setBigUint64(at, sequenceId);
    packed[at + KIND_AT] = kind;
    view.setBigUint64(at + 9, seconds);
    view.setUint32(at + 17, size);
    packed.set(bytesOf(payer), at + 21);
    packed.set(payerEnvelopeHash, at + 41);
  }
  return packed;
}

function welcomeRow({ sequenceId, welcome }: Fact): Fact {
  const { id, key } = welcome!;
  const padded = new Uint8Array(20);
  padded.set(id);
  const fields = { sequenceId, kind: FactKind.welcome, seconds: 0n, size: 0 };
  return { ...fields, payer: hexOf(padded), payerEnvelopeHash: key };
}

export function* unpackFacts(packed: Uint8Array): Generator<Fact> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at + FACT_LENGTH <= packed.length; at += FACT_LENGTH) {
    if (packed[at + KIND_AT] === FactKind.welcome) continue;
    const next = at + FACT_LENGTH;
    const hasMore = packed[next + KIND_AT] === FactKind.welcome && next + FACT_LENGTH <= packed.length;
    yield {
      ...(hasMore
        ? {
            welcome: { id: packed.subarray(next + 21, next + 37), key: packed.subarray(next + 41, next + FACT_LENGTH) },
          }
        : {}),
      sequenceId: view.getBigUint64(at),
      kind: packed[at + KIND_AT] as FactKind,
      seconds: view.getBigUint64(at + 9),
      size: view.getUint32(at + 17),
      payer: hexOf(packed.subarray(at + 21, at + 41)),
      payerEnvelopeHash: packed.subarray(at + 41, at + FACT_LENGTH),
    };
  }
}

/**
 * Marks what was charged. Packed as copies come the facts, in the order of the charges; `isCharged` says of each charge
 * whether it was new. Changes `packed`.
 */
export function markCharged(packed: Uint8Array, isCharged: (charge: number) => boolean): void {
  let charge = 0;
  for (let at = KIND_AT; at < packed.length; at += FACT_LENGTH) {
    if (packed[at] === FactKind.free || packed[at] === FactKind.welcome) continue;
    if (isCharged(charge++)) packed[at] = FactKind.charged;
  }
}
