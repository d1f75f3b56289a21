import { expect } from "chai";
import { Contract, Wallet } from "ethers";

import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { ConnectedEndpoints } from "../../src/contracts/rpc/connectEndpoints.ts";
import { connectEndpoints } from "../../src/contracts/rpc/connectEndpoints.ts";
import { EMPTY_CHANNEL } from "../../src/daemon/account.ts";
import { ethersChain } from "../../src/daemon/adapters/ethersChain.ts";
import { ethersEndpoint } from "../../src/daemon/adapters/ethersEndpoint.ts";
import { Follower } from "../../src/daemon/follow/follower.ts";
import { FinalityDisputedError } from "../../src/daemon/follow/ports.ts";
import { Ledger } from "../../src/daemon/ledger.ts";
import { toAddress, toHex } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { signVoucher } from "../../src/protocol/voucher.ts";
import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { LocalChain } from "../../scripts/local/localChain.ts";
import { LOCAL_CHAIN_ID, localWallet, startLocalChain } from "../../scripts/local/localChain.ts";
import { ManualClock } from "../support/manualClock.ts";
import type { RpcFaults, RpcProxy } from "../support/rpcProxy.ts";
import { startRpcProxy } from "../support/rpcProxy.ts";
import { HeardLog } from "./follow/support.ts";
import { walletTransactions } from "../support/walletTransactions.ts";
import { storeAt } from "./support.ts";

const USD = 1_000_000n;
const SAFE_DEPTH = 2;

describe("daemon behind endpoints that lie and break", function () {
  this.timeout(180_000);
  let chain: LocalChain;
  let record: Awaited<ReturnType<typeof deployNetwork>>;
  const proxies: RpcProxy[] = [];
  const connected: ConnectedEndpoints[] = [];

  before(async () => {
    chain = await startLocalChain();
    const signer = localWallet(0).connect(chain.provider);
    record = await deployNetwork({ signer, parameters: readParameters("local") });
    const token = new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, signer);
    await (await token.getFunction("mint").send(signer.address, 10_000n * USD)).wait();
    await (await token.getFunction("approve").send(record.contracts.postageChannels.address, 10_000n * USD)).wait();
  });

  afterEach(async () => {
    for (const each of connected.splice(0)) each.destroy();
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  after(() => chain.close());

  const mine = async (count: number) => {
    for (let i = 0; i < count; i++) await chain.provider.send("evm_mine", []);
  };

  /** A follower behind `count` proxies, with a channel that was funded before it began. */
  async function behind(count: number) {
    const clock = new ManualClock(((await chain.provider.getBlock("latest"))!.timestamp + 1) * 1_000);
    const key = Wallet.createRandom();
    const channel = toAddress(key.address);
    const signer = localWallet(0).connect(chain.provider);
    const { postageChannels } = connectContracts(record, signer);
    const deposit = async (amount: bigint) => void (await (await postageChannels.deposit(channel, amount)).wait());
    const withdraw = async (amount: bigint) => {
      await (await signer.sendTransaction({ to: channel, value: 10n ** 17n })).wait();
      const own = connectContracts(record, key.connect(chain.provider)).postageChannels;
      await (await own.requestWithdrawal(channel, amount)).wait();
    };
    await deposit(5n * USD);
    await mine(10);
    const own = await Promise.all(Array.from({ length: count }, () => startRpcProxy(chain.url)));
    proxies.push(...own);
    const urls = own.map(({ url }) => url);
    const rpc = connectEndpoints({ urls, chainId: LOCAL_CHAIN_ID, clock, pollingMs: 50 });
    connected.push(rpc);
    const contracts = connectContracts(record, rpc.provider);
    const finality = { kind: "depth", safe: BigInt(SAFE_DEPTH), finalized: 6n } as const;
    const endpoints = rpc.single.map((one) => ethersEndpoint({ ...one, contracts, finality }));
    const { ledger: store } = await storeAt(":memory:", { clock });
    const ledger = new Ledger(store);
    const log = new HeardLog();
    const follower = new Follower({
      ...{ endpoints, ledger, store, clock, log, staleHeadMs: 300_000, reconcileEveryMs: 3_600_000 },
      deploymentBlock: BigInt(record.deploymentBlock),
    });
    /** The next look, a new block later. Answers what it rejects with. */
    const look = async (passes = 10_000): Promise<unknown> => {
      await mine(1);
      clock.advance(passes);
      return follower.poll().catch((error: unknown) => error);
    };
    const seen = async () => (await store.account(channel))?.chain ?? EMPTY_CHANNEL;
    await look();
    await look();
    expect(await seen()).to.include({ deposited: 5n * USD });
    return {
      ...{ clock, channel, key, rpc, contracts, follower, store, log, proxies: own },
      deposit,
      withdraw,
      look,
      seen,
    };
  }

  const FAILURES: [string, RpcFaults, RegExp][] = [
    ["HTTP 500", { status: 500 }, /answered HTTP 500/],
    ["HTTP 429", { status: 429 }, /answered HTTP 429/],
    ["HTTP 500 to questions about logs", { methods: ["eth_getLogs"], status: 500 }, /answered HTTP 500/],
    ["a connection that ends in the middle", { drop: true }, /cannot be reached/],
    ["something else than JSON", { garbage: "<html>busy</html>" }, /something else than JSON/],
    ["JSON of another shape", { garbage: '{"hello":"world"}' }, /did not answer/],
    ["an empty list", { garbage: "[]" }, /did not answer/],
    ["null", { garbage: "null" }, /did not answer/],
    ["an answer of 64 MB", { hugeBytes: 64 << 20 }, /more than 16777216 bytes/],
    ["refusals of everything", { refusal: "over quota" }, /over quota/],
    [
      "blocks without a hash",
      { results: { eth_getBlockByNumber: (r) => ({ ...(r as object), hash: "0x12" }) } },
      /whole/,
    ],
    [
      "another block than asked for",
      { results: { eth_getBlockByNumber: (r) => ({ ...(r as object), number: "0x1" }) } },
      /./,
    ],
    ["logs that are no list", { logs: () => "none" as never }, /no list of logs/],
    ["logs without a block", { logs: ours((log) => ({ ...log, blockHash: null })) }, /a log without its block/],
    ["logs that cannot be read", { logs: ours((log) => ({ ...log, data: "0x12" })) }, /cannot be read/],
    ["states that cannot be read", { results: { eth_call: () => "0x1234" } }, /answered no channels/],
    [
      "states of nobody",
      { results: { eth_call: () => `0x${"20".padStart(64, "0")}${"".padStart(64, "0")}` } },
      /0 of 1 channels/,
    ],
    ["another chain's id", { chainId: 1 }, /serves chain 0x1, not 31337/],
  ];

  function ours(change: (log: Record<string, unknown> & { blockNumber: string }) => never | object) {
    return (logs: (Record<string, unknown> & { blockNumber: string })[]) => logs.map(change) as typeof logs;
  }

  for (const [what, faults, message] of FAILURES) {
    it(`50: an endpoint that answers ${what} is an error and never money; a second one takes over`, async () => {
      const alone = await behind(1);
      await alone.withdraw(2n * USD);
      // The chain id is asked again after a failure.
      alone.proxies[0]!.faults = { status: 503 };
      await alone.look();
      alone.proxies[0]!.faults = faults;
      const error = await alone.look();
      expect(error).to.be.instanceOf(Error);
      expect(`${(error as Error).message} ${String((error as Error).cause)}`).to.match(message);
      expect(await alone.seen()).to.include({ deposited: 5n * USD, pendingWithdrawal: 0n });
      alone.proxies[0]!.faults = {};
      expect(await alone.look()).to.equal(true);
      expect(await alone.seen()).to.include({ deposited: 5n * USD, pendingWithdrawal: 2n * USD });

      const both = await behind(2);
      both.proxies[0]!.faults = { status: 503 };
      await both.look();
      await both.look();
      both.proxies[0]!.faults = faults;
      await both.withdraw(2n * USD);
      expect(await both.look(61_000), "the other one").to.equal(true);
      expect(await both.look()).to.equal(true);
      expect(await both.seen()).to.include({ deposited: 5n * USD, pendingWithdrawal: 2n * USD });
    });
  }

  it("50: an endpoint that takes too long is given up", async () => {
    const { rpc, proxies: own } = await behind(2);
    own[0]!.faults = { delayMs: 30_000 };
    const began = Date.now();
    expect(await rpc.provider.getBlockNumber()).to.be.a("number");
    expect(Date.now() - began).to.be.within(9_000, 20_000);
    const again = Date.now();
    await rpc.provider.getBlockNumber();
    expect(Date.now() - again, "it rests now").to.be.lessThan(5_000);
  });

  it("50: a stale head is not used while another endpoint goes on", async () => {
    const { proxies: own, look, seen, withdraw, follower } = await behind(2);
    own[0]!.faults = { frozenAt: await chain.provider.getBlockNumber() };
    await mine(3);
    await withdraw(1n * USD);
    for (let i = 0; i < 4; i++) expect(await look()).to.equal(true);
    expect(await seen()).to.include({ pendingWithdrawal: 1n * USD });
    const { endpoints } = (await follower.status()) as { endpoints: { state: string; problem?: string }[] };
    expect(endpoints.map(({ state }) => state)).to.deep.equal(["failing", "well"]);
    expect(endpoints[0]!.problem).to.match(/is at block \d+, block \d+ was read already/);
  });

  it("50: a head that stands still is not believed, when it is the only one", async () => {
    const { proxies: own, follower, clock } = await behind(1);
    own[0]!.faults = { frozenAt: await chain.provider.getBlockNumber() };
    await mine(3);
    clock.advance(200_000);
    expect(await follower.poll()).to.equal(true);
    clock.advance(200_000);
    expect(await follower.poll()).to.equal(false);
  });

  it("50: missing logs do not lose a withdrawal, doubled and foreign ones credit nothing", async () => {
    const { proxies: own, look, seen, withdraw, deposit } = await behind(2);
    own[0]!.faults = { logs: () => [] };
    await withdraw(3n * USD);
    await look();
    await look();
    expect(await seen()).to.include({ pendingWithdrawal: 3n * USD });
    own[0]!.faults = own[1]!.faults = {
      logs: (logs) => [...logs, ...logs, ...logs.map((log) => ({ ...log, address: `0x${"ee".repeat(20)}` }))],
    };
    await deposit(1n * USD);
    for (let i = 0; i < 5; i++) await look();
    expect(await seen()).to.include({ deposited: 6n * USD, pendingWithdrawal: 3n * USD });
    const stranger = { blockNumber: "0x1", logIndex: "0x0", topics: [], data: "0x", address: `0x${"ee".repeat(20)}` };
    own[0]!.faults = own[1]!.faults = {
      logs: (logs) => [stranger, ...logs, { ...logs[0]!, blockNumber: "0xfffffff" }],
    };
    for (let i = 0; i < 4; i++) await look(301_000);
    expect(await seen()).to.include({ deposited: 6n * USD, pendingWithdrawal: 3n * USD });
  });

  it("50: states that one endpoint makes up credit nothing", async () => {
    const { proxies: own, look, seen, deposit, contracts, channel, follower } = await behind(2);
    const abi = contracts.postageChannels.interface;
    const forge = (result: unknown) => {
      const [states] = abi.decodeFunctionResult("getChannels", String(result)).toArray(true) as [unknown[][]];
      return abi.encodeFunctionResult("getChannels", [states.map((state) => [999n * USD, ...state.slice(1)]) as never]);
    };
    own[0]!.faults = { results: { eth_call: forge } };
    await deposit(1n * USD);
    for (let i = 0; i < 5; i++) await look();
    expect(await seen()).to.include({ deposited: 6n * USD });
    const { disagreements } = (await follower.status()) as { disagreements: number };
    expect(disagreements, channel).to.equal(1);
  });

  it("50: two final hashes are not believed, and the alarm names both endpoints", async () => {
    const { proxies: own, look, store } = await behind(2);
    const before = await store.finalized();
    own[1]!.faults = { finalized: { depth: 6, hash: `0x${"ab".repeat(32)}` } };
    const error = await look(301_000);
    expect(error).to.be.instanceOf(FinalityDisputedError);
    const names = own.map(({ url }) => new URL(url).host);
    expect((error as Error).message)
      .to.include(names[0]!)
      .and.include(names[1]!);
    expect(await store.finalized()).to.deep.equal(before);
  });

  it("50: a receipt without its event: the chain's state is asked", async () => {
    const { proxies: own, look, seen, contracts, rpc, key, channel } = await behind(1);
    own[0]!.faults = { stripsReceipts: true };
    const signer = localWallet(1).connect(rpc.provider);
    const settler = ethersChain(contracts, rpc.provider, walletTransactions(signer));
    const domain = {
      chainId: BigInt(record.chainId),
      postageChannels: toAddress(record.contracts.postageChannels.address),
    };
    const voucher = signVoucher(domain, { fees: 400n, stamps: 0n }, Buffer.from(key.privateKey.slice(2), "hex"));
    expect(addressOf(Buffer.from(key.privateKey.slice(2), "hex")), "own voucher").to.equal(channel);
    const { settledRows } = await settler.settle(voucher, { lane: "routine", budgetWei: 10n ** 18n });
    expect(settledRows, "the receipt says nothing").to.equal(0);
    await look();
    expect(await seen()).to.include({ feesSpent: 400n });
  });

  it("refuses a range of logs that the endpoint finds too wide, and asks for less", async () => {
    const { proxies: own, store, look } = await behind(1);
    await mine(30);
    const wide = (params: unknown[]) => {
      const { fromBlock, toBlock } = params[0] as { fromBlock: string; toBlock: string };
      return toBlock === "latest" || Number(toBlock) - Number(fromBlock) > 15;
    };
    own[0]!.faults = {
      results: {
        eth_getLogs: (result, params) => {
          if (wide(params))
            throw Object.assign(new Error("range"), { rpc: { code: -32_005, message: "range too wide" } });
          return result;
        },
      },
    };
    let error: unknown;
    for (let i = 0; i < 12; i++) error = await look(301_000);
    expect(error).not.to.be.instanceOf(Error);
    expect((await store.finalized())!.number >= BigInt((await chain.provider.getBlockNumber()) - 7)).to.equal(true);
  });

  it("asks one request of two calls while nothing happens, and counts them by method and endpoint", async () => {
    const { proxies: own, look, rpc } = await behind(1);
    own[0]!.requests.length = 0;
    const before = Object.values(rpc.calls.snapshot())[0]!.requests;
    await look();
    await look();
    expect(own[0]!.requests).to.deep.equal(Array(2).fill(["eth_getBlockByNumber", "eth_getLogs"]));
    const after = rpc.calls.snapshot()[new URL(own[0]!.url).host]!;
    expect(after.requests - before).to.equal(2);
    expect(after.methods.eth_chainId, "once in ten minutes").to.equal(1);
  });

  it("asks for the chain id again, and drops an endpoint that changed its chain", async () => {
    const { proxies: own, look } = await behind(1);
    own[0]!.faults = { chainId: 5 };
    expect(await look(), "not yet").to.equal(true);
    const error = await look(600_000);
    expect(String(error)).to.include("serves chain 0x5");
  });

  it("follows Hardhat's own tags, on which the newest block is safe and final", async () => {
    const { contracts, rpc } = await behind(1);
    const endpoint = ethersEndpoint({ ...rpc.single[0]!, contracts, finality: { kind: "tags" } });
    const heads = await endpoint.heads();
    expect(heads.safe).to.deep.equal(heads.latest);
    expect(heads.finalized).to.deep.equal(heads.latest);
    expect(toHex(Buffer.from(heads.latest.hash.slice(2), "hex"))).to.have.length(66);
  });
});
