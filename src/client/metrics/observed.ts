import type { Clock } from "../../platform/clock.ts";
import { observeCalls } from "../../platform/metrics/observeCalls.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import type { GatewayEvent, OnGatewayEvent } from "../funds/events.ts";
import type { ConnectNode, GatewayStore, LedgerCommit, SharedLedger } from "../ports.ts";
import type { GatewayRecorder } from "./catalogue.ts";

/** The same store; how long each call takes, and what is signed and spent in it, is noted. */
export function observeStore(store: GatewayStore, recorder: GatewayRecorder, clock: Clock): GatewayStore {
  let row: Uint8Array | undefined;
  const noteRow = (next: Uint8Array | undefined) => {
    const isNew = next !== undefined && next !== row && !(row && equalBytes(row, next));
    row = next;
    return isNew;
  };
  const took = (operation: string, seconds: number) => recorder.observe("storeSeconds", seconds, { operation });
  const failed = (operation: string) => recorder.count("storeFailures", 1, { operation });
  const noteStep = ({ state, spend = [] }: LedgerCommit) => {
    if (noteRow(state.voucherRow)) recorder.count("vouchersSigned");
    for (const { kind, postagePico, stampUnits, gasWei } of spend) {
      if (postagePico > 0n) recorder.count("spentPostage", Number(postagePico) / 1e6, { kind });
      if (stampUnits > 0n) recorder.count("spentStamps", Number(stampUnits));
      if (gasWei > 0n) recorder.count("spentGas", Number(gasWei), { kind });
    }
  };
  const after = {
    loadChannel: (_: unknown, found: { voucherRow: Uint8Array | undefined } | undefined) =>
      void noteRow(found?.voucherRow),
    commit: ([step]: [LedgerCommit]) => noteStep(step),
  };
  const { shared } = store;
  const observed = observeCalls(store, { took, failed, after }, clock);
  if (!shared) return observed;
  return { ...observed, shared: observeCalls(noteTurns(shared, noteRow, noteStep), { took, failed }, clock) };
}

/** Of a turn that was committed, the steps are this process's; the row that it finds may be another one's. */
function noteTurns(
  shared: SharedLedger,
  found: (row: Uint8Array | undefined) => void,
  noteStep: (step: LedgerCommit) => void,
): SharedLedger {
  return {
    leave: (channel, process) => shared.leave(channel, process),
    async turn(channel, ask, work) {
      const done: LedgerCommit[] = [];
      let before: Uint8Array | undefined;
      const result = await shared.turn(channel, ask, (turn) => {
        before = turn.state.voucherRow;
        const commit = async (steps: readonly LedgerCommit[]) => {
          await turn.commit(steps);
          done.push(...steps);
        };
        return work({ ...turn, commit });
      });
      found(before);
      for (const step of done) noteStep(step);
      return result;
    },
  };
}

/** The same nodes; how publishes at them end, and how long they take, is noted. */
export function observeNodes(connectNode: ConnectNode, recorder: GatewayRecorder, clock: Clock): ConnectNode {
  return (registered) => {
    const client = connectNode(registered);
    const node = String(registered.id);
    return {
      async publish(...call) {
        const from = clock.elapsed();
        // A call that is given up never ends here.
        const end = (outcome: string) => {
          recorder.observe("nodeSeconds", (clock.elapsed() - from) / 1_000, { outcome });
          recorder.count("nodeCalls", 1, { node, outcome });
        };
        const outcome = await client.publish(...call).catch((error: unknown) => {
          end("unknown");
          throw error;
        });
        end(outcome.kind);
        return outcome;
      },
      query: (...call) => client.query(...call),
      health: (signal) => client.health(signal),
      close: () => client.close(),
    };
  };
}

/** Passes events on. */
export function observeEvents(emit: OnGatewayEvent, recorder: GatewayRecorder): OnGatewayEvent {
  return (event: GatewayEvent) => {
    if (event.kind === "top_up_failed") recorder.count("topUpFailures");
    if (event.kind === "topped_up") {
      recorder.count("topUps");
      recorder.count("topUpUnits", Number(event.amount));
    }
    emit(event);
  };
}
