import { guarded } from "../src/deployment/guarded.ts";

export const output = { out: (text: string) => console.log(text), err: (text: string) => console.error(text) };

/** A Result of Hardhat's: a failed one makes it exit with 1. */
export type TaskResult = { success: true; value: undefined } | { success: false; error: number };

/** Says in a sentence what somebody can mend, instead of where in the code it was found. */
export async function guardedTask(command: string, json: boolean, work: () => Promise<number>): Promise<TaskResult> {
  const exitCode = await guarded(command, { json, output }, work);
  return exitCode === 0 ? { success: true, value: undefined } : { success: false, error: exitCode };
}
