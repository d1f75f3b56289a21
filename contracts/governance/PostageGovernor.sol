// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

import {IGuardedGovernor} from "../interfaces/IGuardedGovernor.sol";
import {IGuardian} from "../interfaces/IGuardian.sol";
import {GovernorBounds} from "./GovernorBounds.sol";

/**
 * @title PostageGovernor: proposals, votes, and what passes on to the Timelock.
 * @notice OpenZeppelin's modules over VotingPower: for, against and abstain; a quorum of the whole supply that for and
 * abstain count towards; a vote that reaches it late goes on; a description that ends in `#proposer=0x...` can be
 * proposed by that account only. What passes is queued in the Timelock and executed by anyone.
 *
 * Its own are the bounds, all of them of GovernorBounds: voting delay 12 hours to 7 days, voting period 2 to 14 days,
 * late extension 1 to 7 days, quorum 2 to 20 %, threshold 0.01 to 1 % of the supply; the guardian's cancellation; and
 * that the Timelock is the same for ever, because the suite's links name it.
 */
contract PostageGovernor is
    IGuardedGovernor,
    GovernorBounds,
    Governor,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorVotes,
    GovernorVotesQuorumFraction,
    GovernorPreventLateQuorum,
    GovernorTimelockControl
{
    /// @dev Peers, none of which need exist yet.
    struct Links {
        IVotes votingPower;
        TimelockController timelock;
        address guardian;
    }

    /// @param supply The token's.
    /// @param proposalThresholdAmount Votes that proposing takes.
    struct Terms {
        uint256 supply;
        uint256 proposalThresholdAmount;
        uint48 votingDelaySeconds;
        uint32 votingPeriodSeconds;
        uint48 lateExtensionSeconds;
        uint256 quorumPercent;
    }

    /// @inheritdoc IGuardedGovernor
    address public immutable guardian;

    constructor(
        Links memory links,
        Terms memory terms
    )
        GovernorBounds(terms.supply)
        Governor("Pennyblack Governor")
        GovernorSettings(terms.votingDelaySeconds, terms.votingPeriodSeconds, terms.proposalThresholdAmount)
        GovernorVotes(links.votingPower)
        GovernorVotesQuorumFraction(terms.quorumPercent)
        GovernorPreventLateQuorum(terms.lateExtensionSeconds)
        GovernorTimelockControl(links.timelock)
    {
        guardian = links.guardian;
    }

    // ------------------------------------------------------------------------------------------------- guardian

    /// @inheritdoc IGuardedGovernor
    function cancelAsGuardian(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 proposalId) {
        if (msg.sender != guardian) revert PostageGovernorNotGuardian(msg.sender, guardian);
        proposalId = getProposalId(targets, values, calldatas, descriptionHash);
        if (_replacesGuardian(targets, calldatas)) revert PostageGovernorReplacesGuardian(proposalId);
        // OpenZeppelin's would cancel a defeated one too.
        _validateStateBitmap(
            proposalId,
            _encodeStateBitmap(ProposalState.Pending) |
                _encodeStateBitmap(ProposalState.Active) |
                _encodeStateBitmap(ProposalState.Succeeded) |
                _encodeStateBitmap(ProposalState.Queued)
        );
        _cancel(targets, values, calldatas, descriptionHash);
    }

    function _replacesGuardian(address[] calldata targets, bytes[] calldata calldatas) private view returns (bool) {
        return targets.length == 1 && targets[0] == guardian && bytes4(calldatas[0]) == IGuardian.appoint.selector;
    }

    // ------------------------------------------------------------------------------------------------- bounds

    function _setVotingDelay(uint48 delaySeconds) internal override {
        _requireVotingDelay(delaySeconds);
        super._setVotingDelay(delaySeconds);
    }

    function _setVotingPeriod(uint32 periodSeconds) internal override {
        _requireVotingPeriod(periodSeconds);
        super._setVotingPeriod(periodSeconds);
    }

    function _setProposalThreshold(uint256 amount) internal override {
        _requireThreshold(amount);
        super._setProposalThreshold(amount);
    }

    function _setLateQuorumVoteExtension(uint48 extensionSeconds) internal override {
        _requireExtension(extensionSeconds);
        super._setLateQuorumVoteExtension(extensionSeconds);
    }

    /// @dev Instead of the voting period, which may change after it.
    function _maxLateQuorumVoteExtension() internal pure override returns (uint256) {
        return MOST_EXTENSION;
    }

    function _updateQuorumNumerator(uint256 percent) internal override {
        _requireQuorum(percent);
        super._updateQuorumNumerator(percent);
    }

    /// @notice Always refused: the suite's contracts name the Timelock, so that another one would govern nothing.
    function updateTimelock(TimelockController) public view override {
        revert PostageGovernorTimelockFixed(timelock());
    }

    // ------------------------------------------------------------------------------------------------- clock

    /// @notice Unix seconds, as VotingPower's; asking it would be a call while this is constructed.
    function clock() public view override(Governor, GovernorVotes) returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice The clock in words, as ERC-6372 has them.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override(Governor, GovernorVotes) returns (string memory) {
        return "mode=timestamp";
    }

    // ------------------------------------------------------------------------------------------------- modules

    function state(uint256 proposalId) public view override(Governor, GovernorTimelockControl) returns (ProposalState) {
        return super.state(proposalId);
    }

    function proposalNeedsQueuing(
        uint256 proposalId
    ) public view override(Governor, GovernorTimelockControl) returns (bool) {
        return super.proposalNeedsQueuing(proposalId);
    }

    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    function proposalDeadline(
        uint256 proposalId
    ) public view override(Governor, GovernorPreventLateQuorum) returns (uint256) {
        return super.proposalDeadline(proposalId);
    }

    function _tallyUpdated(uint256 proposalId) internal override(Governor, GovernorPreventLateQuorum) {
        super._tallyUpdated(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
