import type { Address, Hex } from "../bytes.ts";
import { toAddress } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import type { PostageDomain } from "../voucher.ts";

/** `payer` may write to the inbox without a stamp. */
export interface Waiver {
  kind: "waiver";
  inbox: Hex;
  payer: Address;
  /** Chosen by the recipient, from 1 on; by it the waiver is revoked. */
  waiverId: bigint;
  /** Unix seconds: a welcome dated then or later needs a stamp. */
  notAfter: bigint;
  mostUses: number;
}

/** The recipient takes a waiver back. `waiverId` 0 is every wallet consent for that payer. */
export interface Revocation {
  kind: "revocation";
  inbox: Hex;
  payer: Address;
  waiverId: bigint;
}

/** What the recipient says of a welcome that came with a stamp. */
export interface Statement {
  kind: "statement";
  inbox: Hex;
  payer: Address;
  /** The first 16 bytes of the welcome's payer digest. */
  welcome: Hex;
  verdict: "accept" | "spam";
  /** Who is paid the recipient's share of a spam stamp; absent with `accept`. */
  account?: Address;
}

/** The network lets no welcome of that payer through to the inbox, or again. The larger number counts. */
export interface Block {
  kind: "block";
  inbox: Hex;
  payer: Address;
  /** One sender of that payer's app, see `senderTag`; absent: everybody who sends through it. */
  tag?: Hex;
  number: bigint;
  isBlocked: boolean;
}

/** XIP-43: a wallet of the recipient grants consent to a From address, which is the payer here. A waiver without an end. */
export interface WalletConsent {
  kind: "consent";
  inbox: Hex;
  payer: Address;
  /** The address as the signed text spells it. */
  spelled: string;
  /** The time as the signed text spells it. */
  time: string;
}

/** What a recipient signs, with a wallet key or an installation of the inbox. Anybody may carry it. */
export type Note = Waiver | Revocation | Statement | Block | WalletConsent;

/** The last second of the year 9999: later ones have no text. */
export const LAST_SECOND = 253_402_300_799n;

/**
 * The one text that is signed for a note: by a wallet as EIP-191, by an installation as libxmtp's public signatures.
 * Throws ProtocolError `malformed_note` when a field does not fit.
 */
export function noteText(domain: PostageDomain, note: Note): string {
  requireForm(note);
  if (note.kind === "consent") return consentText(note);
  const lines = {
    waiver: () => waiverLines(note as Waiver),
    revocation: () => ["Revoke a postage waiver", `Waiver: ${(note as Revocation).waiverId}`],
    statement: () => statementLines(note as Statement),
    block: () => blockLines(note as Block),
  }[note.kind]();
  const [title, ...rest] = lines;
  return [
    `Pennyblack : ${title}\n`,
    `Inbox ID: ${note.inbox.slice(2)}`,
    `Payer: ${note.payer}`,
    ...rest,
    `Network: eip155:${domain.chainId}:${domain.postageChannels}`,
  ].join("\n");
}

function waiverLines({ waiverId, notAfter, mostUses }: Waiver): string[] {
  const until = new Date(Number(notAfter) * 1000).toISOString().replace(".000Z", "Z");
  return ["Waive postage stamps", `Waiver: ${waiverId}`, `Not after: ${until}`, `Most uses: ${mostUses}`];
}

function statementLines({ welcome, verdict, account }: Statement): string[] {
  const title = verdict === "accept" ? "Accept a welcome" : "Report a welcome as spam";
  return [title, `Welcome: ${welcome}`, ...(account ? [`Pay to: ${account}`] : [])];
}

function blockLines({ tag, number, isBlocked }: Block): string[] {
  return [isBlocked ? "Block a sender" : "Unblock a sender", `Sender: ${tag ?? "all"}`, `Number: ${number}`];
}

function consentText({ time, spelled }: WalletConsent): string {
  return [
    "XMTP : Grant inbox consent to sender\n",
    `Current Time: ${time}`,
    `From Address: ${spelled}\n`,
    "For more info: https://xmtp.org/signatures/",
  ].join("\n");
}

const INBOX = /^0x[0-9a-f]{64}$/;
const ADDRESS = /^0x[0-9a-f]{40}$/;
const NOBODY = `0x${"00".repeat(20)}`;
const TAG = INBOX;
const WELCOME = /^0x[0-9a-f]{32}$/;
const TIME = /^[0-9A-Za-z :.,+-]{8,48}$/;

function malformed(message: string): never {
  throw new ProtocolError("malformed_note", message);
}

/** A note has one form, so that one signature has one text. Throws ProtocolError `malformed_note`. */
export function requireForm(note: Note): void {
  if (!INBOX.test(note.inbox)) malformed("the inbox id is not 0x and 64 lowercase hex digits");
  if (!ADDRESS.test(note.payer) || note.payer === NOBODY) malformed("the payer is not an account in lowercase hex");
  switch (note.kind) {
    case "waiver":
      requireUint(note.waiverId, 64, "waiver id");
      if (note.waiverId === 0n) malformed("waiver ids begin at 1: 0 stands for wallet consents");
      requireUint(note.notAfter, 64, "not after");
      if (note.notAfter > LAST_SECOND) malformed("a waiver ends before the year 10000");
      requireUint(BigInt(note.mostUses), 32, "most uses");
      return;
    case "revocation":
      return requireUint(note.waiverId, 64, "waiver id");
    case "statement":
      if (!WELCOME.test(note.welcome)) malformed("a welcome is named by 0x and 32 lowercase hex digits");
      if ((note.verdict === "spam") !== (note.account !== undefined)) {
        malformed("a spam statement names the account that is paid, an accept none");
      }
      if (note.account !== undefined && (!ADDRESS.test(note.account) || note.account === NOBODY)) {
        malformed("the account to be paid is not one in lowercase hex");
      }
      return;
    case "block":
      if (note.tag !== undefined && !TAG.test(note.tag)) malformed("a sender tag is 0x and 64 lowercase hex digits");
      return requireUint(note.number, 64, "number");
    case "consent":
      if (!/^0x[0-9a-fA-F]{40}$/.test(note.spelled) || toAddress(note.spelled) !== note.payer) {
        malformed("the From address is not the payer");
      }
      if (!TIME.test(note.time)) malformed("the time of a consent is 8 to 48 printable characters");
  }
}

function requireUint(value: bigint, bits: number, what: string): void {
  if (value < 0n || value >> BigInt(bits) !== 0n) malformed(`${what} does not fit ${bits} bits`);
}
