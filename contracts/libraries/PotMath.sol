// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The arithmetic of a report's pot, pure and without storage, so that it can be proved by itself.
library PotMath {
    uint256 internal constant BPS = 10_000;

    /// @notice The recipients' share of what was charged, at most what all payouts come to.
    /// @param bps At most 10,000.
    function potDown(uint64 charged, uint256 bps, uint256 total) internal pure returns (uint64) {
        uint256 most = (uint256(charged) * bps) / BPS;
        // No truncation: at most what was charged.
        return uint64(total < most ? total : most);
    }

    /**
     * @notice A payout's part of the pot.
     * @dev Never more than is left: the total is what a quorum attested, and payouts that come to more than it must not
     * be paid out of another pot.
     * @param paid Of the pot so far; at most the pot.
     */
    function payoutDown(uint64 amount, uint64 pot, uint256 total, uint64 paid) internal pure returns (uint256 part) {
        // Also with a total of 0, with which a pot is 0.
        if (pot == 0) return 0;
        part = (uint256(amount) * pot) / total;
        uint256 left = pot - paid;
        if (part > left) part = left;
    }
}
