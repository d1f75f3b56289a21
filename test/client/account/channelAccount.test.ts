import { expect } from "chai";
import type {
  HDNodeWallet,
  Signer,
  TransactionRequest,
  TransactionResponse,
  TypedDataDomain,
  TypedDataField,
} from "ethers";
import { AbstractSigner, Contract, ContractFactory, JsonRpcProvider, Signature, Wallet, id } from "ethers";

import { deployNetwork } from "../../../scripts/deploy/deployNetwork.ts";
import type { LocalChain } from "../../../scripts/local/localChain.ts";
import { localWallet, startLocalChain } from "../../../scripts/local/localChain.ts";
import { ChannelAccount } from "../../../src/client/account/channelAccount.ts";
import type { ChannelError } from "../../../src/client/account/errors.ts";
import { readFeeToken } from "../../../src/client/account/feeToken.ts";
import { connectContracts } from "../../../src/contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../../src/contracts/deploymentRecord.ts";
import { readParameters } from "../../../src/deployment/parameters.ts";
import { readArtifact } from "../../../src/deployment/readArtifact.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { fromHex, toAddress } from "../../../src/protocol/bytes.ts";
import { DAY, USD, postageKey } from "../../contracts/fixtures.ts";

/** What a smart account's SDK gives an app: it signs by its owner's key, and others send for it. */
class SmartSigner extends AbstractSigner {
  readonly #address: string;
  readonly #owner: Signer;

  constructor(address: string, owner: Signer) {
    super(owner.provider);
    this.#address = address;
    this.#owner = owner;
  }

  override async getAddress(): Promise<string> {
    return this.#address;
  }

  override async signTypedData(
    domain: TypedDataDomain,
    types: Record<string, TypedDataField[]>,
    value: Record<string, unknown>,
  ): Promise<string> {
    return this.#owner.signTypedData(domain, types, value);
  }

  override connect(): Signer {
    throw new Error("not asked for here");
  }
  override async signTransaction(): Promise<string> {
    throw new Error("a smart account signs no transaction");
  }
  override async signMessage(): Promise<string> {
    throw new Error("not asked for here");
  }
  override async sendTransaction(): Promise<TransactionResponse> {
    throw new Error("a smart account sends no transaction");
  }
}

// Over HTTP, because an app's errors are those that come over HTTP.
describe("client/account", () => {
  let chain: LocalChain;
  let record: DeploymentRecord;
  let usdc: Contract;
  let account: ChannelAccount;
  let alice: ReturnType<typeof postageKey>;
  let holder: HDNodeWallet;
  let [stranger, operator]: HDNodeWallet[] = [];
  let count = 0;
  const mint = async (to: string, amount: bigint) => (await usdc.getFunction("mint")(to, amount)).wait();

  before(async function () {
    this.timeout(180_000);
    chain = await startLocalChain();
    const deployer = localWallet(0).connect(chain.provider);
    record = await deployNetwork({ signer: deployer, parameters: readParameters("local") });
    usdc = new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, deployer);
    [stranger, operator] = [localWallet(1), localWallet(2)].map((wallet) => wallet.connect(chain.provider));
  });
  after(() => chain.close());

  /** A channel and a holder that nobody has used. */
  beforeEach(async () => {
    count++;
    alice = postageKey(count);
    holder = localWallet(5 + count).connect(chain.provider);
    await mint(holder.address, 100n * USD);
    account = new ChannelAccount(record, chain.provider, alice.address);
  });

  const failure = async (promise: Promise<unknown>) => {
    const error = (await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    )) as ChannelError | undefined;
    expect(error?.name).to.equal("ChannelError");
    return error!;
  };
  const sentBy = (signer: Signer) => chain.provider.getTransactionCount(signer);

  it("funds a channel in one transaction, without an allowance", async () => {
    const { transactionHash, balance } = await account.fund(holder, { amount: 5n * USD });
    expect(transactionHash).to.match(/^0x[0-9a-f]{64}$/);
    expect(balance).to.include({ deposited: 5n * USD, unspent: 5n * USD, pendingWithdrawal: 0n });
    expect(await sentBy(holder)).to.equal(1);
    expect(await usdc.getFunction("allowance")(holder, record.contracts.postageChannels.address)).to.equal(0n);
  });

  it("deposits once what is asked for twice under one key, also at the same time", async () => {
    const idempotencyKey = id("invoice 17") as Hex;
    const both = await Promise.allSettled([
      account.fund(holder, { amount: 5n * USD, idempotencyKey }),
      account.fund(holder, { amount: 5n * USD, idempotencyKey }),
    ]);
    expect(both.map(({ status }) => status)).to.deep.equal(["fulfilled", "fulfilled"]);
    const again = await account.fund(holder, { amount: 5n * USD, idempotencyKey });
    expect(again.transactionHash).to.equal(undefined);
    expect(again.balance.deposited).to.equal(5n * USD);
    const { balance } = await account.fund(holder, { amount: 5n * USD, idempotencyKey: id("invoice 18") as Hex });
    expect(balance.deposited).to.equal(10n * USD);
  });

  it("tells a deposit that was withdrawn before it was made from one that was made", async () => {
    const idempotencyKey = id("invoice 19") as Hex;
    const token = await readFeeToken(toAddress(record.token), 31_337n, chain.provider);
    const { postageChannels } = connectContracts(record, chain.provider);
    const nonce = await postageChannels.authorizationNonce(alice.address, idempotencyKey);
    const type = [
      { name: "authorizer", type: "address" },
      { name: "nonce", type: "bytes32" },
    ];
    const message = { authorizer: holder.address, nonce };
    const signature = await holder.signTypedData(token.domain, { CancelAuthorization: type }, message);
    const { v, r, s } = Signature.from(signature);
    await (await usdc.getFunction("cancelAuthorization")(holder.address, nonce, v, r, s)).wait();
    const error = await failure(account.fund(holder, { amount: 5n * USD, idempotencyKey }));
    expect([error.code, error.retryable]).to.deep.equal(["authorization_cancelled", false]);
    expect(error.message).to.include("another idempotencyKey");
    expect((await account.balance()).deposited).to.equal(0n);

    for (const getLogs of [async () => [], async () => Promise.reject(new Error("this method is not for you"))]) {
      const blind = Object.defineProperty(new JsonRpcProvider(chain.url, 31337), "getLogs", { value: getLogs });
      const unseen = await failure(
        new ChannelAccount(record, blind, alice.address).fund(holder, { amount: 5n * USD, idempotencyKey }),
      );
      blind.destroy();
      expect([unseen.code, unseen.retryable], "it may be either").to.deep.equal(["not_shown", true]);
      expect(unseen.message).to.include("the endpoint does not show").and.not.include("does not answer");
    }
  });

  it("lets somebody else pay the gas, and a smart account pay the deposit", async () => {
    await account.fund(holder, { amount: 5n * USD, relay: stranger! });
    expect(await sentBy(holder)).to.equal(0);
    const { abi, bytecode } = readArtifact("test/support/SmartAccount.sol");
    const smart = await new ContractFactory(abi, bytecode, operator).deploy(operator!.address);
    await smart.waitForDeployment();
    await mint(await smart.getAddress(), 14n * USD);
    const signer = new SmartSigner(await smart.getAddress(), operator!);
    const { balance } = await account.fund(signer, { amount: 7n * USD, relay: stranger! });
    expect(balance.deposited).to.equal(12n * USD);
    const impostor = new SmartSigner(await smart.getAddress(), stranger!);
    expect((await failure(account.fund(impostor, { amount: 7n * USD, relay: stranger! }))).code).to.equal("refused");
  });

  it("gives the channel an owner by the postage key's signature, and money back to that owner only", async () => {
    await account.fund(holder, { amount: 5n * USD });
    const key = fromHex(alice.privateKey);
    await account.assignOwner(key, await holder.getAddress(), stranger!);
    expect((await account.balance()).owner).to.equal(toAddress(await holder.getAddress()));
    expect((await failure(account.requestWithdrawal(stranger!, "all"))).revert).to.equal("PostageChannelsNotOwner");
    const asked = await account.requestWithdrawal(holder, "all");
    expect(asked.pendingWithdrawal).to.equal(5n * USD);
    const early = await failure(account.withdraw(holder));
    expect(early).to.include({ code: "refused", revert: "PostageChannelsWithdrawalNotReady" });
    await account.cancelWithdrawal(holder);
    await account.requestWithdrawal(holder, 2n * USD);
    await chain.increaseTime(4 * DAY);
    const after = await account.withdraw(holder, operator!.address);
    expect(after).to.include({ deposited: 3n * USD, unspent: 3n * USD });
  });

  it("takes no other event of the channel for what was asked", async () => {
    const key = fromHex(alice.privateKey);
    const { channel } = account;
    const channels = connectContracts(record, holder).postageChannels;
    /** The holder's wallet, whose transaction does something else to the channel. */
    const doing = (other: () => Promise<TransactionResponse>) =>
      Object.defineProperty(localWallet(5 + count).connect(chain.provider), "sendTransaction", { value: other });
    const refused = async (action: Promise<unknown>) => {
      const error = await failure(action);
      expect([error.code, error.message]).to.deep.equal(["refused", error.message.match(/.*did not do what.*/)?.[0]]);
    };
    await mint(stranger!.address, 15n * USD);
    await (await (usdc.connect(stranger!) as Contract).getFunction("approve")(channels, 15n * USD)).wait();
    const theirs = () => channels.connect(stranger).deposit(channel, 5n * USD);
    await refused(account.fund(doing(theirs), { amount: 5n * USD }));

    await account.assignOwner(key, holder.address, stranger!);
    await refused(
      account.requestWithdrawal(
        doing(() => channels.requestWithdrawal(channel, USD)),
        2n * USD,
      ),
    );
    await refused(account.cancelWithdrawal(doing(theirs)));
    await chain.increaseTime(4 * DAY);
    await refused(
      account.withdraw(
        doing(() => channels.withdraw(channel, stranger!.address)),
        holder.address,
      ),
    );
  });

  it("takes a deposit for made whose authorization somebody else sends first", async () => {
    const overtaken = Object.defineProperty(localWallet(5 + count).connect(chain.provider), "sendTransaction", {
      value: async ({ to, data }: TransactionRequest) => {
        await (await stranger!.sendTransaction({ to: to!, data: data! })).wait();
        return holder.sendTransaction({ to: to!, data: data!, gasLimit: 1_000_000n });
      },
    });
    const { transactionHash, balance } = await account.fund(overtaken, { amount: 5n * USD });
    expect(transactionHash).to.equal(undefined);
    expect(balance.deposited).to.equal(5n * USD);
  });

  it("takes nobody else's deposit for the one by permit", async () => {
    const permits = record.contracts.postageToken.address;
    const deployer = localWallet(0).connect(chain.provider);
    const second = await deployNetwork({ signer: deployer, parameters: readParameters("local"), token: permits });
    const channels = connectContracts(second, stranger!).postageChannels;
    const penny = new Contract(permits, readArtifact("contracts/governance/PostageToken.sol").abi, deployer);
    for (const { address } of [holder, stranger!]) {
      await (await penny.getFunction("transfer")(address, 20n * USD)).wait();
    }
    await (await (penny.connect(stranger!) as Contract).getFunction("approve")(channels, 20n * USD)).wait();
    const payer = new ChannelAccount(second, chain.provider, alice.address);
    expect((await payer.fund(holder, { amount: 5n * USD })).balance.deposited).to.equal(5n * USD);
    for (const amount of [5n * USD, 4n * USD]) {
      const theirs = async () => channels.deposit(alice.address, amount);
      const wallet = Object.defineProperty(localWallet(5 + count).connect(chain.provider), "sendTransaction", {
        value: theirs,
      });
      const error = await failure(payer.fund(wallet, { amount: 5n * USD }));
      expect([error.code, error.message]).to.deep.equal(["refused", error.message.match(/.*did not do what.*/)?.[0]]);
    }
  });

  it("says what to do instead of sending what cannot work", async () => {
    const before = await sentBy(holder);
    const codes = [
      await failure(account.fund(holder, { amount: 0n })),
      await failure(account.fund(holder, { amount: 2n ** 64n })),
      await failure(account.fund(holder, { amount: USD, idempotencyKey: "0x12" })),
      await failure(account.fund(holder, { amount: 101n * USD })),
      await failure(account.fund(holder, { amount: 1n })),
      await failure(account.fund(holder, { amount: USD, signal: AbortSignal.abort() })),
      await failure(account.assignOwner(new Uint8Array(32).fill(9), alice.address, holder)),
      await failure(account.assignOwner(fromHex(alice.privateKey), "nobody", holder)),
    ];
    expect(codes.map(({ code }) => code)).to.deep.equal([
      ...["bad_input", "bad_input", "bad_input", "too_little_money", "refused", "aborted", "bad_input", "bad_input"],
    ]);
    expect(codes[4]!.revert).to.equal("PostageChannelsDepositBelowMinimum");
    expect(await sentBy(holder)).to.equal(before);
    expect(() => new ChannelAccount(record, chain.provider, "0x1")).to.throw("channel");
    const elsewhere = new ChannelAccount({ ...record, chainId: 8453 }, chain.provider, alice.address);
    // Its token is signed for by another domain, so that nobody's wallet is asked.
    expect((await failure(elsewhere.fund(holder, { amount: USD }))).code).to.equal("token_not_supported");
    expect((await failure(elsewhere.cancelWithdrawal(holder))).code).to.equal("wrong_chain");
    const poor = Wallet.createRandom(chain.provider);
    await mint(poor.address, 5n * USD);
    expect((await failure(account.fund(poor, { amount: 5n * USD }))).code).to.equal("too_little_gas_money");
    const gone = new JsonRpcProvider("http://127.0.0.1:1", 31337, { staticNetwork: true });
    const unreachable = await failure(
      new ChannelAccount(record, gone, alice.address).balance(AbortSignal.timeout(2_000)),
    );
    gone.destroy();
    expect(["chain_unavailable", "aborted"]).to.include(unreachable.code);
  });

  it("knows a token that takes permits only", async () => {
    const address = toAddress(record.contracts.postageToken.address);
    const token = await readFeeToken(address, 31_337n, chain.provider);
    expect(token.form).to.equal("permit");
    expect(token.domain.version).to.equal("1");
    const none = toAddress(record.contracts.rateRegistry.address);
    expect((await failure(readFeeToken(none, 31_337n, chain.provider))).code).to.equal("token_not_supported");
  });
});
