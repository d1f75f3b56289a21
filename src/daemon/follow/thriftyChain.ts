import type { Clock } from "../../platform/clock.ts";
import type { DaemonChain } from "../ports.ts";

/** Two runs that begin so close together read once. */
const SHARED_MS = 5_000;
/** Seats change with epochs, and epochs with votes. */
const TERMS_MS = 60_000;
/** A version of the registry is due once an epoch at most, and in no hurry. */
const ROLL_OVER_MS = 600_000;

/** The chain for routine work, which asks the same questions several times in each run. */
export interface ThriftyChain {
  chain: DaemonChain;
  /**
   * Forgets the time and the price of gas: they hold for one run.
   * @param mayShare what another run that has just begun has read will do
   */
  newRun(mayShare?: boolean): void;
}

/** Asks once per run, or once a minute, what does not change faster. Nothing about money is remembered. */
export function thriftyChain(chain: DaemonChain, clock: Clock): ThriftyChain {
  let run = 0;
  let begunAt: number | undefined;
  const remembered = <T>(read: () => Promise<T>, isOver: (since: { run: number; at: number }) => boolean) => {
    let last: { value: T; run: number; at: number } | undefined;
    return async () => {
      if (!last || isOver(last)) last = { run, at: clock.elapsed(), value: await read() };
      return last.value;
    };
  };
  const perRun = (since: { run: number }) => since.run !== run;
  const after =
    (ms: number) =>
    ({ at }: { at: number }) =>
      clock.elapsed() - at >= ms;
  const perMinute = after(TERMS_MS);
  return {
    newRun(mayShare = false) {
      const now = clock.elapsed();
      if (mayShare && begunAt !== undefined && now - begunAt < SHARED_MS) return;
      run++;
      begunAt = now;
    },
    chain: {
      ...chain,
      ...(chain.dataFeePerByte ? { dataFeePerByte: remembered(() => chain.dataFeePerByte!(), perRun) } : {}),
      gasPrice: remembered(() => chain.gasPrice(), perRun),
      heads: remembered(() => chain.heads(), perRun),
      nodes: remembered(() => chain.nodes(), perMinute),
      epochSeconds: remembered(() => chain.epochSeconds(), perMinute),
      streaming: remembered(() => chain.streaming(), after(ROLL_OVER_MS)),
      isRollOverDue: remembered(() => chain.isRollOverDue(), after(ROLL_OVER_MS)),
    },
  };
}
