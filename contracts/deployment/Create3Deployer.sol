// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CREATE3} from "solady/src/utils/CREATE3.sol";

/// @title Create3Deployer: gives contracts addresses that do not depend on their code.
/// @notice The suite's links are immutable and circular, so each contract is built with the addresses that the others
/// will have. An address depends on this contract and the salt alone. The owner can do nothing but deploy.
contract Create3Deployer {
    /// @notice Who may deploy. Immutable.
    address public immutable owner;

    event ContractDeployed(bytes32 indexed salt, address indexed deployed);

    error Create3DeployerNotOwner(address caller, address owner);

    constructor(address owner_) {
        owner = owner_;
    }

    /// @notice Deploys creation code (arguments appended) under a salt, once. The owner only.
    function deploy(bytes32 salt, bytes calldata creationCode) external returns (address deployed) {
        if (msg.sender != owner) revert Create3DeployerNotOwner(msg.sender, owner);
        deployed = CREATE3.deployDeterministic(creationCode, salt);
        emit ContractDeployed(salt, deployed);
    }

    /// @notice The address that a salt has, deployed or not.
    function addressOf(bytes32 salt) external view returns (address) {
        return CREATE3.predictDeterministicAddress(salt);
    }
}
