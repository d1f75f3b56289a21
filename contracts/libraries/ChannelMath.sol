// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Balances} from "../types/Balances.sol";

/// @notice The money arithmetic of a channel, pure and without storage, so that it can be proved by itself.
/// @dev Every function relies on feesSpent + stampsSpent <= deposited and keeps it.
library ChannelMath {
    uint256 internal constant BPS = 10_000;
    uint256 private constant U64 = type(uint64).max;

    /**
     * @notice What a channel becomes when a voucher is presented.
     * @dev Each column is a maximum of its own, so order and repetition of vouchers change nothing. A voucher above
     * the deposit takes what is there and stays redeemable, because only what was taken is remembered.
     * Whole words instead of uint64: the compiler would mask after every step, in the inner loop of `settle`.
     * @param fees Cumulative fees signed, below 2^64.
     * @param stamps Cumulative stamp ceiling signed, below 2^64.
     * @return afterwards The channel after the voucher.
     * @return collected Fees taken now, below 2^64.
     */
    function applyVoucher(
        Balances balances,
        uint256 fees,
        uint256 stamps
    ) internal pure returns (Balances afterwards, uint256 collected) {
        unchecked {
            uint256 word = Balances.unwrap(balances);
            // The usual row takes no branch: a branch taken costs a jump there and one back.
            uint256 spent = word >> 192;
            if (fees < spent) fees = spent;
            collected = fees - spent;
            // No underflow: feesSpent + stampsSpent <= deposited.
            uint256 left = (word & U64) - ((word >> 64) & U64) - spent;
            if (collected > left) collected = left;
            // Both columns only grow and stay below 2^64, so adding to them in place carries nothing over.
            uint256 next = word + (collected << 192);
            uint256 signed = (word >> 128) & U64;
            if (stamps > signed) {
                // A channel without a deposit stays as it is: nobody shall pay for storage that backs nothing.
                if (word & U64 != 0) next += (stamps - signed) << 128;
            }
            afterwards = Balances.wrap(next);
        }
    }

    /// @notice The part of what a row collected that earns a bounty: `bps` of it are at most `cap`.
    function bountyLimitDown(uint256 bps, uint256 cap) internal pure returns (uint256) {
        return bps == 0 ? 0 : (cap * BPS) / bps;
    }

    /// @notice The settler's part of what rows collected, each counted up to the limit above.
    function bountyDown(uint256 limited, uint256 bps) internal pure returns (uint256) {
        return (limited * bps) / BPS;
    }

    /// @notice What nobody has a claim on, now or later: the most a withdrawal may ask for.
    function unspent(Balances balances) internal pure returns (uint64) {
        return balances.deposited() - balances.feesSpent() - balances.stampsSpent();
    }

    /// @notice What a withdrawal may pay; while the stamp hold lasts, signed stamp ceilings stay backed.
    function free(Balances balances, bool stampsHeld) internal pure returns (uint64) {
        uint64 stamps = balances.stampsSpent();
        if (stampsHeld && balances.stampsSigned() > stamps) stamps = balances.stampsSigned();
        uint64 left = balances.deposited() - balances.feesSpent();
        return left > stamps ? left - stamps : 0;
    }
}
