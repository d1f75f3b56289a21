import { expect } from "chai";

import type { Charge, DaemonStore } from "../../../src/daemon/ports.ts";
import type { Attempt, NewIntent } from "../../../src/daemon/transactions/ports.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { concatBytes, toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import type { PostageDomain, SignedVoucher } from "../../../src/protocol/voucher.ts";

// What crashChild.ts writes, and what has to be there afterwards. Each charge comes twice, as replicated logs bring them.

export const DOMAIN: PostageDomain = { chainId: 31337n, postageChannels: `0x${"cc".repeat(20)}` };
export const SENDER: Address = `0x${"5e".repeat(20)}`;
export const CHANNELS: Address[] = [1n, 2n, 3n, 4n, 5n, 6n, 7n].map((n) => toHex(uintToBytes(n, 20)));
const FEE = 3n;

/** The charges of sequence ids after `after` up to `upTo`: digest i is met at ids 2i and 2i + 1. */
export function chargesOf(after: bigint, upTo: bigint): Charge[] {
  return Array.from({ length: Number(upTo - after) }, (_, i) => {
    const n = (after + BigInt(i)) / 2n;
    const digest = toHex(uintToBytes(n, 16)).slice(2);
    return { channel: CHANNELS[Number(n % BigInt(CHANNELS.length))]!, digest, feePico: FEE };
  });
}

export function voucherOf(channel: Address, fees: bigint): SignedVoucher {
  return { channel, fees, stamps: 0n, row: concatBytes(uintToBytes(fees, 8), new Uint8Array(72)) };
}

export const intentOf = (nonce: number): NewIntent => ({
  ...{ lane: "routine", kind: "settle", from: SENDER, nonce, to: SENDER, data: "0x01", gasLimit: 1n, budgetWei: 1n },
  createdAt: nonce,
});
export const attemptOf = (nonce: number): Attempt => ({
  ...{ hash: toHex(uintToBytes(BigInt(nonce), 32)), maxFeePerGas: 1n, maxPriorityFeePerGas: 1n, sentAt: nonce },
});

/** What a child has said is on disk. */
export interface Reported {
  meter: bigint;
  raise: bigint;
  attempt: bigint;
}

/** The last number of each kind in a child's output; a line that was cut off says nothing. */
export function readReports(output: string, reported: Reported): Reported {
  const read = { ...reported };
  for (const [, what, n] of output.matchAll(/^(meter|raise|attempt) (\d+)\n/gm))
    read[what as keyof Reported] = BigInt(n!);
  return read;
}

/** D1: what was reported is there. D2: usage is what the cursor says, each digest once. Intents have what was sent. */
export async function checkAfterCrash(store: DaemonStore, originatorId: number, reported: Reported): Promise<void> {
  const { ledger, intents } = store;
  const cursor = await ledger.meterCursor(originatorId);
  expect(cursor >= reported.meter, `metered to ${cursor}, reported ${reported.meter}`).to.equal(true);
  const accounts = await ledger.accountsOf(CHANNELS);
  const usage = [...accounts.values()].reduce((sum, { usagePico }) => sum + usagePico, 0n);
  expect(usage, "usage of each digest once").to.equal((cursor / 2n) * FEE);
  expect((await ledger.minuteCounts(originatorId, 0n, 0n)).get(0n) ?? 0n).to.equal(cursor);
  const charged = await ledger.chargedOf(chargesOf(cursor > 1_000n ? cursor - 1_000n : 0n, cursor + 50n));
  expect(BigInt(charged.size)).to.equal((cursor > 1_000n ? 1_000n : cursor) / 2n);
  for (const { vouchers } of accounts.values()) {
    expect((vouchers?.fees.fees ?? 0n) >= reported.raise, `the voucher of ${reported.raise}`).to.equal(true);
  }
  const sent = (await intents.open(SENDER)).filter(({ attempts }) => attempts.length > 0).map(({ nonce }) => nonce);
  for (let nonce = 0; BigInt(nonce) <= reported.attempt; nonce++) expect(sent, "an attempt").to.include(nonce);
}
