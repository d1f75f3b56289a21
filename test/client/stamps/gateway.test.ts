import { rmSync } from "node:fs";

import { expect } from "chai";
import { Code, ConnectError } from "@connectrpc/connect";

import { outcomeOf } from "../../../src/client/adapters/grpcNode.ts";
import { httpStampDaemons } from "../../../src/client/adapters/httpStampDaemons.ts";
import { openPostgresStore } from "../../../src/client/adapters/postgres/postgresStore.ts";
import type { Gateway, GatewayOptions } from "../../../src/client/gateway.ts";
import { NO_SPEND, addSpend } from "../../../src/client/channel/spend.ts";
import { bearerTokens } from "../../../src/client/server/bearerTokens.ts";
import type { ConnectNode, PublishOutcome } from "../../../src/client/ports.ts";
import type { StampDaemons } from "../../../src/client/stamps/ports.ts";
import { stampsHandler } from "../../../src/daemon/stamps/stampRoutes.ts";
import type { Listener } from "../../../src/platform/listen.ts";
import { listen } from "../../../src/platform/listen.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { clientEnvelopeOf } from "../../../src/client/publish/lookup.ts";
import { toBase64Url } from "../../../src/protocol/bytes.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { readPayerEnvelope } from "../../../src/protocol/envelope.ts";
import type { StampHeaders } from "../../../src/protocol/stamps/headers.ts";
import { NO_STAMP_HEADERS, listFromHeader } from "../../../src/protocol/stamps/headers.ts";
import { senderTag, welcomeOfTag } from "../../../src/protocol/stamps/senderTag.ts";
import { installationPath, stampsPath, stampsSchema } from "../../../src/protocol/stamps/stampsJson.ts";
import { signVoucher, voucherAmounts, voucherToHeader } from "../../../src/protocol/voucher.ts";
import {
  FOREIGN,
  INBOX,
  INSTALLATION,
  PRICE,
  SECOND,
  byWallet,
  listInboxes,
  openStampBooks,
  waiver,
  welcome,
} from "../../daemon/stamps/support.ts";
import { DOMAIN, NODE_ID, OTHER_KEY, PAYER, storeAt } from "../../daemon/support.ts";
import { groupMessage } from "../../support/envelopes.ts";
import { sharedPostgres } from "../../support/postgres.ts";
import { CHANNEL, DOMAIN as FAKE, POSTAGE_KEY, USD } from "../support/fakeNetwork.ts";
import { GatewayHarness, publish, publishAs } from "../support/gatewayHarness.ts";

const to = (n: number, key: Hex) => clientEnvelopeOf(welcome(n, key));

// A gateway whose node has a daemon's own gate and stamp books before it.
describe("client/gateway and stamps", () => {
  let harness: GatewayHarness;
  let store: Awaited<ReturnType<typeof storeAt>>;
  let books: Awaited<ReturnType<typeof openStampBooks>>;
  let seen: { stamps: bigint; headers: StampHeaders }[];
  /** Instead of the gate, while there are any. */
  let lies: ((row: Uint8Array) => PublishOutcome)[];

  beforeEach(async () => {
    harness = new GatewayHarness(1);
    store = await storeAt(":memory:", { clock: harness.clock });
    await listInboxes(store, harness.clock);
    books = await openStampBooks(store, harness.clock);
    await books.fund(CHANNEL, { deposited: 100n * USD });
    [seen, lies] = [[], []];
  });
  afterEach(async () => {
    await harness.stop();
    await store.close();
  });

  const connectNode: ConnectNode = ({ id }) => {
    const client = harness.network.connect({ id });
    return {
      ...client,
      async publish(payerEnvelopes, row, signal, stampHeaders = NO_STAMP_HEADERS) {
        seen.push({ stamps: voucherAmounts(row).stamps, headers: stampHeaders });
        const lie = lies.shift();
        if (lie) return lie(row);
        try {
          const envelopes = payerEnvelopes.map((bytes) => readPayerEnvelope(bytes));
          const admission = await books.gate.admit({ envelopes, voucherHeader: voucherToHeader(row), stampHeaders });
          const outcome = await client.publish(
            payerEnvelopes,
            signVoucher(FAKE, voucherAmounts(row), POSTAGE_KEY),
            signal,
          );
          const ns = BigInt(harness.clock.now()) * 1_000_000n;
          for (const bytes of payerEnvelopes) books.envelopeLog.append(NODE_ID, bytes, ns);
          admission.release(true);
          await books.meter.drain();
          return outcome;
        } catch (error) {
          return outcomeOf(error);
        }
      },
    };
  };
  const start = (stamps: bigint) => harness.start({ domain: DOMAIN, connectNode, stamps });
  const send = (gateway: Gateway, envelope: Uint8Array) => harness.settle(publish(gateway, envelope));
  const refused = async (gateway: Gateway, envelope: Uint8Array) =>
    send(gateway, envelope).then(
      () => "sent",
      (error: unknown) => Code[ConnectError.from(error).code],
    );
  const demand =
    (required: bigint, authorised = 0n) =>
    (): PublishOutcome => ({
      ...{ kind: "refused", reason: "postage", message: "a stamp" },
      demand: { code: "stamp_missing", required, authorised, available: 100n * USD, retryable: false },
    });

  it("buys one stamp for a stranger, and no second one for a device of the same inbox", async () => {
    const gateway = await start(USD);
    await send(gateway, to(1, INSTALLATION));
    expect(gateway.status().stampsSigned).to.equal(PRICE);
    expect(await books.used(CHANNEL)).to.equal(PRICE);
    await send(gateway, to(2, SECOND));
    expect(gateway.status().stampsSigned).to.equal(PRICE);
    await send(gateway, to(3, FOREIGN));
    expect(gateway.status().stampsSigned).to.equal(2n * PRICE);
    expect(gateway.status().available).to.equal(100n * USD - 2n * PRICE);
  });

  it("buys what the welcomes of all gateways explain, and none twice", async function () {
    const cluster = await sharedPostgres();
    if (!cluster) return this.skip();
    const url = await cluster.create();
    const shared = async () =>
      harness.start({ domain: DOMAIN, connectNode, stamps: USD, store: await openPostgresStore(url, silentLog) });
    const [one, two] = [await shared(), await shared()];
    await send(one, to(1, INSTALLATION));
    await send(two, to(2, FOREIGN));
    await send(two, to(3, SECOND));
    expect(two.status().stampsSigned).to.equal(2n * PRICE);
    expect(await books.used(CHANNEL)).to.equal(2n * PRICE);
    await harness.run(5_000, 100);
    expect(one.status().stampsSigned).to.equal(2n * PRICE);
    lies.push(demand(3n * PRICE, 2n * PRICE));
    await send(two, to(4, FOREIGN));
    expect(two.status().stampsSigned, "what one bought explains nothing more").to.equal(2n * PRICE);
  });

  it("books the ceiling of a stamp on who sent the welcome, and holds it to the budget", async () => {
    const token = "the-token-of-alice";
    const authenticate = bearerTokens([{ token, user: "alice" }]);
    const budgets = { user: { postage: PRICE + 2_000n } };
    const gateway = await harness.start({ domain: DOMAIN, connectNode, stamps: USD, authenticate, budgets });
    await harness.settle(publishAs(token, gateway, to(1, INSTALLATION)));
    const second = await harness
      .settle(publishAs(token, gateway, to(2, FOREIGN)))
      .catch((error: unknown) => ConnectError.from(error).message);
    expect(second).to.include('user "alice" has 0.012000 USD of postage');
    expect(gateway.status().stampsSigned).to.equal(PRICE);
    let sum = NO_SPEND;
    for await (const row of gateway.spend()) {
      expect(row).to.include({ user: "alice", kind: "welcome" });
      sum = addSpend(sum, row);
    }
    expect(sum).to.include({ count: 1n, stampUnits: PRICE, postagePico: gateway.status().usagePico });
  });

  it("buys none unless it is told, and says what to do at once", async () => {
    const gateway = await start(0n);
    expect(await refused(gateway, to(1, INSTALLATION))).to.equal("FailedPrecondition");
    expect(gateway.status().stampsSigned).to.equal(0n);
    expect(harness.clock.now() - Date.UTC(2026, 0, 1)).to.be.lessThan(20_000);
  });

  it("never signs above what is allowed in all, whatever a node asks for", async () => {
    const gateway = await start(PRICE);
    await send(gateway, to(1, INSTALLATION));
    expect(await refused(gateway, to(2, FOREIGN))).to.equal("FailedPrecondition");
    expect(gateway.status().stampsSigned).to.equal(PRICE);
    expect(seen.every(({ stamps }) => stamps <= PRICE)).to.equal(true);
  });

  it("signs for a lying node no more than the welcomes explain, and nothing for a message that is none", async () => {
    const gateway = await start(10n * USD);
    // Nine dollars for one welcome; then twice the price of a stamp; then the true price again and again.
    lies = [demand(9n * USD), demand(2n * PRICE), demand(PRICE), demand(2n * PRICE, PRICE), demand(3n * PRICE, PRICE)];
    await send(gateway, to(1, INSTALLATION));
    expect(gateway.status().stampsSigned).to.equal(PRICE);
    lies = [demand(2n * PRICE, PRICE)];
    await send(gateway, groupMessage(1));
    expect(gateway.status().stampsSigned).to.equal(PRICE);
    expect(seen.every(({ stamps }) => stamps <= PRICE)).to.equal(true);
  });

  it("takes no demand for a stamp as one for fees", async () => {
    const gateway = await start(0n);
    lies = [demand(9_000n)];
    await send(gateway, to(1, INSTALLATION)).catch(() => {});
    expect(gateway.status().authorised < 100n).to.equal(true);
  });

  it("signs no ceiling that the deposit does not back, and remembers what it signed after a restart", async () => {
    let gateway = await start(USD);
    await send(gateway, to(1, INSTALLATION));
    await harness.settle(gateway.close());
    gateway = await start(USD);
    expect(gateway.status().stampsSigned).to.equal(PRICE);
    harness.network.channel.deposited = PRICE + 5_000n;
    await harness.run(2_000);
    expect(gateway.status().available).to.equal(5_000n);
    expect(await refused(gateway, to(2, FOREIGN))).to.equal("ResourceExhausted");
    expect(gateway.status().stampsSigned).to.equal(PRICE);
  });

  it("shows a waiver with the welcome that it is for, and to no other", async () => {
    const packed = byWallet(waiver(harness.clock));
    const handed = { waiver: toBase64Url(packed), installations: [INSTALLATION, SECOND.slice(2)] };
    const gateway = await start(USD);
    const reply = await fetch(`${gateway.url}/waivers`, { method: "POST", body: JSON.stringify(handed) });
    expect([reply.status, await reply.json()]).to.deep.equal([200, { inbox: INBOX, waiverId: "1" }]);
    await send(gateway, to(1, INSTALLATION));
    expect(seen.at(-1)!.headers).to.deep.equal({ waiver: handed.waiver, sender: null });
    expect([gateway.status().stampsSigned, await books.used(CHANNEL)]).to.deep.equal([0n, 0n]);
    await send(gateway, to(2, FOREIGN));
    expect(seen.at(-1)!.headers).to.deep.equal(NO_STAMP_HEADERS);
    expect(gateway.status().stampsSigned).to.equal(PRICE);
  });

  it("takes no waiver that is another payer's, expired, nobody's, or without installations", async () => {
    const gateway = await start(USD);
    const code = async (changes: Parameters<typeof waiver>[1], installations: string[] = [INSTALLATION]) => {
      const body = JSON.stringify({ waiver: toBase64Url(byWallet(waiver(harness.clock, changes))), installations });
      const reply = await fetch(`${gateway.url}/waivers`, { method: "POST", body });
      return [reply.status, ((await reply.json()) as { code?: string }).code];
    };
    expect(PAYER).to.equal(CHANNEL);
    expect(await code({ payer: `0x${"ab".repeat(20)}` })).to.deep.equal([400, "bad_input"]);
    expect(await code({ notAfter: 1n })).to.deep.equal([400, "bad_input"]);
    expect(await code({}, [])).to.deep.equal([400, "bad_input"]);
    expect(await code({}, ["0x12"])).to.deep.equal([400, "bad_input"]);
    const other = await fetch(`${gateway.url}/waivers`, { method: "POST", body: "{" });
    expect(other.status).to.equal(400);
    // Signed by somebody who is not of the inbox: the node does not take it, and a stamp is bought.
    gateway.addWaiver({
      waiver: toBase64Url(byWallet(waiver(harness.clock), OTHER_KEY)),
      installations: [INSTALLATION],
    });
    await send(gateway, to(1, INSTALLATION));
    expect(gateway.status().stampsSigned).to.equal(PRICE);
  });

  describe("with the senders' tags", () => {
    const TOKENS = { alice: "the-token-of-alice", bob: "the-token-of-bob-", carol: "the-token-of-carol" };
    const inboxes = { alice: "a1".repeat(32), bob: "b0".repeat(32), carol: undefined };
    const authenticate = bearerTokens(
      Object.entries(TOKENS).map(([user, token]) => {
        const inboxId = inboxes[user as keyof typeof inboxes];
        const own = user === "bob" ? { installationId: SECOND.slice(2) } : {};
        return { token, user, ...(inboxId ? { inboxId, ...own } : {}) };
      }),
    );
    const secret = new Uint8Array(32).fill(5);
    let daemon: Listener;
    let asked: string[];
    beforeEach(async () => {
      asked = [];
      const channel = async () => ({ used: 0n, signed: 0n, price: PRICE });
      const handler = stampsHandler({ desk: books.desk, store: books.stamps, channel, log: silentLog });
      daemon = await listen(
        (request, response) => {
          asked.push(request.url!);
          handler(request, response);
        },
        { host: "127.0.0.1", port: 0 },
      );
    });
    afterEach(() => daemon.close());

    const daemons: Pick<StampDaemons, "inboxOf"> = {
      inboxOf: (_address, ...rest) => httpStampDaemons.inboxOf(`http://127.0.0.1:${daemon.port}`, ...rest),
    };
    const open = (changes: Partial<GatewayOptions> = {}) =>
      harness.start({
        ...{ domain: DOMAIN, connectNode, stamps: USD, authenticate, senderTags: { secret, daemons } },
        ...changes,
      });
    const outcome = (gateway: Gateway, token: string, envelope: Uint8Array) =>
      harness.settle(publishAs(token, gateway, envelope)).then(
        () => "sent",
        (error: unknown) => Code[ConnectError.from(error).code],
      );

    it("a block of one user, made of what came through one gateway, holds at another, and for nobody else", async () => {
      const first = await open();
      expect(await outcome(first, TOKENS.alice, to(1, INSTALLATION))).to.equal("sent");
      const shown = await (await fetch(`http://127.0.0.1:${daemon.port}${stampsPath(INBOX)}`)).json();
      const [stamp] = stampsSchema.parse(shown).stamps;
      expect(stamp!.tag).to.equal(senderTag(secret, `0x${inboxes.alice}`, INBOX));
      const block = {
        kind: "block",
        inbox: INBOX,
        payer: PAYER,
        number: 1n,
        isBlocked: true,
        tag: stamp!.tag!,
      } as const;
      await books.desk.take([byWallet(block)], "");
      await harness.settle(first.close());
      // Another machine's: it knows of the channel what the chain knows.
      rmSync(harness.storePath);
      harness.network.channel.stampsSigned = PRICE;
      const second = await open();
      expect(await outcome(second, TOKENS.alice, to(2, SECOND)), "another device of hers").to.equal("PermissionDenied");
      expect(await outcome(second, TOKENS.bob, to(3, INSTALLATION))).to.equal("sent");
      expect(await outcome(second, TOKENS.alice, to(4, FOREIGN)), "somebody else").to.equal("sent");
      expect(await outcome(second, TOKENS.carol, to(5, INSTALLATION)), "untagged").to.equal("PermissionDenied");
    });

    it("asks whose an installation is once, and not at all for its own users or for what is no welcome", async () => {
      const gateway = await open();
      await outcome(gateway, TOKENS.alice, to(1, INSTALLATION));
      await outcome(gateway, TOKENS.bob, to(2, INSTALLATION));
      await outcome(gateway, TOKENS.alice, to(3, SECOND));
      await outcome(gateway, TOKENS.bob, groupMessage(1));
      expect(asked).to.deep.equal([installationPath(INSTALLATION)]);
      expect(seen.at(-1)!.headers).to.deep.equal(NO_STAMP_HEADERS);
    });

    it("sends on without a tag when no daemon knows the installation, or none answers", async () => {
      const gateway = await open();
      expect(await outcome(gateway, TOKENS.alice, to(1, `0x${"99".repeat(32)}`))).to.equal("sent");
      expect(seen.at(-1)!.headers).to.deep.equal(NO_STAMP_HEADERS);
      await daemon.close();
      expect(await outcome(gateway, TOKENS.alice, to(2, FOREIGN))).to.equal("sent");
      expect(seen.at(-1)!.headers).to.deep.equal(NO_STAMP_HEADERS);
    });

    it("tags every welcome of a call that has more than one header takes", async () => {
      const gateway = await open();
      const welcomes = Array.from({ length: 70 }, (_, n) => to(n, n % 2 === 0 ? INSTALLATION : SECOND));
      await harness.settle(publishAs(TOKENS.alice, gateway, ...welcomes));
      const tags = seen.flatMap(({ headers }) => listFromHeader("test", headers.sender));
      expect(new Set(tags.map(welcomeOfTag)).size).to.equal(70);
      expect(Math.max(...seen.map(({ headers }) => headers.sender!.length))).to.be.lessThan(8_000);
    });
  });

  it("tells at once that the recipient blocks the sender", async () => {
    const gateway = await start(USD);
    const block = { kind: "block", inbox: INBOX, payer: PAYER, number: 1n, isBlocked: true } as const;
    await books.desk.take([byWallet(block)], "");
    expect(await refused(gateway, to(1, INSTALLATION))).to.equal("PermissionDenied");
    expect(gateway.status().stampsSigned).to.equal(0n);
  });
});
