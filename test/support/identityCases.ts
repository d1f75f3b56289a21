import { clone, create, toBinary } from "@bufbuild/protobuf";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { concatBytes, fromHex } from "../../src/protocol/bytes.ts";
import { signaturesOf } from "../../src/protocol/identity/signatures.ts";
import type { InboxState } from "../../src/protocol/identity/state.ts";
import { topicBytes } from "../../src/protocol/topics.ts";
import type { ActionPlan, Actor } from "./identityActors.ts";
import { NOON, identityEnvelope, identityUpdate, inboxOf, installation, passkey, wallet } from "./identityActors.ts";

/** A whole number from 0 to below; reproducible when it is drawn from a seed. */
export type Random = (below: number) => number;

/** mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export interface IdentityCase {
  inboxId: string;
  clientEnvelope: Uint8Array;
  /** What was done to it, for whoever reads a failure. */
  what: string;
}

const WALLETS = 5;
const PASSKEYS = 4;
/** More than an inbox holds. */
const INSTALLATIONS = 13;

/**
 * Random updates of a few inboxes, valid ones and broken ones. Whoever draws them keeps `states`: what an inbox holds
 * decides which signers would do.
 */
export class IdentityCases {
  readonly states = new Map<string, InboxState>();
  readonly actors: readonly Actor[];
  readonly #random: Random;
  readonly #owners: readonly { owner: Actor; nonce: bigint; inboxId: string }[];
  readonly #earlier = new Map<string, Uint8Array[]>();
  #time = NOON;

  /** @param accounts Deployed smart accounts. */
  constructor(random: Random, accounts: readonly Actor[], inboxes: number, firstActor = 0) {
    this.#random = random;
    const some = (count: number, make: (n: number) => Actor) =>
      Array.from({ length: count }, (_, n) => make(firstActor + n));
    const passkeys = some(PASSKEYS, (n) => {
      const rest = n % 2 ? `"android:apk-key-hash:a\\/b"}` : `"https://postage.example","crossOrigin":false}`;
      return passkey(n, { isCompressed: n % 2 === 0, hasHighS: n % 3 === 0, rest });
    });
    const roots = [...some(WALLETS, wallet), ...accounts, ...passkeys];
    this.actors = [...roots, ...some(INSTALLATIONS, installation)];
    this.#owners = Array.from({ length: inboxes }, (_, n) => {
      const owner = roots[n % roots.length]!;
      const nonce = BigInt(1 + Math.floor(n / roots.length));
      return { owner, nonce, inboxId: inboxOf(owner, nonce) };
    });
  }

  next(): IdentityCase {
    const { inboxId, owner, nonce } = this.#one(this.#owners);
    const state = this.states.get(inboxId);
    const exists = state !== undefined;
    this.#time += BigInt(1 + this.#random(5)) * 500_000_000n;
    const plans: ActionPlan[] = [];
    if (!exists || this.#random(40) === 0) plans.push({ do: "create", owner, nonce });
    if (this.#random(60) === 0) plans.shift();
    const more = this.#random(exists ? 3 : 2) + (exists || plans.length === 0 ? 1 : 0);
    for (let i = 0; i < more; i++) plans.push(this.#plan(state, owner));
    const update = identityUpdate(inboxId, plans, this.#time);
    const made = this.#random(3) > 0 ? { bytes: identityEnvelope(update), what: "as built" } : this.#damaged(update);
    const kept = this.#earlier.get(inboxId) ?? [];
    this.#earlier.set(inboxId, [...kept.slice(-7), made.bytes]);
    const what = `${plans.map(({ do: verb }) => verb).join(", ")}; ${made.what}`;
    return { inboxId, clientEnvelope: made.bytes, what };
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#random(list.length)]!;
  }

  #anyone(): Actor {
    return this.#one(this.actors);
  }

  /** Mostly somebody whom the inbox does not list yet. */
  #newcomer(state: InboxState | undefined): Actor {
    const members = state ? [...state.members.values()].map(({ identifier }) => identifier) : [];
    const others = this.actors.filter(({ identifier }) => !members.includes(identifier));
    return this.#random(12) === 0 || others.length === 0 ? this.#anyone() : this.#one(others);
  }

  /** Mostly somebody whom the inbox lists. */
  #member(state: InboxState | undefined, owner: Actor): Actor {
    if (this.#random(12) === 0) return this.#anyone();
    const members = state ? [...state.members.values()].map(({ identifier }) => identifier) : [];
    const found = this.actors.filter(({ identifier }) => members.includes(identifier));
    return found.length > 0 && this.#random(3) > 0 ? this.#one(found) : this.#recovery(state, owner);
  }

  #recovery(state: InboxState | undefined, owner: Actor): Actor {
    if (this.#random(15) === 0) return this.#anyone();
    return this.actors.find(({ identifier }) => identifier === state?.recovery.identifier) ?? owner;
  }

  #plan(state: InboxState | undefined, owner: Actor): ActionPlan {
    const kind = this.#random(10);
    if (kind < 7) {
      const consent = this.#random(25) === 0 ? this.#anyone() : undefined;
      return { do: "add", member: this.#newcomer(state), signer: this.#member(state, owner), consent };
    }
    const signer = this.#recovery(state, owner);
    if (kind < 9)
      return { do: "revoke", member: this.#random(2) ? this.#member(state, owner) : this.#anyone(), signer };
    // An installation cannot even be named there.
    return { do: "recover", recovery: this.#one(this.actors.filter((actor) => actor.kind !== "installation")), signer };
  }

  #damaged(update: IdentityUpdate): { bytes: Uint8Array; what: string } {
    const kind = this.#random(8);
    if (kind === 0) {
      const earlier = this.#earlier.get(update.inboxId);
      if (earlier && earlier.length > 0) return { bytes: this.#one(earlier), what: "an earlier one again" };
    }
    if (kind <= 3) return this.#changedBytes(identityEnvelope(update));
    return this.#changedMeaning(update);
  }

  #changedBytes(bytes: Uint8Array): { bytes: Uint8Array; what: string } {
    const at = this.#random(bytes.length);
    const kind = this.#random(8);
    if (kind === 0) return { bytes: bytes.subarray(0, at), what: `cut at ${at}` };
    if (kind === 1) return { bytes: concatBytes(bytes, Uint8Array.of(0x38, 1)), what: "unknown field" };
    if (kind === 2) {
      const inserted = Uint8Array.of(this.#random(256));
      return { bytes: concatBytes(bytes.subarray(0, at), inserted, bytes.subarray(at)), what: `byte put in at ${at}` };
    }
    const flipped = bytes.slice();
    flipped[at]! ^= 1 << this.#random(8);
    return { bytes: flipped, what: `bit flipped in byte ${at}` };
  }

  #changedMeaning(original: IdentityUpdate): { bytes: Uint8Array; what: string } {
    const update = clone(IdentityUpdateSchema, original);
    const wrap = (what: string) => ({ bytes: identityEnvelope(update), what });
    const action = this.#one(update.actions).kind;
    const signatures = signaturesOf(update);
    const signature = this.#one(signatures).signature;
    switch (this.#random(12)) {
      case 0:
        update.clientTimestampNs = (update.clientTimestampNs / 10n ** 9n) * 10n ** 9n + BigInt(this.#random(1e9));
        return wrap("another part of its second");
      case 1:
        update.clientTimestampNs += 10n ** 9n;
        return wrap("a second later");
      case 2:
        if (action.case === "createInbox") action.value.nonce += 1n;
        return wrap("another nonce");
      case 3:
        if (action.case !== "revoke" && action.case !== undefined) action.value.relyingParty = "postage.example";
        return wrap("a relying party");
      case 4:
        if (action.case === "createInbox") action.value.initialIdentifierKind = this.#random(4);
        if (action.case === "changeRecoveryAddress") action.value.newRecoveryIdentifierKind = this.#random(4);
        return wrap("another identifier kind");
      case 5:
        if (signature.case === "erc191") signature.value.bytes[64]! -= this.#random(2) ? 27 : 1;
        if (signature.case === "erc6492") signature.value.blockNumber = this.#random(2) ? 0n : 2n ** 40n;
        if (signature.case === "installationKey") signature.value.bytes[32 + this.#random(32)]! ^= 1;
        if (signature.case === "passkey") signature.value.clientDataJson = new Uint8Array();
        return wrap(`a changed ${signature.case} signature`);
      case 6: {
        const other = this.#one(signatures);
        Object.assign(this.#one(signatures), { signature: other.signature });
        return wrap("a signature in another's place");
      }
      case 7:
        update.actions.reverse();
        return wrap("actions in another order");
      case 8:
        update.actions.push(...update.actions);
        return wrap("every action twice");
      case 9:
        if (signature.case === "erc6492") {
          const { accountId } = signature.value;
          signature.value.accountId = this.#random(2) ? accountId.replace(":31337:", ":1:") : accountId.toUpperCase();
        }
        return wrap("another account id");
      case 10: {
        const envelope = create(ClientEnvelopeSchema, {
          aad: { targetTopic: topicBytes(2, fromHex(update.inboxId)), dependsOn: { nodeIdToSequenceId: { 100: 1n } } },
          payload: { case: "identityUpdate", value: update },
        });
        return { bytes: toBinary(ClientEnvelopeSchema, envelope), what: "a dependency" };
      }
      default:
        update.inboxId = this.#one(this.#owners).inboxId;
        return wrap("perhaps another inbox");
    }
  }
}
