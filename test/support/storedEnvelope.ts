import { bytesField, field, varint } from "../../scripts/campaigns/envelopes/generate.ts";
import { concatBytes } from "../../src/protocol/bytes.ts";
import { signDigest } from "../../src/protocol/ecdsa.ts";
import { encodePayerEnvelope, originatorDigest } from "../../src/protocol/envelope.ts";

export interface Stored {
  /** Signs as node 100. */
  key: Uint8Array;
  text?: string;
  target?: number;
  /** Bytes added to the client envelope. */
  size?: number;
}

/** Node 100's stored OriginatorEnvelope with sequence id 7. */
export function storedEnvelope({ key, text = "a", target = 100, size = 0 }: Stored): Uint8Array {
  const payer = encodePayerEnvelope({
    unsignedClientEnvelope: concatBytes(new TextEncoder().encode(text), new Uint8Array(size).fill(7)),
    payerSignature: new Uint8Array(65).fill(1),
    targetOriginator: target,
    retentionDays: 60,
  });
  const scalar = (number: number, value: bigint) => field(number, 0, varint(value, 0));
  const unsigned = concatBytes(scalar(1, 100n), scalar(2, 7n), scalar(3, 1_000n), bytesField(4, payer), scalar(7, 5n));
  const signature = signDigest(originatorDigest(unsigned), key);
  return concatBytes(bytesField(1, unsigned), bytesField(2, bytesField(1, signature)));
}
