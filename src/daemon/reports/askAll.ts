import type { Clock } from "../../platform/clock.ts";
import { within } from "../../platform/within.ts";
import type { RegisteredNode } from "../ports.ts";
import type { Answer, Question } from "./messages.ts";
import type { ReporterOptions } from "./options.ts";
import type { SeatList } from "./quorum.ts";

/** A peer that is slower than this does not count; nobody waits longer for it. */
export const PEER_MS = 15_000;

type Options = Pick<ReporterOptions, "nodeId" | "nodes" | "peers" | "clock" | "log">;

/** The other seats of a list, with the addresses that the registry has for them. */
export function otherSeats(
  { nodeId, nodes }: Pick<Options, "nodeId" | "nodes">,
  { seats }: SeatList,
): RegisteredNode[] {
  const ids = new Set(seats.map((seat) => seat.nodeId));
  return nodes().filter((node) => node.nodeId !== nodeId && ids.has(node.nodeId));
}

/** One call to each, all at once: a registry has 90 seats at most. Those that fail are missing in what comes back. */
export async function eachOf<T>(
  { clock, log }: Pick<Options, "clock" | "log">,
  peers: readonly RegisteredNode[],
  signal: AbortSignal,
  call: (peer: RegisteredNode, signal: AbortSignal) => Promise<T>,
): Promise<Map<number, T>> {
  const answers = new Map<number, T>();
  await Promise.all(
    peers.map(async (peer) => {
      try {
        answers.set(peer.nodeId, await inTime(signal, PEER_MS, (ended) => call(peer, ended), clock));
      } catch (error) {
        if (!signal.aborted) log.debug({ peer: peer.nodeId, error: String(error) }, "a peer said nothing of reports");
      }
    }),
  );
  return answers;
}

/** As `within`, and whoever does not heed its signal holds nobody up either. */
export function inTime<T>(
  signal: AbortSignal,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
  clock: Pick<Clock, "sleep">,
): Promise<T> {
  return within(
    signal,
    ms,
    (ended) => {
      const late = new Promise<never>((_, reject) => {
        const fail = () => reject(ended.reason instanceof Error ? ended.reason : new Error("aborted"));
        ended.addEventListener("abort", fail, { once: true });
      });
      return Promise.race([call(ended), late]);
    },
    clock,
  );
}

export function askAll(
  options: Options,
  peers: readonly RegisteredNode[],
  question: Question,
  signal: AbortSignal,
): Promise<Map<number, Answer>> {
  return eachOf(options, peers, signal, ({ httpAddress }, ended) => options.peers.ask(httpAddress, question, ended));
}
