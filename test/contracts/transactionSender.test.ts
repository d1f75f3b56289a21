import { expect } from "chai";
import type { EthersError, TransactionReceipt } from "ethers";
import { JsonRpcProvider, Transaction, Wallet, makeError } from "ethers";

import type { TransactionSenderOptions } from "../../src/contracts/transactionSender.ts";
import { TransactionError, TransactionSender } from "../../src/contracts/transactionSender.ts";
import { silentLog } from "../../src/platform/log.ts";
import { ManualClock } from "../support/manualClock.ts";

const NEVER = new AbortController().signal;
const CALL = { to: `0x${"ab".repeat(20)}`, data: "0x1234" };

/** What ethers makes of an endpoint's refusal. */
function refusedCall(method: string, message: string): EthersError {
  const ethers = new JsonRpcProvider("http://rpc.invalid", 31337, { staticNetwork: true });
  const payload = { jsonrpc: "2.0" as const, id: 7, method, params: [] };
  return ethers.getRpcError(payload, { id: 7, error: { code: -32000, message } }) as EthersError;
}

/** A mempool of one account. */
class FakeMempool {
  sent: Transaction[] = [];
  mined = new Map<string, TransactionReceipt>();
  confirmed = 0;
  /** Thrown by the next broadcasts, after the transaction was kept when `keeps` says so. */
  troubles: { error: Error; keeps: boolean }[] = [];
  isMining = true;

  provider(): TransactionSenderOptions["provider"] {
    const fake = {
      estimateGas: async () => 100_000n,
      getFeeData: async () => ({ gasPrice: 1n, maxFeePerGas: 100n, maxPriorityFeePerGas: 10n }),
      getNetwork: async () => ({ chainId: 31337n }),
      getTransactionCount: async () => this.confirmed,
      getTransactionReceipt: async (hash: string) => this.mined.get(hash) ?? null,
      broadcastTransaction: async (raw: string) => {
        const trouble = this.troubles.shift();
        if (!trouble || trouble.keeps) this.#take(Transaction.from(raw));
        if (trouble) throw trouble.error;
      },
    };
    return fake as unknown as TransactionSenderOptions["provider"];
  }

  #take(transaction: Transaction): void {
    this.sent.push(transaction);
    if (this.isMining) this.mine(transaction);
  }

  mine(transaction: Transaction): void {
    this.confirmed = Math.max(this.confirmed, transaction.nonce + 1);
    this.mined.set(transaction.hash!, {
      hash: transaction.hash,
      status: 1,
      gasUsed: 21n,
      gasPrice: 2n,
    } as TransactionReceipt);
  }
}

describe("contracts/transactionSender", () => {
  let mempool: FakeMempool;
  let clock: ManualClock;
  let sender: TransactionSender;
  beforeEach(() => {
    mempool = new FakeMempool();
    clock = new ManualClock();
    const signer = new Wallet(`0x${"77".repeat(32)}`);
    const provider = mempool.provider();
    sender = new TransactionSender({ signer, provider, clock, log: silentLog, pollingMs: 100, bumpAfterMs: 1_000 });
  });

  async function settle<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const watched = promise.finally(() => (isDone = true));
    watched.catch(() => {});
    for (let i = 0; i < 500 && !isDone; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
    return watched;
  }

  it("gives every transaction its own nonce, also when they are sent at once", async () => {
    await settle(Promise.all(Array.from({ length: 10 }, () => sender.send(CALL, NEVER))));
    expect(mempool.sent.map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("replaces a stuck transaction by the same one with a higher fee", async () => {
    mempool.isMining = false;
    const sending = sender.send(CALL, NEVER);
    for (let i = 0; i < 40; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
    expect(new Set(mempool.sent.map(({ nonce }) => nonce)).size).to.equal(1);
    expect(mempool.sent.length).to.be.within(2, 5);
    const fees = mempool.sent.map(({ maxFeePerGas }) => maxFeePerGas!);
    expect(fees[1]! > fees[0]!).to.equal(true);
    mempool.mine(mempool.sent[0]!);
    expect((await settle(sending)).hash, "whichever version is mined").to.equal(mempool.sent[0]!.hash);
  });

  it("asks the chain for the nonce again when another program used it", async () => {
    mempool.troubles = [{ error: makeError("nonce too low", "NONCE_EXPIRED", undefined as never), keeps: false }];
    mempool.confirmed = 7;
    await settle(sender.send(CALL, NEVER));
    expect(mempool.sent.map(({ nonce }) => nonce)).to.deep.equal([7]);
  });

  it("finds a transaction whose answer was lost", async () => {
    mempool.troubles = [{ error: new Error("socket hang up"), keeps: true }];
    const receipt = await settle(sender.send(CALL, NEVER));
    expect(receipt.hash).to.equal(mempool.sent[0]!.hash);
    expect(mempool.sent).to.have.length(1);
  });

  it("gives back what it reserved for what an endpoint did not take, and books what was mined", async () => {
    const heard: string[] = [];
    const gas = {
      reserve: async (most: bigint) => void heard.push(`reserve ${most}`),
      settle: async (most: bigint, spent: bigint) => void heard.push(`settle ${most} ${spent}`),
    };
    mempool.troubles = [{ error: makeError("nonce too low", "NONCE_EXPIRED", undefined as never), keeps: false }];
    await settle(sender.send(CALL, NEVER, gas));
    const [, most] = heard[0]!.split(" ");
    expect(heard).to.deep.equal([`reserve ${most}`, `settle ${most} 0`, `reserve ${most}`, `settle ${most} 42`]);
  });

  it("pays no higher fee than it may", async () => {
    mempool.isMining = false;
    let calls = 0;
    const gas = {
      reserve: async () => {
        if (calls++ === 2) throw new Error("enough");
      },
      settle: async () => {},
    };
    const sending = sender.send(CALL, NEVER, gas);
    for (let i = 0; i < 25; i++) {
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
    expect(calls, "asked for each rise").to.equal(3);
    expect(mempool.sent, "the first and one rise").to.have.length(2);
    mempool.mine(mempool.sent[1]!);
    await settle(sending);
  });

  for (const error of [
    refusedCall("eth_sendRawTransaction", "insufficient funds for gas * price + value"),
    refusedCall("eth_sendRawTransaction", "Sender doesn't have enough funds to send tx"),
  ]) {
    it(`says which account has no money for gas, and what was reserved is free: ${error.code}`, async () => {
      mempool.troubles = [{ error, keeps: false }];
      const settled: [bigint, bigint][] = [];
      const gas = {
        reserve: async () => {},
        settle: async (most: bigint, spent: bigint) => void settled.push([most, spent]),
      };
      const refused = await settle(sender.send(CALL, NEVER, gas).catch((reason: unknown) => reason));
      expect(refused instanceof TransactionError && [refused.code, refused.retryable]).to.deep.equal([
        "no_gas_money",
        true,
      ]);
      expect(String(refused)).to.contain("has no money for gas");
      expect(settled.map(([, spent]) => spent)).to.deep.equal([0n]);
    });
  }

  for (const [what, error] of [
    ["another call", refusedCall("eth_blockNumber", "insufficient funds: upgrade your plan")],
    ["an endpoint without an answer", new Error("rpc.example did not answer 2 calls: insufficient funds")],
  ] as const) {
    it(`frees nothing for words about money of ${what}: the transaction may have been sent`, async () => {
      mempool.isMining = false;
      mempool.troubles = [{ error, keeps: true }];
      const settled: bigint[] = [];
      const gas = { reserve: async () => {}, settle: async (_most: bigint, spent: bigint) => void settled.push(spent) };
      const failed = await settle(sender.send(CALL, NEVER, gas).catch((reason: unknown) => reason));
      expect(failed).to.equal(error);
      expect(settled).to.deep.equal([]);
      expect(mempool.sent).to.have.length(1);
    });
  }

  it("gives back what it reserved for what was not signed", async () => {
    const refusal = new Error("the key store is locked");
    const signer = { getAddress: async () => CALL.to, signTransaction: () => Promise.reject(refusal) };
    const provider = mempool.provider();
    const mute = new TransactionSender({
      ...{ signer, provider, clock, log: silentLog, pollingMs: 100, bumpAfterMs: 1_000 },
    });
    const settled: bigint[] = [];
    const gas = { reserve: async () => {}, settle: async (_most: bigint, spent: bigint) => void settled.push(spent) };
    expect(await mute.send(CALL, NEVER, gas).catch((reason: unknown) => reason)).to.equal(refusal);
    expect(settled).to.deep.equal([0n]);
  });

  it("stops waiting when it is told to", async () => {
    mempool.isMining = false;
    const stop = new AbortController();
    const sending = sender.send(CALL, stop.signal).catch((reason: unknown) => reason);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("enough"));
    expect(String(await sending)).to.contain("enough");
  });
});
