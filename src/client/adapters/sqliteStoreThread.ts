import type { Log } from "../../platform/log.ts";
import { openInThread } from "../../platform/storeThread/storeThread.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayStore } from "../ports.ts";
import { openSqliteAnswers, openSqliteStore } from "./sqliteStore.ts";

/** What runs in the thread. */
export function open(path: string): GatewayStore {
  return openSqliteStore(path);
}

/**
 * The gateway's store in a thread of its own: while a commit is flushed, other publishes and queries go on. Answers are
 * looked up in this thread, where no look-up stands behind a commit.
 */
export async function openSqliteStoreInThread(path: string, log: Log): Promise<GatewayStore> {
  const store = await openInThread<GatewayStore>({
    ...{ name: "the gateway's store", module: import.meta.url, data: path, log },
    errors: [GatewayError],
  });
  let answers: ReturnType<typeof openSqliteAnswers>;
  try {
    answers = openSqliteAnswers(path);
  } catch (error) {
    await store.close();
    throw error;
  }
  return {
    ...store,
    findAnswer: (channel, envelopeHash) => answers.findAnswer(channel, envelopeHash),
    async close() {
      await answers.close();
      await store.close();
    },
  };
}
