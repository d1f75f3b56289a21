import type { INodeRegistry } from "#typechain";

import type { Address } from "../protocol/bytes.ts";
import { toAddress, toHex } from "../protocol/bytes.ts";
import { proveAttestationKey, proveSigningKey } from "../protocol/possession.ts";
import type { DeploymentRecord } from "./deploymentRecord.ts";

export interface NodeToRegister {
  /** The account that sends the transaction and will own the node. Proofs are good for no other. */
  owner: Address;
  /** 32 bytes each. */
  signingKey: Uint8Array;
  attestationKey: Uint8Array;
  httpAddress: string;
  payout: Address;
}

/**
 * What `NodeRegistry.register` takes, with the proofs of both keys.
 *
 * @example
 * await nodeRegistry.register(nodeRegistration(record, { owner, signingKey, attestationKey, httpAddress, payout }));
 */
export function nodeRegistration(
  record: DeploymentRecord,
  { owner, signingKey, attestationKey, httpAddress, payout }: NodeToRegister,
): INodeRegistry.RegistrationStruct {
  const domain = {
    chainId: BigInt(record.chainId),
    nodeRegistry: toAddress(record.contracts.nodeRegistry.address),
  };
  const signing = proveSigningKey(domain, owner, signingKey);
  const attestation = proveAttestationKey(domain, owner, attestationKey);
  return {
    signingPublicKey: toHex(signing.publicKey),
    signingProof: toHex(signing.proof),
    attestationKey: toHex(attestation.publicKey),
    attestationProof: toHex(attestation.proof),
    httpAddress,
    payout,
  };
}
