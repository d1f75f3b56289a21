import { setImmediate } from "node:timers/promises";

import { fromBinary } from "@bufbuild/protobuf";

import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { toHex } from "../../protocol/bytes.ts";
import { IDENTITY_ORIGINATOR, readClientEnvelope, readOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { InboxState } from "../../protocol/identity/state.ts";
import { applyIdentityUpdate } from "../../protocol/identity/state.ts";
import { TopicKind, topicBytes } from "../../protocol/topics.ts";
import { PAGE } from "../store/reader.ts";
import type { NodeStore } from "../store/store.ts";
import { identityUpdateOf } from "./events.ts";

const CACHED_INBOXES = 10_000;

/** Who belongs to an inbox: folded from the stored updates, with the states of the busy ones kept at hand. */
export class Inboxes {
  readonly #store: NodeStore;
  /** In order of use, oldest first. */
  readonly #cache = new Map<string, InboxState>();

  constructor(store: NodeStore) {
    this.#store = store;
  }

  /** Undefined while the inbox does not exist. */
  async stateOf(inboxId: Uint8Array): Promise<InboxState | undefined> {
    const key = toHex(inboxId);
    const cached = this.#cache.get(key);
    const state = cached ?? (await this.#fold(inboxId));
    if (state) this.keep(inboxId, state);
    return state;
  }

  /** After the state's last update is on disk. */
  keep(inboxId: Uint8Array, state: InboxState): void {
    const key = toHex(inboxId);
    this.#cache.delete(key);
    this.#cache.set(key, state);
    if (this.#cache.size > CACHED_INBOXES) this.#cache.delete(this.#cache.keys().next().value!);
  }

  /** After a reorganisation. */
  forget(): void {
    this.#cache.clear();
  }

  async #fold(inboxId: Uint8Array): Promise<InboxState | undefined> {
    const topic = Buffer.from(topicBytes(TopicKind.identityUpdate, inboxId)).toString("hex");
    let state: InboxState | undefined;
    let after = 0n;
    for (;;) {
      const page = this.#store.reader.byTopics([topic], { [IDENTITY_ORIGINATOR]: after }, PAGE);
      if (page.length === 0) return state;
      for (const { bytes, sequenceId } of page) {
        await setImmediate();
        const { payerEnvelope } = readOriginatorEnvelope(bytes);
        const client = readClientEnvelope(fromBinary(PayerEnvelopeSchema, payerEnvelope).unsignedClientEnvelope);
        // Only verified updates are stored; what a smart account said at its block was asked then.
        state = await applyIdentityUpdate(state, identityUpdateOf(client), async () => true);
        after = sequenceId;
      }
    }
  }
}
