// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibBit} from "solady/src/utils/LibBit.sol";

/**
 * @notice A registry version as it lies in the code of a contract of its own, after one zero byte: the sum of all keys,
 * 192 bytes, then per seat in ascending order of node id `id 4 | weight 12 | key 192`.
 * @dev Only what is wanted is copied out of the code. Positions have to be below the version's number of seats.
 */
library SeatBlob {
    uint256 internal constant KEY_LENGTH = 192;
    uint256 internal constant SEAT_LENGTH = 208;
    uint256 private constant HEAD_LENGTH = 16;
    /// @dev Of the sum in the code.
    uint256 private constant SUM_AT = 1;

    /// @notice The sum of all keys.
    function sumOf(address pointer) internal view returns (bytes memory sum) {
        sum = new bytes(KEY_LENGTH);
        assembly ("memory-safe") {
            extcodecopy(pointer, add(sum, 0x20), SUM_AT, KEY_LENGTH)
        }
    }

    /// @notice The keys at some positions, one after the other, and the sum of their weights.
    function readSeats(address pointer, uint256 positions) internal view returns (bytes memory keys, uint256 weight) {
        keys = new bytes(LibBit.popCount(positions) * KEY_LENGTH);
        uint256 to;
        assembly ("memory-safe") {
            to := add(keys, 0x20)
        }
        for (; positions != 0; positions &= positions - 1) {
            uint256 at = _at(LibBit.ffs(positions));
            assembly ("memory-safe") {
                extcodecopy(pointer, 0x00, at, HEAD_LENGTH)
                weight := add(weight, and(shr(128, mload(0x00)), 0xffffffffffffffffffffffff))
                extcodecopy(pointer, to, add(at, HEAD_LENGTH), KEY_LENGTH)
                to := add(to, KEY_LENGTH)
            }
        }
    }

    /// @notice The node at a position.
    function nodeIdAt(address pointer, uint256 position) internal view returns (uint32) {
        return uint32(_headAt(pointer, position) >> 96);
    }

    /// @notice The nodes at some positions, ascending.
    function nodeIdsAt(address pointer, uint256 positions) internal view returns (uint32[] memory nodeIds) {
        nodeIds = new uint32[](LibBit.popCount(positions));
        for (uint256 i = 0; i < nodeIds.length; i++) {
            nodeIds[i] = nodeIdAt(pointer, LibBit.ffs(positions));
            positions &= positions - 1;
        }
    }

    /// @notice The weights at some positions, in the order of `nodeIdsAt`.
    function weightsAt(address pointer, uint256 positions) internal view returns (uint256[] memory weights) {
        weights = new uint256[](LibBit.popCount(positions));
        for (uint256 i = 0; i < weights.length; i++) {
            weights[i] = uint96(_headAt(pointer, LibBit.ffs(positions)));
            positions &= positions - 1;
        }
    }

    function _headAt(address pointer, uint256 position) private view returns (uint256 head) {
        uint256 at = _at(position);
        assembly ("memory-safe") {
            extcodecopy(pointer, 0x00, at, HEAD_LENGTH)
            head := shr(128, mload(0x00))
        }
    }

    function _at(uint256 position) private pure returns (uint256) {
        return SUM_AT + KEY_LENGTH + position * SEAT_LENGTH;
    }
}
