// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {PausableEntries} from "./base/PausableEntries.sol";
import {INodeStaking, IStakedNodes, IStakedSeats} from "./interfaces/INodeStaking.sol";

/// @title NodeStaking: stake that unbonds, votes and can be slashed.
/// @notice See INodeStaking.
contract NodeStaking is INodeStaking, PausableEntries {
    using SafeERC20 for IERC20;
    using Checkpoints for Checkpoints.Trace208;

    uint64 private constant LEAST_UNBONDING = 7 days;
    uint64 private constant MOST_UNBONDING = 60 days;
    uint256 private constant MOST_UNBONDINGS = 8;
    uint256 private constant MOST_BOUNTY_BPS = 2_000;
    uint256 private constant BPS = 10_000;

    /// @inheritdoc INodeStaking
    IERC20 public immutable token;
    /// @inheritdoc INodeStaking
    address public immutable registry;
    /// @inheritdoc INodeStaking
    address public immutable seats;
    /// @inheritdoc INodeStaking
    address public immutable faultProofs;
    /// @inheritdoc INodeStaking
    address public immutable treasury;

    /// @inheritdoc INodeStaking
    uint256 public minimumStake;
    /// @inheritdoc INodeStaking
    uint64 public unbondingSeconds;

    struct Position {
        uint256 staked;
        /// Whose votes the stake counts among.
        address voter;
        uint64 openCases;
        Unbonding[] unbondings;
    }

    mapping(uint32 nodeId => Position) private _positions;
    mapping(address account => Checkpoints.Trace208) private _votes;
    /// @inheritdoc INodeStaking
    mapping(address account => uint256) public creditOf;
    /// @inheritdoc INodeStaking
    uint256 public totalStaked;
    /// @inheritdoc INodeStaking
    uint256 public totalUnbonding;
    /// @inheritdoc INodeStaking
    uint256 public totalCredited;

    /// @param registry_ NodeRegistry, `seats_` NodeSeats, `faultProofs_` FaultProofs and `treasury_`, none of which need exist yet.
    constructor(
        IERC20 token_,
        address registry_,
        address seats_,
        address faultProofs_,
        address treasury_,
        address authority_,
        uint256 minimumStake_,
        uint64 unbondingSeconds_
    ) PausableEntries(authority_) {
        token = token_;
        registry = registry_;
        seats = seats_;
        faultProofs = faultProofs_;
        treasury = treasury_;
        _setMinimumStake(minimumStake_);
        _setUnbondingSeconds(unbondingSeconds_);
    }

    // ------------------------------------------------------------------------------------------------- in

    /// @inheritdoc INodeStaking
    function post(uint32 nodeId, address owner) external {
        _requireRegistry();
        uint256 amount = minimumStake;
        _syncOwner(nodeId, owner);
        _setStaked(nodeId, _positions[nodeId].staked + amount);
        emit StakePosted(nodeId, owner, amount);
        token.safeTransferFrom(owner, address(this), amount);
    }

    /// @inheritdoc INodeStaking
    function stake(uint32 nodeId, uint256 amount) external whenEntriesOpen {
        _requireOwner(nodeId);
        // Nothing would ever release it: what a node has staked begins to unbond when it exits.
        if (!IStakedNodes(registry).isLive(nodeId)) revert NodeStakingNotLive(nodeId);
        if (amount == 0) revert NodeStakingAmountZero();
        _setStaked(nodeId, _positions[nodeId].staked + amount);
        emit StakeAdded(nodeId, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    // ------------------------------------------------------------------------------------------------- out

    /// @inheritdoc INodeStaking
    function unstake(uint32 nodeId, uint256 amount) external {
        _requireOwner(nodeId);
        if (amount == 0) revert NodeStakingAmountZero();
        Position storage position = _positions[nodeId];
        uint256 staked = position.staked;
        if (amount > staked) revert NodeStakingInsufficient(amount, staked);
        // A seat keeps the price it was taken at, also when the minimum was raised above it since.
        uint256 minimum = IStakedSeats(seats).seatMinimumOf(nodeId);
        if (minimum == 0) minimum = minimumStake;
        if (staked - amount < minimum) revert NodeStakingBelowMinimum(staked - amount, minimum);
        uint256 count = position.unbondings.length;
        if (count >= MOST_UNBONDINGS) revert NodeStakingTooManyUnbondings(count, MOST_UNBONDINGS);
        _startUnbonding(nodeId, amount, uint64(block.timestamp));
    }

    /// @inheritdoc INodeStaking
    function release(uint32 nodeId, uint64 servesUntil) external {
        _requireRegistry();
        uint256 staked = _positions[nodeId].staked;
        // A total slash may have left nothing, and a node can leave all the same.
        if (staked > 0) _startUnbonding(nodeId, staked, servesUntil);
    }

    function _startUnbonding(uint32 nodeId, uint256 amount, uint64 startsAt) private {
        Position storage position = _positions[nodeId];
        uint64 readyAt = startsAt + unbondingSeconds;
        _setStaked(nodeId, position.staked - amount);
        position.unbondings.push(Unbonding(SafeCast.toUint128(amount), readyAt));
        totalUnbonding += amount;
        emit UnstakeRequested(nodeId, amount, readyAt);
    }

    /// @inheritdoc INodeStaking
    function withdrawStake(uint32 nodeId, address recipient) external returns (uint256 amount) {
        _requireOwner(nodeId);
        _requireRecipient(recipient);
        Position storage position = _positions[nodeId];
        if (position.openCases > 0) revert NodeStakingFrozen(nodeId, position.openCases);
        Unbonding[] storage unbondings = position.unbondings;
        uint256 kept;
        for (uint256 i = 0; i < unbondings.length; i++) {
            Unbonding memory unbonding = unbondings[i];
            if (unbonding.readyAt <= block.timestamp) amount += unbonding.amount;
            else unbondings[kept++] = unbonding;
        }
        while (unbondings.length > kept) unbondings.pop();
        if (amount == 0) revert NodeStakingNothingReady(nodeId);
        totalUnbonding -= amount;
        emit StakeWithdrawn(nodeId, recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    /// @inheritdoc INodeStaking
    function withdrawCredit(address recipient) external returns (uint256 amount) {
        _requireRecipient(recipient);
        amount = creditOf[msg.sender];
        if (amount == 0) revert NodeStakingNothingCredited(msg.sender);
        creditOf[msg.sender] = 0;
        totalCredited -= amount;
        emit StakeCreditWithdrawn(msg.sender, recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    // ------------------------------------------------------------------------------------------------- faults

    /// @inheritdoc INodeStaking
    function freeze(uint32 nodeId) external {
        _requireFaultProofs();
        emit StakeFrozen(nodeId, ++_positions[nodeId].openCases);
    }

    /// @inheritdoc INodeStaking
    function unfreeze(uint32 nodeId) external {
        _requireFaultProofs();
        Position storage position = _positions[nodeId];
        if (position.openCases == 0) revert NodeStakingNotFrozen(nodeId);
        emit StakeFrozen(nodeId, --position.openCases);
    }

    /// @inheritdoc INodeStaking
    function slash(
        uint32 nodeId,
        uint256 shareBps,
        uint256 bountyBps,
        address reporter
    ) external returns (uint256 slashed, uint256 bounty) {
        _requireFaultProofs();
        if (shareBps > BPS) revert NodeStakingShareOutOfBounds(shareBps, BPS);
        if (bountyBps > MOST_BOUNTY_BPS) revert NodeStakingShareOutOfBounds(bountyBps, MOST_BOUNTY_BPS);
        slashed = (slashableOf(nodeId) * shareBps) / BPS;
        bounty = (slashed * bountyBps) / BPS;
        uint256 staked = _positions[nodeId].staked;
        uint256 fromStaked = slashed < staked ? slashed : staked;
        if (fromStaked > 0) _setStaked(nodeId, staked - fromStaked);
        _takeUnbonding(nodeId, slashed - fromStaked);
        creditOf[reporter] += bounty;
        creditOf[treasury] += slashed - bounty;
        totalCredited += slashed;
        emit StakeSlashed(nodeId, reporter, fromStaked, slashed - fromStaked, bounty);
        IStakedSeats(seats).stakeSlashed(nodeId, staked - fromStaked);
    }

    /// @dev From the latest request to the first. There is as much.
    function _takeUnbonding(uint32 nodeId, uint256 amount) private {
        totalUnbonding -= amount;
        Unbonding[] storage unbondings = _positions[nodeId].unbondings;
        while (amount > 0) {
            Unbonding storage last = unbondings[unbondings.length - 1];
            if (last.amount > amount) {
                last.amount -= uint128(amount);
                return;
            }
            amount -= last.amount;
            unbondings.pop();
        }
    }

    // ------------------------------------------------------------------------------------------------- votes

    /// @inheritdoc INodeStaking
    function syncOwner(uint32 nodeId) external {
        _syncOwner(nodeId, IStakedNodes(registry).ownerOf(nodeId));
    }

    function _syncOwner(uint32 nodeId, address owner) private {
        Position storage position = _positions[nodeId];
        address voter = position.voter;
        if (voter == owner) return;
        position.voter = owner;
        uint256 staked = position.staked;
        if (staked == 0) return;
        _setVotes(voter, getVotes(voter) - staked);
        _setVotes(owner, getVotes(owner) + staked);
    }

    function _setStaked(uint32 nodeId, uint256 staked) private {
        Position storage position = _positions[nodeId];
        uint256 before = position.staked;
        position.staked = staked;
        totalStaked = totalStaked + staked - before;
        _setVotes(position.voter, getVotes(position.voter) + staked - before);
    }

    function _setVotes(address account, uint256 votes) private {
        _votes[account].push(uint48(block.timestamp), SafeCast.toUint208(votes));
        emit StakedVotesChanged(account, votes);
    }

    /// @inheritdoc INodeStaking
    function getVotes(address account) public view returns (uint256) {
        return _votes[account].latest();
    }

    /// @inheritdoc INodeStaking
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256) {
        uint48 now_ = uint48(block.timestamp);
        if (timepoint >= now_) revert NodeStakingLookupInFuture(timepoint, now_);
        return _votes[account].upperLookupRecent(uint48(timepoint));
    }

    // ------------------------------------------------------------------------------------------------- parameters

    /// @inheritdoc INodeStaking
    function setUnbondingSeconds(uint64 seconds_) external restricted {
        _setUnbondingSeconds(seconds_);
    }

    function _setUnbondingSeconds(uint64 seconds_) private {
        if (seconds_ < LEAST_UNBONDING || seconds_ > MOST_UNBONDING) {
            revert NodeStakingUnbondingOutOfBounds(seconds_, LEAST_UNBONDING, MOST_UNBONDING);
        }
        unbondingSeconds = seconds_;
        emit UnbondingSecondsSet(seconds_);
    }

    /// @inheritdoc INodeStaking
    function setMinimumStake(uint256 minimumStake_) external restricted {
        _setMinimumStake(minimumStake_);
    }

    function _setMinimumStake(uint256 minimumStake_) private {
        if (minimumStake_ == 0 || minimumStake_ > type(uint96).max) {
            revert NodeStakingMinimumOutOfBounds(minimumStake_, type(uint96).max);
        }
        minimumStake = minimumStake_;
        emit MinimumStakeSet(minimumStake_);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc INodeStaking
    function stakeOf(uint32 nodeId) external view returns (uint256) {
        return _positions[nodeId].staked;
    }

    /// @inheritdoc INodeStaking
    function stakesOf(uint32[] calldata nodeIds) external view returns (uint256[] memory stakes) {
        stakes = new uint256[](nodeIds.length);
        for (uint256 i = 0; i < nodeIds.length; i++) stakes[i] = _positions[nodeIds[i]].staked;
    }

    /// @inheritdoc INodeStaking
    function slashableOf(uint32 nodeId) public view returns (uint256 amount) {
        Position storage position = _positions[nodeId];
        amount = position.staked;
        for (uint256 i = 0; i < position.unbondings.length; i++) amount += position.unbondings[i].amount;
    }

    /// @inheritdoc INodeStaking
    function unbondingsOf(uint32 nodeId) external view returns (Unbonding[] memory) {
        return _positions[nodeId].unbondings;
    }

    /// @inheritdoc INodeStaking
    function isFrozen(uint32 nodeId) external view returns (bool) {
        return _positions[nodeId].openCases > 0;
    }

    function _requireRegistry() private view {
        if (msg.sender != registry) revert NodeStakingNotRegistry(msg.sender, registry);
    }

    function _requireFaultProofs() private view {
        if (msg.sender != faultProofs) revert NodeStakingNotFaultProofs(msg.sender, faultProofs);
    }

    /// @dev The stake's votes are the owner's from here on.
    function _requireOwner(uint32 nodeId) private {
        if (IStakedNodes(registry).ownerOf(nodeId) != msg.sender) revert NodeStakingNotOwner(msg.sender, nodeId);
        _syncOwner(nodeId, msg.sender);
    }

    function _requireRecipient(address recipient) private view {
        if (recipient == address(0) || recipient == address(this)) revert NodeStakingRecipientNotAllowed(recipient);
    }
}
