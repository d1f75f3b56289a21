// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SeatMath} from "../../contracts/libraries/SeatMath.sol";

/// @notice Proved for all inputs by `npm run prove`.
contract SeatMathProof {
    /// I10: nothing is lost or made, a debit takes no more than is owed, a node that still owes gets nothing.
    function divide(uint64 own, uint64 suspended, uint64 jailed, uint64 debit) external pure {
        (uint256 toNode, uint256 toDebit, uint256 toTreasury) = SeatMath.divide(own, suspended, jailed, debit);
        assert(toNode + toDebit + toTreasury == uint256(own) + suspended + jailed);
        assert(toDebit <= debit);
        assert(toDebit == debit || (toNode == 0 && toTreasury == jailed));
        assert(toNode <= own && toTreasury >= jailed && toTreasury <= uint256(suspended) + jailed);
        assert(toNode == own || toTreasury == jailed);
    }

    /// I10: whole units and the fraction carried are what was there.
    function wholeDown(uint64 fraction, uint128 share) external pure {
        (uint256 whole, uint256 carried) = SeatMath.wholeDown(fraction, share);
        assert(carried < 2 ** 64);
        assert(whole * 2 ** 64 + carried == uint256(fraction) + share);
    }
}
