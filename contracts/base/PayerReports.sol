// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPayerReports} from "../interfaces/IPayerReports.sol";
import {MerkleTree} from "../libraries/MerkleTree.sol";

/// @title PayerReports: final ranges, announced the way stock nodes read them.
/// @notice See IPayerReports.
abstract contract PayerReports is IPayerReports {
    /// @dev `originator 4 | first 8 | last 8 | first minute 4 | last minute 4 | count 8 | root 32 | payer report index 4`.
    uint256 private constant ROW = 72;
    uint256 private constant ENTRY_BITS = 128;
    uint256 private constant LEAF_LENGTH = 258;

    /// @dev Two payer reports of an originator in one slot, the earlier one below: `end 64 | minute 32 | report 32`. Each
    /// begins where the one before ends, and no end is zero.
    struct Pair {
        uint256 entries;
    }

    mapping(uint32 originatorId => mapping(uint256 pair => Pair)) private _pairs;
    mapping(uint256 reportIndex => bytes32 logsRoot) private _logsRoots;

    /// @param reportIndex One number of 32 bits per final report, never used again.
    /// @param rows All leaves of `logsRoot`, packed, each with the index of the payer report that it becomes.
    function _announce(uint256 reportIndex, bytes32 logsRoot, bytes calldata rows) internal {
        if (rows.length % ROW != 0) revert PayerReportsMalformed(rows.length);
        bytes32[] memory leaves = new bytes32[](rows.length / ROW);
        // `0x00 | tag | index | fields`, and the data of the event: both are the same for every row but for a few words.
        bytes memory leaf = new bytes(LEAF_LENGTH);
        leaf[1] = bytes1(MerkleTree.LOGS);
        bytes memory log = abi.encode(0, 0, logsRoot, 5 * 32, 6 * 32, 0, 0, 0);
        _logsRoots[reportIndex] = logsRoot;
        uint256 at;
        assembly ("memory-safe") {
            at := rows.offset
        }
        for (uint256 i = 0; i < leaves.length; i++) {
            uint256 numbers;
            uint256 index;
            assembly ("memory-safe") {
                numbers := calldataload(at)
                index := and(calldataload(add(at, 40)), 0xffffffff)
            }
            leaves[i] = _hashRow(leaf, i, at);
            _announceRange(numbers, index, reportIndex, log);
            at += ROW;
        }
        // Checked last: the leaves have to be hashed anyway, and nothing above calls anybody.
        bytes32 root = MerkleTree.rootOf(MerkleTree.LOGS, 0, leaves);
        if (root != logsRoot) revert PayerReportsNotItsRanges(root, logsRoot);
    }

    /// @dev `ReportLeaves.ofRange` of the row at a place in calldata, without a copy of it.
    function _hashRow(bytes memory leaf, uint256 index, uint256 at) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let numbers := calldataload(at)
            let to := add(leaf, 0x22)
            mstore(to, index)
            mstore(add(to, 0x20), shr(224, numbers))
            mstore(add(to, 0x40), and(shr(160, numbers), 0xffffffffffffffff))
            mstore(add(to, 0x60), and(shr(96, numbers), 0xffffffffffffffff))
            mstore(add(to, 0x80), and(shr(64, numbers), 0xffffffff))
            mstore(add(to, 0xa0), and(shr(32, numbers), 0xffffffff))
            mstore(add(to, 0xc0), shr(192, calldataload(add(at, 28))))
            mstore(add(to, 0xe0), calldataload(add(at, 36)))
            hash := keccak256(add(leaf, 0x20), LEAF_LENGTH)
        }
    }

    /// @param numbers `originator 32 | first 64 | last 64 | first minute 32 | last minute 32` above another 32 bits.
    function _announceRange(uint256 numbers, uint256 index, uint256 reportIndex, bytes memory log) private {
        uint32 originatorId = uint32(numbers >> 224);
        uint64 end = uint64(numbers >> 96);
        if (end < uint64(numbers >> 160)) return;
        uint256 entry = (uint256(end) << 64) | (uint256(uint32(numbers >> 32)) << 32) | reportIndex;
        uint64 start = _append(originatorId, index, entry);
        if (start < end) _emit(originatorId, index, start, entry, log);
    }

    /// @dev Nothing is appended when it would end where the last one does or before: a later report went first.
    /// @return start Where the last one ends.
    function _append(uint32 originatorId, uint256 index, uint256 entry) private returns (uint64 start) {
        mapping(uint256 => Pair) storage pairs = _pairs[originatorId];
        Pair storage place = pairs[index / 2];
        uint256 pair = place.entries;
        bool isFree;
        if (index % 2 == 1) {
            start = uint64(pair >> 64);
            isFree = pair >> ENTRY_BITS == 0;
        } else {
            if (index > 0) start = uint64(pairs[index / 2 - 1].entries >> 192);
            isFree = pair == 0;
        }
        if (!isFree || (index > 0 && start == 0)) revert PayerReportsNotNext(originatorId, index);
        if (entry >> 64 > start) place.entries = index % 2 == 1 ? pair | (entry << ENTRY_BITS) : entry;
    }

    /// @dev PayerReportSubmitted from data that is written already but for two words, and PayerReportSubsetSettled, whose
    /// three words are the zeros at the end of it.
    function _emit(uint32 originatorId, uint256 index, uint64 start, uint256 entry, bytes memory log) private {
        (bytes32 submitted, bytes32 settled) = (PayerReportSubmitted.selector, PayerReportSubsetSettled.selector);
        assembly ("memory-safe") {
            let data := add(log, 0x20)
            mstore(data, start)
            mstore(add(data, 0x20), and(shr(32, entry), 0xffffffff))
            log4(data, 0xe0, submitted, originatorId, index, shr(64, entry))
            log3(add(data, 0xa0), 0x60, settled, originatorId, index)
        }
    }

    /// @inheritdoc IPayerReports
    function getPayerReport(
        uint32 originatorNodeId,
        uint256 payerReportIndex
    ) external view returns (PayerReport memory payerReport) {
        uint256 entry = _entryAt(originatorNodeId, payerReportIndex);
        if (entry == 0) revert PayerReportIndexOutOfBounds();
        uint256 before = payerReportIndex == 0 ? 0 : _entryAt(originatorNodeId, payerReportIndex - 1);
        payerReport.startSequenceId = uint64(before >> 64);
        payerReport.endSequenceId = uint64(entry >> 64);
        payerReport.endMinuteSinceEpoch = uint32(entry >> 32);
        payerReport.isSettled = true;
        payerReport.payersMerkleRoot = _logsRoots[uint32(entry)];
    }

    /// @inheritdoc IPayerReports
    function payerReportCount(uint32 originatorNodeId) external view returns (uint256 count) {
        // Up by doubling, then down by halving: an announcement does not pay for a counter.
        uint256 step = 1;
        while (_entryAt(originatorNodeId, count + step - 1) != 0) {
            count += step;
            step *= 2;
        }
        for (; step > 0; step /= 2) {
            if (_entryAt(originatorNodeId, count + step - 1) != 0) count += step;
        }
    }

    /// @dev Zero when there is none.
    function _entryAt(uint32 originatorId, uint256 index) private view returns (uint256) {
        uint256 pair = _pairs[originatorId][index / 2].entries;
        return index % 2 == 1 ? pair >> ENTRY_BITS : uint128(pair);
    }
}
