// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * The hot word of a channel: everything `settle` reads and writes, in one slot.
 *
 * | bits      | field        | meaning                                                   |
 * |-----------|--------------|-----------------------------------------------------------|
 * | 0 - 63    | deposited    | credited minus withdrawn; falls only in `withdraw`        |
 * | 64 - 127  | stampsSpent  | stamps charged so far; never falls                        |
 * | 128 - 191 | stampsSigned | largest stamp ceiling the key signed; never falls         |
 * | 192 - 255 | feesSpent    | fees collected so far; never falls                        |
 *
 * What a voucher raises stands at the top in the order of the `Settled` event, which is cut from the word as it is.
 * At all times feesSpent + stampsSpent <= deposited. All in base units of the fee token.
 */
type Balances is uint256;

using BalancesLibrary for Balances global;

library BalancesLibrary {
    function deposited(Balances self) internal pure returns (uint64) {
        return uint64(Balances.unwrap(self));
    }

    function feesSpent(Balances self) internal pure returns (uint64) {
        return uint64(Balances.unwrap(self) >> 192);
    }

    function stampsSpent(Balances self) internal pure returns (uint64) {
        return uint64(Balances.unwrap(self) >> 64);
    }

    function stampsSigned(Balances self) internal pure returns (uint64) {
        return uint64(Balances.unwrap(self) >> 128);
    }

    function withDeposited(Balances self, uint64 value) internal pure returns (Balances) {
        return Balances.wrap((Balances.unwrap(self) & ~uint256(type(uint64).max)) | value);
    }

    function withStampsSpent(Balances self, uint64 value) internal pure returns (Balances) {
        uint256 others = Balances.unwrap(self) & ~(uint256(type(uint64).max) << 64);
        return Balances.wrap(others | (uint256(value) << 64));
    }

    // For `ChannelMath.applyVoucher`, as whole words: the compiler would mask a uint64 after every step. Quotients,
    // remainders and products, because the checker cannot reason about bits; the compiler makes shifts and masks of them.

    function depositedWord(Balances self) internal pure returns (uint256) {
        return Balances.unwrap(self) % 2 ** 64;
    }

    function stampsSpentWord(Balances self) internal pure returns (uint256) {
        return (Balances.unwrap(self) / 2 ** 64) % 2 ** 64;
    }

    function stampsSignedWord(Balances self) internal pure returns (uint256) {
        return (Balances.unwrap(self) / 2 ** 128) % 2 ** 64;
    }

    function feesSpentWord(Balances self) internal pure returns (uint256) {
        return Balances.unwrap(self) / 2 ** 192;
    }

    /// @notice More fees spent and more stamps signed. Unchecked: both columns must stay below 2^64.
    function raisedBy(Balances self, uint256 fees, uint256 stamps) internal pure returns (Balances) {
        unchecked {
            return Balances.wrap(Balances.unwrap(self) + fees * 2 ** 192 + stamps * 2 ** 128);
        }
    }

    function equals(Balances self, Balances other) internal pure returns (bool) {
        return Balances.unwrap(self) == Balances.unwrap(other);
    }
}
