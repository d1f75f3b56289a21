import type { Provider, Signer, TransactionReceipt, TransactionRequest } from "ethers";
import { isError, keccak256 } from "ethers";

import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { Serial } from "../platform/serial.ts";
import { refusesForMoney } from "./saysNoMoney.ts";

export type TransactionErrorCode =
  /** The account that pays for gas is empty. */
  | "no_gas_money"
  /** The chain names no gas price. */
  | "no_gas_price";

/** Why nothing was sent; `message` says what to do, `retryable` whether waiting helps. */
export class TransactionError extends Error {
  override readonly name = "TransactionError";
  readonly code: TransactionErrorCode;
  readonly retryable: boolean;

  constructor(code: TransactionErrorCode, message: string, options: ErrorOptions & { retryable: boolean }) {
    super(message, options);
    this.code = code;
    this.retryable = options.retryable;
  }
}

/** Hears what a transaction may cost before it is signed, and what it did cost. Amounts are wei. */
export interface GasBook {
  /** Rejects when no more may be spent: then nothing is sent. */
  reserve(mostWei: bigint): Promise<void>;
  /** Spent in place of what was reserved: 0 when it was never sent. Not called while nobody knows. */
  settle(mostWei: bigint, spentWei: bigint): Promise<void>;
}

export interface TransactionSenderOptions {
  /** Holds the key that pays for gas; its transactions go through this sender only. */
  signer: Pick<Signer, "getAddress" | "signTransaction">;
  /** Of one endpoint: what it refuses counts as not sent, which the next of several cannot say for the one before. */
  provider: Pick<
    Provider,
    | "broadcastTransaction"
    | "estimateGas"
    | "getFeeData"
    | "getNetwork"
    | "getTransactionCount"
    | "getTransactionReceipt"
  >;
  clock: Clock;
  log: Log;
  /** How often a receipt is asked for. */
  pollingMs: number;
  /** A transaction that is not mined for so long is sent again with a higher fee. */
  bumpAfterMs: number;
  /** What a mined transaction cost beside its gas: the data fee of an L2. None when left out. */
  dataFeeOf?: (hash: string) => Promise<bigint>;
}

const GAS_MARGIN_PERCENT = 20n;
/**
 * A block later the same call may write what it only changed in the estimate: a votes checkpoint of another second, the
 * first of an epoch. Each costs some 20,000 gas, whatever the call. What is not used is not paid.
 */
const LEAST_GAS_MARGIN = 150_000n;
const BUMP_PERCENT = 25n;
const MOST_BUMPS = 8;
const MOST_TRIES = 4;

interface Fees {
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}

interface Pending {
  request: TransactionRequest;
  fees: Fees;
  /** Of every version sent, the newest last. */
  hashes: string[];
  sentAt: number;
  gas: GasBook | undefined;
  reservedWei: bigint;
}

/**
 * Sends transactions of one account: nonces are given out here, one at a time, and a transaction that is stuck is
 * replaced by the same one with a higher fee, so that no later one waits behind it for good.
 */
export class TransactionSender {
  readonly #options: TransactionSenderOptions;
  readonly #serial = new Serial();
  #address: string | undefined;
  #unconfirmed = 0;
  #nextNonce = 0;

  constructor(options: TransactionSenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the receipt, whatever its status. Rejects with the provider's error when the simulation reverts, with
   * TransactionError when nothing could be sent, and with the signal's reason when it is not mined before that.
   *
   * @param call without a `to` it deploys a contract.
   * @param gas what it rejects with, this rejects with
   */
  async send(
    call: { to: string | null; data: string; value?: bigint },
    signal: AbortSignal,
    gas?: GasBook,
  ): Promise<TransactionReceipt> {
    const { provider, signer } = this.#options;
    const from = (this.#address ??= await signer.getAddress());
    const gasLimit = withGasMargin(await provider.estimateGas({ ...call, from }));
    const pending = await this.#serial.run(() => this.#submit({ ...call, gasLimit }, from, signal, gas));
    try {
      const receipt = await this.#confirm(pending, signal);
      await this.#settle(pending, receipt);
      return receipt;
    } finally {
      this.#unconfirmed--;
    }
  }

  /** What a transaction that is sent now asks for a unit of gas, at most. Throws TransactionError. */
  async maxFeePerGas(): Promise<bigint> {
    return (await this.#fees()).maxFeePerGas;
  }

  /** A book that cannot be written must not make a mined transaction a failed one: the reservation counts then. */
  async #settle({ gas, reservedWei }: Pending, receipt: TransactionReceipt): Promise<void> {
    if (!gas) return;
    try {
      const dataFee = (await this.#options.dataFeeOf?.(receipt.hash)) ?? 0n;
      await gas.settle(reservedWei, receipt.gasUsed * receipt.gasPrice + dataFee);
    } catch (error) {
      this.#options.log.warn({ hash: receipt.hash, error: String(error) }, "what a transaction cost was not booked");
    }
  }

  async #submit(
    call: TransactionRequest,
    from: string,
    signal: AbortSignal,
    gas: GasBook | undefined,
  ): Promise<Pending> {
    const { clock, provider } = this.#options;
    const { chainId } = await provider.getNetwork();
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      // With nothing of ours under way the chain knows best, also what another program sent with this key.
      if (this.#unconfirmed === 0) this.#nextNonce = await provider.getTransactionCount(from, "pending");
      const request = { ...call, type: 2, chainId, nonce: this.#nextNonce };
      const fees = await this.#fees();
      const reservedWei = mostWeiOf(request, fees);
      await gas?.reserve(reservedWei);
      const pending: Pending = { request, fees, hashes: [], sentAt: clock.now(), gas, reservedWei };
      try {
        await this.#broadcast(pending);
        this.#nextNonce++;
        this.#unconfirmed++;
        return pending;
      } catch (error) {
        if (isNotSent(pending, error)) await gas?.settle(reservedWei, 0n);
        if (refusesForMoney(error)) {
          throw new TransactionError("no_gas_money", `account ${from} has no money for gas: send it some`, {
            retryable: true,
            cause: error,
          });
        }
        const isNonce = isError(error, "NONCE_EXPIRED") || isError(error, "REPLACEMENT_UNDERPRICED");
        if (!isNonce || tries >= MOST_TRIES) throw error;
        this.#nextNonce = await provider.getTransactionCount(from, "pending");
      }
    }
  }

  async #fees(): Promise<Fees> {
    const { gasPrice, maxFeePerGas, maxPriorityFeePerGas } = await this.#options.provider.getFeeData();
    const most = maxFeePerGas ?? gasPrice;
    if (most === null) {
      throw new TransactionError("no_gas_price", "the chain names no gas price", { retryable: true });
    }
    return { maxFeePerGas: most, maxPriorityFeePerGas: maxPriorityFeePerGas ?? most };
  }

  async #broadcast(pending: Pending): Promise<void> {
    const { provider, signer } = this.#options;
    const raw = await signer.signTransaction({ ...pending.request, ...pending.fees });
    const hash = keccak256(raw);
    // Noted first: when the answer is lost it may have arrived all the same.
    pending.hashes.push(hash);
    try {
      await provider.broadcastTransaction(raw);
    } catch (error) {
      if (await this.#receiptOf([hash]).catch(() => undefined)) return;
      throw error;
    }
  }

  async #confirm(pending: Pending, signal: AbortSignal): Promise<TransactionReceipt> {
    const { bumpAfterMs, clock, log, pollingMs } = this.#options;
    for (;;) {
      const receipt = await this.#receiptOf(pending.hashes).catch(() => undefined);
      if (receipt) return receipt;
      await clock.sleep(pollingMs, signal);
      if (clock.now() - pending.sentAt < bumpAfterMs || pending.hashes.length > MOST_BUMPS) continue;
      const { maxFeePerGas, maxPriorityFeePerGas } = pending.fees;
      const fees = { maxFeePerGas: bumped(maxFeePerGas), maxPriorityFeePerGas: bumped(maxPriorityFeePerGas) };
      pending.sentAt = clock.now();
      if (!(await this.#reserveMore(pending, mostWeiOf(pending.request, fees)))) continue;
      pending.fees = fees;
      log.warn({ nonce: pending.request.nonce, ...pending.fees }, "a transaction is stuck and sent with a higher fee");
      await this.#broadcast(pending).catch((error: unknown) => {
        log.warn({ nonce: pending.request.nonce, error: String(error) }, "a stuck transaction could not be replaced");
      });
    }
  }

  /** Whether a higher fee may be paid: of one that is not, the transaction waits for a cheaper time. */
  async #reserveMore(pending: Pending, mostWei: bigint): Promise<boolean> {
    try {
      await pending.gas?.reserve(mostWei - pending.reservedWei);
      pending.reservedWei = mostWei;
      return true;
    } catch (error) {
      const { nonce } = pending.request;
      this.#options.log.warn({ nonce, error: String(error) }, "a stuck transaction may not cost more, and waits");
      return false;
    }
  }

  async #receiptOf(hashes: readonly string[]): Promise<TransactionReceipt | undefined> {
    for (const hash of hashes) {
      const receipt = await this.#options.provider.getTransactionReceipt(hash);
      if (receipt) return receipt;
    }
    return undefined;
  }
}

/** What to allow a transaction that an estimate says needs `gas`. */
export function withGasMargin(gas: bigint): bigint {
  const share = (gas * GAS_MARGIN_PERCENT) / 100n;
  return gas + (share > LEAST_GAS_MARGIN ? share : LEAST_GAS_MARGIN);
}

function mostWeiOf({ gasLimit }: TransactionRequest, { maxFeePerGas }: Fees): bigint {
  return BigInt(gasLimit!) * maxFeePerGas;
}

/** Nothing was signed, or the endpoint took nothing: it said why. */
function isNotSent({ hashes }: Pending, error: unknown): boolean {
  if (hashes.length === 0 || refusesForMoney(error)) return true;
  return isError(error, "NONCE_EXPIRED") || isError(error, "REPLACEMENT_UNDERPRICED");
}

function bumped(wei: bigint): bigint {
  return wei + (wei * BUMP_PERCENT) / 100n + 1n;
}
