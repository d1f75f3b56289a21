import { setImmediate } from "node:timers/promises";

import type { Clock } from "../../platform/clock.ts";
import { Rate } from "../../platform/rate.ts";
import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import type { SignedNote } from "../../protocol/stamps/signedNote.ts";
import { readNote } from "../../protocol/stamps/signedNote.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";

/** Notes of a bad signature from one party: more of its notes are not looked at. */
export const BAD_PER_MINUTE = 30;

/** Checks signatures of notes: an installation's takes milliseconds, so everybody else gets a turn between two. */
export class NoteChecks {
  readonly #domain: PostageDomain;
  readonly #bad: Rate;

  constructor(domain: PostageDomain, clock: Pick<Clock, "elapsed">) {
    this.#domain = domain;
    this.#bad = new Rate(BAD_PER_MINUTE, clock);
  }

  /** Whether so many of its notes were bad that no other is looked at. */
  isClosedTo(party: string): boolean {
    return this.#bad.waitMs(party) > 0;
  }

  /** Throws ProtocolError as `readNote` does. */
  async check(packed: Uint8Array, party: string): Promise<SignedNote> {
    await setImmediate();
    try {
      return readNote(this.#domain, packed, fastRecoverAddress);
    } catch (error) {
      this.#bad.take(party);
      throw error;
    }
  }
}
