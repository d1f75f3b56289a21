import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import type { ClientEnvelope, OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import {
  ClientEnvelopeSchema,
  OriginatorEnvelopeSchema,
  PayerEnvelopeSchema,
  UnsignedOriginatorEnvelopeSchema,
} from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Address } from "./bytes.ts";
import { equalBytes, uintToBytes, utf8ToBytes } from "./bytes.ts";
import type { Recover, Sign } from "./ecdsa.ts";
import { hasLowS, recoverAddress, signDigest } from "./ecdsa.ts";
import { ProtocolError } from "./errors.ts";
import { keccak256 } from "./keccak.ts";
import type { MlsFraming } from "./mls.ts";
import { mustBeOrdered, readMlsFraming } from "./mls.ts";
import type { Topic } from "./topics.ts";
import { TopicKind, parseTopic } from "./topics.ts";

/** Bytes of a serialized ClientEnvelope that the network carries. */
export const PAYLOAD_LENGTH = { least: 78, most: 262_144 } as const;

/** Chain originators and the first id of a node. */
export const COMMIT_ORIGINATOR = 0;
export const IDENTITY_ORIGINATOR = 1;
export const FIRST_NODE_ID = 100;

const [TARGET, PAYER, ORIGINATOR] = ["target|", "payer|", "originator|"].map(utf8ToBytes) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** `keccak256("target|" || uint32BE || "payer|" || unsigned client envelope)`: what the payer signs. */
export function payerDigest(targetOriginator: number, unsignedClientEnvelope: Uint8Array): Uint8Array {
  const target = uintToBytes(BigInt(targetOriginator), 4);
  return keccak256(TARGET, target, PAYER, unsignedClientEnvelope);
}

/** `keccak256("originator|" || unsigned originator envelope)`: what the node signs. */
export function originatorDigest(unsignedOriginatorEnvelope: Uint8Array): Uint8Array {
  return keccak256(ORIGINATOR, unsignedOriginatorEnvelope);
}

/** The hash that the log, receipts and evidence use. */
export function payerEnvelopeHash(payerEnvelope: Uint8Array): Uint8Array {
  return keccak256(payerEnvelope);
}

export interface ReadClientEnvelope {
  envelope: ClientEnvelope;
  topic: Topic;
  topicBytes: Uint8Array;
  /** Of group messages only. */
  mls?: MlsFraming;
}

const KIND_OF_PAYLOAD = {
  groupMessage: TopicKind.groupMessage,
  welcomeMessage: TopicKind.welcome,
  identityUpdate: TopicKind.identityUpdate,
  uploadKeyPackage: TopicKind.keyPackage,
  payerReport: TopicKind.payerReport,
  payerReportAttestation: TopicKind.payerReportAttestation,
} as const;

function decode<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ProtocolError("malformed_envelope", `${what} is not valid protobuf`, { cause });
  }
}

/** Reads a serialized ClientEnvelope. Throws ProtocolError when topic, payload and MLS framing do not fit together. */
export function readClientEnvelope(bytes: Uint8Array): ReadClientEnvelope {
  if (bytes.length < PAYLOAD_LENGTH.least || bytes.length > PAYLOAD_LENGTH.most) {
    const allowed = `${PAYLOAD_LENGTH.least} to ${PAYLOAD_LENGTH.most}`;
    throw new ProtocolError("wrong_size", `a client envelope has ${allowed} bytes, this has ${bytes.length}`);
  }
  const envelope = decode("the client envelope", () => fromBinary(ClientEnvelopeSchema, bytes));
  const topicBytes = envelope.aad?.targetTopic ?? new Uint8Array();
  const topic = parseTopic(topicBytes);
  if (!topic) throw new ProtocolError("wrong_topic", "the client envelope names no valid topic");
  const payload = envelope.payload;
  if (!payload.case) throw new ProtocolError("malformed_envelope", "the client envelope has no payload");
  if (KIND_OF_PAYLOAD[payload.case] !== topic.kind) {
    throw new ProtocolError("wrong_topic", `payload ${payload.case} does not belong on a topic of kind ${topic.kind}`);
  }
  if (payload.case !== "groupMessage") return { envelope, topic, topicBytes };
  const version = payload.value.version;
  if (version.case !== "v1") throw new ProtocolError("malformed_envelope", "the group message has no known version");
  const mls = readMlsFraming(version.value.data);
  if (!equalBytes(mls.groupId, topic.identifier)) {
    throw new ProtocolError("wrong_topic", "the MLS group id is not the one of the topic");
  }
  return { envelope, topic, topicBytes, mls };
}

/** Where an envelope has to go: identity updates, proposals and commits need the chain's order. */
export function destinationOf({ topic, mls }: ReadClientEnvelope): "identity" | "commit" | "node" {
  if (topic.kind === TopicKind.identityUpdate) return "identity";
  return mls && mustBeOrdered(mls) ? "commit" : "node";
}

export interface PayerEnvelopeFields {
  unsignedClientEnvelope: Uint8Array;
  /** 65 bytes. */
  payerSignature: Uint8Array;
  targetOriginator: number;
  retentionDays: number;
}

/** The one encoding that a gate takes: every field once, ascending, minimal, none unknown. */
export function encodePayerEnvelope(fields: PayerEnvelopeFields): Uint8Array {
  return toBinary(
    PayerEnvelopeSchema,
    create(PayerEnvelopeSchema, {
      unsignedClientEnvelope: fields.unsignedClientEnvelope,
      payerSignature: { bytes: fields.payerSignature },
      targetOriginator: fields.targetOriginator,
      messageRetentionDays: fields.retentionDays,
    }),
  );
}

/** Bytes of the canonical encoding, whatever bytes carried the envelope: what the storage fee counts. */
export function canonicalPayerEnvelopeSize(fields: Omit<PayerEnvelopeFields, "payerSignature">): number {
  const { unsignedClientEnvelope: client, targetOriginator, retentionDays } = fields;
  const field = (length: number) => 1 + varintLength(length) + length;
  const scalar = (value: number) => (value === 0 ? 0 : 1 + varintLength(value));
  return (
    (client.length ? field(client.length) : 0) + field(field(65)) + scalar(targetOriginator) + scalar(retentionDays)
  );
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Signs a client envelope for one node. The signature covers target and client envelope only. */
export function signPayerEnvelope(
  fields: Omit<PayerEnvelopeFields, "payerSignature">,
  postageKey: Uint8Array,
  sign: Sign = signDigest,
): Uint8Array {
  const digest = payerDigest(fields.targetOriginator, fields.unsignedClientEnvelope);
  return encodePayerEnvelope({ ...fields, payerSignature: sign(digest, postageKey) });
}

export interface ReadPayerEnvelope extends PayerEnvelopeFields {
  /** As it came. */
  bytes: Uint8Array;
  digest: Uint8Array;
  /** Whoever the signature recovers to: the channel that is charged. */
  payer: Address;
  /** Bytes of the canonical encoding. */
  canonicalSize: number;
  client: ReadClientEnvelope;
}

/** What a serialized PayerEnvelope says, without a look at its signature or its client envelope. Throws ProtocolError. */
export function readPayerFields(bytes: Uint8Array): PayerEnvelopeFields {
  const message = decode("the payer envelope", () => fromBinary(PayerEnvelopeSchema, bytes));
  return {
    unsignedClientEnvelope: message.unsignedClientEnvelope,
    payerSignature: message.payerSignature?.bytes ?? new Uint8Array(),
    targetOriginator: message.targetOriginator,
    retentionDays: message.messageRetentionDays,
  };
}

/**
 * Reads a serialized PayerEnvelope as Go would and recovers its payer. A reader of other nodes' logs has to take what
 * is not canonical too; a gate refuses it (`isCanonicalPayerEnvelope`). Throws ProtocolError.
 */
export function readPayerEnvelope(bytes: Uint8Array, recover: Recover = recoverAddress): ReadPayerEnvelope {
  const fields = readPayerFields(bytes);
  const client = readClientEnvelope(fields.unsignedClientEnvelope);
  const digest = payerDigest(fields.targetOriginator, fields.unsignedClientEnvelope);
  const payer = recover(digest, fields.payerSignature);
  if (!payer) throw new ProtocolError("bad_signature", "the payer signature is not one");
  return { ...fields, bytes, digest, payer, canonicalSize: canonicalPayerEnvelopeSize(fields), client };
}

/** Whether it came in the one encoding that a gate takes. */
export function isCanonicalPayerEnvelope(read: ReadPayerEnvelope): boolean {
  const { payerSignature, bytes } = read;
  return payerSignature[64]! <= 1 && hasLowS(payerSignature) && equalBytes(encodePayerEnvelope(read), bytes);
}

export interface OriginatorFields {
  originatorId: number;
  sequenceId: bigint;
  originatorNs: bigint;
  payerEnvelope: Uint8Array;
  baseFeePico: bigint;
  congestionFeePico: bigint;
  /** Unix seconds. */
  expiryAt: bigint;
}

export function encodeUnsignedOriginatorEnvelope(fields: OriginatorFields): Uint8Array {
  return toBinary(
    UnsignedOriginatorEnvelopeSchema,
    create(UnsignedOriginatorEnvelopeSchema, {
      originatorNodeId: fields.originatorId,
      originatorSequenceId: fields.sequenceId,
      originatorNs: fields.originatorNs,
      payerEnvelopeBytes: fields.payerEnvelope,
      baseFeePicodollars: fields.baseFeePico,
      congestionFeePicodollars: fields.congestionFeePico,
      expiryUnixtime: fields.expiryAt,
    }),
  );
}

/** Serialized OriginatorEnvelope of a node, signed with its signing key: the receipt of a publish. */
export function signOriginatorEnvelope(
  fields: OriginatorFields,
  signingKey: Uint8Array,
  sign: Sign = signDigest,
): Uint8Array {
  const unsigned = encodeUnsignedOriginatorEnvelope(fields);
  const signature = sign(originatorDigest(unsigned), signingKey);
  return encodeOriginatorEnvelope(unsigned, { case: "originatorSignature", value: { bytes: signature } });
}

/** Serialized OriginatorEnvelope of originator 0 or 1: the transaction is its proof, and it costs no fee. */
export function chainOriginatorEnvelope(
  fields: Omit<OriginatorFields, "baseFeePico" | "congestionFeePico">,
  transactionHash: Uint8Array,
): Uint8Array {
  const unsigned = encodeUnsignedOriginatorEnvelope({ ...fields, baseFeePico: 0n, congestionFeePico: 0n });
  return encodeOriginatorEnvelope(unsigned, { case: "blockchainProof", value: { transactionHash } });
}

type Proof =
  | { case: "originatorSignature"; value: { bytes: Uint8Array } }
  | { case: "blockchainProof"; value: { transactionHash: Uint8Array } };

function encodeOriginatorEnvelope(unsignedOriginatorEnvelope: Uint8Array, proof: Proof): Uint8Array {
  return toBinary(OriginatorEnvelopeSchema, create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope, proof }));
}

export interface ReadOriginatorEnvelope extends OriginatorFields {
  /** As it came: what was signed is never encoded again. */
  unsigned: Uint8Array;
  proof: OriginatorEnvelope["proof"];
}

/** Reads an OriginatorEnvelope; checks no signature. Throws ProtocolError `malformed_envelope`. */
export function readOriginatorEnvelope(envelope: OriginatorEnvelope | Uint8Array): ReadOriginatorEnvelope {
  const message =
    envelope instanceof Uint8Array
      ? decode("the originator envelope", () => fromBinary(OriginatorEnvelopeSchema, envelope))
      : envelope;
  const unsigned = message.unsignedOriginatorEnvelope;
  const fields = decode("the unsigned originator envelope", () =>
    fromBinary(UnsignedOriginatorEnvelopeSchema, unsigned),
  );
  return {
    unsigned,
    proof: message.proof,
    originatorId: fields.originatorNodeId,
    sequenceId: fields.originatorSequenceId,
    originatorNs: fields.originatorNs,
    payerEnvelope: fields.payerEnvelopeBytes,
    baseFeePico: fields.baseFeePicodollars,
    congestionFeePico: fields.congestionFeePicodollars,
    expiryAt: fields.expiryUnixtime,
  };
}

/** The account that signed as originator, or undefined when the envelope carries no valid signature. */
export function recoverOriginator(
  { unsigned, proof }: ReadOriginatorEnvelope,
  recover: Recover = recoverAddress,
): Address | undefined {
  return proof.case === "originatorSignature" ? recover(originatorDigest(unsigned), proof.value.bytes) : undefined;
}
