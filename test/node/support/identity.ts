import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";

import { fromHex } from "../../../src/protocol/bytes.ts";
import { topicBytes } from "../../../src/protocol/topics.ts";
import type { ActionPlan } from "../../support/identityActors.ts";
import { identityEnvelope, identityUpdate } from "../../support/identityActors.ts";
import { vectorUpdates } from "../../support/vectors.ts";
import type { FakeEvent } from "./fakeChain.ts";

/** Updates of test/vectors/identity-updates.json by what they do. */
export const VECTOR = {
  account: 0,
  wallet: 1,
  passkey: 2,
  logA: [3, 4, 5],
  logB: [6, 7],
} as const;

export function vectorUpdate(index: number): IdentityUpdate {
  return vectorUpdates()[index]!;
}

export function identityTopic(update: IdentityUpdate): Uint8Array {
  return topicBytes(2, fromHex(update.inboxId));
}

/** A real update as it stands in an event; `change` spoils it. */
export function vectorEvent(index: number, change: (update: IdentityUpdate) => void = () => {}): FakeEvent {
  const update = vectorUpdate(index);
  const subject = fromHex(update.inboxId);
  change(update);
  return { kind: "identity", subject, clientEnvelope: identityEnvelope(update, subject) };
}

let time = 1_700_000_000_000_000_000n;

/** An update that these actions make, each later than the one before. */
export function updateEvent(inboxId: string, ...plans: ActionPlan[]): FakeEvent {
  time += 1_000_000_000n;
  const clientEnvelope = identityEnvelope(identityUpdate(inboxId, plans, time));
  return { kind: "identity", subject: fromHex(inboxId), clientEnvelope };
}
