import { clone } from "@bufbuild/protobuf";
import { expect } from "chai";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";

import { readIdentityUpdate } from "../../src/protocol/identity/read.ts";
import type { InboxState } from "../../src/protocol/identity/state.ts";
import type { ActionPlan, Actor } from "../support/identityActors.ts";
import { identityEnvelope, identityUpdate, inboxOf, installation, memberOf } from "../support/identityActors.ts";
import { IdentityCases, randomFrom } from "../support/identityCases.ts";
import { vectorUpdates } from "../support/vectors.ts";
import type { World } from "./fixtures.ts";
import { askAccounts, deployAccounts, fastRegistry, stateAfter } from "./identityWorld.ts";

const SECOND = 1_000_000_000n;

/** The vectors, with a deployed account in the place of the placeholder, which signs the same plan. */
export async function vectorsWithAccount(world: World): Promise<{ account: Actor; updates: IdentityUpdate[] }> {
  const [account] = await deployAccounts(world, 1, () => 1n);
  const [placeholder, ...others] = vectorUpdates();
  const plans: ActionPlan[] = [
    { do: "create", owner: account! },
    { do: "add", member: installation(1), signer: account! },
  ];
  const first = identityUpdate(inboxOf(account!), plans, placeholder!.clientTimestampNs);
  return { account: account!, updates: [first, ...others] };
}

/** What of an update is under a signature or follows from one: all but its part of a second and accounts' blocks. */
function signedParts(update: IdentityUpdate): IdentityUpdate {
  const copy = clone(IdentityUpdateSchema, update);
  copy.clientTimestampNs -= copy.clientTimestampNs % SECOND;
  for (const { kind } of copy.actions) {
    for (const value of Object.values(kind.value ?? {}) as { signature?: { case?: string; value?: object } }[]) {
      if (value?.signature?.case === "erc6492") Object.assign(value.signature.value!, { blockNumber: 0n });
    }
  }
  return copy;
}

/**
 * Flips single bits of an update that the registry would take, and has each copy simulated. Throws when one is taken
 * whose signed parts differ.
 */
export async function flipBits(
  world: World,
  update: IdentityUpdate,
  { step, offset = 0 }: { step: number; offset?: number },
): Promise<{ flips: number; harmless: number }> {
  const { inboxId } = update;
  const original = identityEnvelope(update);
  const registry = await fastRegistry(world);
  const counted = { flips: 0, harmless: 0 };
  for (let bit = offset; bit < original.length * 8; bit += step) {
    const copy = original.slice();
    copy[bit >> 3]! ^= 1 << (bit & 7);
    counted.flips++;
    if ((await registry.verdict(inboxId, copy)) !== "taken") continue;
    counted.harmless++;
    expect(signedParts(readIdentityUpdate(copy, inboxId)), `bit ${bit}`).to.deep.equal(signedParts(update));
  }
  return counted;
}

export interface CompareOptions {
  cases: number;
  seed: number;
  inboxes?: number;
  /** How often a taken update's inbox is compared member by member: one in so many. */
  everyState?: number;
  progress?: (done: number, taken: number) => void;
}

/** Has random updates judged by contract and TypeScript, and throws where they differ. */
export async function compareIdentity(
  world: World,
  { cases, seed, inboxes = 6, everyState = 1, progress }: CompareOptions,
): Promise<{ cases: number; taken: number }> {
  const block = BigInt(await world.ethers.provider.getBlockNumber());
  const accounts = await deployAccounts(world, 2, () => block);
  const drawn = new IdentityCases(randomFrom(seed), accounts, inboxes);
  const verify = askAccounts(world, accounts, async () => BigInt(await world.ethers.provider.getBlockNumber()));
  const registry = await fastRegistry(world);
  let taken = 0;
  for (let i = 0; i < cases; i++) {
    const { inboxId, clientEnvelope, what } = drawn.next();
    const after = await stateAfter(drawn.states.get(inboxId), inboxId, clientEnvelope, verify);
    const answer = await registry.verdict(inboxId, clientEnvelope);
    const isShort = answer.startsWith("IdentityRegistryPayloadSize");
    expect(answer === "taken", `case ${i}: ${what}: ${answer}`).to.equal(after !== undefined && !isShort);
    progress?.(i + 1, taken);
    if (!after || isShort) continue;
    taken++;
    drawn.states.set(inboxId, after);
    await registry.sequence(inboxId, clientEnvelope);
    if (taken % everyState === 0) await expectSameInbox(world, after, drawn.actors);
  }
  return { cases, taken };
}

async function expectSameInbox(
  { identityRegistry }: World,
  state: InboxState,
  actors: readonly Actor[],
): Promise<void> {
  const id = `0x${state.inboxId}`;
  const members = [...state.members.values()];
  const installations = members.filter(({ kind }) => kind === "installation").length;
  expect(await identityRegistry.installationCount(id)).to.equal(BigInt(installations));
  const recovery = await identityRegistry.recoveryOf(id);
  expect([Number(recovery.kind), recovery.key]).to.deep.equal(Object.values(memberOf(state.recovery)));
  for (const actor of actors) {
    const expected = members.some(({ kind, identifier }) => kind === actor.kind && identifier === actor.identifier);
    expect(await identityRegistry.isMember(id, memberOf(actor)), actor.identifier).to.equal(expected);
  }
}
