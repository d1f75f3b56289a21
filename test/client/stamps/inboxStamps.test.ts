import { expect } from "chai";

import { StampsError } from "../../../src/client/stamps/errors.ts";
import { mergeStamps } from "../../../src/client/stamps/mergeStamps.ts";
import { walletSigner } from "../../../src/client/stamps/noteSigner.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { WAIVER_HEADER, listFromHeader } from "../../../src/protocol/stamps/headers.ts";
import type { Block } from "../../../src/protocol/stamps/notes.ts";
import { readNote } from "../../../src/protocol/stamps/signedNote.ts";
import {
  INBOX,
  INSTALLATION,
  PRICE,
  SECOND,
  WALLET,
  WALLET_KEY,
  byWallet,
  welcome,
  welcomeId,
} from "../../daemon/stamps/support.ts";
import { DOMAIN, OTHER_KEY, PAYER, refusalOf } from "../../daemon/support.ts";
import { FIRST, StampNetwork, byTheInstallation, signMessage } from "./support.ts";

const ABOUT = { payer: PAYER, welcome: welcomeId(FIRST) };
const ACCOUNT = `0x${"ac".repeat(20)}` as const;
const FAR = 2n ** 64n - 1n;

async function failure(promise: Promise<unknown>): Promise<StampsError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(StampsError);
  return error as StampsError;
}

describe("client/stamps", () => {
  let network: StampNetwork;
  beforeEach(() => (network = new StampNetwork()));
  afterEach(() => network.close());
  const stampAt = async (i: number) => network.books[i]!.stamps.stamp({ inbox: INBOX, payer: PAYER }, ABOUT.welcome);
  const standings = () => Promise.all(network.books.map(async (_, i) => (await stampAt(i))?.standing));

  describe("waiver", () => {
    it("frees its payer's welcome of the stamp, signed by a wallet or an installation", async () => {
      const books = await network.addDaemon({ knowsTheStamp: false });
      for (const [n, signer] of [undefined, byTheInstallation].entries()) {
        const { waiver } = network.client(signer ? { signer } : {});
        const made = await waiver.create({ payer: PAYER.toUpperCase().replace("0X", "0x"), mostUses: 1 });
        expect(made.waiver).to.include({ inbox: INBOX, payer: PAYER, mostUses: 1 });
        const headers = waiver.attach({ "x-other": "1" }, [made.text], PAYER);
        expect(headers["x-other"]).to.equal("1");
        const waivers = listFromHeader(WAIVER_HEADER, headers[WAIVER_HEADER]!);
        await books.publish(welcome(10 + n, INSTALLATION), { waivers });
        const again = await refusalOf(books.publish(welcome(20 + n, INSTALLATION), { waivers }));
        expect(again.refusal).to.equal("stamp_missing");
      }
    });

    it("takes no waiver that another signed, that is for another payer, or that is none", async () => {
      await network.addDaemon();
      const { waiver } = network.client();
      const { text } = await waiver.create({ payer: ACCOUNT });
      const wrong = (act: () => unknown) => expect(act).to.throw(StampsError).with.property("code", "bad_input");
      wrong(() => waiver.attach({}, [text], PAYER));
      wrong(() => waiver.attach({}, ["%"], PAYER));
      wrong(() => waiver.attach({}, ["AAAA"], PAYER));
      const block: Block = { kind: "block", inbox: INBOX, payer: PAYER, number: 1n, isBlocked: true };
      wrong(() => waiver.attach({}, [byWallet(block)], PAYER));
      const many = await Promise.all(Array.from({ length: 65 }, () => waiver.create({ payer: PAYER })));
      wrong(() =>
        waiver.attach(
          {},
          many.map((one) => one.packed),
          PAYER,
        ),
      );
      const twice = waiver.attach(waiver.attach({}, [many[0]!.text], PAYER), [many[0]!.packed, many[1]!.text], PAYER);
      expect(twice[WAIVER_HEADER]!.split(",")).to.deep.equal([many[0]!.text, many[1]!.text]);
      expect((await failure(waiver.create({ payer: PAYER, mostUses: 0 }))).code).to.equal("bad_input");
      expect((await failure(waiver.create({ payer: PAYER, waiverId: 0n }))).code).to.equal("bad_input");
      expect((await failure(waiver.create({ payer: "me" }))).code).to.equal("bad_input");
    });

    it("believes no signer that signs for another, and passes on that one declined", async () => {
      const as = (sign: (text: string) => Promise<string>) => network.client({ signer: walletSigner(WALLET, sign) });
      const create = (sign: (text: string) => Promise<string>) =>
        failure(as(sign).waiver.create({ payer: PAYER })).then(({ code }) => code);
      expect(await create((text) => signMessage(text, OTHER_KEY))).to.equal("bad_signature");
      expect(await create(() => signMessage("another text"))).to.equal("bad_signature");
      expect(await create(async () => `0x${"11".repeat(70)}`)).to.equal("bad_input");
      const declined = Object.assign(new Error("user rejected"), { code: "ACTION_REJECTED" });
      expect(await create(() => Promise.reject(declined))).to.equal("declined");
      const flat = as(async (text) => {
        const hex = await signMessage(text, WALLET_KEY);
        return `${hex.slice(0, -2)}0${Number.parseInt(hex.slice(-2), 16) - 27}`;
      });
      expect((await flat.waiver.create({ payer: PAYER })).waiver.payer).to.equal(PAYER);
    });

    it("37: one that is revoked frees nothing, at every node that was told", async () => {
      const all = [await network.addDaemon(), await network.addDaemon()];
      const { waiver } = network.client();
      const made = await waiver.create({ payer: PAYER });
      expect((await waiver.revoke(made.waiver)).takenBy).to.deep.equal([100, 200]);
      network.clock.advance(31 * 86_400_000);
      for (const books of all) {
        const refused = await refusalOf(books.publish(welcome(2, SECOND), { waivers: [made.packed] }));
        expect(refused.refusal).to.equal("stamp_missing");
        expect(refused.message).to.include("revoked");
      }
    });
  });

  describe("inbox", () => {
    it("shows what came, and what may be said of it until when", async () => {
      await network.addDaemon();
      await network.addDaemon();
      const { stamps, answeredBy, problems } = await network.client().inbox();
      const openedAt = BigInt(Math.floor(network.clock.now() / 1_000));
      expect(stamps).to.deep.equal([
        {
          ...{ ...ABOUT, openedAt, until: openedAt + 604_800n, price: PRICE, standing: "open", tag: undefined },
          ...{ saidBy: [100, 200], isConfirmed: true },
        },
      ]);
      expect([answeredBy, problems]).to.deep.equal([[100, 200], ""]);
    });

    it("is not deceived by one daemon about price, end, standing or sender, and marks what only one says", async () => {
      await network.addDaemon();
      await network.addDaemon();
      const now = BigInt(Math.floor(network.clock.now() / 1_000));
      const lie = { payer: PAYER, openedAt: `${now}`, until: `${now + 9_999_999n}`, price: "999999999" };
      const tag = toHex(new Uint8Array(32).fill(9));
      await network.addLiar(() => ({
        stamps: [
          { ...lie, ...{ welcome: ABOUT.welcome, standing: "accepted", tag } },
          // Twice, to have two voices.
          { ...lie, ...{ welcome: ABOUT.welcome, standing: "accepted", tag } },
          { ...lie, ...{ welcome: `0x${"99".repeat(16)}`, standing: "open" } },
        ],
      }));
      const { stamps } = await network.client().inbox();
      const real = stamps.find((one) => one.welcome === ABOUT.welcome)!;
      expect(real).to.include({ price: PRICE, standing: "open", until: now + 604_800n, isConfirmed: true });
      expect(real.tag).to.equal(undefined);
      expect(real.saidBy).to.deep.equal([100, 200]);
      expect(stamps.find((one) => one.welcome !== ABOUT.welcome)).to.include({ isConfirmed: false });
    });

    it("confirms nothing that two of five daemons make up", () => {
      const terms = { payer: PAYER, openedAt: 5n, until: 9n, price: PRICE, standing: "open" } as const;
      const made = { ...terms, welcome: ABOUT.welcome };
      const shown = [100, 200, 300, 400, 500].map((nodeId) => ({ nodeId, said: nodeId < 300 ? [made] : [] }));
      expect(mergeStamps(shown, 2)[0]).to.include({ isConfirmed: false });
      const third = shown.map((one) => (one.nodeId === 300 ? { ...one, said: [made] } : one));
      expect(mergeStamps(third, 2)[0]).to.include({ isConfirmed: true });
    });

    it("does not believe a single daemon when the others are silent", async () => {
      await network.addDaemon();
      await network.addLiar(() => undefined);
      const { code, retryable, message } = await failure(network.client().inbox());
      expect([code, retryable]).to.deep.equal(["too_few_daemons", true]);
      expect(message).to.include("node 200: it answered 500");
    });

    it("ends at a daemon whose pages do not end, and with its caller", async () => {
      await network.addDaemon();
      await network.addDaemon();
      let asked = 0;
      const endless = Array.from({ length: 100 }, (_, i) => ({
        ...{ payer: PAYER, welcome: toHex(new Uint8Array(16).fill(i)), openedAt: "5", until: "6", price: "1" },
        standing: "open",
      }));
      await network.addLiar(() => (asked++, { stamps: endless }));
      const { stamps } = await network.client().inbox({ limit: 1_000 });
      expect(stamps[0]).to.include({ isConfirmed: true, welcome: ABOUT.welcome });
      expect(asked).to.be.within(1, 10);
      const signal = AbortSignal.abort();
      expect((await failure(network.client().inbox({ signal }))).code).to.equal("aborted");
      expect((await failure(network.client().inbox({ limit: 0 }))).code).to.equal("bad_input");
    });
  });

  describe("accept and reportSpam", () => {
    it("38: reach the daemons, and accept wins", async () => {
      await network.addDaemon();
      await network.addDaemon();
      const client = network.client({ signer: byTheInstallation });
      expect(await client.reportSpam(ABOUT, ACCOUNT)).to.deep.equal({ takenBy: [100, 200], others: [] });
      expect(await standings()).to.deep.equal(["spam", "spam"]);
      await client.reportSpam(ABOUT, ACCOUNT);
      await client.accept(ABOUT);
      await client.reportSpam(ABOUT, ACCOUNT);
      expect(await standings()).to.deep.equal(["accepted", "accepted"]);
    });

    it("need more than the word of one daemon, which may drop what it says it took", async () => {
      await network.addDaemon();
      await network.addLiar(() => ({ results: [{ taken: true }] }));
      expect((await network.client().accept(ABOUT)).takenBy).to.deep.equal([100, 200]);
      expect(await standings()).to.deep.equal(["accepted"]);
      const alone = new StampNetwork();
      try {
        await alone.addLiar(() => ({ results: [{ taken: true }] }));
        await alone.addLiar(() => undefined);
        const { code, retryable } = await failure(alone.client().accept(ABOUT));
        expect([code, retryable]).to.deep.equal(["too_few_daemons", true]);
      } finally {
        await alone.close();
      }
    });

    it("say why they are refused, as enough daemons say, and not as one liar does", async () => {
      await network.addDaemon();
      await network.addDaemon();
      await network.addLiar(() => ({ results: [{ taken: false, code: "malformed_note", message: "no" }] }));
      const client = network.client();
      const unknown = await failure(client.accept({ payer: PAYER, welcome: `0x${"77".repeat(16)}` }));
      expect([unknown.code, unknown.retryable]).to.deep.equal(["no_such_stamp", true]);
      const { takenBy, others } = await client.accept(ABOUT);
      expect(takenBy).to.deep.equal([100, 200]);
      expect(others).to.deep.equal([{ nodeId: 300, problem: "malformed_note: no" }]);
      const foreign = network.client({ signer: walletSigner(ACCOUNT, (text) => signMessage(text)) });
      expect((await failure(foreign.accept(ABOUT))).code).to.equal("bad_signature");
      const stranger = walletSigner(addressOf(OTHER_KEY), (text) => signMessage(text, OTHER_KEY));
      expect((await failure(network.client({ signer: stranger }).accept(ABOUT))).code).to.equal("not_a_member");
      expect((await failure(client.accept({ payer: PAYER, welcome: "0x12" }))).code).to.equal("bad_input");
      expect((await failure(client.reportSpam(ABOUT, `0x${"00".repeat(20)}`))).code).to.equal("bad_input");
    });
  });

  describe("block and unblock", () => {
    it("keep a payer out at every node that was told, and let it in again", async () => {
      const all = [await network.addDaemon(), await network.addDaemon()];
      const client = network.client();
      await client.block({ payer: PAYER });
      expect(await client.blocks()).to.have.length(1);
      const other = network.client({ signer: byTheInstallation });
      for (const books of all) {
        const refused = await refusalOf(books.publish(welcome(3, SECOND), { stamps: 9n * PRICE }));
        expect(refused.refusal).to.equal("sender_blocked");
      }
      // Within the same millisecond, from another device.
      await other.unblock({ payer: PAYER });
      expect(await client.blocks()).to.deep.equal([]);
      for (const books of all) await books.publish(welcome(3, SECOND), { stamps: PRICE });
      await client.block({ payer: PAYER });
      expect(await other.blocks()).to.have.length(1);
    });

    it("cannot be ended for good by a number that one daemon makes up, or hidden by one", async () => {
      await network.addDaemon();
      await network.addDaemon();
      const made = (number: bigint, key: typeof OTHER_KEY) =>
        toHex(byWallet({ kind: "block", inbox: INBOX, payer: PAYER, number, isBlocked: true }, key));
      let blocks = [made(FAR, OTHER_KEY), made(7n, OTHER_KEY), "0x1234"];
      await network.addLiar((method) => (method === "GET" ? { blocks } : { results: [{ taken: true }] }));
      const client = network.client();
      expect(await client.blocks()).to.deep.equal([]);
      await client.block({ payer: PAYER });
      const [block] = await client.blocks();
      expect(block!.number).to.equal(BigInt(network.clock.now()));
      blocks = [];
      await client.unblock({ payer: PAYER });
      expect(await client.blocks()).to.deep.equal([]);
      // Two daemons of a cartel: the number is too far ahead to be an honest device's.
      blocks = [made(FAR - 5n, OTHER_KEY)];
      await network.addLiar((method) => (method === "GET" ? { blocks } : { results: [{ taken: true }] }));
      await client.block({ payer: PAYER });
      const { stamps } = network.books[0]!;
      const [kept] = await stamps.notesOf(INBOX, "block", 10);
      expect(readNote(DOMAIN, kept!.packed).note).to.include({ isBlocked: true });
      expect((readNote(DOMAIN, kept!.packed).note as Block).number < FAR / 2n).to.equal(true);
    });
  });
});
