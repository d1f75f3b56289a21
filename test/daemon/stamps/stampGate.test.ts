import { Code } from "@connectrpc/connect";
import { expect } from "chai";

import { readPayerEnvelope } from "../../../src/protocol/envelope.ts";
import { senderTag, signSenderTag } from "../../../src/protocol/stamps/senderTag.ts";
import { onBoth } from "../store/backends.ts";
import { DOMAIN, OTHER_KEY, PAYER, PAYER_KEY, refusalOf } from "../support.ts";
import {
  FOREIGN,
  INBOX,
  INSTALLATION,
  OTHER_INBOX,
  PRICE,
  SECOND,
  WALLET_KEY,
  byInstallation,
  byWallet,
  listInboxes,
  openStampBooks,
  waiver,
  welcome,
  welcomeId,
} from "./support.ts";

const DAY = 86_400_000;
const UNKNOWN = `0x${"99".repeat(32)}` as const;

onBoth("daemon/stamps/gate", (fixture) => {
  async function open() {
    const store = await fixture.open();
    await listInboxes(store, fixture.clock);
    const books = await openStampBooks(store, fixture.clock);
    await books.fund(PAYER);
    return { ...books, store };
  }

  it("asks for a stamp for a first welcome, with the numbers that mend it", async () => {
    const { publish, deliver, used } = await open();
    const refusal = await refusalOf(publish(welcome(1, INSTALLATION), { stamps: PRICE - 1n }));
    expect(refusal.refusal).to.equal("stamp_missing");
    expect(refusal.code).to.equal(Code.FailedPrecondition);
    const [detail] = refusal.details as unknown as { value: Record<string, unknown> }[];
    expect(detail!.value).to.include({ required: PRICE, authorised: PRICE - 1n, available: 5_000_000n });
    await deliver(welcome(1, INSTALLATION), { stamps: PRICE });
    expect(await used()).to.equal(PRICE);
  });

  it("one stamp covers every installation of an inbox for 30 days, and no other inbox", async () => {
    const { publish, deliver, used } = await open();
    await deliver(welcome(1, INSTALLATION), { stamps: PRICE });
    await deliver(welcome(2, SECOND), { stamps: PRICE });
    await deliver(welcome(3, INSTALLATION), { stamps: PRICE });
    expect(await used()).to.equal(PRICE);
    expect((await refusalOf(publish(welcome(4, FOREIGN), { stamps: PRICE }))).refusal).to.equal("stamp_missing");
    fixture.clock.advance(30 * DAY - 1_000);
    await deliver(welcome(5, INSTALLATION), { stamps: PRICE });
    fixture.clock.advance(1_000);
    expect((await refusalOf(publish(welcome(6, INSTALLATION), { stamps: PRICE }))).refusal).to.equal("stamp_missing");
    await deliver(welcome(6, INSTALLATION), { stamps: 2n * PRICE });
    expect(await used()).to.equal(2n * PRICE);
  });

  it("a key that two inboxes list counts for the first; a topic of no inbox needs no stamp", async () => {
    const { deliver, used, stamps } = await open();
    await deliver(welcome(1, UNKNOWN));
    expect(await used()).to.equal(0n);
    await deliver(welcome(2, SECOND), { stamps: PRICE });
    expect(await stamps.stampsOf(INBOX, 10n ** 12n, 10)).to.have.length(1);
    expect(await stamps.stampsOf(OTHER_INBOX, 10n ** 12n, 10)).to.have.length(0);
  });

  it("never lends one ceiling twice: of welcomes at once to two inboxes one gets it, to one inbox all do", async () => {
    const { publish, used } = await open();
    const two = await Promise.allSettled([
      publish(welcome(1, INSTALLATION), { stamps: PRICE }),
      publish(welcome(2, FOREIGN), { stamps: PRICE }),
      publish(welcome(3, SECOND), { stamps: PRICE }),
    ]);
    const taken = two.filter(({ status }) => status === "fulfilled").length;
    expect(taken).to.be.oneOf([1, 2]);
    for (const one of two) if (one.status === "fulfilled") one.value.release(false);
    const same = await Promise.all([1, 2, 3].map((n) => publish(welcome(n, INSTALLATION), { stamps: PRICE })));
    for (const one of same) one.release(false);
    expect(await used()).to.equal(0n);
  });

  it("gives a held stamp back when the node stored nothing", async () => {
    const { publish } = await open();
    const admission = await publish(welcome(1, INSTALLATION), { stamps: PRICE });
    expect((await refusalOf(publish(welcome(2, FOREIGN), { stamps: PRICE }))).refusal).to.equal("stamp_missing");
    admission.release(false);
    await publish(welcome(2, FOREIGN), { stamps: PRICE });
  });

  it("37: a waiver by wallet or installation frees its payer, up to its last use", async () => {
    const { deliver, publish, used } = await open();
    const two = byWallet(waiver(fixture.clock, { mostUses: 2 }));
    await deliver(welcome(1, INSTALLATION), { waivers: [two] });
    // The same envelope again is the same use.
    await publish(welcome(1, INSTALLATION), { waivers: [two] });
    await deliver(welcome(2, SECOND), { waivers: [two] });
    const refusal = await refusalOf(publish(welcome(3, INSTALLATION), { waivers: [two] }));
    expect([refusal.refusal, refusal.message]).to.deep.equal(["stamp_missing", refusal.message]);
    expect(refusal.message).to.include("no use left");
    await deliver(welcome(3, INSTALLATION), {
      waivers: [two, byInstallation(waiver(fixture.clock, { waiverId: 2n }))],
    });
    expect(await used()).to.equal(0n);
  });

  it("37: of welcomes at once the last use of a waiver is one's", async () => {
    const { publish } = await open();
    const one = byWallet(waiver(fixture.clock, { mostUses: 1 }));
    const calls = [1, 2, 3, 4].map((n) => publish(welcome(n, INSTALLATION), { waivers: [one] }));
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === "fulfilled")).to.have.length(1);
  });

  it("37: expired, for another inbox, another payer, by a stranger, revoked, or of another network: a stamp is needed", async () => {
    const { publish, desk } = await open();
    const { clock } = fixture;
    const now = BigInt(Math.floor(clock.now() / 1_000));
    const cases: [string, Uint8Array][] = [
      ["expired", byWallet(waiver(clock, { notAfter: now }))],
      ["no waiver is for this inbox", byWallet(waiver(clock, { inbox: OTHER_INBOX }))],
      ["no waiver is for this inbox", byWallet(waiver(clock, { payer: OTHER_INBOX.slice(0, 42) as `0x${string}` }))],
      ["not signed by a wallet key", byWallet(waiver(clock), OTHER_KEY)],
      ["not signed by a wallet key", byWallet(waiver(clock), WALLET_KEY, { ...DOMAIN, chainId: 1n })],
      ["no use left", byWallet(waiver(clock, { waiverId: 5n, mostUses: 0 }))],
    ];
    for (const [n, [why, packed]] of cases.entries()) {
      const refusal = await refusalOf(publish(welcome(n, INSTALLATION), { waivers: [packed] }));
      expect(refusal.refusal).to.equal("stamp_missing");
      expect(refusal.message).to.include(why);
    }
    const good = byWallet(waiver(clock, { waiverId: 9n }));
    const revocation = byInstallation({ kind: "revocation", inbox: INBOX, payer: PAYER, waiverId: 9n });
    expect(await desk.take([revocation], "")).to.deep.equal([{ taken: true }]);
    const refusal = await refusalOf(publish(welcome(20, INSTALLATION), { waivers: [good] }));
    expect(refusal.message).to.include("revoked");
    for (const waivers of [[good.subarray(1)], [new Uint8Array(3)]]) {
      expect((await refusalOf(publish(welcome(21, INSTALLATION), { waivers }))).refusal).to.equal("stamp_malformed");
    }
  });

  it("looks at the signature of a waiver only where it could free something, and at few bad ones of one payer", async () => {
    const { publish } = await open();
    const { clock } = fixture;
    const forged = byInstallation(waiver(clock, { inbox: OTHER_INBOX }));
    forged[forged.length - 1]! ^= 1;
    const strangers = Array.from({ length: 40 }, (_, i) =>
      byInstallation(waiver(clock, { waiverId: BigInt(i + 1) }), OTHER_KEY),
    );
    for (const packed of [...strangers, forged]) packed[packed.length - 1]! ^= 1;
    // None of these is worth a check: another inbox's, and installations that are not the inbox's.
    const first = await refusalOf(publish(welcome(1, INSTALLATION), { waivers: [forged, ...strangers] }));
    expect(first.refusal).to.equal("stamp_missing");
    const bad = byInstallation(waiver(clock));
    bad[bad.length - 1]! ^= 1;
    const codes: string[] = [];
    for (let i = 0; i < 40; i++) {
      codes.push((await refusalOf(publish(welcome(2, INSTALLATION), { waivers: [bad] }))).refusal);
    }
    expect(codes).to.deep.equal([...Array<string>(30).fill("stamp_malformed"), ...Array<string>(10).fill("busy")]);
    clock.advance(60_000);
    await publish(welcome(3, INSTALLATION), { waivers: [byInstallation(waiver(clock))] });
  });

  it("37: a device that is revoked waives nothing any more; a wallet consent (XIP-43) frees without an end", async () => {
    const { publish, deliver, stamps } = await open();
    const cursor = (await stamps.inboxCursor())!;
    await stamps.recordInboxes({
      ...{ after: cursor.block, readTo: 11n, readToAt: cursor.at + 1n },
      changes: [
        {
          ...{ sequenceId: 3n, inbox: INBOX, at: cursor.at + 1n },
          actions: [{ kind: "remove", member: `installation:${INSTALLATION.slice(2)}` }],
        },
      ],
    });
    const byDevice = byInstallation(waiver(fixture.clock));
    const refusal = await refusalOf(publish(welcome(1, SECOND), { waivers: [byDevice] }));
    expect(refusal.message).to.include("not signed by a wallet key or an installation");
    const consent = byWallet({
      kind: "consent",
      inbox: INBOX,
      payer: PAYER,
      spelled: PAYER,
      time: "2026-01-01T00:00:00Z",
    });
    await deliver(welcome(2, SECOND), { waivers: [consent] });
  });

  it("a block keeps out one sender or the whole payer, until a higher number lifts it", async () => {
    const { publish, desk } = await open();
    const secret = new Uint8Array(32).fill(9);
    const [bad, good] = [senderTag(secret, OTHER_INBOX, INBOX), senderTag(secret, UNKNOWN, INBOX)];
    const tagged = (n: number, tag: `0x${string}`) => {
      const bytes = welcome(n, INSTALLATION);
      const tags = [signSenderTag(DOMAIN, tag, readPayerEnvelope(bytes).digest, PAYER_KEY)];
      return publish(bytes, { stamps: PRICE, tags }).then((admission) => admission.release(false));
    };
    const say = (number: bigint, isBlocked: boolean, tag?: `0x${string}`) =>
      desk.take(
        [byWallet({ kind: "block", inbox: INBOX, payer: PAYER, ...(tag ? { tag } : {}), number, isBlocked })],
        "",
      );
    await tagged(1, bad);
    await say(1n, true, bad);
    const refusal = await refusalOf(tagged(2, bad));
    expect([refusal.refusal, refusal.code]).to.deep.equal(["sender_blocked", Code.PermissionDenied]);
    await tagged(3, good);
    // Without a tag it could be anybody.
    expect((await refusalOf(publish(welcome(4, INSTALLATION), { stamps: PRICE }))).refusal).to.equal("sender_blocked");
    await say(2n, false, bad);
    await say(1n, true, bad);
    await tagged(5, bad);
    await say(1n, true);
    expect((await refusalOf(tagged(6, good))).refusal).to.equal("sender_blocked");
    // Signed for another envelope, or by another payer.
    const bytes = welcome(7, INSTALLATION);
    for (const tag of [
      signSenderTag(DOMAIN, good, readPayerEnvelope(bytes).digest, OTHER_KEY),
      signSenderTag({ ...DOMAIN, chainId: 1n }, good, readPayerEnvelope(bytes).digest, PAYER_KEY),
    ]) {
      expect((await refusalOf(publish(bytes, { stamps: PRICE, tags: [tag] }))).refusal).to.equal("stamp_malformed");
    }
  });

  it("keeps everything over a restart", async () => {
    const { deliver, desk, stamps } = await open();
    await deliver(welcome(1, INSTALLATION), { stamps: PRICE });
    await deliver(welcome(2, FOREIGN), { stamps: 2n * PRICE });
    const spam = { kind: "statement", inbox: INBOX, payer: PAYER, verdict: "spam", account: PAYER } as const;
    await desk.take([byWallet({ ...spam, welcome: welcomeId(welcome(1, INSTALLATION)) })], "");
    const before = [await stamps.stampsOf(INBOX, 10n ** 12n, 10), await stamps.notesAfter(0n, 10)];
    await fixture.closeAll();
    const store = await fixture.open();
    const books = await openStampBooks(store, fixture.clock);
    expect(await books.used()).to.equal(2n * PRICE);
    expect([await books.stamps.stampsOf(INBOX, 10n ** 12n, 10), await books.stamps.notesAfter(0n, 10)]).to.deep.equal(
      before,
    );
    await books.publish(welcome(3, INSTALLATION), { stamps: 0n });
  });

  it("two processes share ceilings and waivers", async function () {
    const first = await open();
    if (!first.store.isShared) return this.skip();
    const second = await openStampBooks(await fixture.open(), fixture.clock);
    const held = await first.publish(welcome(1, INSTALLATION), { stamps: PRICE });
    expect((await refusalOf(second.publish(welcome(2, FOREIGN), { stamps: PRICE }))).refusal).to.equal("stamp_missing");
    held.release(true);
    const one = byWallet(waiver(fixture.clock, { mostUses: 1 }));
    const both = await Promise.allSettled([
      first.publish(welcome(3, SECOND), { waivers: [one] }),
      second.publish(welcome(4, SECOND), { waivers: [one] }),
    ]);
    // The stamp that is held covers the inbox, so nobody is refused; the waiver was used once.
    expect(both.every(({ status }) => status === "fulfilled")).to.equal(true);
    expect(await first.stamps.passesAfter(0n, 10)).to.have.length(1);
  });
});
