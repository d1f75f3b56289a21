import { withGasMargin } from "../../contracts/transactionSender.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../protocol/bytes.ts";
import { withTimeout } from "../async.ts";
import type { GatewayChain } from "../ports.ts";
import type { OnGatewayEvent } from "./events.ts";

/** What the account that pays for commits and identity updates has. */
export interface GasState {
  account: Address;
  balanceWei: bigint;
  /**
   * Registrations of inboxes that it pays for, as the sender asks for the dearest: with gas to spare, at twice the base fee and a tip.
   * The fee for data of an L2 is not counted. 0 also while the endpoint refuses its transactions for want of money.
   */
  registrations: number;
}

export interface GasMoneyOptions {
  chain: Pick<GatewayChain, "gas">;
  emit: OnGatewayEvent;
  clock: Clock;
  chainTimeoutMs: number;
}

/** The dearest of what the account pays for: the first update of a passkey's inbox. */
export const REGISTRATION_GAS = 651_296n;
const LOW_REGISTRATIONS = 50;
/** It is enough again from here on: the gas price swings. */
const ENOUGH_REGISTRATIONS = 100;

type Level = "enough" | "low" | "empty";

/** Tells when the account that pays for gas runs out. */
export class GasMoney {
  readonly #options: GasMoneyOptions;
  #state: GasState | undefined;
  #level: Level = "enough";

  constructor(options: GasMoneyOptions) {
    this.#options = options;
  }

  /** Undefined before it was read once. */
  get state(): GasState | undefined {
    return this.#state;
  }

  /** What cannot be done, and whom to send money; undefined while the account pays for something. */
  get problem(): string | undefined {
    if (this.#level !== "empty") return undefined;
    const account = this.#state!.account;
    return `account ${account} has too little money for gas: no registration can go on chain, a commit may not, messages can; send it some`;
  }

  /** Reads the account. */
  async step(signal: AbortSignal): Promise<void> {
    const { chain, chainTimeoutMs, clock, emit } = this.#options;
    const read = await withTimeout(clock, chainTimeoutMs, signal, "reading the gas account", (own) => chain.gas(own));
    const { account, balanceWei, maxFeePerGasWei, isRefused } = read;
    const dearestWei = withGasMargin(REGISTRATION_GAS) * (maxFeePerGasWei || 1n);
    const registrations = isRefused ? 0 : Number(balanceWei / dearestWei);
    this.#state = { account, balanceWei, registrations };
    const before = this.#level;
    this.#level = levelOf(registrations, before);
    if (this.#level === before || (before === "empty" && this.#level === "low")) return;
    emit({ kind: this.#level === "enough" ? "gas_restored" : "low_gas", ...this.#state });
  }
}

function levelOf(registrations: number, before: Level): Level {
  if (registrations < 1) return "empty";
  return registrations < (before === "enough" ? LOW_REGISTRATIONS : ENOUGH_REGISTRATIONS) ? "low" : "enough";
}
