// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Balances} from "../types/Balances.sol";

/**
 * @notice Builds the `Settled` event in place: rows of 36 bytes, `channel 20 | feesSpent 8 | stampsSigned 8`.
 * @dev Solidity would copy the rows once more to encode them, and memory grows with the square of its size.
 */
library SettledRows {
    uint256 private constant ROW = 36;
    uint256 private constant HEAD = 0x80;

    /// @notice Reserves memory for at most `count` rows.
    /// @return start Where the event's data begins: `collected | bounty | offset | length | rows`.
    /// @return cursor Where the first row goes.
    function begin(uint256 count) internal pure returns (uint256 start, uint256 cursor) {
        uint256 row = ROW;
        uint256 head = HEAD;
        assembly ("memory-safe") {
            start := mload(0x40)
            cursor := add(start, head)
            // One word more: a row is written as two words that reach past its end.
            mstore(0x40, add(add(cursor, mul(count, row)), 0x40))
        }
    }

    /// @notice Appends a row.
    /// @return next Where the next row goes.
    function append(uint256 cursor, address channel, Balances balances) internal pure returns (uint256 next) {
        uint256 row = ROW;
        assembly ("memory-safe") {
            mstore(cursor, shl(96, channel))
            // Its upper half is feesSpent and stampsSigned; the next row is written over the rest.
            mstore(add(cursor, 20), balances)
            next := add(cursor, row)
        }
    }

    /// @notice Emits the event with topic `selector` for `settler`.
    function log(
        uint256 start,
        uint256 cursor,
        bytes32 selector,
        address settler,
        uint256 collected,
        uint256 bounty
    ) internal {
        uint256 head = HEAD;
        assembly ("memory-safe") {
            let length := sub(cursor, add(start, head))
            mstore(start, collected)
            mstore(add(start, 0x20), bounty)
            mstore(add(start, 0x40), 0x60)
            mstore(add(start, 0x60), length)
            // Behind the last row: no remains of it in the padding.
            mstore(cursor, 0)
            log2(start, add(head, and(add(length, 0x1f), not(0x1f))), selector, settler)
        }
    }
}
