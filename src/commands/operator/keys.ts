import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { writeKeyFile } from "../../platform/keyFile.ts";
import { toHex } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import { attestationKeyFrom } from "../../protocol/possession.ts";
import type { Input } from "../core/input.ts";
import { readSecret } from "../core/input.ts";
import type { Report, Row } from "../core/plan.ts";

/** Where a node's keys are in its directory. */
export const KEY_FILES = {
  signing: "signing.key",
  attestation: "attestation.key",
  settlement: "settlement.key",
} as const;

type KeyName = keyof typeof KEY_FILES;

const PURPOSE: Record<KeyName, string> = {
  signing: "signs every envelope of the node",
  attestation: "signs reports (BLS12-381)",
  settlement: "pays gas for settling and claiming",
};

/** Any 32 random bytes are a secp256k1 key, but for a chance of 2^-128. */
const draw = (name: KeyName): Uint8Array =>
  name === "attestation" ? attestationKeyFrom(randomBytes(48)) : randomBytes(32);

/** Makes the keys of a node that are not there yet. Never overwrites one. */
export async function operatorKeys(input: Input, { dryRun }: { dryRun: boolean }): Promise<Report> {
  const directory = input.text("directory");
  const rows: Row[] = [];
  const data: Record<string, object> = {};
  for (const name of Object.keys(KEY_FILES) as KeyName[]) {
    const file = join(directory, KEY_FILES[name]);
    const exists = existsSync(file);
    if (!exists && !dryRun) writeKeyFile(file, toHex(draw(name)));
    const address = name === "attestation" || (dryRun && !exists) ? undefined : addressOf(readSecret(file, "node"));
    const state = exists ? "was there" : dryRun ? "would be made" : "made now";
    rows.push([file, `${state}; ${PURPOSE[name]}${address ? `\n${address}` : ""}`]);
    data[name] = { file, wasThere: exists, ...(address ? { address } : {}) };
  }
  return {
    kind: "report",
    title: dryRun ? "Dry run: nothing is written." : `The node's keys are in ${directory}.`,
    sections: [{ rows }],
    notes: [
      "Readable by you alone (0600), not encrypted. Copy them to a safe place: a lost signing key is rotated, a node that is restored beside its old self is slashed.",
      "One signing key per network: a key that also serves a testnet convicts its node of honest work.",
      "Send the settlement account some of the chain's token for gas.",
    ],
    data: { dryRun, keys: data },
  };
}
