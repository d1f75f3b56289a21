import type { Log } from "../../platform/log.ts";
import type { Address } from "../../protocol/bytes.ts";

/** What somebody may want to be woken for. Amounts are base units. */
export type GatewayEvent =
  /** Less is left than wanted, or it lasts less long. Once, until it is enough again. */
  | { kind: "low_balance"; channel: Address; left: bigint; runwaySeconds: number | undefined }
  | { kind: "balance_restored"; channel: Address; left: bigint; runwaySeconds: number | undefined }
  /** `deposited` is the channel's deposit in all. */
  | { kind: "topped_up"; channel: Address; amount: bigint; deposited: bigint }
  /** It is tried again in a minute, and deposits once; a cancelled one is followed by another. */
  | { kind: "top_up_failed"; channel: Address; amount: bigint; reason: string }
  /** What may be deposited on a day is deposited. Once a day. */
  | { kind: "top_up_capped"; channel: Address; day: string; deposited: bigint }
  /** The account that pays for commits and identity updates pays for that many registrations; once more when it is none. */
  | { kind: "low_gas"; account: Address; balanceWei: bigint; registrations: number }
  | { kind: "gas_restored"; account: Address; balanceWei: bigint; registrations: number };

export type OnGatewayEvent = (event: GatewayEvent) => void;

const WORDS: Record<GatewayEvent["kind"], ["info" | "warn" | "error", string]> = {
  low_balance: ["warn", "the channel's money is running out: deposit"],
  balance_restored: ["info", "the channel has enough money again"],
  topped_up: ["info", "the channel was topped up"],
  top_up_failed: ["error", "the channel could not be topped up"],
  top_up_capped: ["error", "the channel needs more than may be deposited in a day: raise mostPerDay, or deposit"],
  low_gas: [
    "warn",
    "the account that pays for commits and registrations runs out of gas: send it some of the chain's money",
  ],
  gas_restored: ["info", "the account that pays for commits and registrations has enough for gas again"],
};

/** Logs every event and passes it on; a listener that throws harms nobody. */
export function eventSink(log: Log, listener: OnGatewayEvent | undefined): OnGatewayEvent {
  return (event) => {
    const { kind, ...fields } = event;
    const [level, words] = WORDS[kind];
    log[level]({ event: kind, ...fields }, words);
    try {
      listener?.(event);
    } catch (error) {
      log.error({ event: kind, error: String(error) }, "a listener to the gateway's events failed");
    }
  };
}
