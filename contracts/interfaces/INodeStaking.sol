// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice What NodeStaking asks NodeRegistry. See INodeRegistry.
interface IStakedNodes {
    function ownerOf(uint256 nodeId) external view returns (address);

    function isLive(uint32 nodeId) external view returns (bool);
}

/// @notice What NodeStaking asks and tells NodeSeats. See INodeSeats.
interface IStakedSeats {
    function seatMinimumOf(uint32 nodeId) external view returns (uint256);

    function stakeSlashed(uint32 nodeId, uint256 staked) external;
}

/**
 * @title What nodes have at stake.
 * @notice A node's stake belongs to the owner of its token. It votes for that owner while it is staked, and not while it
 * unbonds. It can be slashed until the moment it is withdrawn, whatever else happens in the same block, by FaultProofs
 * alone; while a case against the node is open nothing is withdrawn.
 *
 * What a reader of the logs may assume:
 * 1. Per node, staked is `StakePosted + StakeAdded - UnstakeRequested - (staked part of StakeSlashed)`.
 * 2. The contract's balance is all that is staked, unbonding and credited; donations are surplus.
 * 3. The instant in an `UnstakeRequested` never changes.
 */
interface INodeStaking {
    /// @param amount What is left of it after slashes.
    /// @param readyAt From when it can be withdrawn.
    struct Unbonding {
        uint128 amount;
        uint64 readyAt;
    }

    /// @notice A node was registered with the minimum stake.
    event StakePosted(uint32 indexed nodeId, address indexed owner, uint256 amount);
    event StakeAdded(uint32 indexed nodeId, address indexed owner, uint256 amount);
    event UnstakeRequested(uint32 indexed nodeId, uint256 amount, uint64 readyAt);
    event StakeWithdrawn(uint32 indexed nodeId, address indexed recipient, uint256 amount);
    /// @notice What a case cost: `fromStaked + fromUnbonding`, of which the reporter is credited the bounty and the
    /// treasury the rest.
    event StakeSlashed(
        uint32 indexed nodeId,
        address indexed reporter,
        uint256 fromStaked,
        uint256 fromUnbonding,
        uint256 bounty
    );
    /// @notice `openCases` cases against the node are open from now on; none: it is free.
    event StakeFrozen(uint32 indexed nodeId, uint256 openCases);
    event StakeCreditWithdrawn(address indexed account, address indexed recipient, uint256 amount);
    /// @notice An account's staked votes from now on.
    event StakedVotesChanged(address indexed account, uint256 votes);
    event UnbondingSecondsSet(uint64 unbondingSeconds);
    event MinimumStakeSet(uint256 minimumStake);

    error NodeStakingNotRegistry(address caller, address registry);
    error NodeStakingNotLive(uint32 nodeId);
    error NodeStakingRecipientNotAllowed(address recipient);
    error NodeStakingNotOwner(address caller, uint32 nodeId);
    error NodeStakingNotFaultProofs(address caller, address faultProofs);
    error NodeStakingAmountZero();
    error NodeStakingBelowMinimum(uint256 left, uint256 minimum);
    error NodeStakingInsufficient(uint256 amount, uint256 staked);
    error NodeStakingTooManyUnbondings(uint256 count, uint256 most);
    error NodeStakingNothingReady(uint32 nodeId);
    error NodeStakingFrozen(uint32 nodeId, uint256 openCases);
    error NodeStakingNotFrozen(uint32 nodeId);
    error NodeStakingShareOutOfBounds(uint256 bps, uint256 most);
    error NodeStakingNothingCredited(address account);
    error NodeStakingUnbondingOutOfBounds(uint256 unbondingSeconds, uint256 least, uint256 most);
    error NodeStakingMinimumOutOfBounds(uint256 minimumStake, uint256 most);
    error NodeStakingLookupInFuture(uint256 timepoint, uint48 clock);

    /// @notice Takes the minimum stake of a new node from its owner, who approved this contract. The registry only.
    function post(uint32 nodeId, address owner) external;

    /**
     * @notice Starts to release all that a leaving node has staked. The registry only.
     * @param servesUntil Until when the node signs, unix seconds: the stake unbonds from then on, so that it answers for
     * what is signed last.
     */
    function release(uint32 nodeId, uint64 servesUntil) external;

    /// @notice Adds to the stake of the caller's live node.
    /// @dev While entries are open. Needs an allowance of the token for this contract.
    function stake(uint32 nodeId, uint256 amount) external;

    /**
     * @notice Starts to take stake out of the caller's node; it can be withdrawn after `unbondingSeconds`.
     * @dev What stays is at least what the node's seat needed when it was taken, or the minimum without a seat: the last
     * of it leaves with the node, through the registry. At most 8 requests are under way; a later one changes nothing about an
     * earlier one. Possible while frozen.
     */
    function unstake(uint32 nodeId, uint256 amount) external;

    /// @notice Pays out what has finished unbonding. The owner of the node's token only; not while frozen.
    function withdrawStake(uint32 nodeId, address recipient) external returns (uint256 amount);

    /// @notice Counts a case against the node. FaultProofs only.
    function freeze(uint32 nodeId) external;

    /// @notice Ends a case against the node. FaultProofs only.
    function unfreeze(uint32 nodeId) external;

    /**
     * @notice Takes a share of all that the node has staked and unbonding. FaultProofs only.
     * @dev Rounds down, takes what is staked first and then the latest requests.
     * @param shareBps Of the stake, at most all of it.
     * @param bountyBps Of what is taken, at most 2,000, credited to the reporter; the rest is the treasury's.
     */
    function slash(
        uint32 nodeId,
        uint256 shareBps,
        uint256 bountyBps,
        address reporter
    ) external returns (uint256 slashed, uint256 bounty);

    /// @notice Pays the caller what it is credited.
    function withdrawCredit(address recipient) external returns (uint256 amount);

    /// @notice Lets the stake's votes follow the node's token after a transfer. Anyone; the registry does it at once.
    function syncOwner(uint32 nodeId) external;

    /// @notice How long stake unbonds that starts to from now on: 7 to 60 days. Through the AccessManager.
    function setUnbondingSeconds(uint64 seconds_) external;

    /// @notice What a node needs from now on to be registered. Through the AccessManager.
    function setMinimumStake(uint256 amount) external;

    /// @notice Whose nodes these are: NodeRegistry. Immutable.
    function registry() external view returns (address);

    /// @notice Where their seats are: NodeSeats. Immutable.
    function seats() external view returns (address);

    /// @notice What a node needs to be registered, or to take a free seat.
    function minimumStake() external view returns (uint256);

    /// @notice What a node has staked, without what unbonds.
    function stakeOf(uint32 nodeId) external view returns (uint256);

    /// @notice What nodes have staked, in the order asked.
    function stakesOf(uint32[] calldata nodeIds) external view returns (uint256[] memory);

    /// @notice What is staked. Immutable.
    function token() external view returns (IERC20);

    /// @notice Who may freeze and slash. Immutable.
    function faultProofs() external view returns (address);

    /// @notice Who is credited what is slashed, less bounties. Immutable.
    function treasury() external view returns (address);

    /// @notice How long stake unbonds that starts to now.
    function unbondingSeconds() external view returns (uint64);

    /// @notice What is unbonding, in the order of the requests.
    function unbondingsOf(uint32 nodeId) external view returns (Unbonding[] memory);

    /// @notice All that a slash reaches: staked and unbonding.
    function slashableOf(uint32 nodeId) external view returns (uint256);

    /// @notice Whether a case against the node is open.
    function isFrozen(uint32 nodeId) external view returns (bool);

    /// @notice What an account can withdraw as reporter or treasury.
    function creditOf(address account) external view returns (uint256);

    function totalStaked() external view returns (uint256);

    function totalUnbonding() external view returns (uint256);

    function totalCredited() external view returns (uint256);

    /// @notice An account's staked votes now.
    function getVotes(address account) external view returns (uint256);

    /// @notice An account's staked votes at the end of a past second.
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256);
}
