// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Balances} from "../types/Balances.sol";

/// @notice The money arithmetic of a channel, pure and without storage, so that it can be proved by itself.
/// @dev Every function relies on feesSpent + stampsSpent <= deposited and keeps it.
library ChannelMath {
    uint256 internal constant BPS = 10_000;

    /**
     * @notice What a channel becomes when a voucher is presented.
     * @dev Whole words instead of uint64: the compiler would mask after every step, in the inner loop of `settle`.
     * Both columns only grow and stay below 2^64, so adding to them in place carries nothing over.
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
        uint256 raised;
        (collected, raised) = accept(
            balances.depositedWord(),
            balances.stampsSpentWord(),
            balances.stampsSignedWord(),
            balances.feesSpentWord(),
            fees,
            stamps
        );
        afterwards = balances.raisedBy(collected, raised);
    }

    /**
     * @notice What a voucher takes and by how much it raises the ceiling.
     * @dev Each column is a maximum of its own, so order and repetition of vouchers change nothing. A voucher above
     * the deposit takes what is there and stays redeemable, because only what was taken is remembered.
     */
    function accept(
        uint256 deposited,
        uint256 stampsSpent,
        uint256 stampsSigned,
        uint256 feesSpent,
        uint256 fees,
        uint256 stamps
    ) internal pure returns (uint256 collected, uint256 raised) {
        unchecked {
            // The usual row takes no branch: a branch taken costs a jump there and one back.
            if (fees < feesSpent) fees = feesSpent;
            collected = fees - feesSpent;
            // No underflow: feesSpent + stampsSpent <= deposited.
            uint256 left = deposited - stampsSpent - feesSpent;
            if (collected > left) collected = left;
            if (stamps > stampsSigned) {
                // A channel without a deposit stays as it is: nobody shall pay for storage that backs nothing.
                if (deposited != 0) raised = stamps - stampsSigned;
            }
        }
    }

    /// @notice What a channel becomes when stamps are charged, and what that takes of it.
    function charge(
        Balances balances,
        uint64 cumulativeAmount
    ) internal pure returns (Balances afterwards, uint64 charged) {
        uint64 spent = balances.stampsSpent();
        charged = chargeOf(
            balances.deposited(),
            spent,
            balances.stampsSigned(),
            balances.feesSpent(),
            cumulativeAmount
        );
        afterwards = balances.withStampsSpent(spent + charged);
    }

    /// @notice The same in plain numbers: at most the ceiling, and at most what fees have left of the deposit.
    function chargeOf(
        uint64 deposited,
        uint64 stampsSpent,
        uint64 stampsSigned,
        uint64 feesSpent,
        uint64 cumulativeAmount
    ) internal pure returns (uint64) {
        uint64 covered = deposited - feesSpent;
        uint64 due = cumulativeAmount < stampsSigned ? cumulativeAmount : stampsSigned;
        if (due > covered) due = covered;
        return due > stampsSpent ? due - stampsSpent : 0;
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
        return free(balances, false);
    }

    /// @notice What a withdrawal may pay; while the stamp hold lasts, signed stamp ceilings stay backed.
    function free(Balances balances, bool stampsHeld) internal pure returns (uint64) {
        return
            freeOf(
                balances.deposited(),
                balances.stampsSpent(),
                balances.stampsSigned(),
                balances.feesSpent(),
                stampsHeld
            );
    }

    /// @notice The same in plain numbers.
    function freeOf(
        uint64 deposited,
        uint64 stampsSpent,
        uint64 stampsSigned,
        uint64 feesSpent,
        bool stampsHeld
    ) internal pure returns (uint64) {
        uint64 stamps = stampsHeld && stampsSigned > stampsSpent ? stampsSigned : stampsSpent;
        uint64 left = deposited - feesSpent;
        return left > stamps ? left - stamps : 0;
    }
}
