import { accessManagerAbi } from "#abi/AccessManager.ts";
import { blsVerifierAbi } from "#abi/BlsVerifier.ts";
import { commitBroadcasterAbi } from "#abi/CommitBroadcaster.ts";
import { ed25519VerifierAbi } from "#abi/Ed25519Verifier.ts";
import { faultProofsAbi } from "#abi/FaultProofs.ts";
import { feeDistributorAbi } from "#abi/FeeDistributor.ts";
import { identityRegistryAbi } from "#abi/IdentityRegistry.ts";
import { nodeRegistryAbi } from "#abi/NodeRegistry.ts";
import { nodeSeatsAbi } from "#abi/NodeSeats.ts";
import { nodeStakingAbi } from "#abi/NodeStaking.ts";
import { postageChannelsAbi } from "#abi/PostageChannels.ts";
import { postageTokenAbi } from "#abi/PostageToken.ts";
import { rateRegistryAbi } from "#abi/RateRegistry.ts";

/** The ABI of each contract of a deployment, by the name it has in a deployment record. */
export const abis = {
  postageToken: postageTokenAbi,
  accessManager: accessManagerAbi,
  postageChannels: postageChannelsAbi,
  feeDistributor: feeDistributorAbi,
  nodeRegistry: nodeRegistryAbi,
  nodeSeats: nodeSeatsAbi,
  nodeStaking: nodeStakingAbi,
  faultProofs: faultProofsAbi,
  blsVerifier: blsVerifierAbi,
  rateRegistry: rateRegistryAbi,
  ed25519Verifier: ed25519VerifierAbi,
  identityRegistry: identityRegistryAbi,
  commitBroadcaster: commitBroadcasterAbi,
} as const;

export type ContractKey = keyof typeof abis;
