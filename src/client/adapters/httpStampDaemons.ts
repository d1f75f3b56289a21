import { HttpStatusError, fetchJson, postOf } from "../../platform/fetchBounded.ts";
import { toHex } from "../../protocol/bytes.ts";
import {
  MOST_NOTES,
  NOTES_PATH,
  blocksPath,
  blocksSchema,
  installationPath,
  installationSchema,
  noteResultsSchema,
  payoutPath,
  provedPayoutSchema,
  stampsPath,
  stampsSchema,
} from "../../protocol/stamps/stampsJson.ts";
import type { StampDaemons } from "../stamps/ports.ts";

/** A thousand blocks, or a hundred stamps, as JSON. */
const MOST_BYTES = 1024 * 1024;

/** Daemons over HTTP, in browsers too. */
export const httpStampDaemons: StampDaemons = {
  async bring(httpAddress, notes, signal) {
    if (notes.length > MOST_NOTES) throw new RangeError(`a call carries at most ${MOST_NOTES} notes`);
    const request = postOf({ notes: notes.map(toHex) }, signal);
    return noteResultsSchema.parse(await call(httpAddress, NOTES_PATH, request)).results;
  },

  async stamps(httpAddress, inbox, before, signal) {
    return stampsSchema.parse(await call(httpAddress, stampsPath(inbox, before), { signal })).stamps;
  },

  async blocks(httpAddress, inbox, signal) {
    return blocksSchema.parse(await call(httpAddress, blocksPath(inbox), { signal })).blocks;
  },

  async inboxOf(httpAddress, installation, signal) {
    try {
      return installationSchema.parse(await call(httpAddress, installationPath(installation), { signal })).inbox;
    } catch (error) {
      if (error instanceof HttpStatusError && error.status === 404) return undefined;
      throw error;
    }
  },

  async payout(httpAddress, digest, account, signal) {
    try {
      return provedPayoutSchema.parse(await call(httpAddress, payoutPath(digest, account), { signal }));
    } catch (error) {
      if (error instanceof HttpStatusError && error.status === 404) return undefined;
      throw error;
    }
  },
};

function call(httpAddress: string, path: string, request: RequestInit): Promise<unknown> {
  return fetchJson(httpAddress, path, request, MOST_BYTES, "it");
}
