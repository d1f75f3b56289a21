import { ed25519ph } from "@noble/curves/ed25519.js";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import { Gate } from "../../../src/daemon/gate.ts";
import { openHoldings } from "../../../src/daemon/holdings/openHoldings.ts";
import { Ledger } from "../../../src/daemon/ledger.ts";
import { Meter } from "../../../src/daemon/meter.ts";
import type { ChannelOnChain, DaemonStore } from "../../../src/daemon/ports.ts";
import { RateBook } from "../../../src/daemon/rateBook.ts";
import { NoteDesk } from "../../../src/daemon/stamps/noteDesk.ts";
import type { InboxAction } from "../../../src/daemon/stamps/ports.ts";
import { StampGate } from "../../../src/daemon/stamps/stampGate.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { toHex, utf8ToBytes } from "../../../src/protocol/bytes.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { readPayerEnvelope } from "../../../src/protocol/envelope.ts";
import { packNote } from "../../../src/protocol/stamps/noteBytes.ts";
import type { Note, Waiver } from "../../../src/protocol/stamps/notes.ts";
import { noteText } from "../../../src/protocol/stamps/notes.ts";
import { listToHeader } from "../../../src/protocol/stamps/headers.ts";
import { PUBLIC_CONTEXT, signNote } from "../../../src/protocol/stamps/signedNote.ts";
import { signVoucher, voucherToHeader } from "../../../src/protocol/voucher.ts";
import { RETENTION_DAYS, welcomeEnvelope } from "../../support/envelopes.ts";
import type { ManualClock } from "../../support/manualClock.ts";
import { DOMAIN, MemoryLog, NODE_ID, PAYER, PAYER_KEY, RATES } from "../support.ts";

export const PRICE = 10_000n;
export const WALLET_KEY = new Uint8Array(32).fill(0x61);
export const WALLET = addressOf(WALLET_KEY);
export const INBOX: Hex = `0x${"1b".repeat(32)}`;
export const OTHER_INBOX: Hex = `0x${"2b".repeat(32)}`;
export const INSTALLATION_KEY = new Uint8Array(32).fill(0x71);
export const INSTALLATION = toHex(ed25519ph.getPublicKey(INSTALLATION_KEY));
/** A second device of the inbox. */
export const SECOND: Hex = `0x${"72".repeat(32)}`;
/** An installation of the other inbox. */
export const FOREIGN: Hex = `0x${"73".repeat(32)}`;
const TERMS = { price: PRICE, settlesSeconds: 0n };

export const add = (member: string, addedBy?: string): InboxAction => {
  return { kind: "add", member, addedBy, isAccount: false };
};
export const installation = (key: Hex) => `installation:${key.slice(2)}`;
export const wallet = (account: Address) => `ethereum:${account}`;

export const welcome = (n: number, key: Hex, postageKey = PAYER_KEY, nodeId = NODE_ID): Uint8Array =>
  welcomeEnvelope(n, key, postageKey, nodeId);
export const welcomeId = (bytes: Uint8Array): Hex => toHex(readPayerEnvelope(bytes).digest.subarray(0, 16));

export function byInstallation(note: Note, key = INSTALLATION_KEY, domain = DOMAIN): Uint8Array {
  const bytes = ed25519ph.sign(utf8ToBytes(noteText(domain, note)), key, { context: PUBLIC_CONTEXT });
  return packNote(note, { by: "installation", publicKey: ed25519ph.getPublicKey(key), bytes });
}

export const byWallet = (note: Note, key = WALLET_KEY, domain = DOMAIN) => signNote(domain, note, key);

export function waiver(clock: ManualClock, changes: Partial<Waiver> = {}): Waiver {
  const notAfter = BigInt(Math.floor(clock.now() / 1_000)) + 86_400n;
  return { kind: "waiver", inbox: INBOX, payer: PAYER, waiverId: 1n, notAfter, mostUses: 10, ...changes };
}

/** Gate, meter and desk of one process over a store, with two inboxes. */
export async function openStampBooks(books: DaemonStore, clock: ManualClock, envelopeLog = new MemoryLog()) {
  const ledger = new Ledger(books.ledger, { isShared: books.isShared });
  const holdings = openHoldings({ store: books, ledger, clock, log: silentLog });
  const rateBook = new RateBook();
  rateBook.update([RATES], RETENTION_DAYS);
  const { ledger: store, stamps } = books;
  const gate = new Gate({
    ...{ nodeId: NODE_ID, domain: DOMAIN, ledger, rateBook, clock, holdings, exposureCap: 1_000_000n },
    ...{ chainDoubt: () => 0, isReady: () => true, isCaughtUp: () => true, seats: () => 1, onShareUsed: () => {} },
    stamps: new StampGate({ domain: DOMAIN, store: stamps, terms: () => TERMS, clock }),
  });
  const meter = new Meter({ envelopeLog, store, ledger, holdings, rateBook, log: silentLog, stampTerms: () => TERMS });
  const charged = new Set<string>();
  const desk = new NoteDesk({
    ...{ domain: DOMAIN, store: stamps, clock },
    isFunded: async (payer) => ((await ledger.account(payer))?.chain.deposited ?? 0n) > 0n,
    reported: {
      isCharged: async (stamp) => charged.has(stamp.welcome),
      outcomesOf: async (stamps) => stamps.map(() => "none" as const),
    },
  });
  const fund = (channel: Address, chain: Partial<ChannelOnChain> = { deposited: 5_000_000n }) =>
    ledger.recordChain({ states: new Map([[channel, { ...EMPTY_CHANNEL, ...chain }]]), readTo: 1n, blocks: [] });
  const publish = async (
    bytes: Uint8Array,
    { stamps: ceiling = 0n, key = PAYER_KEY, waivers = [] as Uint8Array[], tags = [] as Uint8Array[] } = {},
  ) => {
    const voucherHeader = voucherToHeader(signVoucher(DOMAIN, { fees: 100_000n, stamps: ceiling }, key));
    const header = (parts: Uint8Array[]) => (parts.length > 0 ? listToHeader(parts) : null);
    const stampHeaders = { waiver: header(waivers), sender: header(tags) };
    return gate.admit({ envelopes: [readPayerEnvelope(bytes)], voucherHeader, stampHeaders });
  };
  /** A publish that the node stores and the daemon meters. */
  const deliver = async (...call: Parameters<typeof publish>) => {
    const admission = await publish(...call);
    envelopeLog.append(NODE_ID, call[0], BigInt(clock.now()) * 1_000_000n);
    admission.release(true);
    await meter.drain();
  };
  const used = async (channel = PAYER) => (await ledger.stampsUsed([channel])).get(channel) ?? 0n;
  return { ledger, holdings, gate, meter, desk, stamps, envelopeLog, charged, fund, publish, deliver, used };
}

/** Two inboxes: one with a wallet and two devices, another with a device of its own. */
export async function listInboxes({ stamps }: DaemonStore, clock: ManualClock): Promise<void> {
  const at = BigInt(Math.floor(clock.now() / 1_000)) - 100n;
  const changes = [
    {
      ...{ sequenceId: 1n, inbox: INBOX, at },
      actions: [
        add(wallet(WALLET)),
        add(installation(INSTALLATION), wallet(WALLET)),
        add(installation(SECOND), wallet(WALLET)),
      ],
    },
    { ...{ sequenceId: 2n, inbox: OTHER_INBOX, at }, actions: [add(installation(FOREIGN)), add(installation(SECOND))] },
  ];
  await stamps.recordInboxes({ after: undefined, readTo: 10n, readToAt: at, changes });
}
