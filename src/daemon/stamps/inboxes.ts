import type { Log } from "../../platform/log.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { inboxChange } from "./inboxChanges.ts";
import type { IdentityUpdateOnChain, InboxChange, StampChain, StampStore } from "./ports.ts";

/** Stretches of the log that are read in one go. */
const MOST_STRETCHES = 1_000;

/**
 * Who belongs to which inbox, and which one listed an installation first, out of the identity log on chain up to the safe
 * head: what is read once stays, so there is nothing to take back.
 */
export class Inboxes {
  readonly #chain: Pick<StampChain, "updatesAfter">;
  readonly #store: StampStore;
  readonly #log: Log;
  #readToAt = 0n;

  constructor({ chain, store, log }: { chain: Pick<StampChain, "updatesAfter">; store: StampStore; log: Log }) {
    this.#chain = chain;
    this.#store = store;
    this.#log = log;
  }

  /** Up to which moment of the chain (unix seconds) the log is read. */
  get readToAt(): bigint {
    return this.#readToAt;
  }

  /** Reads what is new. */
  async poll(): Promise<void> {
    for (let stretch = 0; stretch < MOST_STRETCHES; stretch++) {
      const cursor = await this.#store.inboxCursor();
      this.#readToAt = cursor?.at ?? 0n;
      const news = await this.#chain.updatesAfter(cursor?.block);
      if (!news) return;
      const { readTo, readToAt, updates, isEnd } = news;
      const changes = updates.flatMap((update) => this.#changeOf(update) ?? []);
      // Another process of this database was faster: what it has read is the same log.
      if (!(await this.#store.recordInboxes({ after: cursor?.block, readTo, readToAt, changes }))) continue;
      this.#readToAt = readToAt;
      if (isEnd) return;
    }
  }

  #changeOf(update: IdentityUpdateOnChain): InboxChange | undefined {
    try {
      return inboxChange(update);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const { inbox, sequenceId } = update;
      this.#log.error({ inbox, sequenceId, error: error.message }, "an update in the identity log cannot be read");
      return undefined;
    }
  }
}
