// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How a seat stands in an epoch.
/// - None: no seat.
/// - Earning: serves, and earns its share.
/// - Jailed: keeps its place and its divisor in the stream; its share goes to the treasury.
/// - Suspended: treated like Jailed, but its share first pays the node's debit.
/// Jailed and suspended seats are no seats in a quorum, and not canonical.
enum Standing {
    None,
    Earning,
    Jailed,
    Suspended
}

/**
 * @title Seats, as the contracts that pay them see them.
 * @notice Epoch `e` covers `[e * epochSeconds, (e + 1) * epochSeconds)` of unix time. Every change takes effect at the
 * beginning of a later epoch than the one it is made in, so what these functions say about the current and past
 * epochs is final; about later ones it may still change.
 */
interface ISeats {
    /// @param fromEpoch First epoch in which the standing holds; it holds until the next stretch begins.
    struct Stretch {
        uint64 fromEpoch;
        Standing standing;
    }

    /// @notice Length of an epoch. Immutable.
    function epochSeconds() external view returns (uint64);

    /// @notice Seats among which an epoch's stream is divided: all that do not stand at None.
    function seatsAt(uint64 epoch) external view returns (uint256);

    /**
     * @notice The first epoch at or after `fromEpoch` that has a seat.
     * @return found Whether there is one.
     * @return epoch The epoch.
     * @return seats How many it has.
     */
    function nextSeatedEpoch(uint64 fromEpoch) external view returns (bool found, uint64 epoch, uint256 seats);

    /**
     * @notice All that paying a node takes when its standing has not changed since: one small answer.
     * @return payout Where its earnings go; zero for an unknown node.
     * @return count How many stretches of standing it has.
     * @return latest The last of them; empty when there is none.
     */
    function serviceOf(uint32 nodeId) external view returns (address payout, uint256 count, Stretch memory latest);

    /**
     * @notice A node's standings over time, oldest first, neighbours different; before the first it is None.
     * @dev Stretches of past and current epochs keep their index for ever.
     * @param fromIndex Index of the first one wanted.
     * @param limit Most that are returned.
     */
    function stretchesOf(
        uint32 nodeId,
        uint256 fromIndex,
        uint256 limit
    ) external view returns (Stretch[] memory stretches);

    /**
     * @notice Suspends a node for an unpaid debit, or ends that, from the next epoch on. The distributor only.
     * @dev Changes nothing when it is so already, and never reverts for the distributor.
     */
    function setSuspended(uint32 nodeId, bool suspended) external;
}
