// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFaultProofs} from "./IFaultProofs.sol";
import {IGuardedGovernor} from "./IGuardedGovernor.sol";
import {IPausableEntries} from "./IPausableEntries.sol";

/// @notice What the guardian may do at EpochReports.
interface IVetoedReports {
    /// @notice Vetoes a report that is not final. The guardian only.
    function veto(bytes32 digest) external;
}

/**
 * @title Guardian: a small multisig's powers, all of them, and their limits.
 * @notice It can close entries for a while, let a node off, veto a report and cancel a proposal. It can move nothing, set
 * nothing and call nothing else. Its term ends after a year, unless a vote renews it; a vote can replace it at any time,
 * and that vote it cannot cancel.
 *
 * What a reader of the logs may assume:
 * 1. Nobody acts but the keyholder of the last `KeyholderAppointed`, before its `termEndsAt`.
 * 2. In any 90 days there are at most 3 `DismissalSpent` and at most 3 `VetoSpent`, whoever is keyholder.
 */
interface IGuardian {
    /// @notice A vote, or the deployment, gave the powers to `keyholder` until before `termEndsAt`.
    event KeyholderAppointed(address indexed keyholder, uint256 termEndsAt);
    event DismissalSpent(uint256 indexed caseId);
    event VetoSpent(bytes32 indexed digest);

    error GuardianNotTimelock(address caller, address timelock);
    error GuardianNotKeyholder(address caller, address keyholder);
    error GuardianTermOver(uint256 termEndsAt, uint256 now_);
    error GuardianBudgetSpent(uint256 freeAt, uint256 now_);
    error GuardianKeyholderNotAllowed(address keyholder);

    /// @notice Begins a term of one year from now, for the same keyholder or another. The Timelock only.
    /// @dev What was spent of the budgets stays spent.
    function appoint(address keyholder_) external;

    /// @notice Closes a contract's entries for up to 7 days, and not again for 30. The keyholder only.
    /// @dev IPausableEntries keeps both. Has an effect where the AccessManager gives this contract the role of pausing.
    function pauseEntries(IPausableEntries target, uint32 durationSeconds) external;

    /// @notice Opens a contract's entries before a pause ends by itself. The keyholder only.
    function resumeEntries(IPausableEntries target) external;

    /// @notice Dismisses a case inside its appeal window, at most 3 in 90 days. The keyholder only.
    function dismiss(uint256 caseId) external;

    /// @notice Vetoes a report that is not final, at most 3 in 90 days. The keyholder only.
    function veto(bytes32 digest) external;

    /// @notice Cancels a proposal that was not executed and does more than replace the guardian. The keyholder only.
    function cancel(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 proposalId);

    /// @notice Whose powers these are.
    function keyholder() external view returns (address);

    /// @notice From when the keyholder has none.
    function termEndsAt() external view returns (uint64);

    /// @notice How many cases may be dismissed now.
    function dismissalsLeft() external view returns (uint256);

    /// @notice How many reports may be vetoed now.
    function vetoesLeft() external view returns (uint256);

    /// @notice Who appoints. Immutable.
    function timelock() external view returns (address);

    /// @notice Where proposals are cancelled. Immutable.
    function governor() external view returns (IGuardedGovernor);

    /// @notice Where cases are dismissed. Immutable.
    function faultProofs() external view returns (IFaultProofs);

    /// @notice Where reports are vetoed: EpochReports. Immutable.
    function reports() external view returns (IVetoedReports);
}
