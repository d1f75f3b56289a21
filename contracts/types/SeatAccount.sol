// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * What a node was paid for.
 *
 * | bits      | field       | meaning                                                              |
 * |-----------|-------------|----------------------------------------------------------------------|
 * | 0 - 127   | accumulator | what a seat had earned since the beginning when the node was paid    |
 * | 128 - 191 | fraction    | part of a unit that it is still owed, in 2^-64                       |
 * | 192 - 223 | stretch     | index of the stretch of its standings that the accumulator lies in   |
 * | 224       | indebted    | whether it has a debit, so that others need not look                 |
 */
struct SeatAccount {
    uint128 accumulator;
    uint64 fraction;
    uint32 stretch;
    bool indebted;
}

using SeatAccounts for SeatAccount global;

/// @dev Packed by hand: the compiler would write a struct field by field, each with a read of its own.
library SeatAccounts {
    function pack(SeatAccount memory self) internal pure returns (uint256 word) {
        word = self.accumulator | (uint256(self.fraction) << 128) | (uint256(self.stretch) << 192);
        if (self.indebted) word |= 1 << 224;
    }

    function unpack(uint256 word) internal pure returns (SeatAccount memory self) {
        self.accumulator = uint128(word);
        self.fraction = uint64(word >> 128);
        self.stretch = uint32(word >> 192);
        self.indebted = word >> 224 != 0;
    }
}
