import type { Transport } from "@connectrpc/connect";
import type { ConnectError } from "@connectrpc/connect";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

/** How a publish at the stock node ended, told apart by what may be stored. */
export type UpstreamOutcome =
  | { kind: "answered"; envelopes: OriginatorEnvelope[] }
  /** It is certain that nothing is stored, now or later. */
  | { kind: "notStored"; error: ConnectError }
  | { kind: "unknown"; error: ConnectError };

export interface UpstreamQuery {
  topics?: Uint8Array[];
  originatorIds?: number[];
  /** Sequence ids by originator; at most 100 of them, which is what a stock node takes. */
  lastSeen: ReadonlyMap<number, bigint>;
  limit: number;
}

/** The stock node behind the proxy. */
export interface Upstream {
  /** Sends canonical payer envelopes, all or none. Never rejects. */
  publish(payerEnvelopes: readonly Uint8Array[], signal: AbortSignal): Promise<UpstreamOutcome>;
  query(query: UpstreamQuery, signal: AbortSignal): Promise<OriginatorEnvelope[]>;
  /**
   * What follows in the logs of these originators, history first. Yields an empty list for a keep-alive: one at once,
   * then every 30 s of silence. At most 100 originators.
   */
  subscribe(lastSeen: ReadonlyMap<number, bigint>, signal: AbortSignal): AsyncIterable<OriginatorEnvelope[]>;
  /** For what is passed on as it is. A stream holds its transport until it is released. */
  unary: Transport;
  takeStreamTransport(): { transport: Transport; release: () => void };
  close(): void;
}
