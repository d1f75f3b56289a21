import type { Output } from "../platform/output.ts";
import { DeploymentError } from "./errors.ts";

/**
 * Answers the exit code of what is done: 1 when it stopped, with the code and the fix in a sentence, or as JSON. Rejects
 * with what nobody can mend but us.
 */
export async function guarded(
  command: string,
  { json, output }: { json: boolean; output: Output },
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    const { code, message } = error;
    if (json) output.out(JSON.stringify({ command, error: { code, message } }, null, 2));
    else output.err(`${code}: ${message}`);
    return 1;
  }
}
