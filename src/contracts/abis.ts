import { accessManagerAbi } from "#abi/AccessManager.ts";
import { commitBroadcasterAbi } from "#abi/CommitBroadcaster.ts";
import { feeDistributorAbi } from "#abi/FeeDistributor.ts";
import { identityRegistryAbi } from "#abi/IdentityRegistry.ts";
import { nodeBondAbi } from "#abi/NodeBond.ts";
import { nodeRegistryAbi } from "#abi/NodeRegistry.ts";
import { postageChannelsAbi } from "#abi/PostageChannels.ts";
import { rateRegistryAbi } from "#abi/RateRegistry.ts";

/** The ABI of each contract of a deployment, by the name it has in a deployment record. */
export const abis = {
  accessManager: accessManagerAbi,
  postageChannels: postageChannelsAbi,
  feeDistributor: feeDistributorAbi,
  nodeRegistry: nodeRegistryAbi,
  nodeBond: nodeBondAbi,
  rateRegistry: rateRegistryAbi,
  identityRegistry: identityRegistryAbi,
  commitBroadcaster: commitBroadcasterAbi,
} as const;

export type ContractKey = keyof typeof abis;
