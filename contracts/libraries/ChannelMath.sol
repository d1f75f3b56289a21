// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Balances} from "../types/Balances.sol";

/// @notice The money arithmetic of a channel, pure and without storage, so that it can be proved by itself.
/// @dev Every function relies on feesSpent + stampsSpent <= deposited and keeps it.
library ChannelMath {
    uint256 internal constant BPS = 10_000;

    /**
     * @notice What a channel becomes when a voucher is presented.
     * @dev Each column is a maximum of its own, so order and repetition of vouchers change nothing. A voucher above
     * the deposit takes what is there and stays redeemable, because only what was taken is remembered.
     * @param fees Cumulative fees signed.
     * @param stamps Cumulative stamp ceiling signed.
     * @return afterwards The channel after the voucher.
     * @return collected Fees taken now.
     */
    function applyVoucher(
        Balances balances,
        uint64 fees,
        uint64 stamps
    ) internal pure returns (Balances afterwards, uint64 collected) {
        unchecked {
            // No underflow: stampsSpent <= deposited.
            uint64 backed = balances.deposited() - balances.stampsSpent();
            if (fees > backed) fees = backed;
            uint64 spent = balances.feesSpent();
            if (fees > spent) {
                collected = fees - spent;
            } else {
                fees = spent;
            }
            uint64 signed = balances.stampsSigned();
            afterwards = balances.withSigned(fees, stamps > signed ? stamps : signed);
        }
    }

    /// @notice The settler's part of what one row collected: its bps, rounded down, at most `cap`.
    function bountyDown(uint64 collected, uint256 bountyBps, uint256 cap) internal pure returns (uint256 bounty) {
        unchecked {
            // No overflow: 64 bits times at most 10,000.
            bounty = (uint256(collected) * bountyBps) / BPS;
            if (bounty > cap) bounty = cap;
        }
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
