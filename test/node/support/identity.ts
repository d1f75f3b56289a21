import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { fromHex } from "../../../src/protocol/bytes.ts";
import { topicBytes } from "../../../src/protocol/topics.ts";
import { readVectors } from "../../support/vectors.ts";
import type { FakeEvent } from "./fakeChain.ts";

const { updates } = readVectors<{ updates: { bytes: string }[] }>("identity-updates");

/** Updates of test/vectors/identity-updates.json by what they do. */
export const VECTOR = {
  account: 0,
  wallet: 1,
  passkey: 2,
  logA: [3, 4, 5],
  logB: [6, 7],
} as const;

export function vectorUpdate(index: number): IdentityUpdate {
  return fromBinary(IdentityUpdateSchema, fromHex(updates[index]!.bytes));
}

export function identityTopic(update: IdentityUpdate): Uint8Array {
  return topicBytes(2, fromHex(update.inboxId));
}

/** A real update as it stands in an event; `change` spoils it. */
export function identityEnvelope(index: number, change: (update: IdentityUpdate) => void = () => {}): FakeEvent {
  const update = vectorUpdate(index);
  const targetTopic = identityTopic(update);
  change(update);
  const envelope = create(ClientEnvelopeSchema, {
    aad: { targetTopic },
    payload: { case: "identityUpdate", value: update },
  });
  const clientEnvelope = toBinary(ClientEnvelopeSchema, envelope);
  return { kind: "identity", subject: targetTopic.subarray(1), clientEnvelope };
}
