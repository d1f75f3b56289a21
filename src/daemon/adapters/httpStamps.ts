import { fetchJson, postOf } from "../../platform/fetchBounded.ts";
import { toHex } from "../../protocol/bytes.ts";
import { NOTES_PATH, PASSES_PATH, noteResultsSchema, passToJson } from "../../protocol/stamps/stampsJson.ts";
import type { StampTransport } from "../stamps/noteGossip.ts";

const MOST_ANSWER_BYTES = 256 * 1024;

/** Posts notes and passes to the peer's registered address. */
export const httpStamps: StampTransport = {
  async notes(httpAddress, notes, signal) {
    const answer = await fetchJson(
      httpAddress,
      NOTES_PATH,
      postOf({ notes: notes.map(toHex) }, signal),
      MOST_ANSWER_BYTES,
    );
    return noteResultsSchema.parse(answer).results;
  },

  async passes(httpAddress, passes, signal) {
    await fetchJson(httpAddress, PASSES_PATH, postOf({ passes: passes.map(passToJson) }, signal), MOST_ANSWER_BYTES);
  },
};
