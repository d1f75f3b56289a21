import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { memberKey } from "../../protocol/identity/member.ts";
import type { Block } from "../../protocol/stamps/notes.ts";
import { joinBlocks, noteSubject } from "../../protocol/stamps/rules.ts";
import type { SignedNote } from "../../protocol/stamps/signedNote.ts";
import { readNote } from "../../protocol/stamps/signedNote.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import type { NoteSigner } from "./ports.ts";

export type SignedBlock = SignedNote & { note: Block };

const MOST_NUMBER = 2n ** 64n - 1n;
/** How far ahead of our own clock a number may be that others of the inbox gave: one made up could end all blocking. */
const AHEAD_MS = 86_400_000n;

interface MergeOptions {
  domain: PostageDomain;
  inbox: Hex;
  signer: NoteSigner;
  needed: number;
  nowMs: number;
}

/**
 * What daemons say an inbox blocks or unblocked. Daemons keep only what members of the inbox signed, but nothing here can tell
 * who is one: a note counts when enough daemons show it with a number that the inbox's own devices can have given it, or when our
 * own signer made it.
 */
export function mergeBlocks(
  shown: readonly { said: readonly Uint8Array[] }[],
  { domain, inbox, signer, needed, nowMs }: MergeOptions,
): SignedBlock[] {
  const voices = new Map<string, { packed: Uint8Array; count: number }>();
  for (const { said } of shown) {
    for (const packed of new Map(said.map((one) => [toHex(one), one])).values()) {
      const count = (voices.get(toHex(packed))?.count ?? 0) + 1;
      voices.set(toHex(packed), { packed, count });
    }
  }
  const blocks = new Map<string, SignedBlock>();
  for (const { packed, count } of voices.values()) {
    const block = readBlock(domain, packed);
    if (block?.note.inbox !== inbox) continue;
    const isOwn = memberKey(block.signer) === memberKey(signer.member);
    if (!isOwn && (count < needed || block.note.number > BigInt(nowMs) + AHEAD_MS)) continue;
    const key = noteSubject(block.note);
    const known = blocks.get(key);
    blocks.set(key, known ? joinBlocks(known, block) : block);
  }
  return [...blocks.values()];
}

function readBlock(domain: PostageDomain, packed: Uint8Array): SignedBlock | undefined {
  try {
    const signed = readNote(domain, packed);
    return signed.note.kind === "block" ? { ...signed, note: signed.note } : undefined;
  } catch {
    // A daemon that shows what nobody signed.
    return undefined;
  }
}

/** Above the number that counts so far; otherwise the time, so that devices which know nothing of each other mostly agree. */
export function nextNumber(known: SignedBlock | undefined, nowMs: number): bigint {
  const now = BigInt(nowMs);
  const number = known?.note.number ?? 0n;
  return number >= now && number < MOST_NUMBER ? number + 1n : now;
}
