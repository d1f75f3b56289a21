import type { ContractTransaction, Log, Provider, Result, Signer } from "ethers";
import { Signature } from "ethers";

import type { PostageChannels } from "#typechain";

import { connectContracts } from "../../contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../contracts/deploymentRecord.ts";
import { readChannel } from "../../contracts/readChannel.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { fromHex, toAddress, toHex } from "../../protocol/bytes.ts";
import { addressOf, signDigest } from "../../protocol/ecdsa.ts";
import { orAborted } from "../async.ts";
import { isUseOf, requireUsed } from "./authorizations.ts";
import { ChannelError, toChannelError } from "./errors.ts";
import type { FeeToken } from "./feeToken.ts";
import { movedIn, readFeeToken } from "./feeToken.ts";
import { signDeposit } from "./signDeposit.ts";

/** How long a signed deposit or assignment holds, by the chain's clock. */
const VALID_SECONDS = 3_600n;
const MOST_UNITS = 2n ** 64n - 1n;

/** A channel as the chain has it. Amounts are base units of the fee token, times seconds since 1970. */
export interface ChannelBalance {
  channel: Address;
  /** Who may withdraw: the postage key itself until it has another owner. */
  owner: Address;
  deposited: bigint;
  /** Settled on chain; vouchers that nodes hold may be for more. */
  feesSpent: bigint;
  stampsSpent: bigint;
  /** Of the deposit, neither spent nor charged on chain. */
  unspent: bigint;
  pendingWithdrawal: bigint;
  /** When a pending withdrawal can be taken, 0 without one. */
  withdrawableAt: bigint;
}

export interface FundOptions {
  amount: bigint;
  /** 32 bytes, chosen by the caller: what is asked for twice under one is deposited once. Not with permits. */
  idempotencyKey?: Hex;
  /** Who sends and pays gas, when that is not who pays the deposit. Not with permits. */
  relay?: Signer;
  signal?: AbortSignal;
}

export interface Funded {
  /** Undefined when the same deposit had been made before. */
  transactionHash: Hex | undefined;
  balance: ChannelBalance;
}

/**
 * A channel, seen by who pays: looks, funds in one transaction, gives it an owner, withdraws. Runs in browsers with a
 * wallet's signer. Everything rejects with ChannelError; a transaction that was sent before an abort may still be mined.
 */
export class ChannelAccount {
  readonly channel: Address;
  readonly #record: DeploymentRecord;
  readonly #provider: Provider;
  readonly #channels: PostageChannels;
  readonly #address: Address;

  /** @param channel the postage key's address */
  constructor(record: DeploymentRecord, provider: Provider, channel: string) {
    this.channel = checked("channel", () => toAddress(channel));
    this.#record = record;
    this.#provider = provider;
    this.#channels = connectContracts(record, provider).postageChannels;
    this.#address = toAddress(record.contracts.postageChannels.address);
  }

  async balance(signal?: AbortSignal): Promise<ChannelBalance> {
    const state = await this.#ask(signal, () => readChannel({ postageChannels: this.#channels }, this.channel));
    const { channel, owner, deposited, feesSpent, stampsSpent, unspent, pendingWithdrawal, readyAt } = state;
    return {
      ...{ channel, owner, deposited, feesSpent, stampsSpent, unspent, pendingWithdrawal },
      withdrawableAt: readyAt,
    };
  }

  /**
   * Deposits the signer's money in one transaction, without an allowance before: the signer signs an authorization
   * (EIP-3009; a smart account by ERC-1271), or a permit where the token knows no more, and it or `relay` sends that.
   */
  async fund(signer: Signer, { amount, idempotencyKey, relay = signer, signal }: FundOptions): Promise<Funded> {
    if (amount <= 0n || amount > MOST_UNITS) {
      throw new ChannelError("bad_input", `a deposit is 1 to 2^64-1 base units, this is ${amount}`);
    }
    const salt = idempotencyKey ?? toHex(crypto.getRandomValues(new Uint8Array(32)));
    if (!/^0x[0-9a-f]{64}$/i.test(salt)) throw new ChannelError("bad_input", "idempotencyKey is not 32 bytes of hex");
    const token = await this.#token(signal);
    if (token.form === "permit" && (relay !== signer || idempotencyKey !== undefined)) {
      const problem =
        "the token knows permits only, which their signer sends and which nothing tells from a repetition";
      throw new ChannelError("token_not_supported", `${problem}: leave relay and idempotencyKey out`);
    }
    const from = toAddress(await this.#ask(signal, () => signer.getAddress()));
    const nonce = (await this.#ask(signal, () => this.#channels.authorizationNonce(this.channel, salt))) as Hex;
    const isSpent = async () => token.form === "authorization" && token.isSpent(from, nonce);
    const authorization = { token: token.address, from, nonce };
    const made = async (): Promise<Funded> => {
      await this.#ask(signal, () => requireUsed(authorization, this.#provider, this.#record.deploymentBlock));
      return { transactionHash: undefined, balance: await this.balance(signal) };
    };
    if (await this.#ask(signal, isSpent)) return made();
    const held = await this.#ask(signal, () => token.balanceOf(from));
    if (held < amount) {
      const problem = `${from} has ${held} base units of the fee token ${token.address}, the deposit is ${amount}`;
      throw new ChannelError("too_little_money", `${problem}: send it some, or deposit less`);
    }
    const deadline = await this.#deadline(signal);
    const deposit = { token, from, to: this.#address, channel: this.channel, amount, deadline, salt, nonce };
    const place = { channels: this.#channels, provider: this.#provider };
    // The nonce names the channel.
    const isDone =
      token.form === "authorization"
        ? (logs: readonly Log[]) => logs.some((log) => isUseOf(authorization, log))
        : this.#paid(token.address, from, amount);
    try {
      const transactionHash = await this.#send(signal, relay, () => signDeposit(signer, deposit, place), isDone);
      return { transactionHash, balance: await this.balance(signal) };
    } catch (error) {
      // Whoever sees the authorization may send it, and ours fails then, or its answer was lost.
      if (signal?.aborted || !(await this.#ask(signal, isSpent).catch(() => false))) throw error;
      return made();
    }
  }

  /** Gives the channel an owner that is not hot: then only that withdraws. The postage key signs, `sender` pays gas. */
  async assignOwner(postageKey: Uint8Array, owner: string, sender: Signer, signal?: AbortSignal): Promise<void> {
    if (checked("postage key", () => addressOf(postageKey)) !== this.channel) {
      throw new ChannelError("bad_input", `this is not the postage key of channel ${this.channel}`);
    }
    const to = checked("owner", () => toAddress(owner));
    const deadline = await this.#deadline(signal);
    const digest = await this.#ask(signal, () => this.#channels.assignOwnerDigest(to, deadline));
    const { r, yParityAndS } = Signature.from(toHex(signDigest(fromHex(digest), postageKey)));
    const signed = [this.channel, to, deadline, r, yParityAndS] as const;
    const isDone = this.#says("OwnerAssigned", (event) => toAddress(event.owner as string) === to);
    await this.#send(signal, sender, () => this.#channels.assignOwner.populateTransaction(...signed), isDone);
  }

  /** Asks for money back, which `withdraw` gives after the contract's delay (72 hours at first). */
  async requestWithdrawal(owner: Signer, amount: bigint | "all", signal?: AbortSignal): Promise<ChannelBalance> {
    const units = amount === "all" ? (await this.balance(signal)).unspent : amount;
    const request = () => this.#channels.requestWithdrawal.populateTransaction(this.channel, units);
    const isDone = this.#says("WithdrawalRequested", (event) => event.amount === units);
    await this.#send(signal, owner, request, isDone);
    return this.balance(signal);
  }

  async cancelWithdrawal(owner: Signer, signal?: AbortSignal): Promise<void> {
    const cancel = () => this.#channels.cancelWithdrawal.populateTransaction(this.channel);
    await this.#send(signal, owner, cancel, this.#says("WithdrawalCancelled"));
  }

  /** Takes what is due, to the owner itself unless told otherwise. */
  async withdraw(owner: Signer, recipient?: string, signal?: AbortSignal): Promise<ChannelBalance> {
    const own = await this.#ask(signal, () => owner.getAddress());
    const to = checked("recipient", () => toAddress(recipient ?? own));
    const isDone = this.#says("Withdrawn", (event) => toAddress(event.recipient as string) === to);
    await this.#send(signal, owner, () => this.#channels.withdraw.populateTransaction(this.channel, to), isDone);
    return this.balance(signal);
  }

  #token(signal: AbortSignal | undefined): Promise<FeeToken> {
    const { chainId, token } = this.#record;
    return this.#ask(signal, () => readFeeToken(toAddress(token), BigInt(chainId), this.#provider));
  }

  async #deadline(signal: AbortSignal | undefined): Promise<bigint> {
    const block = await this.#ask(signal, () => this.#provider.getBlock("latest"));
    if (!block) throw new ChannelError("chain_unavailable", "the endpoint has no block", { retryable: true });
    return BigInt(block.timestamp) + VALID_SECONDS;
  }

  /**
   * Sends and waits until it is mined. What a smart account sends is wrapped in a transaction that succeeds when it fails, and that
   * others may share: so the contract is asked before, and after it a log is looked for that says that this was done.
   */
  async #send(
    signal: AbortSignal | undefined,
    signer: Signer,
    make: () => Promise<ContractTransaction>,
    isDone: (logs: readonly Log[]) => boolean,
  ): Promise<Hex> {
    const network = await this.#ask(signal, async () => signer.provider?.getNetwork());
    if (network && network.chainId !== BigInt(this.#record.chainId)) {
      const problem = `the signer is on chain ${network.chainId}, the channel on ${this.#record.chainId}`;
      throw new ChannelError("wrong_chain", `${problem}: switch the wallet's chain`);
    }
    const receipt = await this.#ask(signal, async () => {
      const transaction = await make();
      await this.#provider.call({ ...transaction, from: await signer.getAddress() });
      return (await signer.sendTransaction(transaction)).wait();
    });
    if (!receipt)
      throw new ChannelError("chain_unavailable", "the transaction was not seen mined", { retryable: true });
    if (!isDone(receipt.logs)) {
      const problem = `transaction ${receipt.hash} was mined and did not do what was asked of channel ${this.channel}`;
      throw new ChannelError("refused", `${problem}: the smart account that sent it says why`);
    }
    return receipt.hash as Hex;
  }

  /** Whether logs have that event of this channel. */
  #says(name: string, fits: (event: Result) => boolean = () => true): (logs: readonly Log[]) => boolean {
    const isSaid = (log: Log) => {
      if (toAddress(log.address) !== this.#address) return false;
      const event = this.#channels.interface.parseLog(log);
      return event?.name === name && toAddress(event.args.payer as string) === this.channel && fits(event.args);
    };
    return (logs) => logs.some(isSaid);
  }

  /** Whether logs have a deposit that `from` paid. Of a token that keeps a part less arrives; what it says it moved may be either. */
  #paid(token: Address, from: Address, amount: bigint): (logs: readonly Log[]) => boolean {
    return (logs) => {
      const moved = logs.map((log) => movedIn(log, token, from, this.#address));
      const isOurs = (arrived: bigint) => arrived <= amount && (moved.includes(amount) || moved.includes(arrived));
      return this.#says("Deposit", (event) => isOurs(event.amount as bigint))(logs);
    };
  }

  async #ask<T>(signal: AbortSignal | undefined, question: () => Promise<T>): Promise<T> {
    if (signal?.aborted) throw new ChannelError("aborted", "aborted by its caller");
    try {
      return await (signal ? orAborted(question(), signal) : question());
    } catch (error) {
      if (signal?.aborted) throw new ChannelError("aborted", "aborted by its caller", { cause: error });
      throw toChannelError(error);
    }
  }
}

function checked<T>(what: string, value: () => T): T {
  try {
    return value();
  } catch (error) {
    throw new ChannelError("bad_input", `${what}: ${(error as Error).message}`, { cause: error });
  }
}
