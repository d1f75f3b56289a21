import { createRequire } from "node:module";

import type secp256k1 from "secp256k1";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import type { EnvelopeLog } from "../../../src/daemon/ports.ts";
import type { DaemonStore } from "../../../src/daemon/ports.ts";
import { openStoreInThread } from "../../../src/daemon/store/openStoreInThread.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { concatBytes, uintToBytes } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import {
  encodePayerEnvelope,
  encodeUnsignedOriginatorEnvelope,
  payerDigest,
  signOriginatorEnvelope,
} from "../../../src/protocol/envelope.ts";
import type { PostageDomain, Voucher } from "../../../src/protocol/voucher.ts";
import { voucherDigest } from "../../../src/protocol/voucher.ts";
import { RETENTION_DAYS, groupMessage } from "../../../test/support/envelopes.ts";

const native = createRequire(import.meta.url)("secp256k1/bindings") as typeof secp256k1;

export const NODE_ID = 100;
export const DOMAIN: PostageDomain = { chainId: 8453n, postageChannels: `0x${"aa".repeat(20)}` };
/** About what a short text takes: xmtp-wire.md, typical sizes. */
const PADDING = 200;
const NODE_KEY = new Uint8Array(32).fill(0x22);

export interface Payer {
  key: Uint8Array;
  channel: Address;
}

export function somePayers(count: number): Payer[] {
  return Array.from({ length: count }, (_, i) => {
    const key = uintToBytes(BigInt(i + 1), 32);
    return { key, channel: addressOf(key) };
  });
}

function sign(digest: Uint8Array, key: Uint8Array): Uint8Array {
  const { signature, recid } = native.ecdsaSign(digest, key);
  return concatBytes(signature, Uint8Array.of(recid));
}

/** As signVoucher; making the input must not take longer than what is measured. */
export function voucherRow(voucher: Voucher, { key }: Payer): Uint8Array {
  const signature = sign(voucherDigest(DOMAIN, voucher), key);
  const vs = signature.slice(32, 64);
  vs[0]! |= signature[64]! << 7;
  return concatBytes(uintToBytes(voucher.fees, 8), uintToBytes(voucher.stamps, 8), signature.subarray(0, 32), vs);
}

export function payerEnvelopeOf(n: number, { key }: Payer): Uint8Array {
  const unsignedClientEnvelope = groupMessage(n, { padding: PADDING });
  const payerSignature = sign(payerDigest(NODE_ID, unsignedClientEnvelope), key);
  const target = { targetOriginator: NODE_ID, retentionDays: RETENTION_DAYS };
  return encodePayerEnvelope({ unsignedClientEnvelope, payerSignature, ...target });
}

/** A node's log in memory, `perMinute` messages a minute. The node's own signature is no daemon's business, so one serves all. */
export function logOf(payers: readonly Payer[], count: number, perMinute: number): EnvelopeLog {
  const startNs = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
  const stepNs = 60_000_000_000n / BigInt(perMinute);
  const fieldsOf = (i: number) => ({
    ...{ originatorId: NODE_ID, sequenceId: BigInt(i + 1), originatorNs: startNs + BigInt(i) * stepNs },
    ...{ payerEnvelope: payerEnvelopeOf(i, payers[i % payers.length]!), expiryAt: 0n },
    ...{ baseFeePico: 0n, congestionFeePico: 0n },
  });
  const tail = count === 0 ? new Uint8Array() : signOriginatorEnvelope(fieldsOf(0), NODE_KEY).subarray(-69);
  const entries = Array.from({ length: count }, (_, i) => {
    const unsigned = encodeUnsignedOriginatorEnvelope(fieldsOf(i));
    const length = unsigned.length;
    const head = Uint8Array.of(0x0a, (length & 0x7f) | 0x80, length >> 7);
    return { sequenceId: BigInt(i + 1), envelope: concatBytes(head, unsigned, tail) };
  });
  return {
    originators: async () => [NODE_ID],
    read: async (_originatorId, after, limit) => entries.slice(Number(after), Number(after) + limit),
    onAppend: () => () => {},
  };
}

export function openAt(at: string): Promise<DaemonStore> {
  return openStoreInThread({ at, domain: DOMAIN, nodeId: NODE_ID }, silentLog);
}

/** Deposits that no bench uses up. */
export async function fund({ ledger }: DaemonStore, channels: readonly Address[]): Promise<void> {
  const chain = { ...EMPTY_CHANNEL, deposited: 2n ** 62n };
  for (let i = 0; i < channels.length; i += 5_000) {
    const states = new Map(channels.slice(i, i + 5_000).map((channel) => [channel, chain]));
    await ledger.recordChain({ states, readTo: 1n, blocks: [] });
  }
}
