import { bytesToHex } from "@noble/hashes/utils.js";

import type { MemberIdentifier } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentifierKind } from "#proto/xmtp/identity/associations/association_pb.ts";

import { ProtocolError } from "../errors.ts";

export type MemberKind = "ethereum" | "installation" | "passkey";

/** Who may sign for an inbox. */
export interface Member {
  kind: MemberKind;
  /** Lowercase `0x` address, or lowercase hex of the public key without 0x. */
  identifier: string;
}

export function memberKey({ kind, identifier }: Member): string {
  return `${kind}:${identifier}`;
}

export function sameMember(a: Member, b: Member): boolean {
  return a.kind === b.kind && a.identifier === b.identifier;
}

function invalid(message: string): never {
  throw new ProtocolError("invalid_identity_update", message);
}

/** Checks form and length, because two spellings of one identifier would be two members. */
export function checkedMember(kind: MemberKind, identifier: string): Member {
  const form = {
    ethereum: /^0x[0-9a-f]{40}$/,
    installation: /^[0-9a-f]{64}$/,
    passkey: /^(0[23][0-9a-f]{64}|04[0-9a-f]{128})$/,
  }[kind];
  if (!form.test(identifier)) invalid(`malformed ${kind} identifier "${identifier.slice(0, 140)}"`);
  return { kind, identifier };
}

export function memberOf(identifier: MemberIdentifier | undefined): Member {
  const kind = identifier?.kind;
  switch (kind?.case) {
    case "ethereumAddress":
      return checkedMember("ethereum", kind.value);
    case "installationPublicKey":
      return checkedMember("installation", bytesToHex(kind.value));
    case "passkey":
      return checkedMember("passkey", bytesToHex(kind.value.key));
    default:
      return invalid("a member identifier is missing");
  }
}

/** Of the fields that carry identifier and kind apart. */
export function rootMember(identifier: string, kind: IdentifierKind): Member {
  if (kind === IdentifierKind.ETHEREUM) return checkedMember("ethereum", identifier);
  if (kind === IdentifierKind.PASSKEY) return checkedMember("passkey", identifier);
  return invalid(`unknown identifier kind ${String(kind)}`);
}
