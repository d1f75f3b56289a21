/** Findings of Slither that are as they should be, each with the reason, as `detector Contract.function`. */
export const WAIVERS: Record<string, string> = {
  "arbitrary-send-erc20 NodeBond.post":
    "Only the registry may call it, with the account that called the registry: an immutable link, no role.",
  "arbitrary-send-erc20 NodeStaking.post":
    "Only the registry may call it, with the account that called the registry: an immutable link, no role.",
  "divide-before-multiply NodeStaking.slash":
    "The bounty is a part of what was slashed, both rounded down: never more than was slashed, which is the rule.",
  "reentrancy-events FaultProofs.execute":
    "The amounts in the event are the call's answer; slash() is an immutable peer, and the case is closed before it.",
  "weak-prng FeeDistributor.distribute": "The rest of a division by 14 epochs, which waits for the next distribution.",
  "divide-before-multiply FeeDistributor.distribute":
    "Rounded down on purpose: 14 times the rate is streamed and the rest is kept as the remainder.",
  "reentrancy-balance FeeDistributor.distribute":
    "nonReentrant; collect() is an immutable peer of ours that calls the token alone, and what arrived is the point.",
  "reentrancy-no-eth FeeDistributor.claim": "nonReentrant; setSuspended() is an immutable peer that calls nobody.",
  "reentrancy-benign FeeDistributor.distribute": "nonReentrant, as above.",
  "reentrancy-benign FeeDistributor.payDebit": "nonReentrant; setSuspended() is an immutable peer that calls nobody.",
  "reentrancy-benign PostageChannels.depositWithPermit":
    "nonReentrant; credited is what arrived, so the write has to come after the token.",
  "reentrancy-benign PostageChannels.depositWithAuthorization":
    "nonReentrant; credited is what arrived, so the write has to come after the token.",
  "reentrancy-no-eth FeeDistributor.distribute":
    "nonReentrant; collect() is an immutable peer that calls the token alone.",
};

/** Detectors whose every finding here has the same reason. */
export const WAIVED_DETECTORS: Record<string, string> = {
  timestamp:
    "Windows last hours and epochs; a proposer moves a block's time by seconds. Timestamps are the clock here.",
  "incorrect-equality": "Enums, counts and amounts that arrived; no rule asks whether a balance equals something.",
  "uninitialized-local": "Sums and structs in memory that begin at zero, as the language says they do.",
  "missing-zero-check":
    "Predicted addresses of a circular deployment: verifyDeployment checks that every link has code and points back.",
  "calls-loop": "At most 15 calls of an immutable peer of ours, the registry; it cannot refuse or run out of gas.",
  "unused-return": "What arrived is measured by balance, ids are known to be in the set, other parts are not needed.",
};
