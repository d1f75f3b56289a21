import { fetchBounded } from "../../platform/fetchBounded.ts";
import { toHex } from "../../protocol/bytes.ts";
import { NOTES_PATH, PASSES_PATH, noteResultsSchema, passToJson } from "../../protocol/stamps/stampsJson.ts";
import type { StampTransport } from "../stamps/noteGossip.ts";

const MOST_ANSWER_BYTES = 256 * 1024;

/** Posts notes and passes to the peer's registered address. */
export const httpStamps: StampTransport = {
  async notes(httpAddress, notes, signal) {
    const answer = await post(httpAddress, NOTES_PATH, { notes: notes.map(toHex) }, signal);
    return noteResultsSchema.parse(answer).results;
  },

  async passes(httpAddress, passes, signal) {
    await post(httpAddress, PASSES_PATH, { passes: passes.map(passToJson) }, signal);
  },
};

async function post(httpAddress: string, path: string, body: object, signal: AbortSignal): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", body: JSON.stringify(body), headers, signal };
  const url = new URL(httpAddress.replace(/\/+$/, "") + path);
  return JSON.parse(new TextDecoder().decode(await fetchBounded(url, request, MOST_ANSWER_BYTES)));
}
