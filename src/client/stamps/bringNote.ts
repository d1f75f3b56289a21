import type { SignedNote } from "../../protocol/stamps/signedNote.ts";
import type { NoteRefusal } from "../../protocol/stamps/stampsJson.ts";
import { isForLater } from "../../protocol/stamps/stampsJson.ts";
import type { AskOptions } from "./askDaemons.ts";
import { askDaemons, problemsIn, saidBy } from "./askDaemons.ts";
import { StampsError } from "./errors.ts";
import type { NoteResult, StampDaemons } from "./ports.ts";

/** Who took a note. They tell the others. */
export interface Brought {
  takenBy: number[];
  /** By node: why it did not take it, or did not answer. */
  others: { nodeId: number; problem: string }[];
}

/**
 * Brings a note to several daemons. One's word that it took it is not enough where there are more, so that a single one cannot
 * make a recipient silent. The same note may be brought again at any time. Rejects with StampsError `too_few_daemons`, or what
 * the daemons refuse it with.
 */
export async function bringNote(
  { packed }: Pick<SignedNote, "packed">,
  options: AskOptions & { daemons: Pick<StampDaemons, "bring"> },
  signal: AbortSignal,
): Promise<Brought> {
  const ask = async (httpAddress: string, own: AbortSignal): Promise<NoteResult> => {
    const [result] = await options.daemons.bring(httpAddress, [packed], own);
    if (!result) throw new Error("it answered without a result");
    return result;
  };
  const { answers, needed } = await askDaemons(options, ask, signal);
  const said = saidBy(answers);
  const takenBy = said.filter(({ said }) => said.taken).map(({ nodeId }) => nodeId);
  const refused = said.filter(({ said }) => !said.taken);
  if (takenBy.length < needed) {
    throw whyNot({ takenBy, refused: refused.map(({ said }) => said), needed, problems: problemsIn(answers) });
  }
  const others = answers.flatMap(({ nodeId, said, problem }) => {
    if (said?.taken) return [];
    return [{ nodeId, problem: problem ?? `${said.code ?? "refused"}: ${said.message ?? ""}` }];
  });
  return { takenBy, others };
}

interface Outcome {
  takenBy: readonly number[];
  refused: readonly NoteResult[];
  needed: number;
  problems: string;
}

function whyNot({ takenBy, refused, needed, problems }: Outcome): StampsError {
  const counts = new Map<NoteRefusal, number>();
  for (const { code } of refused) if (code) counts.set(code, (counts.get(code) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  // Like a taking, a refusal is believed of as many daemons as it takes.
  if (most && most[1] >= needed) {
    const [code] = most;
    const words = refused.find((one) => one.code === code)?.message ?? code;
    const isLater = isForLater(code);
    return new StampsError(code, `daemons refuse it: ${words}${isLater ? "; try again in a minute" : ""}`, {
      retryable: isLater,
    });
  }
  const taken = takenBy.length > 0 ? `only node ${takenBy.join(", ")} took it` : "no daemon took it";
  const refusals = refused.map(({ code, message }) => `${code ?? "refused"}: ${message ?? ""}`).join("; ");
  const why = [problems, refusals].filter(Boolean).join("; ");
  return new StampsError("too_few_daemons", `${taken} (${why}): try again, it counts once`, { retryable: true });
}
