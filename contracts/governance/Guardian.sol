// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFaultProofs} from "../interfaces/IFaultProofs.sol";
import {IGuardedGovernor} from "../interfaces/IGuardedGovernor.sol";
import {IGuardian, IVetoedReports} from "../interfaces/IGuardian.sol";
import {IPausableEntries} from "../interfaces/IPausableEntries.sol";

/// @title Guardian: a multisig's few powers, counted and for a term.
/// @notice See IGuardian.
contract Guardian is IGuardian {
    uint256 private constant TERM = 365 days;
    uint256 private constant BUDGET = 3;
    uint256 private constant BUDGET_WINDOW = 90 days;

    /// @inheritdoc IGuardian
    address public immutable timelock;
    /// @inheritdoc IGuardian
    IGuardedGovernor public immutable governor;
    /// @inheritdoc IGuardian
    IFaultProofs public immutable faultProofs;
    /// @inheritdoc IGuardian
    IVetoedReports public immutable reports;

    /// @inheritdoc IGuardian
    address public keyholder;
    /// @inheritdoc IGuardian
    uint64 public termEndsAt;

    /// @dev When the last three were spent: the n-th at place n modulo 3. One slot.
    struct Budget {
        uint64[3] spentAt;
        uint64 spent;
    }

    Budget private _dismissals;
    Budget private _vetoes;

    modifier onlyKeyholder() {
        if (msg.sender != keyholder) revert GuardianNotKeyholder(msg.sender, keyholder);
        if (block.timestamp >= termEndsAt) revert GuardianTermOver(termEndsAt, block.timestamp);
        _;
    }

    /// @param timelock_ Timelock, `governor_` PostageGovernor, `faultProofs_` FaultProofs and `reports_` EpochReports, none
    /// of which need exist yet.
    constructor(
        address timelock_,
        IGuardedGovernor governor_,
        IFaultProofs faultProofs_,
        IVetoedReports reports_,
        address keyholder_
    ) {
        timelock = timelock_;
        governor = governor_;
        faultProofs = faultProofs_;
        reports = reports_;
        _appoint(keyholder_);
    }

    // ------------------------------------------------------------------------------------------------- term

    /// @inheritdoc IGuardian
    function appoint(address keyholder_) external {
        if (msg.sender != timelock) revert GuardianNotTimelock(msg.sender, timelock);
        _appoint(keyholder_);
    }

    function _appoint(address keyholder_) private {
        if (keyholder_ == address(0)) revert GuardianKeyholderNotAllowed(keyholder_);
        uint64 endsAt = uint64(block.timestamp + TERM);
        keyholder = keyholder_;
        termEndsAt = endsAt;
        emit KeyholderAppointed(keyholder_, endsAt);
    }

    // ------------------------------------------------------------------------------------------------- powers

    /// @inheritdoc IGuardian
    function pauseEntries(IPausableEntries target, uint32 durationSeconds) external onlyKeyholder {
        target.pauseEntries(durationSeconds);
    }

    /// @inheritdoc IGuardian
    function resumeEntries(IPausableEntries target) external onlyKeyholder {
        target.resumeEntries();
    }

    /// @inheritdoc IGuardian
    function dismiss(uint256 caseId) external onlyKeyholder {
        _spend(_dismissals);
        emit DismissalSpent(caseId);
        faultProofs.dismiss(caseId);
    }

    /// @inheritdoc IGuardian
    function veto(bytes32 digest) external onlyKeyholder {
        _spend(_vetoes);
        emit VetoSpent(digest);
        reports.veto(digest);
    }

    /// @inheritdoc IGuardian
    function cancel(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external onlyKeyholder returns (uint256 proposalId) {
        return governor.cancelAsGuardian(targets, values, calldatas, descriptionHash);
    }

    // ------------------------------------------------------------------------------------------------- budgets

    function _spend(Budget storage budget) private {
        uint256 spent = budget.spent;
        if (spent >= BUDGET) {
            uint256 freeAt = budget.spentAt[spent % BUDGET] + BUDGET_WINDOW;
            if (block.timestamp < freeAt) revert GuardianBudgetSpent(freeAt, block.timestamp);
        }
        budget.spentAt[spent % BUDGET] = uint64(block.timestamp);
        budget.spent = uint64(spent + 1);
    }

    /// @inheritdoc IGuardian
    function dismissalsLeft() external view returns (uint256) {
        return _left(_dismissals);
    }

    /// @inheritdoc IGuardian
    function vetoesLeft() external view returns (uint256) {
        return _left(_vetoes);
    }

    function _left(Budget storage budget) private view returns (uint256 left) {
        uint256 kept = budget.spent < BUDGET ? budget.spent : BUDGET;
        left = BUDGET;
        for (uint256 i = 0; i < kept; i++) {
            if (block.timestamp < budget.spentAt[i] + BUDGET_WINDOW) left--;
        }
    }
}
