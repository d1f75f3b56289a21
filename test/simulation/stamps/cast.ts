import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import type { Random } from "../random.ts";

export const DAY = 86_400;
export const HOUR = 3_600;
/** Days in which people write; what was said and left unsaid is settled in the ten after them. */
export const WRITING_DAYS = 35;
export const PRICE = 10_000n;

/**
 * - `honest`: accepts strangers, reports the spammer. - `silent`: says nothing. - `liar`: calls every stranger spam.
 * - `waverer`: says spam, and accepts a little later. - `farm`: reports its own confederate.
 */
export type RecipientKind = "honest" | "silent" | "liar" | "waverer" | "farm";

export interface Recipient {
  kind: RecipientKind;
  inbox: Hex;
  /** Member of the inbox, 32 bytes. */
  walletKey: Uint8Array;
  installation: Hex;
  /** Who is paid for spam. */
  account: Address;
}

/**
 * - `stranger`: pays what nodes ask. - `friend`: has waivers. - `spammer`: writes to everybody. - `farmer`: writes to the farm.
 * - `miser`: signs for one stamp and no more.
 */
export type SenderKind = "stranger" | "friend" | "spammer" | "farmer" | "miser";

export interface Sender {
  kind: SenderKind;
  key: Uint8Array;
  channel: Address;
  /** The largest ceiling that it ever signs. */
  budget: bigint;
  /** What it has signed. */
  signed: bigint;
}

/** One first message, or another one. */
export interface Writing {
  at: number;
  from: Sender;
  to: Recipient;
  isWaived: boolean;
}

/**
 * What one node does, besides the others. - `omitter`: its proposals leave out what is said of the spammer. - `forger`: puts
 * words into recipients' mouths and has them pay its account. - `giver`: lets the spammer in without a ceiling.
 * - `backdater`: dates the spammer's welcomes eight days back.
 */
export const NODE_ROLES = ["honest", "omitter", "forger", "giver", "backdater"] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

export interface Cast {
  recipients: Recipient[];
  senders: Sender[];
  writings: Writing[];
}

const RECIPIENTS: [RecipientKind, number][] = [
  ["honest", 4],
  ["silent", 2],
  ["liar", 2],
  ["waverer", 1],
  ["farm", 4],
];
const RICH = 100n * PRICE;
const SENDERS: [SenderKind, number, bigint][] = [
  ["stranger", 3, RICH],
  ["friend", 1, 0n],
  ["spammer", 1, RICH],
  ["farmer", 1, RICH],
  ["miser", 1, PRICE],
];

/** People of a seed, and who writes to whom when. Seconds since the world began. */
export function castOf(random: Random): Cast {
  const recipients = RECIPIENTS.flatMap(([kind, count]) => Array.from({ length: count }, () => kind)).map(recipient);
  const senders = SENDERS.flatMap(([kind, count, budget]) =>
    Array.from({ length: count }, () => ({ kind, budget })),
  ).map(({ kind, budget }, i): Sender => {
    const key = keyOf(i, 0x51);
    return { kind, key, channel: addressOf(key), budget, signed: 0n };
  });
  const writings = senders.flatMap((from) => writingsOf(from, recipients, random));
  return { recipients, senders, writings: writings.sort((a, b) => a.at - b.at) };
}

function recipient(kind: RecipientKind, i: number): Recipient {
  const name = (i + 1).toString(16).padStart(2, "0");
  // A farm has one account for all its inboxes.
  const account: Address = `0x${(kind === "farm" ? "fa" : name).repeat(20)}`;
  const [inbox, installation]: [Hex, Hex] = [`0x${name.repeat(32)}`, `0x7${name[1]}${name.repeat(31)}`];
  return { kind, inbox, walletKey: keyOf(i, 0x61), installation, account };
}

function writingsOf(from: Sender, recipients: readonly Recipient[], random: Random): Writing[] {
  const isFor = ({ kind }: Recipient) => {
    if (from.kind === "farmer") return kind === "farm";
    if (kind === "farm") return false;
    return from.kind === "spammer" || random.chance(from.kind === "miser" ? 0.5 : 0.7);
  };
  return recipients.filter(isFor).flatMap((to) => {
    const isWaived = from.kind === "friend";
    const first = random.between(0, 20 * DAY);
    const at = [first];
    // Once more soon, which the stamp covers, and to some when it covers no more.
    if (random.chance(0.4)) at.push(first + random.between(1, 3 * DAY));
    // By then whoever blocks spammers has.
    if (from.kind === "spammer") at.push(first + random.between(3 * DAY, 6 * DAY));
    if (from.kind === "farmer" || random.chance(0.3)) at.push(first + 30 * DAY + random.between(1, 5 * DAY));
    return at.filter((one) => one < WRITING_DAYS * DAY).map((one) => ({ at: one, from, to, isWaived }));
  });
}

function keyOf(i: number, use: number): Uint8Array {
  const key = new Uint8Array(32).fill(use);
  key[31] = i + 1;
  return key;
}
