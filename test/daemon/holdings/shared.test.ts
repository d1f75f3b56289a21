import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { Code } from "@connectrpc/connect";
import { expect } from "chai";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import { chargeDigest } from "../../../src/daemon/account.ts";
import type { HoldingStore } from "../../../src/daemon/holdings/ports.ts";
import type { PostageRefused } from "../../../src/daemon/refusal.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { readPayerEnvelope } from "../../../src/protocol/envelope.ts";
import { readVoucher, signVoucher } from "../../../src/protocol/voucher.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { BACKENDS, failureOf, onBoth } from "../store/backends.ts";
import { DOMAIN, NODE_ID, OTHER_KEY, PAYER, PAYER_KEY, refusalOf } from "../support.ts";
import { fund, killOneOfTwo } from "./sharedKill.ts";
import { FEE_PICO, SharedNode, countOf, feesOf } from "./support.ts";

const shared = BACKENDS.filter(({ isShared }) => isShared);
/** Ten messages cost 0.01 USD at so much, which is what a node lends at least. */
const PLENTY = 4_000_000n;

onBoth(
  "holdings of processes",
  (fixture) => {
    let node: SharedNode;
    const two = async () => [await node.process(), await node.process()] as const;

    beforeEach(async () => {
      node = new SharedNode(fixture);
      await node.fund();
    });

    describe("what one channel may have in all", () => {
      it("58: one headroom shown to two processes at once is lent once", async () => {
        const processes = await two();
        const fees = feesOf(7);
        const calls = Array.from({ length: 40 }, (_, n) => processes[n % 2]!.publish(n, fees));
        const outcomes = await Promise.allSettled(calls);
        expect(countOf(outcomes)).to.equal(7);
        const codes = outcomes.map((one) => (one.status === "rejected" ? (one.reason as PostageRefused).refusal : ""));
        expect(new Set(codes)).to.deep.equal(new Set(["", "voucher_short"]));
        expect(await node.held()).to.deep.equal({ messages: 7, pico: 7n * FEE_PICO });
      });

      it("the exposure cap holds for all processes together (D4)", async () => {
        node.terms.exposureCap = feesOf(5);
        const processes = await two();
        const outcomes = await Promise.allSettled(
          Array.from({ length: 30 }, (_, n) => processes[n % 2]!.publish(n, PLENTY)),
        );
        expect(countOf(outcomes)).to.equal(5);
        expect((await refusalOf(processes[0].publish(99, PLENTY))).refusal).to.equal("exposure_cap");
      });

      it("the deposit is backed once, whoever metered, held or raised", async () => {
        await node.fund(PAYER, feesOf(4));
        const [one, other] = await two();
        one.store(1, await one.publish(1, PLENTY));
        await other.meter.drain();
        await one.publish(2, PLENTY);
        await other.publish(3, PLENTY);
        await one.publish(4, PLENTY);
        for (const process of [one, other]) {
          expect((await refusalOf(process.publish(5, PLENTY))).refusal).to.equal("deposit_short");
        }
      });

      it("58: a node's share of a headroom is lent once between rounds, and each process's round frees what it lent", async () => {
        node.terms.seats = 4;
        // 5,000 messages of headroom, of which this node lends 1,250; at least 0.01 USD, 3,700 messages.
        const [one, other] = await two();
        await one.publish(0, feesOf(5_000));
        const dear = 10_000_000_000n - FEE_PICO;
        await fixture.place.query(`update lent set pico = ${dear}`);
        await other.publish(1);
        expect(await node.lentPico()).to.equal(dear + FEE_PICO);
        expect((await refusalOf(other.publish(2))).refusal).to.equal("lending_limit");
        expect((await refusalOf(one.publish(2))).refusal).to.equal("lending_limit");
        await other.holdings.noteRound();
        expect(await node.lentPico(), "what the other lent, its peers do not know yet").to.equal(dear);
        await other.publish(2);
        expect((await refusalOf(other.publish(3))).refusal).to.equal("lending_limit");
        await one.holdings.noteRound();
        await other.publish(3);
        expect([one.holdings.isLent, other.holdings.isLent]).to.deep.equal([false, true]);
      });

      it("47: nothing is lent twice when another process meters while a call of several payers is looked at", async () => {
        const other = addressOf(OTHER_KEY);
        await node.fund(other);
        const [one, second] = await two();
        await one.ledger.raise([readVoucher(DOMAIN, signVoucher(DOMAIN, { fees: 5_000n, stamps: 0n }, OTHER_KEY))]);
        one.store(1, await one.publish(1, feesOf(1)));
        const both = [payerEnvelope(2, NODE_ID, PAYER_KEY), payerEnvelope(3, NODE_ID, OTHER_KEY)];
        const envelopes = both.map((bytes) => readPayerEnvelope(bytes));
        const calls = Array.from({ length: 20 }, () => second.gate.admit({ envelopes, voucherHeader: null }));
        const outcomes = await Promise.all([one.meter.drain(), ...calls.map((call) => refusalOf(call))]);
        for (const refusal of outcomes.slice(1)) expect((refusal as PostageRefused).refusal).to.equal("voucher_short");
        expect(await node.held(), "nor half of it").to.deep.equal({ messages: 0, pico: 0n });
      });

      it("numbers messages after those that other processes hold: load is everybody's", async () => {
        const [one, other] = await two();
        for (let n = 0; n < 5; n++) await one.publish(n, PLENTY);
        await other.publish(5);
        expect(other.holdings.count).to.equal(6);
      });
    });

    describe("one envelope", () => {
      it("56: a thousand identical vouchers and envelopes at two processes are one charge, and all get one answer", async () => {
        const processes = await two();
        const fees = feesOf(3);
        const outcomes = await Promise.allSettled(
          Array.from({ length: 1_000 }, (_, i) => processes[i % 2]!.publish(1, fees)),
        );
        const winner = outcomes[0]!.status === "fulfilled" ? 0 : 1;
        for (const [i, one] of outcomes.entries()) {
          if (i % 2 === winner) expect(one.status).to.equal("fulfilled");
          else expect(((one as PromiseRejectedResult).reason as PostageRefused).refusal).to.equal("in_progress");
        }
        const holds = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
        expect(
          holds.filter((hold) => hold.isHeld()),
          "one of them may send it",
        ).to.have.length(1);
        expect(await node.held()).to.deep.equal({ messages: 1, pico: FEE_PICO });
        processes[winner].store(
          1,
          holds.find((hold) => hold.isHeld()),
        );
        await processes[1 - winner]!.meter.drain();
        const again = await Promise.all(Array.from({ length: 1_000 }, (_, i) => processes[i % 2]!.publish(1, fees)));
        expect(again.some((hold) => hold.isHeld())).to.equal(false);
        expect(await node.usagePico()).to.equal(FEE_PICO);
        expect(await node.held()).to.deep.equal({ messages: 0, pico: 0n });
      });

      it("that another process has under way is refused for a while, as what its payer must not send elsewhere", async () => {
        const [one, other] = await two();
        const hold = await one.publish(1, PLENTY);
        const refusal = await refusalOf(other.publish(1, PLENTY));
        expect([refusal.refusal, refusal.code]).to.deep.equal(["in_progress", Code.Unavailable]);
        expect(refusal.findDetails(PostageRefusalSchema)[0]).to.deep.include({ code: "in_progress", retryable: true });
        hold.release(false);
        await one.settled();
        expect((await other.publish(1, PLENTY)).isHeld(), "the node did not store it").to.equal(true);
      });

      it("of a call is refused with all of it, and nothing of the call is held", async () => {
        const [one, other] = await two();
        await one.publish(1, PLENTY);
        const envelopes = [2, 1, 3].map((n) => readPayerEnvelope(payerEnvelope(n, NODE_ID, PAYER_KEY)));
        expect((await refusalOf(other.gate.admit({ envelopes, voucherHeader: null }))).refusal).to.equal("in_progress");
        expect((await node.held()).messages).to.equal(1);
      });

      it("that was metered between a look and the hold is not sent again", async () => {
        const [one, other] = await two();
        one.store(1, await one.publish(1, PLENTY));
        const [hold] = await Promise.all([other.publish(1).catch(() => undefined), one.meter.drain()]);
        expect(hold?.isHeld() ?? false).to.equal(false);
        expect((await other.publish(1)).isHeld()).to.equal(false);
        expect(await node.usagePico()).to.equal(FEE_PICO);
      });

      it("leaves its hold for its charge in one step: a payer never has both, nor neither", async () => {
        const [one, other] = await two();
        const messages = 60;
        const numbers = Array.from({ length: messages }, (_, n) => n);
        const holds = await Promise.all(numbers.map((n) => one.publish(n, feesOf(messages))));
        for (const n of numbers) one.store(n, holds[n]);
        const read = node.log.read.bind(node.log);
        // In many small steps, of which each is a moment to look at.
        node.log.read = (id, after) => read(id, after, 3);
        let metered = false;
        const meter = other.meter.drain().then(() => (metered = true));
        let tried = 0;
        do {
          // All of the voucher is held or charged, so one more is short by exactly one, whatever the moment.
          const refusal = await refusalOf((tried++ % 2 ? one : other).publish(1_000));
          const [detail] = refusal.findDetails(PostageRefusalSchema);
          expect(detail).to.deep.include({ code: "voucher_short", required: feesOf(messages + 1) });
        } while (!metered);
        await meter;
        expect(tried).to.be.greaterThan(1);
        expect(await node.usagePico()).to.equal(BigInt(messages) * FEE_PICO);
      });
    });

    describe("what is given back", () => {
      it("can be lent by every process again, and counts as not lent", async () => {
        node.terms.seats = 4;
        const [one, other] = await two();
        const holds = await Promise.all([1, 2, 3].map((n) => one.publish(n, feesOf(3))));
        expect((await refusalOf(other.publish(4))).refusal).to.equal("voucher_short");
        for (const hold of holds) hold.release(false);
        await one.settled();
        expect(await node.lentPico()).to.equal(0n);
        for (const n of [4, 5, 6]) await other.publish(n);
        expect((await refusalOf(one.publish(7))).refusal).to.equal("voucher_short");
      });

      it("54: is given back when the database was away, and so is what it may have held without saying so", async () => {
        const state = { isLosing: false, isAway: false };
        const flaky = (holdings: HoldingStore): HoldingStore =>
          new Proxy(holdings, {
            get: (target, name) => {
              const value = Reflect.get(target, name) as unknown;
              if (name !== "exchange") return typeof value === "function" ? (value.bind(target) as unknown) : value;
              return async (...args: Parameters<HoldingStore["exchange"]>) => {
                if (state.isAway) throw new Error("away");
                const exchanged = await target.exchange(...args);
                if (state.isLosing) throw new Error("the answer was lost");
                return exchanged;
              };
            },
          });
        const [one, other] = [await node.process(flaky), await node.process()];
        const hold = await one.publish(1, feesOf(2));
        state.isLosing = true;
        expect((await failureOf(one.publish(2))).message).to.equal("the answer was lost");
        Object.assign(state, { isLosing: false, isAway: true });
        hold.release(false);
        await failureOf(one.publish(3));
        expect((await node.held()).messages, "still in the database").to.equal(2);
        state.isAway = false;
        await one.settled();
        expect((await node.held()).messages).to.equal(0);
        await other.publish(1);
        await other.publish(2);
      });

      it("is bounded: a process that nobody meters holds 50,000 and turns the next away", async () => {
        const [one] = await two();
        await one.publish(1, PLENTY);
        for (let n = 1; n < 50_000; n++) {
          one.ledger.reservations.add({ channel: PAYER, digest: n.toString(16).padStart(32, "0"), feePico: 1n });
        }
        expect((await refusalOf(one.publish(2))).refusal).to.equal("busy");
        one.ledger.reservations.remove(PAYER, "1".padStart(32, "0"));
        await one.publish(2);
      });
    });

    describe("a process that is gone", () => {
      const digestOf = (n: number) => chargeDigest(readPayerEnvelope(payerEnvelope(n, NODE_ID, PAYER_KEY)).digest);

      it("keeps what it held for its lease and a grace, and then loses all of it when the log was metered", async () => {
        node.terms.seats = 4;
        const [dead, other] = await two();
        dead.store(1, await dead.publish(1, feesOf(3)));
        await dead.publish(2);
        await other.publish(3);
        await node.pass(59_000, { process: dead });
        await other.holdings.tend();
        await other.meter.drain();
        expect(await node.usagePico(), "what the node had is charged").to.equal(FEE_PICO);
        expect((await node.held()).messages, "and what it may have is held").to.equal(2);
        expect((await refusalOf(other.publish(4))).refusal).to.equal("voucher_short");
        expect((await refusalOf(other.publish(2))).refusal).to.equal("in_progress");

        await node.pass(1_001, { process: dead });
        await other.holdings.tend();
        expect((await node.held()).messages, "not before the log was metered").to.equal(2);
        await other.meter.drain();
        expect((await node.held()).messages).to.equal(1);
        expect(await fixture.place.query("select id from processes")).to.have.length(1);
        expect(await node.lentPico(), "what it lent was lent all the same").to.equal(3n * FEE_PICO);
        await other.holdings.noteRound();
        expect(await node.lentPico()).to.equal(0n);
        expect((await other.publish(2)).isHeld()).to.equal(true);
      });

      it("is drained by one that metered for longer than its own lease", async () => {
        const [dead, other] = await two();
        await dead.publish(1, PLENTY);
        await other.number();
        await node.pass(61_000, { process: dead });
        await other.holdings.tend();
        await node.pass(31_000, { process: other });
        await other.meter.drain();
        expect((await node.held()).messages).to.equal(0);
      });

      it("is not drained by a run of the meter that began before it was gone, or did not reach the end", async () => {
        const [dead, other] = await two();
        await dead.publish(1, PLENTY);
        await node.pass(61_000, { process: dead });
        await other.meter.drain();
        expect((await node.held()).messages, "nobody had looked").to.equal(1);
        await other.holdings.tend();
        const read = node.log.read.bind(node.log);
        node.log.append(NODE_ID, payerEnvelope(1, NODE_ID, PAYER_KEY), 1n);
        node.log.read = async () => Promise.reject(new Error("disk error"));
        await failureOf(other.meter.drain());
        expect((await node.held()).messages).to.equal(1);
        node.log.read = read;
        await other.meter.drain();
        expect((await node.held()).messages).to.equal(0);
        expect(await node.usagePico()).to.equal(FEE_PICO);
      });

      it("has the log's end asked for anew: what it had sent this process may not have heard of", async () => {
        const [dead, other] = await two();
        await dead.publish(1, PLENTY);
        const doubted: number[] = [];
        Object.assign(node.log, { doubt: (id: number) => void doubted.push(id) });
        node.log.append(NODE_ID, payerEnvelope(7, NODE_ID, PAYER_KEY), 1n);
        await other.meter.drain();
        expect(doubted).to.deep.equal([]);
        await node.pass(61_000, { process: dead });
        await other.holdings.tend();
        await other.meter.drain();
        expect(doubted).to.deep.equal([NODE_ID]);
      });

      it("53: and comes back, paused past its lease, holds nothing: neither its old holds nor its releases count", async () => {
        const [paused, other] = await two();
        const old = await paused.publish(1, feesOf(1));
        expect(old.isHeld()).to.equal(true);
        await node.pass(61_000, { process: paused });
        expect(old.isHeld(), "by its own clock, without asking").to.equal(false);
        await other.holdings.tend();
        await other.meter.drain();
        const hold = await other.publish(1);
        expect(hold.isHeld()).to.equal(true);
        await paused.holdings.tend();
        expect(old.isHeld(), "nor under its new number").to.equal(false);
        expect(paused.ledger.reservations.count).to.equal(0);
        old.release(false);
        await paused.settled();
        expect(await node.held(), "what the other holds stays held").to.deep.equal({ messages: 1, pico: FEE_PICO });
        expect((await refusalOf(paused.publish(1))).refusal).to.equal("in_progress");
        other.store(1, hold);
        await other.meter.drain();
        expect(await node.usagePico()).to.equal(FEE_PICO);
      });

      it("53: and comes back, is told the end of a call from before: what it holds now stays held", async () => {
        const [paused, other] = await two();
        const old = await paused.publish(1, PLENTY);
        await node.pass(61_000, { process: paused });
        await other.holdings.tend();
        await other.meter.drain();
        await paused.holdings.tend();
        const hold = await paused.publish(1);
        old.release(false);
        await paused.settled();
        expect([hold.isHeld(), (await node.held()).messages]).to.deep.equal([true, 1]);
      });

      it("53: a hold under a lease that has ended is not made: the process looks first what it is", async () => {
        const [paused, other] = await two();
        await paused.publish(1, feesOf(2));
        const before = await paused.number();
        await node.pass(61_000, { process: paused });
        await other.holdings.tend();
        await other.meter.drain();
        // It does not know yet, and the voucher raises something.
        const hold = await paused.publish(2, feesOf(2) + 1n);
        expect(hold.isHeld()).to.equal(true);
        expect(await paused.number()).to.not.equal(before);
        const rows = await fixture.place.query(
          "select process_id::text, encode(digest, 'hex') as digest from reservations",
        );
        expect(rows).to.deep.equal([{ process_id: String(await paused.number()), digest: digestOf(2) }]);
      });

      it("53: and holds something before it knows that it was taken for gone is not drained of that", async () => {
        const [paused, other] = await two();
        await paused.publish(1, PLENTY);
        await node.pass(61_000, { process: paused });
        await other.holdings.tend();
        expect((await paused.publish(2)).isHeld()).to.equal(true);
        await other.meter.drain();
        expect((await node.held()).messages, "it has renewed its lease first").to.equal(2);
      });

      it("and comes back before anybody looked keeps what it holds", async () => {
        const [paused, other] = await two();
        const hold = await paused.publish(1, feesOf(1));
        await node.pass(61_000, { process: paused });
        await other.holdings.tend();
        await paused.holdings.tend();
        expect(hold.isHeld()).to.equal(true);
        await other.meter.drain();
        expect((await node.held()).messages).to.equal(1);
        expect((await refusalOf(other.publish(2))).refusal).to.equal("voucher_short");
      });

      it("61: and said so leaves nothing to wait for but what the node may yet store", async () => {
        const [first, second, other] = [await node.process(), await node.process(), await node.process()];
        first.store(1, await first.publish(1, PLENTY));
        const given = await first.publish(2);
        given.release(false);
        await first.holdings.close();
        await second.publish(3);
        await second.holdings.close();
        await other.holdings.tend();
        await other.meter.drain();
        expect((await node.held()).messages, "the one that may be under way").to.equal(1);
        expect((await refusalOf(other.publish(3))).refusal).to.equal("in_progress");
        await fixture.place.query("update processes set expires_at = expires_at - 30001");
        await other.holdings.tend();
        await other.meter.drain();
        expect((await node.held()).messages).to.equal(0);
      });

      for (const [n, harm] of (["kill", "pause"] as const).entries()) {
        const what = { kill: "47: killed -9", pause: "53: stopped and resumed" }[harm];
        it(`${what} while two work: nothing is sent or lent twice or lost, and what it held comes free`, async () => {
          const file = join(mkdtempSync(join(tmpdir(), "pennyblack-log-")), "log");
          writeFileSync(file, "");
          try {
            await fund(fixture.place.at, file);
            await killOneOfTwo(fixture.place.at, file, n, harm);
          } finally {
            rmSync(dirname(file), { recursive: true });
          }
        }).timeout(180_000);
      }
    });
  },
  shared,
);
