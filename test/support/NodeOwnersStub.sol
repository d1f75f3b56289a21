// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INodeOwners} from "../../contracts/interfaces/INodeStaking.sol";

/// @notice Says who owns which node, as a test likes.
contract NodeOwnersStub is INodeOwners {
    mapping(uint256 nodeId => address) public ownerOf;

    function setOwner(uint256 nodeId, address owner) external {
        ownerOf[nodeId] = owner;
    }
}
