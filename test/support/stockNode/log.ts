/** An OriginatorEnvelope as grpc-js takes and gives it. */
export interface EnvelopeMessage {
  unsignedOriginatorEnvelope: Buffer;
  originatorSignature?: { bytes: Buffer } | null;
  blockchainProof?: { transactionHash: Buffer } | null;
}

export interface Entry {
  originatorId: number;
  sequenceId: bigint;
  topic: string;
  message: EnvelopeMessage;
}

export interface CursorMessage {
  nodeIdToSequenceId?: Record<string, string>;
}

export const seen = (cursor: CursorMessage | null | undefined, id: number) =>
  BigInt(cursor?.nodeIdToSequenceId?.[String(id)] ?? "0");

/** All originators' logs, in memory. */
export class Logs {
  readonly #logs = new Map<number, Entry[]>();
  readonly #listeners = new Set<(entry: Entry) => void>();

  /** False when the place is taken. */
  append(entry: Entry): boolean {
    const log = this.of(entry.originatorId);
    if ((log.at(-1)?.sequenceId ?? 0n) >= entry.sequenceId) return false;
    log.push(entry);
    this.#logs.set(entry.originatorId, log);
    for (const listener of this.#listeners) listener(entry);
    return true;
  }

  of(originatorId: number): Entry[] {
    return this.#logs.get(originatorId) ?? [];
  }

  ids(): number[] {
    return [...this.#logs.keys()].sort((a, b) => a - b);
  }

  last(originatorId: number): bigint {
    return this.of(originatorId).at(-1)?.sequenceId ?? 0n;
  }

  all(): Entry[] {
    return this.ids().flatMap((id) => this.of(id));
  }

  /** What an old backup has. */
  truncate(originatorId: number, upTo: bigint): void {
    this.#logs.set(
      originatorId,
      this.of(originatorId).filter(({ sequenceId }) => sequenceId <= upTo),
    );
  }

  onAppend(listener: (entry: Entry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
