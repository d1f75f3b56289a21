import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { INSTALLATION_CONTEXT } from "../../src/protocol/identity/ed25519.ts";
import { verifierSource } from "./verifier.ts";

/** Where the build writes the contract, and deployments find its artifact. */
export const ED25519_VERIFIER = "generated/contracts/Ed25519Verifier.sol";

/** Writes the contract that verifies the signatures of installations. The same input gives the same bytes. */
export function generateEd25519Verifier(): void {
  mkdirSync(dirname(ED25519_VERIFIER), { recursive: true });
  writeFileSync(ED25519_VERIFIER, verifierSource({ name: "Ed25519Verifier", context: INSTALLATION_CONTEXT }));
}
