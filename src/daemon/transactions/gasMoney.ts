import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Address } from "../../protocol/bytes.ts";
import { dataFeeWei } from "../gasPolicy.ts";
import type { Market, TransactionChain } from "./chain.ts";
import { SendError } from "./errors.ts";
import { economicalFees, feeCap } from "./fees.ts";
import type { Intent } from "./ports.ts";

/** A settlement of some forty payers: what a runway counts in. */
const TYPICAL_GAS = 500_000n;
const TYPICAL_BYTES = 3_400n;
/** As with the base fee, there is room for the price of data to double. */
const DATA_MARGIN = 2n;
const LOOK_MS = 30_000;
/** An alarm that lasts is repeated. */
const REPEAT_MS = 3_600_000;
/** Below so many times the reserve the operator hears of it. */
const EARLY = 2n;

/** `low`: send some soon. `reserve`: work without a deadline waits. `empty`: nothing can be sent. */
export type GasAlarm = "none" | "low" | "reserve" | "empty";

export interface GasMoneyOptions {
  chain: Pick<TransactionChain, "balance">;
  address: Address;
  reserveWei: bigint;
  clock: Clock;
  log: Log;
}

/** What an account has for gas, and what of it is for what. */
export class GasMoney {
  readonly #options: GasMoneyOptions;
  #balance: bigint | undefined;
  #runway: bigint | undefined;
  #lookedAt = -Infinity;
  #alarm: GasAlarm = "none";
  #alarmedAt = -Infinity;

  constructor(options: GasMoneyOptions) {
    this.#options = options;
  }

  get status() {
    return {
      balanceWei: this.#balance,
      reserveWei: this.#options.reserveWei,
      /** Typical transactions that the balance pays for at the price of now. */
      runway: this.#runway,
      alarm: this.#alarm,
    };
  }

  /** Throws SendError when `cost` wei are not there, beside what is under way and, without a deadline, the reserve. */
  async require(kind: string, cost: bigint, open: readonly Intent[], market: Market, isUrgent: boolean): Promise<void> {
    const { chain, address, reserveWei } = this.#options;
    const balance = await chain.balance(address);
    const free = balance - committed(open, market);
    if (free < cost) {
      this.#warn("empty", balance);
      const message = `account ${address} has ${free} wei free and this ${kind} may cost ${cost}: send it some for gas`;
      throw new SendError("no_gas_money", message);
    }
    if (isUrgent || free - cost >= reserveWei) return;
    this.#warn("reserve", balance);
    const message = `account ${address} has only what is kept for work with a deadline (${reserveWei} wei): send it some`;
    throw new SendError("gas_reserve", message);
  }

  /** Looks at the balance now and then, so that an operator hears of it early. */
  async look(market: Market, open: readonly Intent[]): Promise<void> {
    const { chain, address, clock, reserveWei } = this.#options;
    if (clock.now() - this.#lookedAt < LOOK_MS) return;
    const balance = await chain.balance(address);
    this.#lookedAt = clock.now();
    const dataWei = DATA_MARGIN * TYPICAL_BYTES * (market.dataFeePerByte ?? 0n);
    const typicalCost = TYPICAL_GAS * economicalFees(market).maxFeePerGas + dataWei;
    this.#balance = balance;
    this.#runway = typicalCost > 0n ? balance / typicalCost : undefined;
    const free = balance - committed(open, market);
    if (free < typicalCost) this.#warn("empty", balance);
    else if (free - typicalCost < reserveWei) this.#warn("reserve", balance);
    else if (free < EARLY * reserveWei) this.#warn("low", balance);
    else this.#alarm = "none";
  }

  #warn(alarm: GasAlarm, balance: bigint): void {
    const { address, clock, log, reserveWei } = this.#options;
    if (alarm === this.#alarm && clock.now() - this.#alarmedAt < REPEAT_MS) return;
    this.#alarm = alarm;
    this.#alarmedAt = clock.now();
    const fields = { account: address, balance, reserveWei, runway: this.#runway, alarm };
    log.warn(fields, "the account that pays for gas runs low: send it some of the chain's token");
  }
}

/** What is under way may cost at most. */
function committed(open: readonly Intent[], market: Market): bigint {
  return open
    .filter(({ mined }) => !mined)
    .map((intent) => {
      const gasWei = intent.gasLimit * (intent.attempts.at(-1)?.maxFeePerGas ?? feeCap(intent));
      return gasWei + dataReserveWei(intent.data, market);
    })
    .reduce((sum, wei) => sum + wei, 0n);
}

/** What has to be there for a transaction's data: nothing caps its price once it is sent. */
export function dataReserveWei(data: string, { dataFeePerByte }: Market): bigint {
  return DATA_MARGIN * dataFeeWei(data, dataFeePerByte);
}
