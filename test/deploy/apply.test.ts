import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import type { Provider, TransactionRequest } from "ethers";
import { Wallet } from "ethers";

import { planDeployment } from "../../src/deployment/plan.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { fileRecordStore } from "../../src/deployment/recordStore.ts";
import { deploymentStatus } from "../../src/deployment/status.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { loadDeployment } from "../../src/contracts/loadDeployment.ts";
import type { Clock } from "../../src/platform/clock.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { MemoryStore, SimulatedChain } from "./support.ts";
import {
  NAMES,
  WALLET,
  apply,
  bound,
  filledParameters,
  memoryStore,
  providerWith,
  rejection,
  simulatedChain,
} from "./support.ts";

/** All that a deployment sends from its own account: everything but the proxy's own transaction. */
const TRANSACTIONS = 24;

describe("applyDeployment", function () {
  this.timeout(180_000);
  const addresses = new Set<string>();

  for (const name of NAMES) {
    it(`${name}: plan, apply, status; handed over; for what the plan said`, async () => {
      const { provider, close } = await simulatedChain(name);
      const network = filledParameters(name);
      const plan = await planDeployment({ network, chain: provider, artifacts: readArtifact });
      const store = memoryStore();
      const head = await provider.getBlockNumber();
      const nonce = await provider.getTransactionCount(WALLET.address);
      const record = await apply(network, provider, store, { digest: plan.digest });

      expect((await deploymentStatus(record, provider, network)).isGood).to.equal(true);
      expect(store.record).to.deep.equal(record);
      expect(record.provenance).to.deep.include({ network: name, gitCommit: "0123abc", isComplete: true });
      expect(record.provenance?.parametersHash).to.equal(network.hash);
      expect(record.deploymentBlock).to.equal(head);
      for (const { block, transaction } of Object.values(record.contracts)) {
        expect((await provider.getTransactionReceipt(transaction!))?.blockNumber).to.equal(block);
      }
      const isTest = network.chain.feeToken === "test";
      const sent = (await provider.getTransactionCount(WALLET.address)) - nonce;
      expect(sent).to.equal(isTest ? TRANSACTIONS + 1 : TRANSACTIONS);
      const { accessManager } = connectContracts(record, provider);
      expect((await accessManager.hasRole(0n, WALLET.address))[0]).to.equal(false);

      const used = await gasUsed(provider, head);
      expect(Number(plan.gas), "planned gas").to.be.within(Number(used), Number(used) * 1.01);
      if (!isTest) addresses.add(JSON.stringify(plan.deployment.suite.addresses));
      addresses.add(
        JSON.stringify(Object.fromEntries(Object.entries(record.contracts).map(([key, c]) => [key, c.address]))),
      );
      await close();
    });
  }

  it("gave the same addresses on all five", () => {
    expect(addresses.size).to.equal(1);
  });

  it("killed after each transaction and run again, it does nothing twice", async () => {
    const chain = await simulatedChain("base");
    const network = filledParameters("base");
    const store = memoryStore();
    let kills = 0;
    for (let isDone = false; !isDone;) {
      const { died, ...life } = mortal(chain.provider, { transactions: 1 });
      const outcome = await apply(network, life.provider, store, life).catch((error: Error) => error);
      isDone = !(outcome instanceof Error);
      if (!isDone) {
        expect(died(), JSON.stringify(outcome)).to.equal(true);
        kills++;
      }
      expect(kills).to.be.lessThan(40);
    }
    expect(kills).to.equal(TRANSACTIONS + 1);
    await expectWhole(chain, store, network);
  });

  it("killed at any call and run again, it does nothing twice", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    let isDone = false;
    for (let calls = 1; !isDone; calls += 5) {
      const life = mortal(chain.provider, { calls });
      isDone = await apply(network, life.provider, store, life).then(
        () => true,
        (error: Error & { code?: string }) => {
          expect(["chain_unread", "not_mined"], String(error)).to.include(error.code);
          return false;
        },
      );
    }
    await expectWhole(chain, store, network);
  });

  it("every call that fails once is survived, or a typed error that may be tried again", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    let [runs, left] = [0, 0];
    const flaky = new Proxy(chain.provider, {
      get: (target, name) => {
        const value = bound(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (--left === 0) return Promise.reject(new Error("socket hang up"));
          return (value as (...args: unknown[]) => unknown)(...args);
        };
      },
    });
    // Each run meets its one failure later than the last, until there is none to meet.
    for (let isDone = false; !isDone;) {
      left = ++runs * 11;
      isDone = await apply(network, flaky, store).then(
        () => true,
        (error: Error & { isRetryable?: boolean }) => {
          expect(error.isRetryable, String(error)).to.equal(true);
          return false;
        },
      );
    }
    expect(runs).to.be.greaterThan(5);
    await expectWhole(chain, store, network);
  });

  it("finds what it deployed when the record is lost", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const first = await apply(network, chain.provider, memoryStore());
    const store = memoryStore();
    const record = await apply(network, chain.provider, store);
    expect(record.contracts).to.deep.equal(first.contracts);
    expect(record.deploymentBlock).to.be.within(first.deploymentBlock, first.contracts.postageToken.block!);
    await chain.close();
  });

  it("waits for what an earlier run sent, instead of sending it again", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    await chain.provider.getBlockNumber();
    await chain.net.provider.request({ method: "evm_setAutomine", params: [false] });
    const stuck = await rejection(apply(network, chain.provider, store, { patienceMs: 800 }));
    expect(stuck).to.include({ code: "not_mined", isRetryable: true });
    const waiting = await rejection(apply(network, chain.provider, store, { patienceMs: 800 }));
    expect(waiting).to.include({ code: "not_mined", isRetryable: true });
    expect(waiting.message).to.include("sent before");
    await chain.net.provider.request({ method: "evm_setAutomine", params: [true] });
    await chain.net.provider.request({ method: "evm_mine", params: [] });
    await apply(network, chain.provider, store);
    await expectWhole(chain, store, network);
  });

  it("a transaction that was dropped is sent again in its place", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    let isDropping = true;
    const dropping = providerWith(chain.provider, {
      broadcastTransaction: (raw: string) =>
        isDropping ? Promise.resolve({} as never) : chain.provider.broadcastTransaction(raw),
    });
    expect(await rejection(apply(network, dropping, store, { patienceMs: 800 }))).to.include({ code: "not_mined" });
    isDropping = false;
    await apply(network, dropping, store);
    await expectWhole(chain, store, network);
  });

  it("a transaction that reverts stops it with the hash, and nothing is lost", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    // Too little gas, where an estimate was right a moment ago.
    let sent = 0;
    const signer = {
      getAddress: () => WALLET.getAddress(),
      signTransaction: (request: TransactionRequest) =>
        WALLET.signTransaction(++sent === 5 ? { ...request, gasLimit: 900_000n } : request),
    };
    const error = await rejection(apply(network, chain.provider, store, { signer }));
    expect(error).to.include({ code: "reverted" });
    expect(error.message).to.match(/reverted in 0x[0-9a-f]{64}/);
    await apply(network, chain.provider, store, { signer });
    await expectWhole(chain, store, network, TRANSACTIONS + 1);
  });

  it("says how much gas money is missing before anything is sent, and stops in time when it runs out", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    const { networkHelpers } = chain.net;
    await networkHelpers.setBalance(WALLET.address, 10n ** 16n);
    const error = await rejection(apply(network, chain.provider, store));
    expect(error).to.include({ code: "no_gas_money", isRetryable: true });
    expect(error.message).to.match(/has 0\.01, and needs 0\.\d+ for gas/);
    expect(await chain.provider.getTransactionCount(WALLET.address)).to.equal(0);
    await networkHelpers.setBalance(WALLET.address, 10n ** 18n);
    const poorer = providerWith(chain.provider, {
      broadcastTransaction: async (raw: string) => {
        if ((await chain.provider.getTransactionCount(WALLET.address)) === 4)
          await networkHelpers.setBalance(WALLET.address, 10n ** 12n);
        return chain.provider.broadcastTransaction(raw);
      },
    });
    const midway = await rejection(apply(network, poorer, store));
    expect(midway, String(midway)).to.include({ code: "no_gas_money", isRetryable: true });
    expect(midway.message).to.include("run it again, it continues");
    await networkHelpers.setBalance(WALLET.address, 10n ** 18n);
    await apply(network, chain.provider, store);
    await expectWhole(chain, store, network);
  });

  it("refuses another account's key, another plan and records of something else", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    const refused = async (changes: Parameters<typeof apply>[3], parameters = network, kept = store) =>
      (await rejection(apply(parameters, chain.provider, kept, changes))).code;
    expect(await refused({ signer: Wallet.createRandom() })).to.equal("wrong_account");
    expect(await refused({ digest: `0x${"00".repeat(32)}` })).to.equal("other_plan");
    expect(store.writes).to.equal(0);
    const life = mortal(chain.provider, { transactions: 4 });
    await rejection(apply(network, life.provider, store, life));
    expect(await refused({}, filledParameters("sepolia", { maxSeats: 30 })), "other parameters").to.be.oneOf([
      "wrong_record",
      "address_occupied",
    ]);
    expect(await refused({}, filledParameters("sepolia", {}, { suite: 2 }))).to.equal("wrong_record");
    const foreign = memoryStore();
    foreign.record = { ...store.record!, chainId: 1, provenance: { ...store.record!.provenance, network: "mainnet" } };
    expect(await refused({}, network, foreign)).to.equal("wrong_record");
    await chain.close();
  });

  it("begins no stage before the last one is final, also when it is stopped and run again", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    let final = 0;
    const waiting = providerWith(chain.provider, {
      getBlock: async (tag) => (tag === "safe" ? ({ number: final } as never) : chain.provider.getBlock(tag)),
    });
    const stopped = async (transactions: number) => {
      const error = await rejection(apply(network, waiting, store, { patienceMs: 1_500 }));
      expect(error).to.include({ code: "not_mined", isRetryable: true });
      expect(error.message).to.include("is not final");
      expect(await chain.provider.getTransactionCount(WALLET.address)).to.equal(transactions);
      expect(store.record?.provenance.isComplete).to.equal(false);
    };
    for (const transactions of [2, 22, TRANSACTIONS]) {
      await stopped(transactions);
      await stopped(transactions);
      final = await chain.provider.getBlockNumber();
    }
    await apply(network, waiting, store);
    await expectWhole(chain, store, network);
  });

  it("begins anew on a local chain that began anew", async () => {
    const store = memoryStore();
    const network = filledParameters("localhost");
    const first = await simulatedChain("localhost");
    await first.net.networkHelpers.mine(50);
    const old = await apply(network, first.provider, store);
    await first.close();
    const second = await simulatedChain("localhost");
    const fresh = await apply(network, second.provider, store);
    expect(fresh.deploymentBlock).to.be.lessThan(old.deploymentBlock);
    expect(fresh.contracts.guardian.address).to.equal(old.contracts.guardian.address);
    await second.close();
  });

  it("does a stage again that a reorganisation undid", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = memoryStore();
    let snapshot: unknown;
    let hasReorganised = false;
    const reorganising = providerWith(chain.provider, {
      async broadcastTransaction(raw: string) {
        // Before the second contract; the chain forgets it and what follows when the stage is waited for.
        snapshot ??=
          (await chain.provider.getTransactionCount(WALLET.address)) === 4
            ? await chain.net.provider.request({ method: "evm_snapshot", params: [] })
            : undefined;
        return chain.provider.broadcastTransaction(raw);
      },
      async getBlock(tag) {
        if (tag === "safe" && snapshot !== undefined && !hasReorganised) {
          hasReorganised = true;
          await chain.net.provider.request({ method: "evm_revert", params: [snapshot] });
          await chain.net.networkHelpers.mine(30);
        }
        return chain.provider.getBlock(tag);
      },
    });
    const record = await apply(network, reorganising, store);
    expect(hasReorganised).to.equal(true);
    for (const { block, transaction } of Object.values(record.contracts)) {
      expect((await chain.provider.getTransactionReceipt(transaction!))?.blockNumber).to.equal(block);
    }
    await expectWhole(chain, store, network);
  });
});

describe("fileRecordStore", () => {
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-"));
  const file = join(directory, "sepolia.json");
  after(() => rmSync(directory, { recursive: true }));

  it("keeps an unfinished record that loadDeployment refuses, and then the finished one", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const store = fileRecordStore(file);
    expect(store.read()).to.equal(undefined);
    // Everything but the hand-over of the Create3Deployer: all addresses are there, and nobody should use them yet.
    const life = mortal(chain.provider, { transactions: 24 });
    await rejection(apply(network, life.provider, store, life));
    expect(Object.keys(store.read()!.contracts)).to.have.length(20);
    expect(() => loadDeployment(file)).to.throw(/not finished, run `deploy` again/);
    const record = await apply(network, chain.provider, store);
    expect(loadDeployment(file)).to.deep.equal(record);
    expect(readFileSync(file, "utf8")).to.match(/\}\n$/);
    await chain.close();
  });

  it("refuses a file that is none of its own", async () => {
    for (const content of ["{}", "half a rec"]) {
      writeFileSync(file, content);
      expect(() => fileRecordStore(file).read()).to.throw(/move it away/);
    }
  });
});

/** Lets so many calls or transactions through; then, as after the end of the process, nothing any more. */
function mortal(provider: Provider, life: { transactions?: number; calls?: number }) {
  let { transactions = Infinity, calls = Infinity } = life;
  const isDead = () => transactions <= 0 || calls <= 0;
  const proxy = new Proxy(provider, {
    get: (target, name) => {
      const value = bound(target, name);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        if (isDead()) throw new Error("the process is dead");
        calls--;
        const answer = await (value as (...args: unknown[]) => unknown)(...args);
        if (name === "broadcastTransaction") transactions--;
        if (isDead() && name === "broadcastTransaction") throw new Error("the process is dead");
        return answer;
      };
    },
  });
  // Whoever waits gives up at once when the process is dead, and not before.
  const clock: Clock = {
    now: () => systemClock.now() + (isDead() ? 10 ** 9 : 0),
    elapsed: () => systemClock.elapsed(),
    async sleep(ms, signal) {
      for (const end = clock.now() + ms; clock.now() < end;) await systemClock.sleep(1, signal);
    },
  };
  return { provider: proxy, clock, died: isDead };
}

async function gasUsed(provider: Provider, since: number): Promise<bigint> {
  let used = 0n;
  for (let number = since + 1; number <= (await provider.getBlockNumber()); number++) {
    for (const hash of (await provider.getBlock(number))!.transactions) {
      const receipt = (await provider.getTransactionReceipt(hash))!;
      if (receipt.from === WALLET.address) used += receipt.gasUsed;
    }
  }
  return used;
}

async function expectWhole(
  { provider, close }: SimulatedChain,
  store: MemoryStore,
  network: ReturnType<typeof filledParameters>,
  transactions = TRANSACTIONS,
) {
  const record = { ...store.record!, contracts: store.record!.contracts as never };
  expect(record.provenance.isComplete).to.equal(true);
  expect((await deploymentStatus(record, provider, network)).isGood).to.equal(true);
  expect(await provider.getTransactionCount(WALLET.address), "transactions").to.equal(transactions);
  await close();
}
