/**
 * Envelopes as Go's protobuf decoder reads them, which is what convicts a node: as google.golang.org/protobuf v1.36.12
 * does in `encoding/protowire/wire.go` (ConsumeVarint, ConsumeTag, ConsumeFieldValue) and `internal/impl/decode.go`
 * (unmarshalPointer). protobuf-es reads odd bytes otherwise. `npm run campaign:envelopes` compares it with Go itself.
 */
export interface EnvelopeReading {
  originatorNodeId: number;
  sequenceId: bigint;
  originatorNs: bigint;
  payerEnvelope: Uint8Array;
  /** Undefined where the payer envelope is refused. */
  target?: number;
}

/** What makes protobuf-es read bytes otherwise than Go does. */
export type Trait =
  | "known field with another wire type"
  | "varint above 64 bits"
  | "tag above 32 bits"
  | "length above 32 bits"
  | "groups nested deeper than 100"
  | "malformed inside a message";

class Refused extends Error {}

type OnField = (number: number, reader: WireReader) => void;
/** The wire type of each known field, by its number. */
type WireTypes = Partial<Record<number, number>>;

const ORIGINATOR_ENVELOPE: WireTypes = { 1: 0, 2: 0, 3: 0, 4: 2, 5: 0, 6: 0, 7: 0 };
const PAYER_ENVELOPE: WireTypes = { 1: 2, 2: 2, 3: 0, 4: 0 };
const SIGNATURE: WireTypes = { 1: 2 };
const SIGNED_ENVELOPE: WireTypes = { 1: 2, 2: 2, 3: 2 };

class WireReader {
  private at = 0;
  constructor(
    private readonly bytes: Uint8Array,
    readonly traits: Set<Trait>,
  ) {}

  get isDone(): boolean {
    return this.at >= this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let i = 0; i < 10; i++) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw new Refused("truncated");
      this.at++;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80 && value < 2n ** 64n) return value;
    }
    this.traits.add("varint above 64 bits");
    throw new Refused("overflow");
  }

  delimited(): Uint8Array {
    const length = this.varint();
    if (length >= 2n ** 32n) this.traits.add("length above 32 bits");
    return this.take(length);
  }

  take(length: bigint): Uint8Array {
    if (length > BigInt(this.bytes.length - this.at)) throw new Refused("truncated");
    this.at += Number(length);
    return this.bytes.subarray(this.at - Number(length), this.at);
  }

  tag(mostNumber: bigint): { number: number; wireType: number } {
    const start = this.at;
    const tag = this.varint();
    if (tag >= 2n ** 32n || this.at - start > 5) this.traits.add("tag above 32 bits");
    if (tag >> 3n === 0n || tag >> 3n > mostNumber) throw new Refused("field number");
    return { number: Number(tag >> 3n), wireType: Number(tag & 7n) };
  }

  skip(number: number, wireType: number, depth = 10_000): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.take(8n);
    else if (wireType === 2) this.delimited();
    else if (wireType === 5) this.take(4n);
    else if (wireType === 3) this.skipGroup(number, depth);
    else throw new Refused("wire type");
  }

  private skipGroup(number: number, depth: number): void {
    if (depth < 10_000 - 98) this.traits.add("groups nested deeper than 100");
    if (depth < 0) throw new Refused("recursion depth");
    for (;;) {
      const inner = this.tag(2n ** 31n - 1n);
      if (inner.wireType === 4) {
        if (inner.number !== number) throw new Refused("end group");
        return;
      }
      this.skip(inner.number, inner.wireType, depth - 1);
    }
  }
}

/** `onField` reads a known field of the right wire type; everything else is skipped. */
function readMessage(bytes: Uint8Array, wireTypes: WireTypes, traits: Set<Trait>, onField: OnField): void {
  const reader = new WireReader(bytes, traits);
  while (!reader.isDone) {
    const { number, wireType } = reader.tag(2n ** 29n - 1n);
    if (wireType === wireTypes[number]) {
      onField(number, reader);
    } else {
      if (wireTypes[number] !== undefined) traits.add("known field with another wire type");
      reader.skip(number, wireType);
    }
  }
}

/** An UnsignedOriginatorEnvelope as Go reads it; undefined where Go refuses it. */
export function readAsGo(bytes: Uint8Array, traits = new Set<Trait>()): EnvelopeReading | undefined {
  const reading: EnvelopeReading = {
    originatorNodeId: 0,
    sequenceId: 0n,
    originatorNs: 0n,
    payerEnvelope: new Uint8Array(),
  };
  const ok = accepted(() =>
    readMessage(bytes, ORIGINATOR_ENVELOPE, traits, (number, reader) => {
      if (number === 4) {
        reading.payerEnvelope = reader.delimited();
        return;
      }
      const value = reader.varint();
      if (number === 1) reading.originatorNodeId = Number(BigInt.asUintN(32, value));
      if (number === 2) reading.sequenceId = value;
      if (number === 3) reading.originatorNs = BigInt.asIntN(64, value);
    }),
  );
  return ok ? { ...reading, target: targetAsGo(reading.payerEnvelope, traits) } : undefined;
}

/**
 * What a node signed, and its signature, of an OriginatorEnvelope as Go reads it; undefined where Go refuses it or it
 * carries no signature. The outermost message is not signed: whoever serves it may have written it as oddly as can be.
 */
export function readSignedAsGo(
  bytes: Uint8Array,
  traits = new Set<Trait>(),
): { unsigned: Uint8Array; signature: Uint8Array } | undefined {
  const read: { unsigned: Uint8Array; signature?: Uint8Array } = { unsigned: new Uint8Array() };
  const ok = accepted(() =>
    readMessage(bytes, SIGNED_ENVELOPE, traits, (number, reader) => {
      const value = reader.delimited();
      if (number === 1) {
        read.unsigned = value;
        return;
      }
      // Fields of a oneof: the last one counts, and the same one twice is merged.
      if (number === 3 || !read.signature) read.signature = new Uint8Array();
      readMessage(value, SIGNATURE, traits, (_, inner) => (read.signature = inner.delimited()));
      if (number === 3) delete read.signature;
    }),
  );
  return ok && read.signature ? { unsigned: read.unsigned, signature: read.signature } : undefined;
}

function targetAsGo(payerEnvelope: Uint8Array, traits: Set<Trait>): number | undefined {
  let target = 0;
  const ok = accepted(() =>
    readMessage(payerEnvelope, PAYER_ENVELOPE, traits, (number, reader) => {
      if (number === 1) {
        reader.delimited();
      } else if (number === 2) {
        const signature = reader.delimited();
        const isRead = accepted(() => readMessage(signature, SIGNATURE, traits, (_, inner) => inner.delimited()));
        if (isRead) return;
        traits.add("malformed inside a message");
        throw new Refused("payer signature");
      } else {
        const value = reader.varint();
        if (number === 3) target = Number(BigInt.asUintN(32, value));
      }
    }),
  );
  return ok ? target : undefined;
}

function accepted(read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}
