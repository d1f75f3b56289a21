import { id } from "ethers";

import type { ContractKey } from "../../src/contracts/abis.ts";

/** Who alone may call a function, by the name of a contract or account of the test. */
export type Holder = ContractKey | "nobody";

/** A function that only one may call: who that is, and the error that everybody else gets. */
export interface Privilege {
  holder: Holder;
  error: string;
  /** Arguments; zeros when absent. Who may call is asked first, so they seldom matter. */
  args?: (at: (key: ContractKey) => string) => unknown[];
}

/** Anybody's, on what is theirs or for everybody: an entry, an exit, a vote, a proof. */
export const ANYONE = "anyone";

export type Access = typeof ANYONE | Privilege;

const only = (holder: Holder, error: string, args?: Privilege["args"]): Privilege => ({
  holder,
  error,
  ...(args ? { args } : {}),
});
const anyone = (...names: string[]): Record<string, Access> => Object.fromEntries(names.map((name) => [name, ANYONE]));
const all = (access: Access, ...names: string[]): Record<string, Access> =>
  Object.fromEntries(names.map((name) => [name, access]));

const voted = only("timelock", "AccessManagedUnauthorized");
const paused = all(only("guardian", "AccessManagedUnauthorized"), "pauseEntries", "resumeEntries");
const authority = { setAuthority: only("accessManager", "AccessManagedUnauthorized") };
const admin = only("timelock", "AccessManagerUnauthorizedAccount");
const proposer = only("postageGovernor", "AccessControlUnauthorizedAccount");
const executor = only("timelock", "GovernorOnlyExecutor");
/** A call that only the AccessManager's admin may make through it. */
const setter = (at: (key: ContractKey) => string) => [
  at("postageChannels"),
  id("setMinimumDeposit(uint64)").slice(0, 10),
  0,
];

/**
 * Every function that changes something of every contract of a deployment, by name (overloads share one), and who may
 * call it. A test holds it complete: a new function has to be judged here.
 */
export const PRIVILEGES: Record<ContractKey | "create3Deployer", Record<string, Access>> = {
  create3Deployer: all(only("timelock", "Create3DeployerNotOwner"), "deploy", "handOver"),
  postageToken: anyone("approve", "delegate", "delegateBySig", "permit", "transfer", "transferFrom"),
  timelock: {
    ...all(proposer, "schedule", "scheduleBatch", "cancel"),
    ...all(only("timelock", "AccessControlUnauthorizedAccount"), "grantRole", "revokeRole"),
    updateDelay: only("timelock", "TimelockUnauthorizedCaller", () => [172_800]),
    // Executing is open: only what passed a vote and waited is there to be executed. Renouncing is one's own.
    ...anyone("execute", "executeBatch", "renounceRole"),
    ...anyone("onERC721Received", "onERC1155Received", "onERC1155BatchReceived"),
  },
  accessManager: {
    ...all(admin, "grantRole", "revokeRole", "labelRole", "setRoleAdmin", "setRoleGuardian", "setGrantDelay"),
    ...all(admin, "setTargetAdminDelay", "setTargetClosed", "setTargetFunctionRole", "updateAuthority"),
    execute: only("timelock", "AccessManagerUnauthorizedCall", (at) => setter(at).slice(0, 2)),
    // Who has to wait schedules; the Timelock has waited already and calls at once.
    schedule: only("nobody", "AccessManagerUnauthorizedCall", setter),
    // Of what the caller itself scheduled; of its own role; and of calls that are each judged as its own.
    ...anyone("cancel", "renounceRole", "multicall"),
    // Asks its caller, which has to be a target with something scheduled; no account of ours is.
    ...anyone("consumeScheduledOp"),
  },
  blsVerifier: {},
  ed25519Verifier: {},
  identityVerifier: {},
  rateRegistry: { scheduleRates: only("timelock", "RateRegistryNotGovernor") },
  identityRegistry: {
    ...anyone("addIdentityUpdate", "addIdentityUpdates"),
    announceVerifier: voted,
    ...paused,
    ...authority,
  },
  commitBroadcaster: { ...anyone("addMessage", "addMessages"), ...paused, ...authority },
  postageChannels: {
    ...anyone("deposit", "depositMany", "depositWithAuthorization", "depositWithPermit", "settle"),
    ...anyone("assignOwner", "handOn", "requestWithdrawal", "cancelWithdrawal", "withdraw", "withdrawCredit"),
    chargeStamps: only("stamps", "PostageChannelsNotStamps"),
    collect: only("feeDistributor", "PostageChannelsNotDistributor"),
    ...all(voted, "setBounty", "setMinimumDeposit", "setWithdrawalTerms"),
    ...paused,
    ...authority,
  },
  feeDistributor: {
    ...anyone("claim", "distribute", "payDebit", "withdrawCredit"),
    recordDebits: only("epochReports", "DebitsNotReports"),
    setTreasuryBps: voted,
    ...authority,
  },
  nodeRegistry: {
    ...anyone("register", "exit", "rotateAttestationKey", "rotateSigningKey", "setHttpAddress", "setPayout"),
    ...anyone("approve", "safeTransferFrom", "setApprovalForAll", "transferFrom"),
    ...paused,
    ...authority,
  },
  nodeSeats: {
    ...anyone("rollOver", "takeSeat"),
    ...all(only("nodeRegistry", "NodeSeatsNotRegistry"), "enter", "leave", "setPayout"),
    stakeSlashed: only("nodeStaking", "NodeSeatsNotStaking"),
    setSuspended: only("feeDistributor", "NodeSeatsNotDistributor"),
    jail: only("epochReports", "NodeSeatsNotReports"),
    ...all(voted, "setAdmission", "setAdmitted", "setMaxSeats"),
    ...authority,
  },
  nodeStaking: {
    ...anyone("stake", "unstake", "withdrawStake", "withdrawCredit", "syncOwner"),
    ...all(only("nodeRegistry", "NodeStakingNotRegistry"), "post", "release"),
    ...all(only("faultProofs", "NodeStakingNotFaultProofs"), "freeze", "unfreeze", "slash"),
    ...all(voted, "setMinimumStake", "setUnbondingSeconds"),
    ...paused,
    ...authority,
  },
  faultProofs: {
    ...anyone("commit", "revealEquivocation", "revealWrongTarget", "revealContradiction", "execute", "close"),
    dismiss: only("guardian", "FaultProofsNotGuardian"),
    reopen: only("timelock", "FaultProofsNotGovernor"),
    setAppealSeconds: voted,
    ...authority,
  },
  epochReports: {
    ...anyone("submit", "applyPenalties", "announce", "openRollCall", "answerRollCall", "closeRollCall"),
    veto: only("guardian", "EpochReportsNotGuardian"),
    ...all(voted, "setVetoWindow", "setShards"),
    ...authority,
  },
  stamps: {
    ...anyone("charge", "fixPot", "claim", "claimMany", "sweep", "withdrawCredit"),
    setShares: voted,
    ...authority,
  },
  votingPower: {},
  postageGovernor: {
    ...anyone("propose", "castVote", "castVoteBySig", "castVoteWithReason", "castVoteWithReasonAndParams"),
    ...anyone("castVoteWithReasonAndParamsBySig", "queue", "execute", "cancel"),
    ...anyone("onERC721Received", "onERC1155Received", "onERC1155BatchReceived"),
    cancelAsGuardian: only("guardian", "PostageGovernorNotGuardian"),
    ...all(executor, "relay", "setLateQuorumVoteExtension", "setProposalThreshold", "setVotingDelay"),
    ...all(executor, "setVotingPeriod", "updateQuorumNumerator"),
  },
  guardian: {
    appoint: only("timelock", "GuardianNotTimelock"),
    // The keyholder's, which is an account and none of the contracts: the test asks them apart.
    ...anyone("pauseEntries", "resumeEntries", "dismiss", "veto", "cancel"),
  },
};
