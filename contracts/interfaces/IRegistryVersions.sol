// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title Who attests: the active seats, their weights and keys, frozen in versions.
 * @notice A version is one blob in the code of a contract of its own (SSTORE2: after one zero byte): the sum of all
 * keys, 192 bytes, and then per seat in ascending order of node id `id 4 | weight 12 | key 192`. The position of a seat
 * is its bit in a report. A seat counts when it serves in the epoch in which the version is written: a seat that is
 * jailed, suspended or begins later does not. Its weight is its stake when the version is written.
 *
 * What a reader may assume: versions count up from 1, there is at most one per epoch, and none ever changes.
 */
interface IRegistryVersions {
    /// @param pointer The contract whose code holds the blob.
    /// @param epoch The epoch in which it was written, and from which it holds until the next one's.
    /// @param seats How many seats it has.
    /// @param weight The sum of their weights.
    struct RegistryVersion {
        address pointer;
        uint48 epoch;
        uint8 seats;
        uint128 weight;
    }

    event RegistryVersionWritten(
        uint64 indexed version,
        uint64 indexed epoch,
        address pointer,
        uint256 seats,
        uint256 weight
    );

    error RegistryVersionsUnknown(uint64 version, uint64 latest);

    /**
     * @notice Writes the version of this epoch, unless there is one, or nothing has changed since the latest. Anyone.
     * @return version The latest version.
     */
    function rollOver() external returns (uint64 version);

    /// @notice The latest version; 0 before the first.
    function latestVersion() external view returns (uint64);

    /// @notice The version in force at the end of an epoch; 0 when there was none yet.
    function versionAt(uint64 epoch) external view returns (uint64);

    function getVersion(uint64 version) external view returns (RegistryVersion memory);

    /// @notice The blob of a version.
    function blobOf(uint64 version) external view returns (bytes memory);
}
