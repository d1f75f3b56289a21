// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What a node has at stake, as the registry sees it.
/// @notice A simple bond today; staking with unbonding and slashing takes its place behind this interface.
interface INodeStake {
    event StakePosted(uint32 indexed nodeId, address indexed from, uint256 amount);
    event StakeReleased(uint32 indexed nodeId, address indexed recipient, uint256 amount);

    error NodeStakeNotRegistry(address caller, address registry);
    error NodeStakeAlreadyPosted(uint32 nodeId);
    error NodeStakeNothingPosted(uint32 nodeId);
    error NodeStakeRecipientNotAllowed(address recipient);

    /// @notice Takes a node's stake from an account that approved this contract. The registry only.
    function post(uint32 nodeId, address from) external;

    /// @notice Gives a node's stake back. The registry only, which knows when it is free.
    function release(uint32 nodeId, address recipient) external;

    /// @notice Who may post and release. Immutable.
    function registry() external view returns (address);

    /// @notice What a node has at stake.
    function stakeOf(uint32 nodeId) external view returns (uint256);

    /// @notice What a node needs to be registered.
    function minimumStake() external view returns (uint256);
}
