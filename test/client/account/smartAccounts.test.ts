import { expect } from "chai";
import type { HDNodeWallet, TransactionRequest } from "ethers";
import { Contract } from "ethers";

import { deployNetwork } from "../../../scripts/deploy/deployNetwork.ts";
import type { LocalChain } from "../../../scripts/local/localChain.ts";
import { localWallet, startLocalChain } from "../../../scripts/local/localChain.ts";
import { ChannelAccount } from "../../../src/client/account/channelAccount.ts";
import { isChannelError } from "../../../src/client/account/errors.ts";
import type { DeploymentRecord } from "../../../src/contracts/deploymentRecord.ts";
import { readParameters } from "../../../src/deployment/parameters.ts";
import { readArtifact } from "../../../src/deployment/readArtifact.ts";
import { fromHex, toAddress } from "../../../src/protocol/bytes.ts";
import { DAY, USD, postageKey } from "../../contracts/fixtures.ts";
import { PasskeySigner, deployEntryPoint } from "./passkeySigner.ts";

/** A payer whose wallet is a passkey's: OpenZeppelin's account behind ERC-4337's EntryPoint, both as others deploy them. */
describe("client/account of a smart account", () => {
  let chain: LocalChain;
  let record: DeploymentRecord;
  let usdc: Contract;
  let entryPoint: Contract;
  let [bundler, relay]: HDNodeWallet[] = [];

  before(async function () {
    this.timeout(180_000);
    chain = await startLocalChain();
    const deployer = localWallet(0).connect(chain.provider);
    record = await deployNetwork({ signer: deployer, parameters: readParameters("local") });
    usdc = new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, deployer);
    [bundler, relay] = [localWallet(1), localWallet(2)].map((wallet) => wallet.connect(chain.provider));
    entryPoint = await deployEntryPoint(bundler!);
  });
  after(() => chain.close());

  const balanceOf = async (address: string) => (await usdc.getFunction("balanceOf")(address)) as bigint;
  const failureOf = async (action: Promise<unknown>) => {
    const error: unknown = await action.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!isChannelError(error)) throw new Error(`no ChannelError: ${String(error)}`);
    return error;
  };
  const open = async (seed: number) => {
    const wallet = await PasskeySigner.create(entryPoint, bundler!);
    const address = toAddress(await wallet.getAddress());
    await (await usdc.getFunction("mint")(address, 10n * USD)).wait();
    const key = postageKey(seed);
    return { wallet, address, key, account: new ChannelAccount(record, chain.provider, key.address) };
  };

  it("pays a deposit by a passkey's signature, through a bundle or with somebody else's gas, and owns the channel", async () => {
    const { wallet, address, key, account } = await open(901);
    await account.fund(wallet, { amount: 5n * USD });
    const { balance } = await account.fund(wallet, { amount: 2n * USD, relay: relay! });
    expect(balance.deposited).to.equal(7n * USD);
    await account.assignOwner(fromHex(key.privateKey), address, relay!);
    expect((await account.balance()).owner).to.equal(address);

    expect((await account.requestWithdrawal(wallet, "all")).pendingWithdrawal).to.equal(7n * USD);
    await account.cancelWithdrawal(wallet);
    await account.requestWithdrawal(wallet, 6n * USD);
    await chain.increaseTime(4 * DAY);
    expect((await account.withdraw(wallet)).deposited).to.equal(USD);
    expect(await balanceOf(address)).to.equal(9n * USD);
  });

  it("says what the contract refuses before anything is sent, which a bundle would not", async () => {
    const { wallet, account } = await open(902);
    await account.fund(wallet, { amount: 5n * USD });
    const before = await chain.provider.getTransactionCount(bundler!);
    const error = await failureOf(account.requestWithdrawal(wallet, "all"));
    expect([error.code, error.revert]).to.deep.equal(["refused", "PostageChannelsNotOwner"]);
    expect(await chain.provider.getTransactionCount(bundler!)).to.equal(before);
  });

  it("takes a deposit for made that somebody sent ahead of the bundle, in which it then fails", async () => {
    const { wallet, account } = await open(905);
    const overtaken = Object.create(wallet, {
      getAddress: { value: () => wallet.getAddress() },
      signTypedData: { value: wallet.signTypedData.bind(wallet) },
      sendTransaction: {
        value: async (transaction: TransactionRequest) => {
          await (await relay!.sendTransaction({ to: transaction.to!, data: transaction.data! })).wait();
          return wallet.sendTransaction(transaction);
        },
      },
    }) as PasskeySigner;
    const { transactionHash, balance } = await account.fund(overtaken, { amount: 5n * USD });
    expect(transactionHash).to.equal(undefined);
    expect(balance.deposited).to.equal(5n * USD);
  });

  it("does not take a bundle for done in which its call failed", async () => {
    const { wallet, account } = await open(904);
    await account.fund(wallet, { amount: 5n * USD });
    // The contract is asked as if the owner did; the bundle is of an account that is not.
    const liar = Object.create(wallet, { getAddress: { value: async () => account.channel } }) as PasskeySigner;
    Object.defineProperty(liar, "sendTransaction", { value: wallet.sendTransaction.bind(wallet) });
    const error = await failureOf(account.requestWithdrawal(liar, "all"));
    expect(error.code).to.equal("refused");
    expect(error.message).to.include("did not do what was asked of channel");
    expect((await account.balance()).pendingWithdrawal).to.equal(0n);
  });
});
