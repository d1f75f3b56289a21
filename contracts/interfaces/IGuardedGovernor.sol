// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What the guardian may do at the Governor. See PostageGovernor.
interface IGuardedGovernor {
    error PostageGovernorNotGuardian(address caller, address guardian);
    error PostageGovernorReplacesGuardian(uint256 proposalId);
    error PostageGovernorTimelockFixed(address timelock);

    /**
     * @notice Cancels a proposal that was not executed. The Guardian contract only.
     * @dev While it is pending, active, succeeded or queued. Never one whose only call is `Guardian.appoint`, so that a
     * vote can always replace the guardian, whoever it is; a proposal of several calls has no such protection.
     */
    function cancelAsGuardian(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 proposalId);

    /// @notice The Guardian contract. Immutable.
    function guardian() external view returns (address);
}
