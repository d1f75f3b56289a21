import { NewestMap } from "../../platform/newestMap.ts";
import { fromBinary } from "@bufbuild/protobuf";

import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { toHex } from "../../protocol/bytes.ts";
import type { ReadOriginatorEnvelope, ReadPayerEnvelope } from "../../protocol/envelope.ts";
import { payerDigest } from "../../protocol/envelope.ts";
import type { Answer } from "./answers.ts";
import { sizeOf } from "./answers.ts";

const MOST_ANSWER_BYTES = 32 * 1024 * 1024;
const MOST_PLACES = 100_000;

/** What this process knows of what the node has stored lately; the oldest is forgotten. */
export class Recent {
  readonly #answers = new Map<string, Answer>();
  #bytes = 0;
  /** Sequence ids by payer digest. */
  readonly #places = new NewestMap<string, bigint>(MOST_PLACES);

  answer(key: string): Answer | undefined {
    return this.#answers.get(key);
  }

  keep(key: string, answer: Answer): void {
    if (this.#answers.has(key)) return;
    this.#answers.set(key, answer);
    this.#bytes += sizeOf(answer);
    for (const [oldest, one] of this.#answers) {
      if (this.#bytes <= MOST_ANSWER_BYTES) return;
      this.#answers.delete(oldest);
      this.#bytes -= sizeOf(one);
    }
  }

  /** Where the node's log has an envelope of that digest, as far as it was seen. */
  place({ digest }: ReadPayerEnvelope): bigint | undefined {
    return this.#places.get(toHex(digest));
  }

  /** An envelope of the node's own log. */
  note({ payerEnvelope, sequenceId }: ReadOriginatorEnvelope): void {
    let digest: string;
    try {
      const { targetOriginator, unsignedClientEnvelope } = fromBinary(PayerEnvelopeSchema, payerEnvelope);
      digest = toHex(payerDigest(targetOriginator, unsignedClientEnvelope));
    } catch {
      return;
    }
    // The first one stays: a stock node stores repeats again.
    if (this.#places.has(digest)) return;
    this.#places.set(digest, sequenceId);
  }
}
