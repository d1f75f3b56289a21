/**
 * Protobuf and signatures of XMTP envelopes by hand and with ethers: the stock node of our tests shares no code with
 * ours, so that both can be wrong only in different ways.
 */
import { SigningKey, concat, getBytes, keccak256, recoverAddress, toBeHex, toUtf8Bytes } from "ethers";

export type Field = { number: number; value: bigint | Buffer };

/** The fields of a message in their order; length-delimited ones as bytes. Throws when it is none. */
export function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error("a varint does not end");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    if ((tag & 7n) === 0n) fields.push({ number, value: varint() });
    else if ((tag & 7n) === 2n) {
      const length = Number(varint());
      if (at + length > bytes.length) throw new Error("a field ends after its message");
      fields.push({ number, value: Buffer.from(bytes.subarray(at, at + length)) });
      at += length;
    } else throw new Error(`wire type ${tag & 7n}`);
  }
  return fields;
}

export function bytesOf(message: Uint8Array, number: number): Buffer | undefined {
  const found = readFields(message).findLast((field) => field.number === number)?.value;
  return typeof found === "bigint" ? undefined : found;
}

function varintOf(value: bigint): Buffer {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...out, Number(rest)]);
}

/** As Go's Marshal writes it: ascending, zero values left out. */
export function writeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ number, value }) => {
      if (typeof value === "bigint") return value === 0n ? [] : [varintOf(BigInt(number) << 3n), varintOf(value)];
      if (value.length === 0) return [];
      return [varintOf((BigInt(number) << 3n) | 2n), varintOf(BigInt(value.length)), value];
    }),
  );
}

export interface Unsigned {
  nodeId: number;
  sequenceId: bigint;
  ns: bigint;
  payerEnvelope: Buffer;
  baseFee: bigint;
  congestionFee: bigint;
  expiry: bigint;
}

export function encodeUnsigned(one: Unsigned): Buffer {
  return writeFields([
    { number: 1, value: BigInt(one.nodeId) },
    { number: 2, value: one.sequenceId },
    { number: 3, value: one.ns },
    { number: 4, value: one.payerEnvelope },
    { number: 5, value: one.baseFee },
    { number: 6, value: one.congestionFee },
    { number: 7, value: one.expiry },
  ]);
}

export interface PayerEnvelopeMessage {
  unsignedClientEnvelope: Buffer;
  payerSignature: { bytes: Buffer } | null;
  targetOriginator: number;
  messageRetentionDays: number;
}

export function encodePayer(message: PayerEnvelopeMessage): Buffer {
  const signature = message.payerSignature?.bytes ?? Buffer.alloc(0);
  return writeFields([
    { number: 1, value: message.unsignedClientEnvelope },
    { number: 2, value: writeFields([{ number: 1, value: signature }]) },
    { number: 3, value: BigInt(message.targetOriginator) },
    { number: 4, value: BigInt(message.messageRetentionDays) },
  ]);
}

/** R || S || V with V of 0 or 1. */
export function signBytes(prefix: string, bytes: Uint8Array, key: string): Buffer {
  const { r, s, yParity } = new SigningKey(key).sign(keccak256(concat([toUtf8Bytes(prefix), bytes])));
  return Buffer.from(getBytes(concat([r, s, toBeHex(yParity, 1)])));
}

/** Throws when the signature is none. */
export function payerOf({ unsignedClientEnvelope, payerSignature, targetOriginator }: PayerEnvelopeMessage): string {
  const signature = Buffer.from(payerSignature?.bytes ?? []);
  if (signature.length !== 65) throw new Error("the signature has not 65 bytes");
  if (signature[64]! < 27) signature[64]! += 27;
  const target = toBeHex(targetOriginator, 4);
  const signed = concat([toUtf8Bytes("target|"), target, toUtf8Bytes("payer|"), unsignedClientEnvelope]);
  return recoverAddress(keccak256(signed), `0x${signature.toString("hex")}`);
}

/** The topic that a serialized ClientEnvelope names. */
export function topicOf(clientEnvelope: Uint8Array): Buffer {
  const aad = bytesOf(clientEnvelope, 1);
  const topic = aad && bytesOf(aad, 2);
  if (!topic || topic.length === 0) throw new Error("no topic");
  return topic;
}

/** Whether a group message is a commit or proposal, which go on chain. */
export function isForChain(clientEnvelope: Uint8Array): boolean {
  const v1 = bytesOf(bytesOf(clientEnvelope, 2) ?? Buffer.alloc(0), 1);
  const mls = v1 && bytesOf(v1, 1);
  if (!mls) return false;
  const groupIdLength = mls[4]!;
  const contentType = mls[5 + groupIdLength + 8];
  return contentType === 2 || contentType === 3;
}
