import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import type { ErrorFragment, JsonRpcSigner } from "ethers";
import { Interface, JsonRpcProvider, Wallet } from "ethers";
import { network } from "hardhat";

import { Health, HealthCheckResponse_ServingStatus } from "#proto/grpc/health/v1/health_pb.ts";
import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";
import { PublishApi, QueryApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { chainRefusal, mayBeLate } from "../../src/client/adapters/chainRefusal.ts";
import { ethersChain } from "../../src/client/adapters/ethersChain.ts";
import { connectGrpcNode } from "../../src/client/adapters/grpcNode.ts";
import type { GatewayError } from "../../src/client/errors.ts";
import { isGatewayError } from "../../src/client/errors.ts";
import type { GatewayChain } from "../../src/client/ports.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { GrpcServer } from "../../src/platform/grpcServer.ts";
import { startGrpcServer } from "../../src/platform/grpcServer.ts";
import { silentLog } from "../../src/platform/log.ts";
import { voucherFromHeader } from "../../src/protocol/voucher.ts";
import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { VECTOR, vectorEvent } from "../node/support/identity.ts";
import { groupMessage, payerEnvelope } from "../support/envelopes.ts";
import { CHANNEL, POSTAGE_KEY } from "./support/fakeNetwork.ts";

const NEVER = new AbortController().signal;

describe("client/adapters/grpcNode", () => {
  let server: GrpcServer;
  let answer: (voucher: string | null, count: number) => void;
  const bytes = payerEnvelope(1, 100, POSTAGE_KEY);
  const row = new Uint8Array(80).fill(7);
  before(async () => {
    server = await startGrpcServer({
      host: "127.0.0.1",
      port: 0,
      maxMessageBytes: 1_000_000,
      routes: (router) => {
        router.service(PublishApi, {
          publishPayerEnvelopes: ({ payerEnvelopes }, { requestHeader }) => {
            answer(requestHeader.get("x-postage-voucher"), payerEnvelopes.length);
            return { originatorEnvelopes: payerEnvelopes.map(() => ({})) };
          },
        });
        router.service(QueryApi, {
          queryEnvelopes: ({ query, limit }) => {
            const last = query!.lastSeen!.nodeIdToSequenceId[100]!;
            expect([query!.originatorNodeIds, limit, last]).to.deep.equal([[100], 7, 41n]);
            return { envelopes: [{}] };
          },
        });
        router.service(Health, { check: () => ({ status: HealthCheckResponse_ServingStatus.NOT_SERVING }) });
      },
    });
  });
  after(() => server.close());

  const publish = (url = server.url) => {
    const client = connectGrpcNode({ id: 100, httpAddress: url });
    return client.publish([bytes, bytes], row, NEVER).finally(() => client.close());
  };

  it("attaches the voucher to every publish, and queries and asks for health", async () => {
    answer = (voucher, count) => {
      expect(voucherFromHeader(voucher!)).to.deep.equal(row);
      expect(count).to.equal(2);
    };
    const outcome = await publish();
    expect(outcome.kind === "accepted" && outcome.envelopes.length).to.equal(2);
    const client = connectGrpcNode({ id: 100, httpAddress: server.url });
    const query = { topics: [], originatorIds: [100], lastSeen: new Map([[100, 41n]]), limit: 7 };
    expect(await client.query(query, NEVER)).to.have.length(1);
    expect(await client.health(NEVER)).to.equal(false);
    client.close();
  });

  it("tells what is surely not stored from what may be", async () => {
    const numbers = { required: 9n, authorised: 4n, available: 100n };
    const value = { code: "voucher_short", message: "short", retryable: false, ...numbers };
    const details = [{ desc: PostageRefusalSchema, value }];
    const underWay = [{ desc: PostageRefusalSchema, value: { code: "in_progress", retryable: true } }];
    const cases: [ConnectError, object][] = [
      [
        new ConnectError("short", Code.FailedPrecondition, undefined, details),
        { kind: "refused", reason: "postage", demand: { code: "voucher_short", retryable: false, ...numbers } },
      ],
      [new ConnectError("not ready", Code.Unavailable, undefined, details), { kind: "refused", reason: "postage" }],
      [new ConnectError("another process", Code.Unavailable, undefined, underWay), { kind: "unknown" }],
      [new ConnectError("bad", Code.InvalidArgument), { kind: "refused", reason: "invalid" }],
      [new ConnectError("no", Code.PermissionDenied), { kind: "refused", reason: "other" }],
      [new ConnectError("hm", Code.Unavailable), { kind: "unknown" }],
      [new ConnectError("hm", Code.Internal), { kind: "unknown" }],
      [new ConnectError("hm", Code.DeadlineExceeded), { kind: "unknown" }],
    ];
    for (const [error, expected] of cases) {
      answer = () => {
        throw error;
      };
      expect(await publish()).to.deep.include(expected);
    }
    expect((await publish("http://127.0.0.1:1")).kind).to.equal("notSent");
    const client = connectGrpcNode({ id: 100, httpAddress: server.url });
    const gone = AbortSignal.abort(new Error("gone"));
    expect((await client.publish([bytes], row, gone)).kind).to.equal("unknown");
    client.close();
  });
});

describe("client/adapters/ethersChain", () => {
  let chain: GatewayChain;
  let provider: JsonRpcProvider;
  let contracts: Contracts;
  let deployer: JsonRpcSigner;
  let close: () => Promise<void>;
  before(async function () {
    this.timeout(180_000);
    const server = await network.createServer({ network: "local", chainType: "l1" }, "127.0.0.1", 0);
    const { address, port } = await server.listen();
    provider = new JsonRpcProvider(`http://${address}:${port}`, 31337, { staticNetwork: true, cacheTimeout: -1 });
    deployer = await provider.getSigner(0);
    const record = await deployNetwork({ signer: deployer, parameters: readParameters("local") });
    const key = Wallet.createRandom();
    await (await deployer.sendTransaction({ to: key.address, value: 10n ** 18n })).wait();
    const signer = new Wallet(key.privateKey, provider);
    contracts = connectContracts(record, provider);
    chain = ethersChain({ contracts, provider, signer, clock: systemClock, log: silentLog, pollingMs: 10 });
    close = async () => {
      provider.destroy();
      await server.close();
    };
  });
  after(() => close());

  const refusalOf = async (call: Promise<unknown>): Promise<GatewayError> => {
    const error: unknown = await call.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    if (!isGatewayError(error)) throw new Error(`no refusal: ${String(error)}`);
    return error;
  };

  it("reads nodes, rates and channels", async () => {
    expect(await chain.nodes(NEVER)).to.deep.equal([]);
    expect(await chain.signingKey(100, CHANNEL, NEVER), "nobody's key").to.equal(undefined);
    const { history, retentionDays } = await chain.rates(NEVER);
    expect(retentionDays).to.equal(60);
    expect(history[0]).to.include({ messageFeePico: 100n, targetRatePerMinute: 6_000n });
    expect(await chain.channel(CHANNEL, NEVER)).to.deep.equal({
      deposited: 0n,
      feesSpent: 0n,
      stampsSpent: 0n,
      stampsSigned: 0n,
      pendingWithdrawal: 0n,
    });
  });

  it("reads the account that pays for gas, and the price of now", async () => {
    const { account, balanceWei, maxFeePerGasWei } = await chain.gas(NEVER);
    expect(balanceWei).to.equal(10n ** 18n);
    expect(await provider.getBalance(account)).to.equal(balanceWei);
    expect(maxFeePerGasWei).to.equal((await provider.getFeeData()).maxFeePerGas);
  });

  it("remembers that the account was refused for want of money, until it has more", async () => {
    const key = Wallet.createRandom();
    const signer = new Wallet(key.privateKey, provider);
    const give = async (value: bigint) => (await deployer.sendTransaction({ to: key.address, value })).wait();
    const own = ethersChain({ contracts, provider, signer, clock: systemClock, log: silentLog, pollingMs: 10 });
    await give(1_000n);
    expect(await own.gas(NEVER)).to.include({ isRefused: false });
    const group = new Uint8Array(16).fill(0xab);
    const send = () => own.addMessage(group, groupMessage(2_001, { contentType: 3 }), NEVER);
    expect((await refusalOf(send())).message).to.contain("no money for gas");
    expect(await own.gas(NEVER)).to.include({ isRefused: true, balanceWei: 1_000n });
    expect(await own.gas(NEVER), "no more money has come").to.include({ isRefused: true });
    await give(1n);
    expect(await own.gas(NEVER)).to.include({ isRefused: false });
  });

  it("sequences 25 commits sent at once, each under its own id", async function () {
    this.timeout(180_000);
    const group = new Uint8Array(16).fill(0xab);
    const commits = Array.from({ length: 25 }, (_, n) => groupMessage(n, { contentType: 3 }));
    const sent = await Promise.all(commits.map((commit) => chain.addMessage(group, commit, NEVER)));
    const ids = sent.map(({ sequenceId }) => sequenceId).sort((a, b) => (a < b ? -1 : 1));
    expect(ids).to.deep.equal(commits.map((_, i) => BigInt(i + 1)));
    expect(new Set(sent.map(({ transactionHash }) => transactionHash)).size).to.equal(25);
  });

  it("reserves gas before it signs, and tells to the wei what a transaction took of the account", async () => {
    const key = Wallet.createRandom();
    const signer = new Wallet(key.privateKey, provider);
    await (await deployer.sendTransaction({ to: key.address, value: 10n ** 18n })).wait();
    const own = ethersChain({ contracts, provider, signer, clock: systemClock, log: silentLog, pollingMs: 10 });
    const group = new Uint8Array(16).fill(0xab);
    const commit = groupMessage(1_001, { contentType: 3 });
    const heard: bigint[][] = [];
    const book = { reserve: async (most: bigint) => void heard.push([most]), settle: async () => {} };
    const refuse = async () => Promise.reject(new Error("no more today"));
    const refused = await own.addMessage(group, commit, NEVER, { ...book, reserve: refuse }).catch(String);
    expect(refused).to.contain("no more today");
    expect(await provider.getTransactionCount(key.address, "pending"), "nothing was sent").to.equal(0);
    const settle = async (most: bigint, spent: bigint) => void heard.push([most, spent]);
    await own.addMessage(group, commit, NEVER, { ...book, settle });
    const took = 10n ** 18n - (await provider.getBalance(key.address));
    expect(heard[1]).to.deep.equal([heard[0]![0], took]);
    expect(took > 0n && took < heard[0]![0]!).to.equal(true);
  });

  it("takes what somebody has sequenced before as done", async () => {
    const { subject, clientEnvelope } = vectorEvent(VECTOR.wallet);
    const first = await chain.addIdentityUpdate(subject, clientEnvelope, NEVER);
    const again = await chain.addIdentityUpdate(subject, clientEnvelope, NEVER);
    expect(again).to.deep.equal({ sequenceId: first.sequenceId, transactionHash: undefined });
  });

  it("names what a contract refuses", async () => {
    const update = await refusalOf(chain.addIdentityUpdate(new Uint8Array(32), new Uint8Array(5), NEVER));
    expect(update).to.include({ code: "invalid_identity_update", retryable: false });
    expect(update.message).to.contain("IdentityRegistryPayloadSizeOutOfBounds(5, 78, 262144)");
    const message = await refusalOf(chain.addMessage(new Uint8Array(16).fill(0xab), groupMessage(1), NEVER));
    expect(message).to.include({ code: "refused_by_chain", retryable: false });
    expect(message.message).to.contain("CommitBroadcasterNotOrdered(1)");
  });

  it("waits for the end of a pause", async () => {
    for (const contract of [contracts.commitBroadcaster, contracts.identityRegistry]) {
      await (await contracts.guardian.connect(deployer).pauseEntries(contract, 3_600)).wait();
    }
    const { subject, clientEnvelope } = vectorEvent(VECTOR.passkey);
    for (const call of [
      chain.addMessage(new Uint8Array(16).fill(0xab), groupMessage(77, { contentType: 3 }), NEVER),
      chain.addIdentityUpdate(subject, clientEnvelope, NEVER),
    ]) {
      const refusal = await refusalOf(call);
      expect(refusal).to.include({ code: "refused_by_chain", retryable: true });
      expect(refusal.message).to.contain("PausableEntriesPaused");
    }
  });
});

describe("client/adapters/chainRefusal", () => {
  const revert = (signature: string, ...args: unknown[]) => {
    const abi = new Interface([`error ${signature}`]);
    return { code: "CALL_EXCEPTION", data: abi.encodeErrorResult(abi.fragments[0]! as ErrorFragment, args) };
  };

  it("says what to do about an update that can never succeed", () => {
    const refusal = chainRefusal("identity", revert("SomeVerifierError(uint256)", 7n));
    expect(refusal).to.include({ code: "invalid_identity_update", retryable: false });
    expect(refusal!.message).to.match(/unknown error 0x[0-9a-f]{8}; .*sign a new one/);
    expect(chainRefusal("commit", revert("SomeError()"))).to.include({ code: "refused_by_chain", retryable: false });
  });

  it("does not blame an update for too little gas, and keeps what it quotes short", () => {
    const gas = chainRefusal("identity", revert("IdentityVerifierAccountGas(address)", `0x${"11".repeat(20)}`));
    expect(gas).to.include({ code: "chain_unavailable", retryable: true });
    const long = chainRefusal("identity", revert("IdentityVerifierAccountId(bytes)", new Uint8Array(100_000)));
    expect(long!.message.length).to.be.lessThan(500);
  });

  it("knows what an endpoint that is a block behind may refuse", () => {
    expect(mayBeLate(revert("IdentityRegistryInboxUnknown(bytes32)", `0x${"11".repeat(32)}`))).to.equal(true);
    expect(mayBeLate(revert("IdentityVerifierTime(uint64)", 1n))).to.equal(false);
    expect(mayBeLate(new Error("socket hang up"))).to.equal(false);
  });

  it("does not take an endpoint's failure, or one without data, for a refusal", () => {
    for (const error of [new Error("socket hang up"), { code: "CALL_EXCEPTION", data: "0x" }, undefined]) {
      expect(chainRefusal("identity", error)).to.equal(undefined);
      expect(chainRefusal("commit", error)).to.equal(undefined);
    }
  });
});
