import { create, toBinary } from "@bufbuild/protobuf";

import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Hex } from "../../src/protocol/bytes.ts";
import { concatBytes, fromHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { signOriginatorEnvelope, signPayerEnvelope } from "../../src/protocol/envelope.ts";
import { TopicKind, topicBytes } from "../../src/protocol/topics.ts";

export const RETENTION_DAYS = 60;

/** A serialized ClientEnvelope with an MLS message; another `n` gives other bytes, `contentType` 3 is a commit. */
export function groupMessage(n: number, { contentType = 1, padding = 64, group = 0xab } = {}): Uint8Array {
  const groupId = new Uint8Array(16).fill(group);
  const framing = fromHex(`0001000210`);
  const rest = concatBytes(uintToBytes(1n, 8), Uint8Array.of(contentType, 0), uintToBytes(BigInt(n), 8));
  const data = concatBytes(framing, groupId, rest, new Uint8Array(padding));
  return toBinary(
    ClientEnvelopeSchema,
    create(ClientEnvelopeSchema, {
      aad: { targetTopic: topicBytes(0, groupId) },
      payload: { case: "groupMessage", value: { version: { case: "v1", value: { data } } } },
    }),
  );
}

export function payerEnvelope(n: number, targetOriginator: number, postageKey: Uint8Array): Uint8Array {
  const fields = { unsignedClientEnvelope: groupMessage(n), targetOriginator, retentionDays: RETENTION_DAYS };
  return signPayerEnvelope(fields, postageKey);
}

/** A serialized ClientEnvelope with a welcome to an installation; another `n` gives other bytes. */
export function welcomeMessage(n: number, installation: Hex): Uint8Array {
  const installationKey = fromHex(installation);
  const v1 = { installationKey, data: new Uint8Array(100).fill(n), hpkePublicKey: new Uint8Array(32) };
  return toBinary(
    ClientEnvelopeSchema,
    create(ClientEnvelopeSchema, {
      aad: { targetTopic: topicBytes(TopicKind.welcome, installationKey) },
      payload: { case: "welcomeMessage", value: { version: { case: "v1", value: v1 } } },
    }),
  );
}

export function welcomeEnvelope(n: number, installation: Hex, postageKey: Uint8Array, nodeId: number): Uint8Array {
  const unsignedClientEnvelope = welcomeMessage(n, installation);
  return signPayerEnvelope(
    { unsignedClientEnvelope, targetOriginator: nodeId, retentionDays: RETENTION_DAYS },
    postageKey,
  );
}

export function originatorEnvelope(
  payerEnvelopeBytes: Uint8Array,
  { originatorId, sequenceId, originatorNs }: { originatorId: number; sequenceId: bigint; originatorNs: bigint },
  signingKey: Uint8Array,
): Uint8Array {
  const fees = { baseFeePico: 0n, congestionFeePico: 0n, expiryAt: 0n };
  return signOriginatorEnvelope(
    { originatorId, sequenceId, originatorNs, payerEnvelope: payerEnvelopeBytes, ...fees },
    signingKey,
  );
}
