// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SeatMath} from "../../contracts/libraries/SeatMath.sol";
import {SeatAccount, SeatAccounts} from "../../contracts/types/SeatAccount.sol";

/// @notice How what a seat earned is divided, against the rules of the protocol.
contract SeatMathTest {
    /// I10: nothing is lost or made; a node that still owes gets nothing; the treasury gets no share of time served.
    function testFuzz_I10_divideKeepsEveryUnit(uint64 own, uint64 suspended, uint64 jailed, uint64 debit) public pure {
        (uint256 toNode, uint256 toDebit, uint256 toTreasury) = SeatMath.divide(own, suspended, jailed, debit);
        assert(toNode + toDebit + toTreasury == uint256(own) + suspended + jailed);
        assert(toDebit <= debit && toNode <= own);
        assert(toTreasury >= jailed && toTreasury <= uint256(jailed) + suspended);
        if (toDebit < debit) assert(toNode == 0 && toTreasury == jailed);
        // The suspended share pays first.
        if (toNode < own) assert(toTreasury == jailed);
    }

    /// Taking a share in parts gives the same in sum as taking it at once.
    function testFuzz_I10_fractionsAreCarried(uint64 fraction, uint120 first, uint120 second) public pure {
        (uint256 a, uint256 carried) = SeatMath.wholeDown(fraction, first);
        uint256 b;
        (b, carried) = SeatMath.wholeDown(carried, second);
        (uint256 whole, uint256 left) = SeatMath.wholeDown(fraction, uint256(first) + second);
        assert(a + b == whole && carried == left && left <= type(uint64).max);
        assert((whole << 64) + left == uint256(fraction) + first + second);
    }

    function testFuzz_anAccountIsPackedAndUnpacked(uint128 a, uint64 f, uint32 s, bool indebted) public pure {
        SeatAccount memory account = SeatAccounts.unpack(SeatAccount(a, f, s, indebted).pack());
        assert(account.accumulator == a && account.fraction == f);
        assert(account.stretch == s && account.indebted == indebted);
    }
}
