import { Code } from "@connectrpc/connect";
import { expect } from "chai";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import { bytesToUint, concatBytes, fromHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { encodePayerEnvelope, readPayerEnvelope, signPayerEnvelope } from "../../src/protocol/envelope.ts";
import { signVoucher, voucherToHeader } from "../../src/protocol/voucher.ts";
import { groupMessage, payerEnvelope } from "../support/envelopes.ts";
import { DOMAIN, NODE_ID, OTHER_KEY, PAYER, PAYER_KEY, headerOf, openBooks, refusalOf } from "./support.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** Of one test message: 100 + 200 * 223 bytes * 60 days, in picodollars. */
const FEE_PICO = 100n + 200n * BigInt(payerEnvelope(1, NODE_ID, PAYER_KEY).length) * 60n;
const FEE = (FEE_PICO + 999_999n) / 1_000_000n;

async function fundedBooks(chain = {}) {
  const books = await openBooks();
  await books.fund(PAYER, { deposited: 5_000_000n, ...chain });
  return books;
}

describe("daemon/gate", () => {
  it("admits what a voucher covers and reserves its fee", async () => {
    const { publish, ledger } = await fundedBooks();
    await publish(1, FEE);
    expect(ledger.reservations.sumPico(PAYER)).to.equal(FEE_PICO);
    expect((await ledger.account(PAYER))!.vouchers!.fees.fees).to.equal(FEE);
  });

  it("refuses a publish without a voucher, with the numbers that mend it", async () => {
    const { publish } = await fundedBooks();
    const refusal = await refusalOf(publish(1));
    expect(refusal.refusal).to.equal("voucher_missing");
    expect(refusal.code).to.equal(Code.FailedPrecondition);
    const [detail] = refusal.findDetails(PostageRefusalSchema);
    expect(detail).to.deep.include({ code: "voucher_missing", retryable: false });
    // An outgoing detail is `{desc, value}`; what a client reads back is proved end to end.
    expect(detail).to.include({ required: FEE, authorised: 0n, available: 5_000_000n });
  });

  it("refuses a voucher that is one base unit short, and takes the exact one", async () => {
    const { publish } = await fundedBooks();
    expect((await refusalOf(publish(1, FEE - 1n))).refusal).to.equal("voucher_short");
    await publish(1, FEE);
  });

  it("refuses a forged signature, another payer's and another chain's or contract's voucher (1, 2, 6)", async () => {
    const { gate, ledger } = await fundedBooks();
    const envelopes = [readPayerEnvelope(payerEnvelope(1, NODE_ID, PAYER_KEY))];
    const forged = signVoucher(DOMAIN, { fees: FEE, stamps: 0n }, PAYER_KEY);
    forged[40]! ^= 1;
    const headers = [
      voucherToHeader(forged),
      headerOf(FEE, OTHER_KEY),
      headerOf(FEE, PAYER_KEY, { ...DOMAIN, chainId: 1n }),
      headerOf(FEE, PAYER_KEY, { ...DOMAIN, postageChannels: "0x00000000000000000000000000000000000000ab" }),
    ];
    for (const voucherHeader of headers) {
      const refusal = await refusalOf(gate.admit({ envelopes, voucherHeader }));
      expect(refusal.refusal).to.equal("bad_signature");
    }
    for (const voucherHeader of ["", "AAAA", "not base64url!"]) {
      expect((await refusalOf(gate.admit({ envelopes, voucherHeader }))).refusal).to.equal("voucher_malformed");
    }
    expect((await ledger.account(PAYER))!.vouchers).to.equal(undefined);
  });

  it("checks the signature of a stale voucher too (57)", async () => {
    const { publish, gate } = await fundedBooks();
    await publish(1, 1_000_000n);
    const stale = signVoucher(DOMAIN, { fees: 1n, stamps: 0n }, PAYER_KEY);
    stale[20]! ^= 1;
    const envelopes = [readPayerEnvelope(payerEnvelope(2, NODE_ID, PAYER_KEY))];
    const refusal = await refusalOf(gate.admit({ envelopes, voucherHeader: voucherToHeader(stale) }));
    expect(refusal.refusal).to.equal("bad_signature");
    await publish(2, 1n); // stale and genuine: the larger one seen earlier counts
  });

  it("checks a voucher that it keeps once, and again as soon as one bit of it is another", async () => {
    const { gate, publish, state } = await fundedBooks();
    for (const n of [1, 2, 3]) await publish(n, 1_000_000n);
    expect(state.recoveries).to.equal(1);
    const envelopes = [readPayerEnvelope(payerEnvelope(4, NODE_ID, PAYER_KEY))];
    for (const byte of [16, 47, 48, 79]) {
      const forged = signVoucher(DOMAIN, { fees: 1_000_000n, stamps: 0n }, PAYER_KEY);
      forged[byte]! ^= 1;
      const refusal = await refusalOf(gate.admit({ envelopes, voucherHeader: voucherToHeader(forged) }));
      expect(refusal.refusal).to.equal("bad_signature");
    }
    expect(state.recoveries).to.equal(5);
  });

  it("60: answers a flood of bad signatures with busy, and serves the same payer from elsewhere and others meanwhile", async () => {
    const { gate, state } = await fundedBooks();
    const forged = signVoucher(DOMAIN, { fees: 1_000_000n, stamps: 0n }, PAYER_KEY);
    forged[40]! ^= 1;
    const envelopes = [readPayerEnvelope(payerEnvelope(4, NODE_ID, PAYER_KEY))];
    const bad = { envelopes, voucherHeader: voucherToHeader(forged), caller: "10.0.0.1" };
    const refusals = await Promise.all(Array.from({ length: 5_000 }, () => refusalOf(gate.admit(bad))));
    const codes = new Set(refusals.map(({ refusal }) => refusal));
    expect(codes).to.deep.equal(new Set(["bad_signature", "busy"]));
    expect(refusals.find(({ refusal }) => refusal === "busy")!.findDetails(PostageRefusalSchema)[0]).to.include({
      retryable: true,
    });
    expect(state.recoveries, "what was under way when the first was found out, and a few tries").to.be.at.most(100);
    const good = { envelopes, voucherHeader: headerOf(1_000_000n), caller: "10.0.0.2" };
    (await gate.admit(good)).release(false);
    // Where the flood comes from, a good one is let in too, as soon as it may try.
    (await gate.admit({ ...good, caller: "10.0.0.1" })).release(false);
  });

  it("refuses an envelope for another node, of another retention, and in other bytes (59)", async () => {
    const { gate } = await fundedBooks();
    const original = readPayerEnvelope(payerEnvelope(1, NODE_ID, PAYER_KEY));
    const flipped = original.payerSignature.slice();
    flipped.set(uintToBytes(ORDER - bytesToUint(flipped.subarray(32, 64)), 32), 32);
    flipped[64]! ^= 1;
    const client = groupMessage(1);
    const cases = {
      wrong_node: payerEnvelope(1, 200, PAYER_KEY),
      wrong_retention: signPayerEnvelope(
        { unsignedClientEnvelope: client, targetOriginator: NODE_ID, retentionDays: 365 },
        PAYER_KEY,
      ),
      not_canonical: concatBytes(original.bytes, fromHex("7a0161")),
    };
    for (const [code, bytes] of Object.entries(cases)) {
      const call = { envelopes: [readPayerEnvelope(bytes)], voucherHeader: headerOf(FEE) };
      expect((await refusalOf(gate.admit(call))).refusal).to.equal(code);
    }
    const highS = readPayerEnvelope(encodePayerEnvelope({ ...original, payerSignature: flipped }));
    const refusal = await refusalOf(gate.admit({ envelopes: [highS], voucherHeader: headerOf(FEE) }));
    expect(refusal.refusal).to.equal("not_canonical");
  });

  it("charges an envelope once, however often it is published (56)", async () => {
    const { publish, deliver, ledger } = await fundedBooks();
    await Promise.all(Array.from({ length: 50 }, () => publish(1, FEE)));
    expect(ledger.reservations.sumPico(PAYER)).to.equal(FEE_PICO);
    await deliver(1, FEE);
    await deliver(1, FEE);
    await publish(1, FEE);
    expect((await ledger.account(PAYER))!.usagePico).to.equal(FEE_PICO);
    expect(ledger.reservations.sumPico(PAYER)).to.equal(0n);
  });

  it("does not look for charges of what the node says is new, and charges it once even were that untrue", async () => {
    const { clock, deliver, envelopeLog, gate, ledger, meter, store } = await fundedBooks();
    await deliver(1, FEE);
    let looks = 0;
    const chargedOf = store.chargedOf.bind(store);
    store.chargedOf = (charges) => {
      looks++;
      return chargedOf(charges);
    };
    const admit = async (n: number, isNew?: boolean) => {
      const envelopes = [readPayerEnvelope(payerEnvelope(n, NODE_ID, PAYER_KEY))];
      return gate.admit({ envelopes, voucherHeader: headerOf(3n * FEE), isNew });
    };
    (await admit(2)).release(false);
    expect(looks).to.equal(1);
    const hold = await admit(2, true);
    const [, same] = await Promise.all([admit(3, true), admit(3, true)]);
    expect(looks, "nobody asked for what cannot be there").to.equal(1);
    expect(same.isHeld(), "held once, by the first").to.equal(false);
    expect(ledger.reservations.sumPico(PAYER)).to.equal(2n * FEE_PICO);
    hold.release(false);

    // A node that has lost its log would say so of what is charged.
    const again = await admit(1, true);
    envelopeLog.append(NODE_ID, payerEnvelope(1, NODE_ID, PAYER_KEY), BigInt(clock.now()) * 1_000_000n);
    again.release(true);
    await meter.drain();
    expect((await ledger.account(PAYER))!.usagePico).to.equal(FEE_PICO);
    expect(ledger.reservations.sumPico(PAYER), "of what is not stored yet").to.equal(FEE_PICO);
  });

  it("never lets concurrent publishes spend the same part of a voucher twice", async () => {
    const { publish, ledger } = await fundedBooks();
    const fees = (3n * FEE_PICO) / 1_000_000n + 1n;
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => publish(i, fees)));
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).to.equal(3);
    expect(ledger.reservations.sumPico(PAYER)).to.equal(3n * FEE_PICO);
  });

  it("frees a reservation when the node stored nothing", async () => {
    const { publish, ledger } = await fundedBooks();
    const { admission } = await publish(1, FEE);
    admission.release(false);
    expect(ledger.reservations.sumPico(PAYER)).to.equal(0n);
    await publish(2, FEE);
  });

  it("frees a reservation of an envelope that the node had already", async () => {
    const { publish, deliver, ledger, meter } = await fundedBooks();
    await deliver(1, 10n * FEE);
    ledger.reservations.add({ channel: PAYER, digest: "00".repeat(16), feePico: 5n });
    ledger.reservations.markStored(PAYER, "00".repeat(16));
    await meter.drain();
    expect(ledger.reservations.sumPico(PAYER)).to.equal(0n);
    await publish(2, 10n * FEE);
  });

  it("tells a payer without a deposit, and one whose deposit does not cover it, what to do", async () => {
    const books = await openBooks();
    const unknown = await refusalOf(books.publish(1, FEE));
    expect(unknown.refusal).to.equal("channel_unknown");
    expect(unknown.message).to.include("deposit to it");
    await books.fund(PAYER, { deposited: FEE - 1n });
    const short = await refusalOf(books.publish(1, FEE));
    expect(short.refusal).to.equal("deposit_short");
    expect(short.message).to.include("deposit more");
    await books.fund(PAYER, { deposited: FEE });
    await books.publish(1, FEE);
  });

  it("stops credit at once when the payer withdraws or has signed stamp ceilings (62)", async () => {
    const { publish, fund } = await fundedBooks();
    await publish(1, 5_000_000n);
    await fund(PAYER, { deposited: 5_000_000n, pendingWithdrawal: 5_000_000n });
    expect((await refusalOf(publish(2, 5_000_000n))).refusal).to.equal("deposit_short");
    await fund(PAYER, { deposited: 5_000_000n, stampsSigned: 5_000_000n });
    expect((await refusalOf(publish(2, 5_000_000n))).refusal).to.equal("deposit_short");
  });

  it("lends no more than the exposure cap, and nothing while the chain cannot be read", async () => {
    const books = await openBooks(":memory:", undefined, FEE + 1n);
    await books.fund(PAYER, { deposited: 5_000_000n });
    await books.deliver(1, 5_000_000n);
    const capped = await refusalOf(books.publish(2, 5_000_000n));
    expect([capped.refusal, capped.code]).to.deep.equal(["exposure_cap", Code.ResourceExhausted]);
    await books.fund(PAYER, { deposited: 5_000_000n, feesSpent: FEE });
    await books.publish(2, 5_000_000n);
    books.state.doubt = 1;
    expect((await refusalOf(books.publish(3, 5_000_000n))).refusal).to.equal("chain_unread");
    books.state.isReady = false;
    expect((await refusalOf(books.publish(3, 5_000_000n))).refusal).to.equal("not_ready");
  });

  it("lends nothing of what was collected elsewhere while other nodes' logs are still on their way", async () => {
    const books = await openBooks();
    await books.fund(PAYER, { deposited: 5_000_000n, feesSpent: 1_000_000n });
    books.state.isCaughtUp = false;
    const refusal = await refusalOf(books.publish(1));
    expect(refusal.refusal).to.equal("voucher_short");
    await books.publish(1, 1_000_000n + FEE);
    books.state.isCaughtUp = true; // what was prepaid and not used counts again
    await books.publish(2);
  });
});
