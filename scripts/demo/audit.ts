import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { QueryApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { readNodes } from "../../src/contracts/readNodes.ts";
import { readRates } from "../../src/contracts/readRates.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import type { ReadOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import {
  COMMIT_ORIGINATOR,
  FIRST_NODE_ID,
  IDENTITY_ORIGINATOR,
  readClientEnvelope,
  readOriginatorEnvelope,
  readPayerEnvelope,
  recoverOriginator,
} from "../../src/protocol/envelope.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import type { CongestionWindow, Rates } from "../../src/protocol/fees.ts";
import { baseFeePico, congestionFeePico, minuteOf, ratesAt } from "../../src/protocol/fees.ts";
import { TopicKind } from "../../src/protocol/topics.ts";

export type EnvelopeKind = "identityUpdate" | "commit" | "keyPackage" | "welcome" | "message";

export interface KindTotals {
  count: number;
  bytes: number;
  feesPico: bigint;
}

export interface Audit {
  kinds: Record<EnvelopeKind, KindTotals>;
  /** What each channel owes, from the log alone. */
  usagePico: Map<Address, bigint>;
}

export interface Terms {
  rates: Rates[];
  retentionDays: number;
  /** Account of each node's signing key. */
  signers: ReadonlyMap<number, Address>;
}

const PAGE = 100;
const KIND_OF_TOPIC: Partial<Record<TopicKind, EnvelopeKind>> = {
  [TopicKind.groupMessage]: "message",
  [TopicKind.welcome]: "welcome",
  [TopicKind.keyPackage]: "keyPackage",
};

/**
 * Reads a node's whole log as anybody may, checks every signature, and computes every fee anew: what the network
 * charged must follow from what it published, and from nothing else.
 */
export async function auditLog(nodeUrl: string, terms: Terms): Promise<Audit> {
  const kinds: Audit["kinds"] = {
    identityUpdate: { count: 0, bytes: 0, feesPico: 0n },
    commit: { count: 0, bytes: 0, feesPico: 0n },
    keyPackage: { count: 0, bytes: 0, feesPico: 0n },
    welcome: { count: 0, bytes: 0, feesPico: 0n },
    message: { count: 0, bytes: 0, feesPico: 0n },
  };
  const usagePico = new Map<Address, bigint>();
  const add = (kind: EnvelopeKind, bytes: number, feesPico: bigint) => {
    kinds[kind].count++;
    kinds[kind].bytes += bytes;
    kinds[kind].feesPico += feesPico;
  };
  for (const [id, kind] of [
    [IDENTITY_ORIGINATOR, "identityUpdate"],
    [COMMIT_ORIGINATOR, "commit"],
  ] as const) {
    for await (const { payerEnvelope } of readLog(nodeUrl, id)) {
      const client = fromBinary(PayerEnvelopeSchema, payerEnvelope).unsignedClientEnvelope;
      readClientEnvelope(client);
      add(kind, client.length, 0n);
    }
  }
  for (const id of [...terms.signers.keys()].filter((node) => node >= FIRST_NODE_ID)) {
    const charged = new Set<string>();
    const counts = new Map<bigint, bigint>();
    for await (const envelope of readLog(nodeUrl, id)) {
      if (recoverOriginator(envelope) !== terms.signers.get(id))
        throw new Error(`node ${id} did not sign ${envelope.sequenceId}`);
      const payer = readPayerEnvelope(envelope.payerEnvelope);
      const feePico = feeOf(envelope, payer.canonicalSize, counts, terms);
      const minute = minuteOf(envelope.originatorNs);
      counts.set(minute, (counts.get(minute) ?? 0n) + 1n);
      const digest = toHex(payer.digest);
      const kind = KIND_OF_TOPIC[payer.client.topic.kind];
      if (charged.has(digest) || !kind) continue;
      charged.add(digest);
      add(kind, payer.canonicalSize, feePico);
      usagePico.set(payer.payer, (usagePico.get(payer.payer) ?? 0n) + feePico);
    }
  }
  return { kinds, usagePico };
}

function feeOf(
  { originatorNs, baseFeePico: base, congestionFeePico: congestion, sequenceId }: ReadOriginatorEnvelope,
  size: number,
  counts: ReadonlyMap<bigint, bigint>,
  { rates: history, retentionDays }: Terms,
): bigint {
  const rates = ratesAt(history, originatorNs / 1_000_000_000n);
  const minute = minuteOf(originatorNs);
  const window = [0n, 1n, 2n, 3n, 4n].map((ago) => counts.get(minute - ago) ?? 0n) as unknown as CongestionWindow;
  const expected = [baseFeePico(rates, size, retentionDays), congestionFeePico(rates, window)] as const;
  if (base !== expected[0] || congestion !== expected[1]) {
    throw new Error(`sequence id ${sequenceId} says ${base} + ${congestion}, the rates say ${expected.join(" + ")}`);
  }
  return expected[0] + expected[1];
}

async function* readLog(nodeUrl: string, originatorId: number): AsyncGenerator<ReadOriginatorEnvelope> {
  const api = createClient(QueryApi, createGrpcWebTransport({ baseUrl: nodeUrl, httpVersion: "1.1" }));
  let last = 0n;
  for (;;) {
    const lastSeen = { nodeIdToSequenceId: { [originatorId]: last } };
    const query = { originatorNodeIds: [originatorId], lastSeen };
    const { envelopes } = await api.queryEnvelopes({ query, limit: PAGE });
    if (envelopes.length === 0) return;
    for (const envelope of envelopes.map((one: OriginatorEnvelope) => readOriginatorEnvelope(one))) {
      if (envelope.sequenceId <= last) throw new Error(`originator ${originatorId} does not ascend after ${last}`);
      last = envelope.sequenceId;
      yield envelope;
    }
  }
}

/** What an audit needs to know of the network, as the chain has it. */
export async function readTerms({ rateRegistry, nodeRegistry }: Contracts): Promise<Terms> {
  const nodes = await readNodes(nodeRegistry);
  return {
    rates: await readRates(rateRegistry),
    retentionDays: Number(await rateRegistry.retentionDays()),
    signers: new Map(nodes.map(({ id, signer }) => [id, signer])),
  };
}
