// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * slot | rate 64 | left 64 | remainder 64 | released 64
 * `rate` is what the last stream epoch paid, `left` what later ones will. What is too little for a unit per epoch waits
 * in `remainder` for the next money; `released` is all that stream epochs paid so far.
 */
struct Stream {
    uint64 rate;
    uint64 left;
    uint64 remainder;
    uint64 released;
}

/// @notice How collected fees become a stream, pure and without storage, so that it can be proved by itself.
library StreamMath {
    /// @dev Money is paid evenly in so many stream epochs.
    uint256 internal constant EPOCHS = 14;
    uint256 internal constant BPS = 10_000;

    /// @notice The treasury's part of what came in.
    function treasuryDown(uint256 received, uint256 bps) internal pure returns (uint256) {
        return (received * bps) / BPS;
    }

    /**
     * @notice Adds money to the stream; nothing is left over, what does not divide becomes the remainder.
     * @dev No truncation while net + left + released is below 2^64, which the caller checks.
     * @param net What came in for the seats, and the remainder so far.
     * @return rate What each of the stream epochs that follow pays more.
     */
    function spreadDown(Stream memory stream, uint256 net) internal pure returns (uint256 rate) {
        rate = net / EPOCHS;
        stream.remainder = uint64(net % EPOCHS);
        stream.left += uint64(rate * EPOCHS);
    }

    /**
     * @notice Pays one stream epoch.
     * @dev No truncation: the rate is part of what is left. More than is left reverts.
     * @param starting Rate that begins with this epoch.
     * @param ending Rate that was paid for the last time in the epoch before.
     * @return rate What the epoch pays.
     */
    function step(Stream memory stream, uint256 starting, uint256 ending) internal pure returns (uint64 rate) {
        rate = uint64(stream.rate + starting - ending);
        stream.rate = rate;
        stream.left -= rate;
        stream.released += rate;
    }

    /// @notice What one seat earns in an epoch, 64.64.
    /// @param rate What the epoch pays, below 2^64.
    function shareDown(uint256 rate, uint256 seatCount) internal pure returns (uint256) {
        unchecked {
            // Written as a product because the checker cannot reason about shifts; the compiler makes it one.
            return (rate * 2 ** 64) / seatCount;
        }
    }
}
