// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How what a seat earned is divided, pure and without storage, so that it can be proved by itself.
library SeatMath {
    /**
     * @notice Whole units out of a share in 2^-64 units; the fraction is carried to the next time.
     * @dev Taking a share in parts gives the same in sum as taking it at once.
     */
    function wholeDown(uint256 fraction, uint256 share) internal pure returns (uint256 whole, uint256 carried) {
        unchecked {
            // Both are below 2^129: a share is at most 2^64 units. Quotient and remainder instead of a shift and a mask,
            // because the checker cannot reason about bits; the compiler makes the same code of both.
            uint256 sum = fraction + share;
            whole = sum / 2 ** 64;
            carried = sum % 2 ** 64;
        }
    }

    /**
     * @notice What a node gets, what its debit takes and what the treasury gets; nothing is left over.
     * @dev The share of the time it was suspended pays the debit first and belongs to the treasury otherwise.
     * @param own Earned while serving.
     * @param suspended Share while suspended.
     * @param jailed Share while jailed.
     * @param debit What the node owes.
     */
    function divide(
        uint256 own,
        uint256 suspended,
        uint256 jailed,
        uint256 debit
    ) internal pure returns (uint256 toNode, uint256 toDebit, uint256 toTreasury) {
        uint256 fromSuspended = suspended < debit ? suspended : debit;
        uint256 fromOwn = own < debit - fromSuspended ? own : debit - fromSuspended;
        toNode = own - fromOwn;
        toDebit = fromSuspended + fromOwn;
        toTreasury = suspended - fromSuspended + jailed;
    }
}
