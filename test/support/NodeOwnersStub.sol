// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStakedNodes, IStakedSeats} from "../../contracts/interfaces/INodeStaking.sol";

/// @notice Registry and seats that say what a test likes, and remember the slashes that they were told of.
contract NodeOwnersStub is IStakedNodes, IStakedSeats {
    mapping(uint256 nodeId => address) public ownerOf;
    mapping(uint32 nodeId => uint256) public seatMinimumOf;
    mapping(uint32 nodeId => bool) public hasLeft;
    /// What the last slash left staked, and how many there were.
    mapping(uint32 nodeId => uint256) public leftBySlash;
    mapping(uint32 nodeId => uint256) public slashes;

    function setOwner(uint256 nodeId, address owner) external {
        ownerOf[nodeId] = owner;
    }

    function setSeatMinimum(uint32 nodeId, uint256 minimum) external {
        seatMinimumOf[nodeId] = minimum;
    }

    function setLeft(uint32 nodeId, bool left) external {
        hasLeft[nodeId] = left;
    }

    function isLive(uint32 nodeId) external view returns (bool) {
        return !hasLeft[nodeId];
    }

    function stakeSlashed(uint32 nodeId, uint256 staked) external {
        leftBySlash[nodeId] = staked;
        slashes[nodeId]++;
    }
}
