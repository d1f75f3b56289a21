import { expect } from "chai";

import { Ledger } from "../../src/daemon/ledger.ts";
import type { LedgerStore } from "../../src/daemon/ports.ts";
import { readVoucher, signVoucher } from "../../src/protocol/voucher.ts";
import { DOMAIN, PAYER, PAYER_KEY, openBooks } from "./support.ts";

/** A store whose next writes are on disk, and then fail to say so. */
function losingAnswers(store: LedgerStore, state: { isLosing: boolean }): LedgerStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        const result = (await Reflect.apply(value, target, args)) as unknown;
        if (state.isLosing && ["meter", "raise", "recordChain"].includes(String(name))) throw new Error("lost");
        return result;
      };
    },
  });
}

async function fundedLedger() {
  const books = await openBooks();
  await books.fund(PAYER, { deposited: 1_000_000n });
  const state = { isLosing: false };
  return { books, state, ledger: new Ledger(losingAnswers(books.store, state)) };
}

const batch = {
  ...{ originatorId: 100, after: 0n, upTo: 1n, minuteCounts: new Map<bigint, bigint>() },
  charges: [{ channel: PAYER, digest: "ab".repeat(16), feePico: 7n }],
};

describe("daemon/ledger", () => {
  it("54: does not go on with an account from memory when a write of it failed: it may be on disk", async () => {
    const { ledger, state } = await fundedLedger();
    const before = (await ledger.account(PAYER))!;
    expect(ledger.isLive(before)).to.equal(true);
    state.isLosing = true;
    expect(await ledger.meter(batch).catch(String)).to.equal("Error: lost");
    expect(ledger.isLive(before)).to.equal(false);
    expect((await ledger.account(PAYER))!.usagePico).to.equal(7n);

    const voucher = readVoucher(DOMAIN, signVoucher(DOMAIN, { fees: 5n, stamps: 0n }, PAYER_KEY));
    expect(await ledger.raise([voucher]).catch(String)).to.equal("Error: lost");
    expect((await ledger.account(PAYER))!.vouchers!.fees.fees).to.equal(5n);
  });

  it("reads an account again that was written while it was read", async () => {
    const { books } = await fundedLedger();
    let answer = () => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    const slow = new Proxy(books.store, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          const result = (await Reflect.apply(value, target, args)) as unknown;
          if (name === "accountsOf") await held;
          return result;
        };
      },
    });
    const ledger = new Ledger(slow);
    const reading = ledger.account(PAYER);
    await new Promise((resolve) => setImmediate(resolve));
    await ledger.meter(batch);
    answer();
    expect((await reading)!.usagePico).to.equal(7n);
  });

  it("keeps no account in memory when others write to the same store", async () => {
    const { books } = await fundedLedger();
    const [one, other] = [new Ledger(books.store, { isShared: true }), new Ledger(books.store, { isShared: true })];
    await one.account(PAYER);
    await other.meter(batch);
    expect((await one.account(PAYER))!.usagePico).to.equal(7n);
  });
});
