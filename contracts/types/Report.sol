// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @notice What the nodes of the network agree on for the time since the report's parent. Its EIP-712 digest is its name
 * everywhere; nothing else of it is stored, so that whoever asks about a report brings it along.
 * @param shard 0 while the network has one committee.
 * @param epoch At whose end all of it is read; any later one than the parent's.
 * @param round How many successors of this parent were vetoed.
 * @param parent Digest of the report before; zero for the first.
 * @param registryVersion In force at the end of the epoch.
 * @param logsRoot Per originator its range: see LogTrees.
 * @param debitsHash keccak256 of rows `nodeId 4 | amount 8`, ascending.
 * @param absentSeats Bit i is the seat at position i of the registry version.
 */
// The order of the type that is signed.
// solhint-disable-next-line gas-struct-packing
struct Report {
    uint32 shard;
    uint64 epoch;
    uint32 round;
    bytes32 parent;
    uint64 registryVersion;
    bytes32 logsRoot;
    bytes32 usageRoot;
    bytes32 stampChargesRoot;
    bytes32 stampPayoutsRoot;
    bytes32 debitsHash;
    uint128 absentSeats;
}

/// @dev Of the type as EIP-712 writes it.
bytes32 constant REPORT_TYPEHASH = keccak256(
    "Report(uint32 shard,uint64 epoch,uint32 round,bytes32 parent,uint64 registryVersion,bytes32 logsRoot,"
    "bytes32 usageRoot,bytes32 stampChargesRoot,bytes32 stampPayoutsRoot,bytes32 debitsHash,uint128 absentSeats)"
);
