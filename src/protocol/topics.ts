import { concatBytes } from "./bytes.ts";

/** The first byte of a topic. */
export const TopicKind = {
  groupMessage: 0,
  welcome: 1,
  identityUpdate: 2,
  keyPackage: 3,
  payerReport: 4,
  payerReportAttestation: 5,
} as const;
export type TopicKind = (typeof TopicKind)[keyof typeof TopicKind];

export interface Topic {
  kind: TopicKind;
  /** Group id (16), installation key (32), inbox id (32), or originator id (4, little endian). */
  identifier: Uint8Array;
}

const IDENTIFIER_LENGTH: Record<TopicKind, number> = { 0: 16, 1: 32, 2: 32, 3: 32, 4: 4, 5: 4 };

export function isTopicKind(value: number): value is TopicKind {
  return value in IDENTIFIER_LENGTH;
}

/** Undefined when the kind is unknown or the identifier has another length than that kind's. */
export function parseTopic(bytes: Uint8Array): Topic | undefined {
  const kind = bytes[0];
  if (kind === undefined || !isTopicKind(kind) || bytes.length !== 1 + IDENTIFIER_LENGTH[kind]) return undefined;
  return { kind, identifier: bytes.subarray(1) };
}

export function topicBytes(kind: TopicKind, identifier: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(kind), identifier);
}

/** Reports and attestations are between nodes: free, and not counted for congestion. */
export function isNodeOnly(kind: TopicKind): boolean {
  return kind === TopicKind.payerReport || kind === TopicKind.payerReportAttestation;
}
