import type { Clock } from "../../platform/clock.ts";
import { withTimeout } from "../async.ts";
import type { Random } from "../ports.ts";
import { someOf } from "../someOf.ts";
import { StampsError, aborted, toStampsError } from "./errors.ts";
import type { StampsChain } from "./ports.ts";

export interface AskOptions {
  chain: Pick<StampsChain, "nodes">;
  clock: Clock;
  random: Random;
  chainTimeoutMs: number;
  nodeTimeoutMs: number;
  /** Daemons that are asked for one thing. */
  mostServers: number;
}

/** What one daemon said, or why it said nothing. */
export type DaemonAnswer<T> = { nodeId: number } & (
  { said: T; problem?: undefined } | { said?: undefined; problem: string }
);

export interface Answers<T> {
  answers: DaemonAnswer<T>[];
  /** Daemons that have to say the same before it counts: two, or one where there is but one. */
  needed: number;
}

/**
 * Asks several daemons at once, by chance which, those with seats. Never rejects for what they do. Rejects with StampsError
 * `chain_unavailable`, `aborted`.
 */
export async function askDaemons<T>(
  options: AskOptions,
  ask: (httpAddress: string, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<Answers<T>> {
  const { chain, clock, random, mostServers, nodeTimeoutMs } = options;
  const nodes = await asking(options, "the node registry", signal, (own) => chain.nodes(own));
  const seated = nodes.filter(({ isCanonical }) => isCanonical);
  const asked = someOf(seated, mostServers, random);
  if (asked.length === 0) throw new StampsError("too_few_daemons", "no node has a seat: try again later", RETRY);
  const answers = await Promise.all(
    asked.map(async ({ id: nodeId, httpAddress }): Promise<DaemonAnswer<T>> => {
      try {
        const said = await withTimeout(clock, nodeTimeoutMs, signal, "asking", (own) => ask(httpAddress, own));
        return { nodeId, said };
      } catch (error) {
        return { nodeId, problem: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
  if (signal.aborted) throw aborted();
  return { answers, needed: Math.min(2, seated.length) };
}

const RETRY = { retryable: true };

/** Those that said something. */
export function saidBy<T>(answers: readonly DaemonAnswer<T>[]): { nodeId: number; said: T }[] {
  return answers.flatMap(({ nodeId, said }) => (said === undefined ? [] : [{ nodeId, said }]));
}

/** For the message of an error. */
export function problemsIn(answers: readonly DaemonAnswer<unknown>[]): string {
  return answers
    .flatMap(({ nodeId, problem }) => (problem === undefined ? [] : [`node ${nodeId}: ${problem}`]))
    .join("; ");
}

/** One read of the chain, or of a wallet, within its time. Rejects with StampsError. */
export async function asking<T>(
  { clock, chainTimeoutMs }: Pick<AskOptions, "clock" | "chainTimeoutMs">,
  what: string,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw aborted();
  try {
    return await withTimeout(clock, chainTimeoutMs, signal, `reading ${what}`, ask);
  } catch (error) {
    throw signal.aborted ? aborted(error) : toStampsError(error);
  }
}
