import type { Clock } from "../../platform/clock.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { MOST_PER_HEADER } from "../../protocol/stamps/headers.ts";
import type { FreePass } from "../../protocol/stamps/rules.ts";
import { isInForce } from "../../protocol/stamps/rules.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { StampsError } from "../stamps/errors.ts";
import { readWaiver } from "../stamps/waivers.ts";

const MOST_WAIVERS = 10_000;
/** An inbox has fewer. */
const MOST_INSTALLATIONS = 256;
const INSTALLATION = /^(0x)?[0-9a-f]{64}$/i;

/** A waiver, and the installations of its inbox: nothing in a welcome tells which inbox it is for. */
export interface HandedWaiver {
  /** As `waiver.create` made it: base64url. */
  waiver: string;
  /** Their public keys in hex, such as `InboxState.installations` of the SDK has them. */
  installations: readonly string[];
}

interface Kept {
  note: FreePass;
  packed: Uint8Array;
}

/** Waivers that were handed to this gateway, in memory: what starts it hands them over again. */
export class WaiverBook {
  readonly #use: { domain: PostageDomain; payer: Address };
  readonly #clock: Clock;
  /** By installation, then by its bytes. */
  readonly #byInstallation = new Map<Hex, Map<string, Kept>>();
  #count = 0;

  constructor(use: { domain: PostageDomain; payer: Address }, clock: Clock) {
    this.#use = use;
    this.#clock = clock;
  }

  /** Throws StampsError `bad_input`, `bad_signature`, `too_many`. Whether a member of the inbox signed it, nodes check. */
  add({ waiver, installations }: HandedWaiver): FreePass {
    const { note, packed } = readWaiver(waiver, this.#use);
    if (!this.#isInForce(note)) throw new StampsError("bad_input", "the waiver has expired: ask for another one");
    const isWrong = !installations.every((key) => INSTALLATION.test(key));
    if (isWrong || installations.length === 0 || installations.length > MOST_INSTALLATIONS) {
      throw new StampsError("bad_input", `installations are 1 to ${MOST_INSTALLATIONS} keys of 64 hex digits`);
    }
    const name = toBase64Url(packed);
    for (const key of installations) {
      const installation: Hex = `0x${key.toLowerCase().replace(/^0x/, "")}`;
      const kept = this.#byInstallation.get(installation) ?? new Map<string, Kept>();
      if (kept.has(name)) continue;
      if (this.#count >= MOST_WAIVERS) this.#forgetExpired();
      if (this.#count >= MOST_WAIVERS) {
        throw new StampsError("too_many", `this gateway keeps ${MOST_WAIVERS} waivers: some have to expire first`);
      }
      this.#byInstallation.set(installation, kept.set(name, { note, packed }));
      this.#count++;
    }
    return note;
  }

  /** Those for welcomes to these, as many as a call carries; the newest first. Others stay unknown to the node. */
  forInstallations(installations: readonly Hex[]): Uint8Array[] {
    const found = new Map<string, Uint8Array>();
    for (const installation of installations) {
      for (const [name, { note, packed }] of [...(this.#byInstallation.get(installation) ?? [])].reverse()) {
        if (this.#isInForce(note)) found.set(name, packed);
      }
    }
    return [...found.values()].slice(0, MOST_PER_HEADER);
  }

  #isInForce(note: FreePass): boolean {
    return isInForce(note, BigInt(Math.floor(this.#clock.now() / 1_000)));
  }

  #forgetExpired(): void {
    for (const [installation, kept] of this.#byInstallation) {
      for (const [name, { note }] of kept) if (!this.#isInForce(note) && kept.delete(name)) this.#count--;
      if (kept.size === 0) this.#byInstallation.delete(installation);
    }
  }
}
