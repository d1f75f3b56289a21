import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import { GatewayError } from "../../src/client/errors.ts";
import { bearerTokens } from "../../src/client/server/bearerTokens.ts";
import type { Authenticate, GatewayUser } from "../../src/client/server/callers.ts";
import { Callers } from "../../src/client/server/callers.ts";
import { silentLog } from "../../src/platform/log.ts";
import { groupMessage } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";
import { GatewayHarness, payerApi, publish, publishAs } from "./support/gatewayHarness.ts";

const ALICE = "alice-has-this-token";
const BOB = "bob-has-another-token";
const authenticate = bearerTokens([
  { token: ALICE, user: "alice", app: "chat" },
  { token: BOB, user: "bob", app: "chat" },
]);
const INBOX = "ab".repeat(32);
const NEVER = new AbortController().signal;

/** The status, and what the detail says to programs. */
async function refusal(promise: Promise<unknown>) {
  try {
    await promise;
  } catch (error) {
    const failure = ConnectError.from(error);
    const [detail] = failure.findDetails(PostageRefusalSchema);
    return { status: Code[failure.code], message: failure.message, detail };
  }
  throw new Error("it was not refused");
}

describe("client/gateway callers", () => {
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  it("serves who the app knows, and refuses everybody else before anything is signed", async () => {
    const gateway = await harness.start({ authenticate });
    for (const publishing of [publish(gateway, groupMessage(1)), publishAs(`${ALICE}!`, gateway, groupMessage(1))]) {
      const { status, detail } = await refusal(harness.settle(publishing));
      expect(status).to.equal("Unauthenticated");
      expect(detail).to.include({ code: "unauthenticated", retryable: false, renewsAt: 0n });
    }
    expect(gateway.status()).to.include({ authorised: 0n, openAttempts: 0 });
    await harness.settle(publishAs(ALICE, gateway, groupMessage(1)));
    expect(gateway.status().usagePico > 0n).to.equal(true);
  });

  it("tells everybody which nodes there are: whoever reads needs no name", async () => {
    const gateway = await harness.start({ authenticate });
    expect(Object.keys((await payerApi(gateway).getNodes({})).nodes)).to.have.length(3);
  });

  it("passes on what the app's check says as a GatewayError, and keeps other reasons to itself", async () => {
    const checks: Authenticate[] = [
      () => {
        throw new GatewayError("chain_unavailable", "our session store is away", { retryable: true });
      },
      async () => {
        throw new Error("row 17 of secrets");
      },
    ];
    const refusals = [];
    for (const check of checks) {
      await harness.stop();
      harness = new GatewayHarness();
      const gateway = await harness.start({ authenticate: check });
      refusals.push(await refusal(harness.settle(publish(gateway, groupMessage(1)))));
    }
    const [first, second] = refusals;
    expect(first).to.include({ status: "Unavailable" });
    expect(first!.message).to.include("our session store is away");
    expect(second).to.include({ status: "Unauthenticated" });
    expect(second!.message).not.to.include("row 17");
  });

  it("does not wait for ever for the app's check", async () => {
    const gateway = await harness.start({ authenticate: () => new Promise(() => {}) });
    const { status } = await refusal(harness.settle(publish(gateway, groupMessage(1))));
    expect(status).to.equal("Unavailable");
  });

  it("holds a user to its share of a minute, says until when, and leaves others alone", async () => {
    const gateway = await harness.start({ authenticate, rateLimits: { user: 3 } });
    await harness.settle(publishAs(ALICE, gateway, groupMessage(1), groupMessage(2)));
    const { status, detail } = await refusal(
      harness.settle(publishAs(ALICE, gateway, groupMessage(3), groupMessage(4))),
    );
    expect(status).to.equal("ResourceExhausted");
    expect(detail).to.include({ code: "rate_limited", retryable: true });
    const seconds = Number(detail!.renewsAt) - harness.clock.now() / 1_000;
    expect(seconds).to.be.within(10, 21);
    await harness.settle(publishAs(BOB, gateway, groupMessage(5)));
    await harness.run(seconds * 1_000 + 20);
    await harness.settle(publishAs(ALICE, gateway, groupMessage(3), groupMessage(4)));
  });

  it("holds an app to its share, whoever of its users sends", async () => {
    const gateway = await harness.start({ authenticate, rateLimits: { app: 2, user: 2 } });
    await harness.settle(publishAs(ALICE, gateway, groupMessage(1), groupMessage(2)));
    const { message } = await refusal(harness.settle(publishAs(BOB, gateway, groupMessage(3))));
    expect(message).to.include('app "chat" may send 2');
  });

  it("lets a call that is larger than a minute's share through once the share is full, and makes it up afterwards", async () => {
    const clock = new ManualClock();
    const callers = new Callers({
      ...{ authenticate: undefined, rateLimits: { user: 2 }, timeoutMs: 1_000, clock, log: silentLog },
    });
    const admit = (envelopes: number) =>
      callers.admit(new Headers(), envelopes, NEVER).then(
        () => "admitted",
        (error: GatewayError) => error.code,
      );
    expect(await admit(4)).to.equal("admitted");
    clock.advance(60_000);
    expect(await admit(1)).to.equal("rate_limited");
    clock.advance(30_000);
    expect(await admit(1)).to.equal("admitted");
  });

  it("refuses names that no report could print, and keys that are none: that is the app's mistake", async () => {
    const users: GatewayUser[] = [
      { user: "" },
      { user: "a\nb" },
      { user: "a", app: "x".repeat(129) },
      { user: "a", inboxId: "ab" },
      { user: "a", installationId: `${INBOX}00` },
    ];
    for (const user of users) {
      const callers = new Callers({
        ...{ authenticate: () => user, rateLimits: {}, timeoutMs: 1_000, clock: new ManualClock(), log: silentLog },
      });
      const outcome = await callers.admit(new Headers(), 1, NEVER).catch((error: unknown) => error);
      expect(outcome, JSON.stringify(user)).to.be.instanceOf(TypeError);
    }
  });

  it("takes tokens that are long enough and of one user each", () => {
    expect(() => bearerTokens([{ token: "short", user: "a" }])).to.throw(TypeError, "the token of a");
    expect(() => bearerTokens([{ token: `${ALICE} `, user: "a" }])).to.throw(TypeError);
    const twice = ["a", "b"].map((user) => ({ token: ALICE, user }));
    expect(() => bearerTokens(twice)).to.throw(TypeError, "twice");
  });
});
