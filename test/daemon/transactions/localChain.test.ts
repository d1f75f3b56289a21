import { expect } from "chai";

import type { LocalChain } from "../../../scripts/local/localChain.ts";
import { LOCAL_CHAIN_ID, localWallet, startLocalChain } from "../../../scripts/local/localChain.ts";
import { ethersTransactions } from "../../../src/daemon/adapters/ethersTransactions.ts";
import { MemoryIntents } from "./memoryIntents.ts";
import { TransactionManager } from "../../../src/daemon/transactions/manager.ts";
import type { SendRequest } from "../../../src/daemon/transactions/send.ts";
import { localSigner } from "../../../src/platform/keys/localSigner.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { fromHex } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import type { Sent } from "./support.ts";
import { sending, settled } from "./support.ts";

const GWEI = 10n ** 9n;
const wallet = localWallet(5);
/** Code that takes any call and logs nothing: PUSH0 PUSH0 LOG0. */
const LOGGER = "0x645f5fa000005f526005601bf3";

describe("daemon/transactions on a chain that does not mine by itself", function () {
  this.timeout(180_000);
  let chain: LocalChain;
  let logger: Address;
  before(async () => {
    chain = await startLocalChain();
    const deployed = await (await localWallet(0).connect(chain.provider).sendTransaction({ data: LOGGER })).wait();
    logger = deployed!.contractAddress!.toLowerCase() as Address;
    await chain.provider.send("evm_setAutomine", [false]);
  });
  after(() => chain.close());

  /** Real time would have to pass; the chain answers at once, so the clock is the test's. */
  function start() {
    const clock = new ManualClock(Date.now());
    const store = new MemoryIntents(clock);
    const manager = new TransactionManager({
      ...{ store, leadership: store, clock, chainId: BigInt(LOCAL_CHAIN_ID), log: silentLog, pollingMs: 1_000 },
      ...{ chain: ethersTransactions(chain.provider), holder: "a", leaseMs: 600_000, reserveWei: 0n },
      signers: { routine: localSigner(fromHex(wallet.privateKey)) },
      hasEffect: (_, { logs }) => logs.length === 1,
    });
    return { clock, store, manager };
  }

  const call = (data: `0x${string}`): SendRequest => ({
    ...{ lane: "routine", kind: "settle", to: logger, data, budgetWei: 400_000n * 100n * GWEI },
  });
  const mine = () => chain.provider.send("evm_mine", []);
  const pool = async () => {
    const block = (await chain.provider.send("eth_getBlockByNumber", ["pending", false])) as { transactions: string[] };
    return block.transactions;
  };
  /** Real calls take real time; each look is awaited, the clock is moved in between. */
  async function until(clock: ManualClock, manager: TransactionManager, isReached: () => boolean | Promise<boolean>) {
    for (let i = 0; i < 100 && !(await isReached()); i++) {
      clock.advance(1_000);
      await settled();
      await manager.tick();
    }
    expect(await isReached(), "reached").to.equal(true);
  }
  const isBegun = (store: MemoryIntents, count: number) => () => store.all[count - 1]?.attempts.length === 1;

  it("49: gets a dropped transaction, one behind it and a stuck one mined, each once", async () => {
    const { clock, store, manager } = start();
    const first = sending(manager, call("0x01"));
    await until(clock, manager, isBegun(store, 1));
    const second = sending(manager, call("0x02"));
    await until(clock, manager, isBegun(store, 2));
    await chain.provider.send("hardhat_dropTransaction", [store.all[0]!.attempts[0]!.hash]);
    await mine();
    expect(first, "nothing was mined: the first nonce is missing").to.deep.equal({});
    await until(clock, manager, async () => (await pool()).length === 2);
    // Stuck: the base fee rises beyond what was offered.
    await chain.provider.send("hardhat_setNextBlockBaseFeePerGas", ["0x" + (20n * GWEI).toString(16)]);
    await mine();
    expect(first).to.deep.equal({});
    await until(clock, manager, async () => {
      await mine();
      return first.receipt !== undefined && second.receipt !== undefined;
    });
    await until(clock, manager, () => store.all.every(({ outcome }) => outcome === "done"));
    expect(store.all.map(({ nonce }) => nonce)).to.deep.equal([0, 1]);
    expect(await chain.provider.getTransactionCount(wallet.address)).to.equal(2);
  });

  it("49: decides anew what another program's transaction replaced", async () => {
    const { clock, store, manager } = start();
    const sent: Sent = sending(manager, call("0x03"));
    await until(clock, manager, isBegun(store, 1));
    const foreign = wallet.connect(chain.provider);
    const fees = { maxFeePerGas: 90n * GWEI, maxPriorityFeePerGas: 90n * GWEI };
    await foreign.sendTransaction({ to: wallet.address, nonce: store.all[0]!.nonce, gasLimit: 21_000n, ...fees });
    await mine();
    await until(clock, manager, () => sent.error !== undefined);
    expect(sent.error!.code).to.equal("replaced");
    const again = sending(manager, call("0x03"));
    await until(clock, manager, isBegun(store, 2));
    await mine();
    await until(clock, manager, () => again.receipt !== undefined);
    await until(clock, manager, () => store.all.every(({ outcome }) => outcome !== undefined));
    expect(store.all.map(({ outcome }) => outcome)).to.deep.equal(["replaced", "done"]);
  });
});
