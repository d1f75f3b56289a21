import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { ed25519ph } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentifierKind, IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import type { SignatureSchema } from "#proto/xmtp/identity/associations/signature_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Hex } from "../../src/protocol/bytes.ts";
import { concatBytes, fromHex, toBase64Url, toHex, utf8ToBytes } from "../../src/protocol/bytes.ts";
import { addressOf, signDigest } from "../../src/protocol/ecdsa.ts";
import { inboxIdOf } from "../../src/protocol/identity/inboxId.ts";
import type { MemberKind } from "../../src/protocol/identity/member.ts";
import { personalMessageDigest } from "../../src/protocol/identity/signature.ts";
import { identityText } from "../../src/protocol/identity/text.ts";
import { TopicKind, topicBytes } from "../../src/protocol/topics.ts";

type ActionInit = NonNullable<MessageInitShape<typeof IdentityUpdateSchema>["actions"]>[number];
export type SignatureInit = MessageInitShape<typeof SignatureSchema>;

/** Somebody who signs identity updates the way real software does. */
export interface Actor {
  kind: MemberKind;
  /** As libxmtp writes it in texts. */
  identifier: string;
  sign(text: string): SignatureInit;
}

const CONTEXT = utf8ToBytes("IDENTITY UPDATE SIGNATURE");

function secret(what: string, n: number): Uint8Array {
  return keccak_256(utf8ToBytes(`${what} ${n}`));
}

/** The 65 bytes that a wallet's key gives for a text. */
export function walletSignature(key: Uint8Array, text: string): Uint8Array {
  const bytes = signDigest(personalMessageDigest(text), key);
  bytes[64]! += 27;
  return bytes;
}

export function wallet(n: number): Actor & { key: Uint8Array } {
  const key = secret("wallet", n);
  const sign = (text: string): SignatureInit => ({
    signature: { case: "erc191", value: { bytes: walletSignature(key, text) } },
  });
  return { kind: "ethereum", identifier: addressOf(key), sign, key };
}

export function installation(n: number): Actor {
  const key = secret("installation", n);
  const publicKey = ed25519ph.getPublicKey(key);
  const sign = (text: string): SignatureInit => {
    const bytes = ed25519ph.sign(utf8ToBytes(text), key, { context: CONTEXT });
    return { signature: { case: "installationKey", value: { bytes, publicKey } } };
  };
  return { kind: "installation", identifier: toHex(publicKey).slice(2), sign };
}

export interface PasskeyForm {
  isCompressed?: boolean;
  /** Which of the two s it gives; low unless told. */
  hasHighS?: boolean;
  /** What follows `"origin":` in the client data. */
  rest?: string;
}

export function passkey(n: number, form: PasskeyForm = {}): Actor {
  const { isCompressed = true, hasHighS = false, rest = `"https://postage.example","crossOrigin":false}` } = form;
  const key = secret("passkey", n);
  const publicKey = p256.getPublicKey(key, isCompressed);
  const sign = (text: string): SignatureInit => {
    const opening = `{"type":"webauthn.get","challenge":"${toBase64Url(utf8ToBytes(text))}","origin":`;
    const clientDataJson = utf8ToBytes(opening + rest);
    const authenticatorData = concatBytes(sha256(utf8ToBytes("postage.example")), Uint8Array.of(5, 0, 0, 0, n & 0xff));
    const signed = concatBytes(authenticatorData, sha256(clientDataJson));
    const low = p256.Signature.fromBytes(p256.sign(signed, key, { lowS: true }), "compact");
    const given = hasHighS ? new p256.Signature(low.r, p256.Point.Fn.ORDER - low.s) : low;
    const signature = given.toBytes("der");
    return { signature: { case: "passkey", value: { publicKey, signature, authenticatorData, clientDataJson } } };
  };
  return { kind: "passkey", identifier: toHex(publicKey).slice(2), sign };
}

/** A deployed SmartAccount, which `owner` signs for; `block` is asked when a text is signed. */
export function smartAccount(address: string, owner: Uint8Array, chainId: bigint, block: () => bigint): Actor {
  const identifier = address.toLowerCase();
  const sign = (text: string): SignatureInit => ({
    signature: {
      case: "erc6492",
      value: {
        accountId: `eip155:${chainId}:${identifier}`,
        blockNumber: block(),
        signature: walletSignature(owner, text),
      },
    },
  });
  return { kind: "ethereum", identifier, sign };
}

/** One action, and who signs it; `signer` and `consent` are whom it takes unless told. */
export type ActionPlan =
  | { do: "create"; owner: Actor; nonce?: bigint; signer?: Actor }
  | { do: "add"; member: Actor; signer: Actor; consent?: Actor }
  | { do: "revoke"; member: Actor; signer: Actor }
  | { do: "recover"; recovery: Actor; signer: Actor };

export const NOBODY: SignatureInit = {};
const ROOT_KIND = { ethereum: IdentifierKind.ETHEREUM, passkey: IdentifierKind.PASSKEY, installation: 0 } as const;

function memberInit({ kind, identifier }: Actor) {
  if (kind === "ethereum") return { kind: { case: "ethereumAddress", value: identifier } } as const;
  const key = fromHex(identifier);
  return kind === "installation"
    ? ({ kind: { case: "installationPublicKey", value: key } } as const)
    : ({ kind: { case: "passkey", value: { key } } } as const);
}

function actionInit(plan: ActionPlan, sign: (actor: Actor) => SignatureInit): ActionInit {
  switch (plan.do) {
    case "create": {
      const { identifier, kind } = plan.owner;
      const value = {
        initialIdentifier: identifier,
        nonce: plan.nonce ?? 1n,
        initialIdentifierSignature: sign(plan.signer ?? plan.owner),
        initialIdentifierKind: ROOT_KIND[kind],
      };
      return { kind: { case: "createInbox", value } };
    }
    case "add": {
      const value = {
        newMemberIdentifier: memberInit(plan.member),
        existingMemberSignature: sign(plan.signer),
        newMemberSignature: sign(plan.consent ?? plan.member),
      };
      return { kind: { case: "add", value } };
    }
    case "revoke": {
      const value = { memberToRevoke: memberInit(plan.member), recoveryIdentifierSignature: sign(plan.signer) };
      return { kind: { case: "revoke", value } };
    }
    case "recover": {
      const { identifier, kind } = plan.recovery;
      const value = {
        newRecoveryIdentifier: identifier,
        existingRecoveryIdentifierSignature: sign(plan.signer),
        newRecoveryIdentifierKind: ROOT_KIND[kind],
      };
      return { kind: { case: "changeRecoveryAddress", value } };
    }
  }
}

/** The inbox that an actor creates with a nonce, as 64 hex digits. */
export function inboxOf(owner: Actor, nonce = 1n): string {
  return inboxIdOf(owner.identifier, nonce);
}

export const NOON = 1_795_169_457_000_000_000n;

/** An update as libxmtp builds it. Each actor signs once, however many actions carry the signature. */
export function identityUpdate(
  inboxId: string,
  plans: readonly ActionPlan[],
  clientTimestampNs = NOON,
): IdentityUpdate {
  const build = (sign: (actor: Actor) => SignatureInit) =>
    create(IdentityUpdateSchema, { inboxId, clientTimestampNs, actions: plans.map((plan) => actionInit(plan, sign)) });
  const text = identityText(build(() => NOBODY));
  const signatures = new Map<Actor, SignatureInit>();
  return build((actor) => {
    const signature = signatures.get(actor) ?? actor.sign(text);
    signatures.set(actor, signature);
    return signature;
  });
}

/** The ClientEnvelope around an update, addressed to its inbox unless told. */
export function identityEnvelope(update: IdentityUpdate, inboxId = fromHex(update.inboxId)): Uint8Array {
  const envelope = create(ClientEnvelopeSchema, {
    aad: { targetTopic: topicBytes(TopicKind.identityUpdate, inboxId) },
    payload: { case: "identityUpdate", value: update },
  });
  return toBinary(ClientEnvelopeSchema, envelope);
}

/** A member as contracts name it. */
export function memberOf({ kind, identifier }: Pick<Actor, "kind" | "identifier">): { kind: number; key: Hex } {
  const bytes = fromHex(identifier);
  if (kind === "ethereum") return { kind: 1, key: toHex(concatBytes(new Uint8Array(12), bytes)) };
  if (kind === "installation") return { kind: 2, key: toHex(bytes) };
  return { kind: 3, key: toHex(keccak_256(bytes)) };
}
