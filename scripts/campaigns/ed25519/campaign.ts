import { ed25519ph } from "@noble/curves/ed25519.js";
import type { Contract } from "ethers";

import { toHex } from "../../../src/protocol/bytes.ts";
import { INSTALLATION_CONTEXT, verifyInstallationSignature } from "../../../src/protocol/identity/ed25519.ts";
import type { Kind, SignatureCase } from "./cases.ts";
import { Draws, KINDS, drawCase, flipBit, isCofactored, signAsInstallation, verifyArguments } from "./cases.ts";

const BATCH = 100;

/** Of each kind, how many were asked about and taken; and where noble took what the others refuse. */
export type CampaignResult = Record<Kind, { asked: number; taken: number; takenByNobleOnly: number }>;

/** Calls `verify` of a contract. */
export async function askContract(verifier: Contract, asked: SignatureCase): Promise<boolean> {
  return (await verifier.getFunction("verify").staticCall(...verifyArguments(asked))) as boolean;
}

/**
 * Contract against TypeScript on every case, and both against noble: it must say the same where there is no torsion,
 * and take all that they take where there is. Throws at the first case where they differ.
 */
export async function runEd25519Campaign(
  verifier: Contract,
  { cases, seed }: { cases: number; seed: string },
): Promise<CampaignResult> {
  const draws = new Draws(seed);
  const result = Object.fromEntries(
    KINDS.map((kind) => [kind, { asked: 0, taken: 0, takenByNobleOnly: 0 }]),
  ) as CampaignResult;
  for (let done = 0; done < cases; done += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, cases - done) }, (_, i) => {
      const kind = KINDS[(done + i) % KINDS.length]!;
      return { kind, drawn: drawCase(draws, kind) };
    });
    const answers = await Promise.all(batch.map(({ drawn }) => askContract(verifier, drawn)));
    for (const [i, { kind, drawn }] of batch.entries()) {
      const answer = answers[i]!;
      const isNobleOnly = compare(`case ${done + i}, ${kind}`, drawn, answer, isCofactored(kind));
      result[kind].asked++;
      if (answer) result[kind].taken++;
      if (isNobleOnly) result[kind].takenByNobleOnly++;
    }
  }
  return result;
}

/** Every change of one bit in key and signature, or each `step`-th: none may hold. Returns how many there were. */
export async function flipEveryBit(verifier: Contract, step: number): Promise<number> {
  const valid = signAsInstallation(new Draws("flip").bytes(32), new Draws("text").bytes(330));
  if (!(await askContract(verifier, valid))) throw new Error("the signature does not hold before a bit is flipped");
  let asked = 0;
  for (let bit = 0; bit < 768; bit += step, asked++) {
    const changed =
      bit < 256
        ? { ...valid, publicKey: flipBit(valid.publicKey, bit) }
        : { ...valid, signature: flipBit(valid.signature, bit - 256) };
    const answer = await askContract(verifier, changed);
    compare(`bit ${bit}`, changed, answer, false);
    if (answer) throw new Error(`bit ${bit} makes no difference`);
  }
  return asked;
}

/** Whether noble alone takes it. */
function compare(what: string, drawn: SignatureCase, answer: boolean, cofactorMatters: boolean): boolean {
  const { publicKey, signature, text } = drawn;
  const twin = verifyInstallationSignature(publicKey, signature, text);
  const noble = ed25519ph.verify(signature, text, publicKey, { context: INSTALLATION_CONTEXT, zip215: false });
  const agrees = answer === twin && (cofactorMatters ? noble || !answer : noble === answer);
  if (agrees) return noble && !answer;
  const values = `key ${toHex(publicKey)}, signature ${toHex(signature)}, text ${toHex(text)}`;
  throw new Error(`${what}: the contract says ${answer}, TypeScript ${twin}, noble ${noble}: ${values}`);
}
