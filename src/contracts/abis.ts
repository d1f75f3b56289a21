import { accessManagerAbi } from "#abi/AccessManager.ts";
import { blsVerifierAbi } from "#abi/BlsVerifier.ts";
import { commitBroadcasterAbi } from "#abi/CommitBroadcaster.ts";
import { ed25519VerifierAbi } from "#abi/Ed25519Verifier.ts";
import { epochReportsAbi } from "#abi/EpochReports.ts";
import { faultProofsAbi } from "#abi/FaultProofs.ts";
import { feeDistributorAbi } from "#abi/FeeDistributor.ts";
import { guardianAbi } from "#abi/Guardian.ts";
import { identityRegistryAbi } from "#abi/IdentityRegistry.ts";
import { identityVerifierAbi } from "#abi/IdentityVerifier.ts";
import { nodeRegistryAbi } from "#abi/NodeRegistry.ts";
import { nodeSeatsAbi } from "#abi/NodeSeats.ts";
import { nodeStakingAbi } from "#abi/NodeStaking.ts";
import { postageChannelsAbi } from "#abi/PostageChannels.ts";
import { postageGovernorAbi } from "#abi/PostageGovernor.ts";
import { postageTokenAbi } from "#abi/PostageToken.ts";
import { rateRegistryAbi } from "#abi/RateRegistry.ts";
import { stampsAbi } from "#abi/Stamps.ts";
import { timelockAbi } from "#abi/Timelock.ts";
import { votingPowerAbi } from "#abi/VotingPower.ts";

/** The ABI of each contract of a deployment, by the name it has in a deployment record; in the order of deployment. */
export const abis = {
  postageToken: postageTokenAbi,
  timelock: timelockAbi,
  accessManager: accessManagerAbi,
  blsVerifier: blsVerifierAbi,
  ed25519Verifier: ed25519VerifierAbi,
  identityVerifier: identityVerifierAbi,
  rateRegistry: rateRegistryAbi,
  identityRegistry: identityRegistryAbi,
  commitBroadcaster: commitBroadcasterAbi,
  postageChannels: postageChannelsAbi,
  feeDistributor: feeDistributorAbi,
  nodeRegistry: nodeRegistryAbi,
  nodeSeats: nodeSeatsAbi,
  nodeStaking: nodeStakingAbi,
  faultProofs: faultProofsAbi,
  epochReports: epochReportsAbi,
  stamps: stampsAbi,
  votingPower: votingPowerAbi,
  postageGovernor: postageGovernorAbi,
  guardian: guardianAbi,
} as const;

export type ContractKey = keyof typeof abis;
