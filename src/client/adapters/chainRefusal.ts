import { decodeRevert, revertDataOf } from "../../contracts/decodeRevert.ts";
import { GatewayError } from "../errors.ts";

/** What to do about an update that the registry refuses, by the contract's error. */
const ADVICE: Record<string, string> = {
  IdentityRegistryInboxExists: "the inbox was created before: send only what changes it",
  IdentityRegistryInboxUnknown: "create the inbox first",
  IdentityRegistryNotTheSubject: "the new member or owner has to sign too",
  IdentityRegistryNotAMember: "let a member of the inbox, or its recovery identifier, sign",
  IdentityRegistryNotTheRecovery: "let the recovery identifier sign",
  IdentityRegistryTooManyInstallations: "revoke installations that are not used any more, then try again",
  IdentityRegistrySignsOtherwise: "let the member sign as it did when it joined",
  IdentityRegistrySignatureUsed: "sign anew: a signature counts once",
  IdentityVerifierAccountSignature: "a smart account has to be deployed, and to confirm the signature (ERC-1271)",
  IdentityRegistryAlreadyMember: "who is a member is not added again: revoke it first",
  IdentityVerifierAccountBlock: "sign anew: the smart account's block is too old",
  IdentityVerifierAccountId: "smart accounts sign on the chain of the registry only",
  IdentityVerifierLegacySignature: "sign with a current SDK: legacy signatures are not taken",
};
/** What an inbox's log decides, so that an endpoint that is a block behind may refuse what the chain would take. */
const BY_THE_LOG = new Set([
  "IdentityRegistryInboxUnknown",
  "IdentityRegistryNotAMember",
  "IdentityRegistryNotTheRecovery",
  "IdentityRegistrySignsOtherwise",
  "IdentityRegistryAlreadyMember",
  "IdentityRegistryTooManyInstallations",
]);
const MOST_WORDS = 200;
const DEFAULT_ADVICE = "it would make the inbox unusable; have a current SDK make and sign a new one";

/**
 * A contract's refusal of an entry, as it came from the simulation; undefined when the error is none, but the
 * endpoint's. A refusal that may pass by itself is retryable.
 */
export function chainRefusal(destination: "identity" | "commit", error: unknown): GatewayError | undefined {
  const data = revertDataOf(error);
  if (data === undefined) return undefined;
  const revert = decodeRevert(error);
  const args = revert ? Object.values(revert.args).map(String).join(", ").slice(0, MOST_WORDS) : "";
  const words = revert ? `${revert.name}(${args})` : `unknown error ${data.slice(0, 10)}`;
  const refused = (retryable: boolean) =>
    new GatewayError("refused_by_chain", `the chain refuses it: ${words}`, { retryable, cause: error });
  if (revert?.name === "PausableEntriesPaused") return refused(true);
  if (revert?.name === "IdentityVerifierAccountGas") {
    const problem = `the endpoint simulates with too little gas for a smart account: ${words}; raise its gas cap`;
    return new GatewayError("chain_unavailable", problem, { retryable: true, cause: error });
  }
  if (destination === "commit") return refused(false);
  // The endpoint may be a block behind the one that the client's wallet asked at.
  if (revert?.name === "IdentityVerifierAccountBlock" && isAhead(revert.args)) return refused(true);
  const advice = (revert && ADVICE[revert.name]) ?? DEFAULT_ADVICE;
  const problem = `the registry refuses the update: ${words}; ${advice}`;
  return new GatewayError("invalid_identity_update", problem, { retryable: false, cause: error });
}

/** Whether a simulation's error may be the answer of an endpoint that lacks the inbox's last update. */
export function mayBeLate(error: unknown): boolean {
  const name = decodeRevert(error)?.name;
  return name !== undefined && BY_THE_LOG.has(name);
}

function isAhead({ blockNumber, most }: Record<string, unknown>): boolean {
  return typeof blockNumber === "bigint" && typeof most === "bigint" && blockNumber > most;
}
