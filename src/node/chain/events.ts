import { equalBytes, fromHex } from "../../protocol/bytes.ts";
import type { ReadClientEnvelope } from "../../protocol/envelope.ts";
import {
  COMMIT_ORIGINATOR,
  IDENTITY_ORIGINATOR,
  chainOriginatorEnvelope,
  destinationOf,
  encodePayerEnvelope,
  readClientEnvelope,
} from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { MAX_INT64 } from "../limits.ts";
import type { ChainEvent } from "../ports.ts";
import type { NewEnvelope } from "../store/writer.ts";

/** What XMTP nodes write for envelopes that are kept for ever. */
const FOR_EVER_DAYS = 2 ** 32 - 1;
const SECONDS_PER_DAY = 86_400n;
const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;
/** The chain, not a payer, ordered and paid for the envelope: the field is there and holds no signature. */
const NO_SIGNATURE = new Uint8Array(65);

export const ORIGINATOR_OF = { identity: IDENTITY_ORIGINATOR, commit: COMMIT_ORIGINATOR } as const;

/**
 * Reads what an event carries; throws ProtocolError when it is not what its contract is for. The contracts have checked
 * that, and more; a verifier that governance replaces must not be able to crash nodes.
 */
export function readEvent({ kind, subject, clientEnvelope, sequenceId }: ChainEvent): ReadClientEnvelope {
  const read = readClientEnvelope(clientEnvelope);
  if (sequenceId < 1n || sequenceId > MAX_INT64) {
    throw new ProtocolError("malformed_envelope", `sequence id ${sequenceId} is out of range`);
  }
  const destination = destinationOf(read);
  if (destination !== kind) {
    throw new ProtocolError("wrong_topic", `an envelope for "${destination}" came through the ${kind} contract`);
  }
  if (!equalBytes(read.topic.identifier, subject)) {
    throw new ProtocolError("wrong_topic", "the topic of the envelope is not the one that the event names");
  }
  return read;
}

/**
 * The envelope that this node serves for an event; other nodes may encode it otherwise.
 *
 * Clients sort by time before they look at dependencies, and libxmtp skips for good a message that sorts before the
 * commit it needs when a later one of the same node was read first. A chain whose clock runs ahead would do that, so an
 * event is never dated later than when this node first serves it: whatever depends on it is published after that.
 */
export function envelopeOf(event: ChainEvent, { topicBytes }: ReadClientEnvelope, nowMs: number): NewEnvelope {
  const originatorId = ORIGINATOR_OF[event.kind];
  const minedNs = event.blockTimestamp * NS_PER_SECOND;
  const nowNs = BigInt(nowMs) * NS_PER_MS;
  const originatorNs = minedNs < nowNs ? minedNs : nowNs;
  const payerEnvelope = encodePayerEnvelope({
    unsignedClientEnvelope: event.clientEnvelope,
    payerSignature: NO_SIGNATURE,
    targetOriginator: originatorId,
    retentionDays: FOR_EVER_DAYS,
  });
  const expiryAt = event.blockTimestamp + BigInt(FOR_EVER_DAYS) * SECONDS_PER_DAY;
  const fields = { originatorId, sequenceId: event.sequenceId, originatorNs, payerEnvelope, expiryAt };
  return {
    ...fields,
    topic: topicBytes,
    blockNumber: event.blockNumber,
    bytes: chainOriginatorEnvelope(fields, fromHex(event.transactionHash)),
  };
}
