// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CREATE3} from "solady/src/utils/CREATE3.sol";

/// @title Create3Deployer: gives contracts addresses that do not depend on their code.
/// @notice The suite's links are immutable and circular, so each contract is built with the addresses that the others
/// will have. An address depends on this contract and the salt alone. The owner can do nothing but deploy, and hand that
/// over: to the Timelock, once the suite is there, so that what is still empty is filled by a vote or never.
contract Create3Deployer {
    /// @notice Who may deploy.
    address public owner;

    event ContractDeployed(bytes32 indexed salt, address indexed deployed);
    event DeployerHandedOver(address indexed from, address indexed to);

    error Create3DeployerNotOwner(address caller, address owner);
    error Create3DeployerOwnerNotAllowed(address owner);

    constructor(address owner_) {
        _setOwner(owner_);
    }

    /// @notice Deploys creation code (arguments appended) under a salt, once. The owner only.
    function deploy(bytes32 salt, bytes calldata creationCode) external returns (address deployed) {
        _requireOwner();
        deployed = CREATE3.deployDeterministic(creationCode, salt);
        emit ContractDeployed(salt, deployed);
    }

    /// @notice Lets another account deploy, and the caller no longer. The owner only.
    function handOver(address to) external {
        _requireOwner();
        _setOwner(to);
    }

    function _setOwner(address to) private {
        if (to == address(0)) revert Create3DeployerOwnerNotAllowed(to);
        emit DeployerHandedOver(owner, to);
        owner = to;
    }

    function _requireOwner() private view {
        if (msg.sender != owner) revert Create3DeployerNotOwner(msg.sender, owner);
    }

    /// @notice The address that a salt has, deployed or not.
    function addressOf(bytes32 salt) external view returns (address) {
        return CREATE3.predictDeterministicAddress(salt);
    }
}
