import type { Rates } from "../../protocol/fees.ts";
import { DAY } from "../core/time.ts";

/** As RateRegistry takes them. */
export interface RateTerms {
  messageFee: bigint;
  storageFee: bigint;
  congestionFee: bigint;
  targetRatePerMinute: bigint;
  startTime: bigint;
}

export type RateKey = Exclude<keyof Rates, "startAt">;

const NOTICE_SECONDS = DAY;
const FURTHEST_SECONDS = 90n * DAY;
const MAX_RISE = 4n;

interface RateField {
  key: RateKey;
  /** In the contract's struct. */
  argument: Exclude<keyof RateTerms, "startTime">;
  /** The option that sets it. */
  option: string;
  label: string;
  unit: string;
  /** Up to here it may rise at once. */
  step: bigint;
  least: bigint;
  most: bigint;
}

/** The rates with the bounds of RateRegistry. */
export const RATE_FIELDS: readonly RateField[] = [
  {
    ...{ key: "messageFeePico", argument: "messageFee", option: "messageFeePico" },
    ...{ label: "per message", unit: "pico", step: 100n, least: 0n, most: 1_000_000_000n },
  },
  {
    ...{ key: "storageFeePico", argument: "storageFee", option: "storageFeePicoPerByteDay" },
    ...{ label: "per byte and day", unit: "pico", step: 200n, least: 0n, most: 1_000_000n },
  },
  {
    ...{ key: "congestionFeePico", argument: "congestionFee", option: "congestionFeePicoPerUnit" },
    ...{ label: "per congestion unit", unit: "pico", step: 300n, least: 0n, most: 1_000_000n },
  },
  {
    ...{ key: "targetRatePerMinute", argument: "targetRatePerMinute", option: "targetRatePerMinute" },
    ...{ label: "congestion above", unit: "messages a minute", step: 6_000n, least: 1n, most: 1_000_000n },
  },
];

/** Between what a rate can be after `last`: at most 4 times it, or its step. */
export function rateBounds(last: Rates, key: RateKey): [least: bigint, most: bigint] {
  const { step, least, most } = RATE_FIELDS.find((field) => field.key === key)!;
  const rise = last[key] * MAX_RISE;
  const reach = rise > step ? rise : step;
  return [least, reach < most ? reach : most];
}

/** From when rates can start that are scheduled at an instant: 24 h after it, and after the last start. */
export function earliestStart(lastStart: bigint, scheduledAt: bigint): bigint {
  return (lastStart > scheduledAt ? lastStart : scheduledAt) + NOTICE_SECONDS;
}

/** Until when rates can start that are scheduled at an instant. */
export const latestStart = (scheduledAt: bigint): bigint => scheduledAt + FURTHEST_SECONDS;

/** The last instant at which rates with a start can be scheduled. */
export const latestScheduling = (start: bigint): bigint => start - NOTICE_SECONDS;
