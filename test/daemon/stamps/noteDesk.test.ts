import { expect } from "chai";

import type { Note } from "../../../src/protocol/stamps/notes.ts";
import { onBoth } from "../store/backends.ts";
import { OTHER_KEY, PAYER, refusalOf } from "../support.ts";
import {
  FOREIGN,
  INBOX,
  INSTALLATION,
  PRICE,
  WALLET,
  byInstallation,
  byWallet,
  listInboxes,
  openStampBooks,
  waiver,
  welcome,
  welcomeId,
} from "./support.ts";

const ACCOUNT = WALLET;
const FIRST = welcome(1, INSTALLATION);
const about = { kind: "statement", inbox: INBOX, payer: PAYER, welcome: welcomeId(FIRST) } as const;
const ACCEPT: Note = { ...about, verdict: "accept" };
const SPAM: Note = { ...about, verdict: "spam", account: ACCOUNT };

onBoth("daemon/stamps/noteDesk", (fixture) => {
  async function open() {
    const store = await fixture.open();
    await listInboxes(store, fixture.clock);
    const books = await openStampBooks(store, fixture.clock);
    await books.fund(PAYER);
    await books.deliver(FIRST, { stamps: PRICE });
    const codes = async (...notes: Uint8Array[]) =>
      (await books.desk.take(notes, "")).map(({ taken, code }) => (taken ? "taken" : code));
    const standing = async () => (await books.stamps.stamp({ inbox: INBOX, payer: PAYER }, about.welcome))?.standing;
    return { ...books, codes, standing };
  }

  it("38: accept beats spam in any order, and frees the ceiling for another stranger", async () => {
    for (const order of [
      [ACCEPT, SPAM],
      [SPAM, ACCEPT],
    ]) {
      const { codes, standing, used, deliver } = await open();
      for (const note of order) await codes(byWallet(note));
      expect(await standing()).to.equal("accepted");
      expect(await used()).to.equal(0n);
      await deliver(welcome(2, FOREIGN), { stamps: PRICE });
      expect(await used()).to.equal(PRICE);
      await fixture.closeAll();
      const again = await fixture.open();
      expect(await again.stamps.notesAfter(0n, 10)).to.have.length(1);
      await fixture.closeAll();
      fixture.place = await otherPlace();
    }
    async function otherPlace() {
      const { BACKENDS } = await import("../store/backends.ts");
      const backend = BACKENDS.find(({ name }) => fixture.place.at.startsWith("postgres") === (name === "PostgreSQL"))!;
      return (await backend.place())!;
    }
  });

  it("38: what a report has charged as spam no accept frees", async () => {
    const { codes, standing, charged, used } = await open();
    expect(await codes(byWallet(SPAM))).to.deep.equal(["taken"]);
    charged.add(about.welcome);
    expect(await codes(byWallet(ACCEPT))).to.deep.equal(["window_over"]);
    expect([await standing(), await used()]).to.deep.equal(["spam", PRICE]);
  });

  it("says why it does not take a note", async () => {
    const { codes, stamps, standing } = await open();
    const block: Note = { kind: "block", inbox: INBOX, payer: PAYER, number: 1n, isBlocked: true };
    expect(
      await codes(
        byWallet(SPAM, OTHER_KEY),
        byInstallation(SPAM, OTHER_KEY),
        byWallet({ ...SPAM, welcome: `0x${"00".repeat(16)}` }),
        byWallet({ ...SPAM, payer: ACCOUNT }),
        byWallet(waiver(fixture.clock)),
        byWallet(block).subarray(1),
        byInstallation(block, undefined, { chainId: 1n, postageChannels: PAYER }),
        byInstallation(SPAM),
      ),
    ).to.deep.equal([
      ...["not_a_member", "not_a_member", "no_such_stamp", "no_such_stamp", "malformed_note", "malformed_note"],
      ...["bad_signature", "taken"],
    ]);
    await stamps.settleStamp({ inbox: INBOX, payer: PAYER }, about.welcome, "silent", 0n);
    // What was said stays said.
    expect(await standing()).to.equal("spam");
  });

  it("a window that is over stays so", async () => {
    const { codes, stamps, used } = await open();
    await stamps.settleStamp({ inbox: INBOX, payer: PAYER }, about.welcome, "silent", PRICE / 10n);
    expect(await used()).to.equal(PRICE / 10n);
    expect(await codes(byWallet(ACCEPT), byWallet(SPAM))).to.deep.equal(["window_over", "window_over"]);
    expect(await used()).to.equal(PRICE / 10n);
  });

  it("a waiver that another node was shown frees the stamp here, and counts its use", async () => {
    const { desk, stamps, standing, used, publish, deliver } = await open();
    const note = byWallet(waiver(fixture.clock, { mostUses: 1 }));
    const digest = `${about.welcome}${"00".repeat(16)}` as const;
    const pass = { payer: PAYER, inbox: INBOX, payerDigest: digest, note };
    expect(await desk.takePasses([pass, pass], "")).to.equal(1);
    expect([await standing(), await used()]).to.deep.equal(["waived", 0n]);
    await deliver(welcome(5, FOREIGN), { stamps: PRICE });
    expect((await refusalOf(publish(welcome(2, INSTALLATION), { waivers: [note] }))).message).to.include("no use left");
    // Of a channel without a deposit, by a stranger, of another payer.
    const bad = [
      { ...pass, payer: ACCOUNT, payerDigest: `0x${"01".repeat(32)}` as const },
      { ...pass, payerDigest: `0x${"02".repeat(32)}` as const, note: byWallet(waiver(fixture.clock), OTHER_KEY) },
      { ...pass, payerDigest: `0x${"03".repeat(32)}` as const, tag: new Uint8Array(112) },
    ];
    expect(await desk.takePasses(bad, "")).to.equal(0);
    expect(await stamps.passesAfter(0n, 10)).to.have.length(1);
  });

  it("takes so many notes of an inbox in a minute, and of others all the same", async () => {
    const { codes } = await open();
    const block = (number: bigint): Note => ({ kind: "block", inbox: INBOX, payer: PAYER, number, isBlocked: true });
    const many = await codes(...Array.from({ length: 70 }, (_, i) => byWallet(block(BigInt(i)))));
    expect(many.filter((code) => code === "taken")).to.have.length(60);
    expect(many.at(-1)).to.equal("busy");
    fixture.clock.advance(60_000);
    expect(await codes(byWallet(block(100n)))).to.deep.equal(["taken"]);
  });

  it("looks at few notes of a bad signature from one caller, at none that no member names, and at others' all the same", async () => {
    const { desk } = await open();
    const block = (number: bigint): Note => ({ kind: "block", inbox: INBOX, payer: PAYER, number, isBlocked: true });
    const bad = Array.from({ length: 40 }, (_, i) => {
      const packed = byInstallation(block(BigInt(i)));
      packed[packed.length - 1]! ^= 1;
      return packed;
    });
    const codesOf = async (notes: Uint8Array[], caller: string) =>
      (await desk.take(notes, caller)).map(({ taken, code }) => (taken ? "taken" : code));
    const stranger = new Uint8Array(32).fill(0x79);
    const foreign = Array.from({ length: 40 }, (_, i) => byInstallation(block(BigInt(i)), stranger));
    expect(new Set(await codesOf(foreign, "10.0.0.1"))).to.deep.equal(new Set(["not_a_member"]));
    const codes = await codesOf(bad, "10.0.0.1");
    expect(codes).to.deep.equal([...Array<string>(30).fill("bad_signature"), ...Array<string>(10).fill("busy")]);
    expect(await codesOf([byInstallation(block(1n))], "10.0.0.1")).to.deep.equal(["busy"]);
    expect(await codesOf([byInstallation(block(1n))], "10.0.0.2")).to.deep.equal(["taken"]);
    fixture.clock.advance(60_000);
    expect(await codesOf([byInstallation(block(2n))], "10.0.0.1")).to.deep.equal(["taken"]);
  });
});
