import { fromHex, toHex } from "../../../protocol/bytes.ts";
import type { AttemptKey, LedgerNews } from "../../ports.ts";

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

/** A step as other processes read it: JSON, with what JSON has not in objects of one key. Payer envelopes stay out. */
export function writeNews(news: LedgerNews): string {
  const { addAttempts, removeAttempts, addRefusals, removeRefusals, spend, gone } = news;
  const kept = {
    addAttempts: addAttempts?.map((attempt) => ({ ...attempt, payerEnvelope: new Uint8Array() })),
    removeAttempts: removeAttempts?.map(keyOnly),
    ...{ addRefusals, spend, gone },
    removeRefusals: removeRefusals?.map(keyOnly),
  };
  return JSON.stringify(kept, function (this: Record<string, unknown>, key, shown: unknown) {
    // What has a `toJSON` of its own is not shown as it is.
    const value = this[key];
    if (typeof value === "bigint") return { $n: value.toString() };
    if (isBytes(value)) return { $b: toHex(value) };
    return shown;
  });
}

export function readNews(text: string): LedgerNews {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if ("$n" in value) return BigInt(value.$n as string);
    return "$b" in value ? fromHex(value.$b as string) : value;
  }) as LedgerNews;
}

const keyOnly = ({ envelopeHash, originatorId }: AttemptKey): AttemptKey => ({ envelopeHash, originatorId });
