// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {INodeStake} from "./interfaces/INodeStake.sol";

/// @title NodeBond: the same bond for every node, held until it has left.
/// @notice See INodeStake. Stands in for NodeStaking.
contract NodeBond is INodeStake {
    using SafeERC20 for IERC20;

    /// @notice What bonds are posted in. Immutable.
    IERC20 public immutable token;
    /// @inheritdoc INodeStake
    address public immutable registry;
    /// @inheritdoc INodeStake
    uint256 public immutable minimumStake;

    /// @inheritdoc INodeStake
    mapping(uint32 nodeId => uint256) public stakeOf;

    /// @param registry_ NodeRegistry, which may not exist yet.
    constructor(IERC20 token_, address registry_, uint256 bond) {
        token = token_;
        registry = registry_;
        minimumStake = bond;
    }

    /// @inheritdoc INodeStake
    function post(uint32 nodeId, address from) external {
        _requireRegistry();
        if (stakeOf[nodeId] != 0) revert NodeStakeAlreadyPosted(nodeId);
        stakeOf[nodeId] = minimumStake;
        emit StakePosted(nodeId, from, minimumStake);
        token.safeTransferFrom(from, address(this), minimumStake);
    }

    /// @inheritdoc INodeStake
    function release(uint32 nodeId, address recipient) external {
        _requireRegistry();
        if (recipient == address(0) || recipient == address(this)) revert NodeStakeRecipientNotAllowed(recipient);
        uint256 amount = stakeOf[nodeId];
        if (amount == 0) revert NodeStakeNothingPosted(nodeId);
        stakeOf[nodeId] = 0;
        emit StakeReleased(nodeId, recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    function _requireRegistry() private view {
        if (msg.sender != registry) revert NodeStakeNotRegistry(msg.sender, registry);
    }
}
