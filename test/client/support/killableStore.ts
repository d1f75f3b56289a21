import type { GatewayStore, LedgerCommit } from "../../../src/client/ports.ts";

/** When the process dies, as far as its store can tell. */
export interface Kill {
  moment: "beforeCommit" | "afterCommit";
  /** The first commit that it is about. */
  at: (step: LedgerCommit) => boolean;
}

/** A store that stops for good at a chosen moment, as kill -9 does; what was committed before stays on disk. */
export function killableStore(store: GatewayStore, kill: Kill): GatewayStore {
  let isDead = false;
  const alive = <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) throw new Error("killed");
    return work();
  };
  return {
    loadChannel: async (channel) => alive(() => store.loadChannel(channel)),
    loadAttempts: async (channel) => alive(() => store.loadAttempts(channel)),
    loadRefusals: async (channel) => alive(() => store.loadRefusals(channel)),
    findAnswer: async (channel, hash) => alive(() => store.findAnswer(channel, hash)),
    pruneAnswers: async (...args) => alive(() => store.pruneAnswers(...args)),
    receipt: async (...args) => alive(() => store.receipt(...args)),
    receipts: async (...args) => alive(() => store.receipts(...args)),
    receiptCount: async (...args) => alive(() => store.receiptCount(...args)),
    removeReceipts: async (...args) => alive(() => store.removeReceipts(...args)),
    contradictReceipt: async (...args) => alive(() => store.contradictReceipt(...args)),
    forgetReceipts: async (...args) => alive(() => store.forgetReceipts(...args)),
    spendPage: async (...args) => alive(() => store.spendPage(...args)),
    spendTotal: async (...args) => alive(() => store.spendTotal(...args)),
    foldSpend: async (...args) => alive(() => store.foldSpend(...args)),
    lastTopUp: async (...args) => alive(() => store.lastTopUp(...args)),
    toppedUpOn: async (...args) => alive(() => store.toppedUpOn(...args)),
    beginTopUp: async (...args) => alive(() => store.beginTopUp(...args)),
    cancelTopUp: async (...args) => alive(() => store.cancelTopUp(...args)),
    finishTopUp: async (...args) => alive(() => store.finishTopUp(...args)),
    commit: async (step) =>
      alive(async () => {
        isDead = kill.at(step);
        if (isDead && kill.moment === "beforeCommit") throw new Error("killed");
        await store.commit(step);
        if (isDead) throw new Error("killed");
      }),
    flush: async () => alive(() => store.flush()),
    close: () => store.close(),
  };
}
