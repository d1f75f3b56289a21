import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../protocol/bytes.ts";
import { withTimeout } from "../async.ts";
import type { HeadWatch } from "../nodes/headWatch.ts";
import type { GatewayChain } from "../ports.ts";
import type { OnGatewayEvent } from "./events.ts";

/** What the account that pays for commits and identity updates has. */
export interface GasState {
  account: Address;
  balanceWei: bigint;
  /** Registrations of inboxes that it pays for at the price of now; the fee for data of an L2 is not counted. */
  registrations: number;
}

export interface GasMoneyOptions {
  chain: Pick<GatewayChain, "gas">;
  head: Pick<HeadWatch, "head">;
  emit: OnGatewayEvent;
  clock: Clock;
  chainTimeoutMs: number;
}

/** The dearest of what the account pays for. */
const REGISTRATION_GAS = 550_000n;
/** A transaction is only taken when the account could pay it at twice the base fee. */
const PRICE_ROOM = 2n;
const EVERY_MS = 60_000;
const LOW_REGISTRATIONS = 50;
/** It is enough again from here on: the gas price swings. */
const ENOUGH_REGISTRATIONS = 100;

type Level = "enough" | "low" | "empty";

/** Tells when the account that pays for gas runs out. */
export class GasMoney {
  readonly #options: GasMoneyOptions;
  #state: GasState | undefined;
  #level: Level = "enough";
  #readAt = -Infinity;

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
    return `account ${account} has no money for gas: no commit and no registration can go on chain, messages can; send it some`;
  }

  /** Reads the account when it was not for a minute. */
  async step(signal: AbortSignal): Promise<void> {
    const { chain, chainTimeoutMs, clock, emit, head } = this.#options;
    if (!head.head || clock.now() - this.#readAt < EVERY_MS) return;
    const { account, balanceWei } = await withTimeout(clock, chainTimeoutMs, signal, "reading the gas account", (own) =>
      chain.gas(own),
    );
    this.#readAt = clock.now();
    const price = PRICE_ROOM * head.head.baseFeeWei || 1n;
    const registrations = Number(balanceWei / (REGISTRATION_GAS * price));
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
