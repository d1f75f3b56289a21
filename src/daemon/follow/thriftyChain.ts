import type { Clock } from "../../platform/clock.ts";
import type { DaemonChain } from "../ports.ts";

/** Seats change with epochs, and epochs with votes. */
const TERMS_MS = 60_000;

/** The chain for routine work, which asks the same questions several times in each run. */
export interface ThriftyChain {
  chain: DaemonChain;
  /** Forgets the time and the price of gas: they hold for one run. */
  newRun(): void;
}

/** Asks once per run, or once a minute, what does not change faster. Nothing about money is remembered. */
export function thriftyChain(chain: DaemonChain, clock: Clock): ThriftyChain {
  let run = 0;
  const remembered = <T>(read: () => Promise<T>, isOver: (since: { run: number; at: number }) => boolean) => {
    let last: { value: T; run: number; at: number } | undefined;
    return async () => {
      if (!last || isOver(last)) last = { run, at: clock.elapsed(), value: await read() };
      return last.value;
    };
  };
  const perRun = (since: { run: number }) => since.run !== run;
  const perMinute = ({ at }: { at: number }) => clock.elapsed() - at >= TERMS_MS;
  return {
    newRun: () => void run++,
    chain: {
      ...chain,
      gasPrice: remembered(() => chain.gasPrice(), perRun),
      heads: remembered(() => chain.heads(), perRun),
      nodes: remembered(() => chain.nodes(), perMinute),
      epochSeconds: remembered(() => chain.epochSeconds(), perMinute),
    },
  };
}
