import { setImmediate } from "node:timers/promises";

import type { ReadEnvelopes } from "./readEnvelope.ts";
import { readEnvelope } from "./readEnvelope.ts";

const ENVELOPES_PER_TURN = 16;

/** Reads in this thread. A signature takes a tenth of a millisecond or ten tenths: everybody else gets turns in between. */
export const readInTurns: ReadEnvelopes = async (envelopes, retentionDays) => {
  const read = [];
  for (const [i, envelope] of envelopes.entries()) {
    if (i % ENVELOPES_PER_TURN === 0) await setImmediate();
    read.push(readEnvelope(envelope, retentionDays));
  }
  return read;
};
