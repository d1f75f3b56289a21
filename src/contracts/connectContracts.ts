import type { ContractRunner } from "ethers";
import { Contract } from "ethers";

import type {
  AccessManager,
  BlsVerifier,
  CommitBroadcaster,
  Ed25519Verifier,
  EpochReports,
  FaultProofs,
  FeeDistributor,
  Guardian,
  IdentityRegistry,
  IdentityVerifier,
  NodeRegistry,
  NodeSeats,
  NodeStaking,
  PostageChannels,
  PostageGovernor,
  PostageToken,
  RateRegistry,
  Stamps,
  Timelock,
  VotingPower,
} from "#typechain";

import type { ContractKey } from "./abis.ts";
import { abis } from "./abis.ts";
import type { DeploymentRecord } from "./deploymentRecord.ts";

/** The contracts of a deployment, typed, for one runner. */
export interface Contracts {
  postageToken: PostageToken;
  timelock: Timelock;
  accessManager: AccessManager;
  blsVerifier: BlsVerifier;
  ed25519Verifier: Ed25519Verifier;
  identityVerifier: IdentityVerifier;
  rateRegistry: RateRegistry;
  identityRegistry: IdentityRegistry;
  commitBroadcaster: CommitBroadcaster;
  postageChannels: PostageChannels;
  feeDistributor: FeeDistributor;
  nodeRegistry: NodeRegistry;
  nodeSeats: NodeSeats;
  nodeStaking: NodeStaking;
  faultProofs: FaultProofs;
  epochReports: EpochReports;
  stamps: Stamps;
  votingPower: VotingPower;
  postageGovernor: PostageGovernor;
  guardian: Guardian;
}

/** Handles that read through a provider, or read and send through a signer. Makes no call. */
export function connectContracts(record: DeploymentRecord, runner: ContractRunner): Contracts {
  const handles = Object.entries(abis).map(([key, abi]) => {
    const { address } = record.contracts[key as ContractKey];
    return [key, new Contract(address, abi, runner)] as const;
  });
  return Object.fromEntries(handles) as unknown as Contracts;
}
