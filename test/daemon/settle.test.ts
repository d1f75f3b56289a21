import { expect } from "chai";

import type { DaemonChain, RegisteredNode } from "../../src/daemon/ports.ts";
import { Settler } from "../../src/daemon/settle.ts";
import { unsettledFees } from "../../src/daemon/account.ts";
import { whyNotSettled } from "../../src/daemon/overview/whyNot.ts";
import type { SendErrorCode } from "../../src/daemon/transactions/errors.ts";
import { SendError } from "../../src/daemon/transactions/errors.ts";
import type { Lane } from "../../src/daemon/transactions/ports.ts";
import type { SendTerms } from "../../src/daemon/transactions/send.ts";
import { withGasMargin } from "../../src/contracts/transactionSender.ts";
import { Turns } from "../../src/daemon/turns.ts";
import { silentLog } from "../../src/platform/log.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { readVoucher, signVoucher, VOUCHER_ROW_LENGTH } from "../../src/protocol/voucher.ts";
import { DOMAIN, PAYER, PAYER_KEY, openBooks } from "./support.ts";

const USD = 1_000_000n;
const GWEI = 10n ** 9n;

async function settling(nodeId = 100) {
  const books = await openBooks();
  const state = {
    ...{
      gasPrice: GWEI,
      dataFeePerByte: 0n,
      timestamp: 0n,
      settling: new Map<Address, Set<Lane>>(),
      reverts: false,
      skipped: 0n,
    },
    whenSimulated: async () => {},
    pricedOut: false,
    terms: undefined as SendTerms | undefined,
    refusal: undefined as SendErrorCode | undefined,
  };
  const sent: bigint[] = [];
  const seat = (id: number): RegisteredNode => ({ nodeId: id, httpAddress: "", isCanonical: true });
  const chain = {
    gasPrice: async () => state.gasPrice,
    dataFeePerByte: async () => state.dataFeePerByte,
    heads: async () => ({ latest: 1n, safe: 1n, timestamp: state.timestamp }),
    nodes: async () => [seat(100), seat(200), seat(300)],
    epochSeconds: async () => 43_200n,
    channels: async () => [{ ...(await books.ledger.account(PAYER))!.chain, withdrawableAt: 90_000n }],
    settling: async (isDemanded: boolean) => (isDemanded && state.pricedOut ? new Map() : state.settling),
    simulateSettle: async () => {
      if (state.reverts) throw Object.assign(new Error("reverted"), { code: "CALL_EXCEPTION" });
      await state.whenSimulated();
      return unsettledFees((await books.ledger.account(PAYER))!) - state.skipped;
    },
    settle: async (rows: Uint8Array, terms: SendTerms) => {
      if (state.refusal) throw new SendError(state.refusal, "no");
      state.terms = terms;
      for (let at = 0; at < rows.length; at += VOUCHER_ROW_LENGTH) {
        sent.push(readVoucher(DOMAIN, rows.subarray(at, at + VOUCHER_ROW_LENGTH)).fees);
      }
      return { transactionHash: "0x", gasUsed: 1n, collected: 1n, bounty: 0n, settledRows: 1 };
    },
  } as unknown as DaemonChain;
  const policy = { maxGasBps: 200n, nativeTokenPrice: 4_000n * USD, exposureCap: 5n * USD };
  const turns = new Turns(nodeId, chain);
  const settler = new Settler({ ledger: books.ledger, chain, policy, turns, clock: books.clock, log: silentLog });
  const sign = async (fees: bigint) => {
    const row = signVoucher(DOMAIN, { fees, stamps: 0n }, PAYER_KEY);
    await books.ledger.raise([readVoucher(DOMAIN, row)]);
  };
  return { ...books, settler, state, sent, sign };
}

// A row costs 50,000 gas * 1 gwei * 4,000 USD = 0.20 USD here.
describe("daemon/settle", () => {
  it("waits until gas is 2 % of the value", async () => {
    const { settler, fund, sign, sent } = await settling();
    await fund(PAYER, { deposited: 100n * USD });
    await sign(9_999_999n);
    await settler.run(false);
    expect(sent).to.deep.equal([]);
    await sign(10n * USD);
    await settler.run(false);
    expect(sent).to.deep.equal([10n * USD]);
  });

  it("counts what data costs beside gas: in what is worth it, and in the budget", async () => {
    const { settler, state, sent, sign, fund } = await settling();
    await fund(PAYER, { deposited: 1_000n * USD });
    // 50,000 gas at 1 gwei are 0.2 USD: 10 USD pay for that at 2 %.
    await sign(11n * USD);
    state.dataFeePerByte = 100n * GWEI;
    await settler.run(false);
    expect(sent, "268 bytes cost half as much again").to.deep.equal([]);
    await sign(30n * USD);
    await settler.run(false);
    expect(sent).to.deep.equal([30n * USD]);
    const dataWei = 268n * state.dataFeePerByte;
    const worthWei = (30n * USD * 200n * 10n ** 18n) / (10_000n * 4_000n * USD);
    expect(state.terms!.budgetWei).to.equal(dataWei + ((worthWei - dataWei) * withGasMargin(50_000n)) / 50_000n);
    state.dataFeePerByte = 10_000n * GWEI;
    await sign(31n * USD);
    await settler.run(true);
    expect(state.terms!.budgetWei, "on demand").to.equal(
      4n * (withGasMargin(50_000n) * GWEI + 268n * state.dataFeePerByte),
    );
  });

  it("pays up to half the value for a payer who is leaving, and not a unit more", async () => {
    const { settler, fund, sign, sent, state } = await settling();
    await fund(PAYER, { deposited: 100n * USD, pendingWithdrawal: 1n });
    await sign(399_999n);
    await settler.runDeadlines();
    expect(sent, "a payer must not make operators burn gas").to.deep.equal([]);
    await sign(400_000n);
    state.gasPrice = 100n * GWEI;
    await settler.runDeadlines();
    expect(sent).to.deep.equal([]);
    state.gasPrice = GWEI;
    await settler.runDeadlines();
    expect(sent).to.deep.equal([400_000n]);
    expect(state.terms).to.include({ lane: "deadline", deadlineAt: 90_000n });
    // Half of 0.40 USD at 4,000 USD, were the whole gas limit of 200,000 used and not the 50,000 that are.
    expect(state.terms!.budgetWei).to.equal(4n * 50_000n * GWEI);
  });

  it("D9: leaves those who leave to the other lane, also when a routine settlement of theirs is under way", async () => {
    const { settler, fund, sign, sent, state } = await settling();
    await fund(PAYER, { deposited: 100n * USD, pendingWithdrawal: 1n });
    await sign(50n * USD);
    await settler.run(false);
    expect(sent).to.deep.equal([]);
    state.settling.set(PAYER, new Set(["deadline"]));
    await settler.runDeadlines();
    expect(sent, "it is under way").to.deep.equal([]);
    state.settling.set(PAYER, new Set(["routine"]));
    await settler.runDeadlines();
    expect(sent).to.deep.equal([50n * USD]);
  });

  it("puts nobody aside whom another daemon settled between the look and the simulation", async () => {
    const { settler, fund, sign, sent, state } = await settling();
    await fund(PAYER, { deposited: 100n * USD });
    await sign(50n * USD);
    state.whenSimulated = () => fund(PAYER, { deposited: 100n * USD, feesSpent: 20n * USD });
    await settler.run(false);
    expect(sent, "what it would collect has changed").to.deep.equal([]);
    state.whenSimulated = async () => {};
    await settler.run(false);
    expect(sent).to.deep.equal([50n * USD]);
  });

  it("on demand settles what is under way as well, when gas keeps it from being mined", async () => {
    const { settler, fund, sign, sent, state } = await settling();
    await fund(PAYER, { deposited: 100n * USD });
    await sign(50n * USD);
    state.settling.set(PAYER, new Set(["routine"]));
    await settler.run(true);
    expect(sent, "it will be mined").to.deep.equal([]);
    state.pricedOut = true;
    await settler.run(false);
    expect(sent, "it has patience").to.deep.equal([]);
    await settler.run(true);
    expect(sent).to.deep.equal([50n * USD]);
    expect(state.terms!.isDemanded).to.equal(true);
  });

  it("drops rows that a simulation says would be skipped or revert, tries again once, then leaves them alone", async () => {
    for (const poison of ["reverts", "skipped"] as const) {
      const { settler, fund, sign, sent, state, clock } = await settling();
      await fund(PAYER, { deposited: 100n * USD });
      await sign(50n * USD);
      if (poison === "reverts") state.reverts = true;
      else state.skipped = 1n;
      await settler.run(false);
      await settler.run(false);
      expect(sent).to.deep.equal([]);
      state.reverts = false;
      state.skipped = 0n;
      await settler.run(false);
      expect(sent, "put aside").to.deep.equal([]);
      clock.advance(600_000);
      await settler.run(false);
      expect(sent).to.deep.equal([50n * USD]);
    }
  });

  it("decides anew what was too expensive or came to nothing, and says so when there is no money", async () => {
    const { settler, fund, sign, state } = await settling();
    await fund(PAYER, { deposited: 100n * USD });
    await sign(50n * USD);
    for (const code of ["too_expensive", "reverted", "replaced", "not_leader"] as const) {
      state.refusal = code;
      expect(await settler.run(false)).to.deep.equal([]);
    }
    state.refusal = "gas_reserve";
    const error = await settler.run(false).catch((cause: SendError) => cause.code);
    expect(error).to.equal("gas_reserve");
  });

  it("takes its turn: each seat waits a minute longer than the one before, and the next epoch begins with the next", async () => {
    for (const [nodeId, epoch, wait] of [
      [100, 0n, 0n],
      [200, 0n, 60n],
      [300, 0n, 120n],
      [100, 1n, 120n],
      [200, 1n, 0n],
    ] as const) {
      const { settler, fund, sign, sent, state } = await settling(nodeId);
      await fund(PAYER, { deposited: 100n * USD });
      await sign(50n * USD);
      state.timestamp = epoch * 43_200n;
      await settler.run(false);
      expect(sent.length, `${nodeId} at once`).to.equal(wait === 0n ? 1 : 0);
      state.timestamp += wait;
      await settler.run(false);
      expect(sent.length).to.be.greaterThan(0);
    }
  });

  it("settles everything that collects something on demand", async () => {
    const { settler, fund, sign, sent, state } = await settling(300);
    await fund(PAYER, { deposited: 100n * USD });
    await sign(1n);
    state.gasPrice = 1_000n * GWEI;
    await settler.run(true);
    await fund(PAYER, { deposited: 100n * USD, feesSpent: 1n });
    await settler.run(true);
    expect(sent).to.deep.equal([1n]);
  });
});

describe("daemon/settle, for an operator who asks why", () => {
  const why = ({ settler }: { settler: Settler }) => whyNotSettled(settler.reports.routine, 200n);

  it("says what stands between a voucher and its settlement", async () => {
    const one = await settling(200);
    expect(why(one)).to.include("no run yet");
    await one.fund(PAYER, { deposited: 10n * USD });
    await one.settler.run(false);
    expect(why(one)).to.equal("nothing to settle");
    await one.sign(1_000n);
    await one.settler.run(false);
    expect(why(one)).to.match(/gas is too dear: 0.001000 would cost 0.200000 of gas, and at most 2 % /);
    one.state.gasPrice = 1n;
    await one.settler.run(false);
    expect(why(one)).to.match(/another seat's turn: this node follows after at most 60 s/);
    one.state.settling = new Map([[PAYER, new Set<Lane>(["routine"])]]);
    await one.settler.run(false);
    expect(why(one)).to.include("transactions under way");
    one.state.settling = new Map();
    await one.settler.run(false);
    one.state.timestamp = 61n;
    one.state.refusal = "no_gas_money";
    await one.settler.run(false).catch(() => {});
    expect(why(one)).to.match(/the last run failed: no/);
    one.state.refusal = undefined;
    await one.settler.run(false);
    expect(why(one)).to.include("it goes out");
    expect(one.sent).to.deep.equal([1_000n]);
    await one.close();
  });
});
