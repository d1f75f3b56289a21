import { readFileSync } from "node:fs";

import { ed25519ph } from "@noble/curves/ed25519.js";
import init, { verifySignedWithPublicKey } from "@xmtp/wasm-bindings";
import { expect } from "chai";
import { Wallet } from "ethers";
import fc from "fast-check";

import { concatBytes, fromHex, toAddress, toHex, utf8ToBytes } from "../../../src/protocol/bytes.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { INSTALLATION_CONTEXT } from "../../../src/protocol/identity/ed25519.ts";
import { packNote, unpackNote } from "../../../src/protocol/stamps/noteBytes.ts";
import type { Block, Note, Statement, Waiver, WalletConsent } from "../../../src/protocol/stamps/notes.ts";
import { noteText } from "../../../src/protocol/stamps/notes.ts";
import { isInForce, joinBlocks, joinStatements, keepsOut } from "../../../src/protocol/stamps/rules.ts";
import { PUBLIC_CONTEXT, readNote, signNote } from "../../../src/protocol/stamps/signedNote.ts";
import { expectCode } from "./support.ts";

const KEY = new Uint8Array(32).fill(0x11);
const INSTALLATION = new Uint8Array(32).fill(0x12);
const DOMAIN = { chainId: 31337n, postageChannels: "0x00000000000000000000000000000000000000aa" as Address };
const INBOX: Hex = `0x${"ab".repeat(32)}`;
const PAYER: Address = `0x${"0c".repeat(20)}`;
const WELCOME: Hex = `0x${"de".repeat(16)}`;
const TAG: Hex = `0x${"7a".repeat(32)}`;
const who = { inbox: INBOX, payer: PAYER };

const WAIVER: Waiver = { kind: "waiver", ...who, waiverId: 7n, notAfter: 1_800_000_000n, mostUses: 100 };
const SPAM: Statement = { kind: "statement", ...who, welcome: WELCOME, verdict: "spam", account: PAYER };
const ACCEPT: Statement = { kind: "statement", ...who, welcome: WELCOME, verdict: "accept" };
const BLOCK: Block = { kind: "block", ...who, tag: TAG, number: 3n, isBlocked: true };
const CONSENT: WalletConsent = { kind: "consent", ...who, spelled: PAYER, time: "2026-11-29T12:00:00.000Z" };
const NOTES: Note[] = [
  WAIVER,
  { kind: "revocation", ...who, waiverId: 7n },
  SPAM,
  ACCEPT,
  BLOCK,
  { kind: "block", ...who, number: 4n, isBlocked: false },
  CONSENT,
];

const TEXTS = [
  "Pennyblack : Waive postage stamps\n",
  `Inbox ID: ${"ab".repeat(32)}`,
  `Payer: ${PAYER}`,
  "Waiver: 7",
  "Not after: 2027-01-15T08:00:00Z",
  "Most uses: 100",
  `Network: eip155:31337:${DOMAIN.postageChannels}`,
].join("\n");

function byInstallation(note: Note, context = PUBLIC_CONTEXT, domain = DOMAIN): Uint8Array {
  const bytes = ed25519ph.sign(utf8ToBytes(noteText(domain, note)), INSTALLATION, { context });
  return packNote(note, { by: "installation", publicKey: ed25519ph.getPublicKey(INSTALLATION), bytes });
}

describe("protocol/stamps/notes", () => {
  it("has the known text and bytes", () => {
    expect(noteText(DOMAIN, WAIVER)).to.equal(TEXTS);
    const packed = signNote(DOMAIN, WAIVER, KEY);
    expect(toHex(packed.subarray(0, 73))).to.equal(
      `0x01${"ab".repeat(32)}${"0c".repeat(20)}0000000000000007000000006b49d20000000064`,
    );
    expect(packed.length).to.equal(73 + 66);
    expect(noteText(DOMAIN, SPAM))
      .to.include(`Pennyblack : Report a welcome as spam\n`)
      .and.to.include(`Pay to: ${PAYER}`);
    expect(noteText(DOMAIN, BLOCK))
      .to.include("Pennyblack : Block a sender\n")
      .and.to.include(`Sender: ${TAG}\nNumber: 3`);
    expect(noteText(DOMAIN, CONSENT)).to.equal(
      `XMTP : Grant inbox consent to sender\n\nCurrent Time: 2026-11-29T12:00:00.000Z\nFrom Address: ${PAYER}\n\nFor more info: https://xmtp.org/signatures/`,
    );
  });

  it("reads back every kind, signed by a wallet as ethers signs", async () => {
    const wallet = new Wallet(toHex(KEY));
    for (const note of NOTES) {
      const packed = signNote(DOMAIN, note, KEY);
      expect(readNote(DOMAIN, packed)).to.deep.equal({
        ...{ note, packed },
        signer: { kind: "ethereum", identifier: addressOf(KEY) },
      });
      const bytes = fromHex(await wallet.signMessage(noteText(DOMAIN, note)));
      expect(toHex(packNote(note, { by: "wallet", bytes }))).to.equal(toHex(packed));
    }
  });

  it("reads what an installation signed, which a real client takes too", async () => {
    const wasm = new URL("bindings_wasm_bg.wasm", import.meta.resolve("@xmtp/wasm-bindings"));
    await init({ module_or_path: readFileSync(wasm) });
    const packed = byInstallation(WAIVER);
    const { signature } = unpackNote(packed);
    const identifier = toHex(ed25519ph.getPublicKey(INSTALLATION)).slice(2);
    expect(readNote(DOMAIN, packed).signer).to.deep.equal({ kind: "installation", identifier });
    const check = (text: string) =>
      verifySignedWithPublicKey(text, signature.bytes, ed25519ph.getPublicKey(INSTALLATION));
    check(noteText(DOMAIN, WAIVER));
    expect(() => check(`${noteText(DOMAIN, WAIVER)} `)).to.throw();
  });

  it("37: does not take a note of another chain or contract, nor a changed one", () => {
    const other = { ...DOMAIN, chainId: 1n };
    const elsewhere = { ...DOMAIN, postageChannels: PAYER };
    for (const domain of [other, elsewhere]) {
      expect(readNote(domain, signNote(DOMAIN, WAIVER, KEY)).signer.identifier).not.to.equal(addressOf(KEY));
      expectCode(() => readNote(domain, byInstallation(WAIVER)), "bad_signature");
    }
    const packed = byInstallation(WAIVER);
    for (let bit = 0; bit < packed.length * 8; bit += 7) {
      const changed = packed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => readNote(DOMAIN, changed), `bit ${bit}`)
        .to.throw()
        .with.property("name", "ProtocolError");
    }
  });

  it("does not take what an installation signed for an identity update, nor a consent by an installation", () => {
    expectCode(() => readNote(DOMAIN, byInstallation(WAIVER, INSTALLATION_CONTEXT)), "bad_signature");
    expectCode(() => readNote(DOMAIN, byInstallation(CONSENT)), "bad_signature");
  });

  it("a changed wallet note has another signer or none", () => {
    const packed = signNote(DOMAIN, WAIVER, KEY);
    for (let bit = 0; bit < packed.length * 8; bit += 7) {
      const changed = packed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      let signer = "";
      try {
        signer = readNote(DOMAIN, changed).signer.identifier;
      } catch {
        continue;
      }
      expect(signer, `bit ${bit}`).not.to.equal(addressOf(KEY));
    }
  });

  it("has one form: no spare bytes, flags or fields, no high s, no other v", () => {
    const packed = signNote(DOMAIN, ACCEPT, KEY);
    expectCode(() => readNote(DOMAIN, concatBytes(packed, Uint8Array.of(0))), "malformed_note");
    expectCode(() => readNote(DOMAIN, packed.subarray(0, packed.length - 1)), "malformed_note");
    expectCode(() => readNote(DOMAIN, new Uint8Array(10_000)), "malformed_note");
    expectCode(() => readNote(DOMAIN, new Uint8Array()), "malformed_note");
    const withByte = (at: number, value: number, from = packed) => {
      const changed = from.slice();
      changed[at] = value;
      return changed;
    };
    // An accept with an account; a verdict of 2; v of 0.
    expectCode(() => readNote(DOMAIN, withByte(75, 1)), "malformed_note");
    expectCode(() => readNote(DOMAIN, withByte(69, 2)), "malformed_note");
    expectCode(() => readNote(DOMAIN, withByte(packed.length - 1, 0)), "malformed_note");
    const all = signNote(DOMAIN, { kind: "block", ...who, number: 1n, isBlocked: true }, KEY);
    // Everybody, and yet a tag.
    expectCode(() => readNote(DOMAIN, withByte(60, 1, all)), "malformed_note");
    expectCode(
      () => packNote({ ...WAIVER, waiverId: 0n }, { by: "wallet", bytes: new Uint8Array(65) }),
      "malformed_note",
    );
    expectCode(() => noteText(DOMAIN, { ...WAIVER, notAfter: 2n ** 40n }), "malformed_note");
    expectCode(() => noteText(DOMAIN, { ...SPAM, account: undefined }), "malformed_note");
    expectCode(() => noteText(DOMAIN, { ...CONSENT, spelled: DOMAIN.postageChannels }), "malformed_note");
    expectCode(() => noteText(DOMAIN, { ...CONSENT, time: "2026-11-29\nFrom Address: x" }), "malformed_note");
  });

  it("a consent spells its address as the wallet did", () => {
    const spelled = new Wallet(toHex(KEY)).address;
    const note = { ...CONSENT, payer: toAddress(spelled), spelled };
    expect(readNote(DOMAIN, signNote(DOMAIN, note, KEY)).note).to.deep.equal(note);
  });

  it("37: a waiver ends at its second", () => {
    expect(isInForce(WAIVER, WAIVER.notAfter - 1n)).to.equal(true);
    expect(isInForce(WAIVER, WAIVER.notAfter)).to.equal(false);
    expect(isInForce(CONSENT, 2n ** 60n)).to.equal(true);
  });

  it("38: statements and blocks join to the same, in any order", () => {
    const read = <T extends Note>(note: T, key = KEY) => {
      return { ...readNote(DOMAIN, signNote(DOMAIN, note, key)), note };
    };
    const accounts = [1, 2, 3].map((n): Address => `0x${String(n).repeat(40)}`);
    const said = [read<Statement>(ACCEPT), ...accounts.map((account) => read<Statement>({ ...SPAM, account }))];
    const blocks = [1n, 2n, 3n].flatMap((number) =>
      [true, false].map((isBlocked) => read<Block>({ ...BLOCK, number, isBlocked })),
    );
    fc.assert(
      fc.property(
        fc.shuffledSubarray(said, { minLength: 4 }),
        fc.shuffledSubarray(blocks, { minLength: 6 }),
        (a, b) => {
          expect(a.reduce(joinStatements).note.verdict).to.equal("accept");
          const spam = a.filter(({ note }) => note.verdict === "spam");
          expect(spam.reduce(joinStatements).note.account).to.equal(accounts[2]);
          expect(b.reduce(joinBlocks).note).to.deep.include({ number: 3n, isBlocked: true });
        },
      ),
    );
  });

  it("a block of one sender keeps out that one and who leaves tags away, a block of all everybody", () => {
    const other: Hex = `0x${"01".repeat(32)}`;
    expect([TAG, undefined, other].map((tag) => keepsOut(BLOCK, tag))).to.deep.equal([true, true, false]);
    const { tag, ...all } = BLOCK;
    expect([tag, undefined, other].map((one) => keepsOut(all, one))).to.deep.equal([true, true, true]);
    expect(keepsOut({ ...all, isBlocked: false }, tag)).to.equal(false);
  });
});
