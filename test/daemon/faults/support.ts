import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { create, toBinary } from "@bufbuild/protobuf";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Evidence, EvidenceStore } from "../../../src/daemon/faults/ports.ts";
import type { DaemonStore, EnvelopeLog } from "../../../src/daemon/ports.ts";
import type { Log } from "../../../src/platform/log.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { concatBytes, toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { addressOf, signDigest } from "../../../src/protocol/ecdsa.ts";
import { originatorDigest, readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { originatorEnvelope, payerEnvelope } from "../../support/envelopes.ts";
import { PAYER_KEY, storeAt } from "../support.ts";

export const OWN = 100;
export const ACCUSED = 200;
export const PEER = 300;

export const keyOf = (nodeId: number): Uint8Array => new Uint8Array(32).fill(nodeId / 100 + 0x40);
export const signerOf = (nodeId: number) => addressOf(keyOf(nodeId));

/** An envelope of a node; the same numbers give the same bytes. */
export function envelopeOf(
  nodeId: number,
  sequenceId: bigint,
  { n = 1, ns = 1_000n, target = nodeId, key = keyOf(nodeId) } = {},
): Uint8Array {
  return originatorEnvelope(
    payerEnvelope(n, target, PAYER_KEY),
    { originatorId: nodeId, sequenceId, originatorNs: ns },
    key,
  );
}

/** So many bytes of nothing but fields of two bytes that nobody knows. */
export function bareFields(bytes: number): Uint8Array {
  return new Uint8Array(bytes).map((_, i) => (i % 2 === 0 ? 0x78 : 0x01));
}

/** An envelope with bytes behind what its node signed, signed again. */
export function lengthened(envelope: Uint8Array, more: Uint8Array, key: Uint8Array): Uint8Array {
  const unsignedOriginatorEnvelope = concatBytes(readOriginatorEnvelope(envelope).unsigned, more);
  const bytes = signDigest(originatorDigest(unsignedOriginatorEnvelope), key);
  const proof = { case: "originatorSignature" as const, value: { bytes } };
  return toBinary(OriginatorEnvelopeSchema, create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope, proof }));
}

/** Salts that differ, in order. */
export function salts(): () => Hex {
  let next = 0n;
  return () => toHex(uintToBytes(++next, 32));
}

/** A node's log that a test fills. */
export class FilledLog implements EnvelopeLog {
  readonly logs = new Map<number, Map<bigint, Uint8Array>>();
  reads = 0;

  set(nodeId: number, sequenceId: bigint, envelope = envelopeOf(nodeId, sequenceId)): void {
    const log = this.logs.get(nodeId) ?? new Map<bigint, Uint8Array>();
    log.set(sequenceId, envelope);
    this.logs.set(nodeId, log);
  }

  async originators(): Promise<number[]> {
    return [...this.logs.keys()].sort((a, b) => a - b);
  }

  async read(originatorId: number, after: bigint, limit: number) {
    this.reads++;
    return [...(this.logs.get(originatorId) ?? [])]
      .map(([sequenceId, envelope]) => ({ sequenceId, envelope }))
      .filter(({ sequenceId }) => sequenceId > after)
      .sort((a, b) => (a.sequenceId < b.sequenceId ? -1 : 1))
      .slice(0, limit);
  }

  onAppend(): () => void {
    return () => {};
  }
}

/** What was logged, by level. */
export function listeningLog() {
  const lines: { level: string; message: string }[] = [];
  const at = (level: string) => (_: object, message: string) => void lines.push({ level, message });
  const log: Log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { log, lines };
}

/** A ledger file that can be closed and opened again. */
export function ledgerFile() {
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-faults-"));
  let ledger: DaemonStore | undefined;
  return {
    async open(): Promise<EvidenceStore> {
      await ledger?.close();
      ledger = await storeAt(join(directory, "ledger.sqlite"));
      return ledger.evidence;
    },
    async remove(): Promise<void> {
      await ledger?.close();
      rmSync(directory, { recursive: true });
    },
  };
}

export async function allOf(store: EvidenceStore): Promise<Evidence[]> {
  const keys = await store.latest(1_000);
  return Promise.all(keys.map(async (key) => (await store.get(key))!));
}
