import { fromBinary } from "@bufbuild/protobuf";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Hex } from "../../protocol/bytes.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayStore } from "../ports.ts";

export interface AnswersOptions {
  ledger: Pick<ChannelLedger, "channel" | "flush">;
  store: Pick<GatewayStore, "findAnswer">;
}

/** What was answered before, by whichever process. */
export class Answers {
  readonly #options: AnswersOptions;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  async find(envelopeHash: Hex): Promise<OriginatorEnvelope | undefined> {
    const { ledger, store } = this.#options;
    const answer = await store.findAnswer(ledger.channel, envelopeHash);
    if (!answer) return undefined;
    await ledger.flush();
    return fromBinary(OriginatorEnvelopeSchema, answer.envelope);
  }
}

/** For who waits for another process, and at last gives up. */
export function inProgress(): GatewayError {
  const words = "another process of this gateway has the same bytes under way: send them again, they are charged once";
  return new GatewayError("in_progress", words, { retryable: true });
}
