// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEpochReports} from "../../contracts/interfaces/IEpochReports.sol";
import {IPayerReports} from "../../contracts/interfaces/IPayerReports.sol";
import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {ReportLeaves} from "../../contracts/libraries/ReportLeaves.sol";
import {Report} from "../../contracts/types/Report.sol";
import {ReportWorld} from "../support/ReportWorld.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice Final ranges as stock nodes read them.
contract PayerReportsTest is ReportWorld {
    uint256 private constant SEATS = 3;
    uint32 private constant MINUTE = 30_000_700;

    function setUp() public {
        _begin(SEATS);
        vm.warp(START + 10 * EPOCH);
    }

    function _range(uint32 id, uint64 first, uint64 last) private pure returns (ReportLeaves.Range memory) {
        return ReportLeaves.Range(id, first, last, MINUTE - 700, MINUTE, 3, keccak256(abi.encode(id, first, last)));
    }

    function _one(ReportLeaves.Range memory range) private pure returns (ReportLeaves.Range[] memory ranges) {
        ranges = new ReportLeaves.Range[](1);
        ranges[0] = range;
    }

    function _two(
        ReportLeaves.Range memory first,
        ReportLeaves.Range memory second
    ) private pure returns (ReportLeaves.Range[] memory ranges) {
        ranges = new ReportLeaves.Range[](2);
        (ranges[0], ranges[1]) = (first, second);
    }

    function _rootOf(ReportLeaves.Range[] memory ranges) private pure returns (bytes32) {
        bytes32[] memory leaves = new bytes32[](ranges.length);
        for (uint256 i = 0; i < ranges.length; i++) leaves[i] = ReportLeaves.ofRange(i, ranges[i]);
        return MerkleTree.rootOf(MerkleTree.LOGS, 0, leaves);
    }

    function _row(ReportLeaves.Range memory range, uint32 index) private pure returns (bytes memory) {
        bytes memory ids = abi.encodePacked(range.originatorId, range.firstSequenceId, range.lastSequenceId);
        return bytes.concat(ids, abi.encodePacked(range.firstMinute, range.lastMinute, range.count, range.root, index));
    }

    function _final(ReportLeaves.Range[] memory ranges) private returns (Report memory report) {
        report = _report();
        report.logsRoot = _rootOf(ranges);
        _submitFinal(report, _all(SEATS));
    }

    function _announced(ReportLeaves.Range memory range, uint32 index) private returns (Report memory report) {
        report = _final(_one(range));
        reports.announce(report, _row(range, index));
    }

    function _announcing(Report memory report, bytes memory rows) private pure returns (bytes memory) {
        return abi.encodeCall(IEpochReports.announce, (report, rows));
    }

    function _submittedLog(
        uint32 id,
        uint256 index,
        uint64 start,
        uint64 end,
        bytes32 root
    ) private pure returns (bytes memory) {
        bytes memory data = abi.encode(start, MINUTE, root, new uint32[](0), new uint32[](0));
        bytes memory settled = _log(
            IPayerReports.PayerReportSubsetSettled.selector,
            abi.encode(id, index),
            abi.encode(0, 0, 0)
        );
        bytes memory topics = abi.encode(id, index, end);
        return bytes.concat(_log(IPayerReports.PayerReportSubmitted.selector, topics, data), settled);
    }

    function _is(uint32 id, uint256 index, uint64 start, uint64 end, bytes32 root) private view {
        IPayerReports.PayerReport memory found = reports.getPayerReport(id, index);
        IPayerReports.PayerReport memory expected;
        (expected.startSequenceId, expected.endSequenceId) = (start, end);
        (expected.endMinuteSinceEpoch, expected.isSettled) = (MINUTE, true);
        expected.payersMerkleRoot = root;
        assert(keccak256(abi.encode(found)) == keccak256(abi.encode(expected)));
    }

    function _isNone(uint32 id, uint256 index) private {
        bytes memory call = abi.encodeCall(IPayerReports.getPayerReport, (id, index));
        _refuses(call, abi.encodeWithSelector(IPayerReports.PayerReportIndexOutOfBounds.selector));
    }

    /// Both of XMTP's events a range, in order, and what a stock node asks afterwards.
    function test_everyRangeIsAnnouncedAndKnown() public {
        ReportLeaves.Range[] memory ranges = new ReportLeaves.Range[](3);
        (ranges[0], ranges[1], ranges[2]) = (_range(100, 1, 60), _range(200, 1, 9), _range(300, 1, 5));
        Report memory report = _final(ranges);
        bytes memory rows = bytes.concat(_row(ranges[0], 0), _row(ranges[1], 0), _row(ranges[2], 0));
        bytes memory expected = _log(IPayerReports.RangesAnnounced.selector, abi.encode(reports.digestOf(report)), "");
        for (uint256 i = 0; i < 3; i++) {
            ReportLeaves.Range memory range = ranges[i];
            bytes memory logs = _submittedLog(range.originatorId, 0, 0, range.lastSequenceId, report.logsRoot);
            expected = bytes.concat(expected, logs);
        }
        _listen();
        vm.prank(STRANGER);
        reports.announce(report, rows);
        _heard(address(reports), expected);
        for (uint256 i = 0; i < 3; i++) {
            ReportLeaves.Range memory range = ranges[i];
            _is(range.originatorId, 0, 0, range.lastSequenceId, report.logsRoot);
            assert(reports.payerReportCount(range.originatorId) == 1);
            _isNone(range.originatorId, 1);
        }
        _isNone(400, 0);
        assert(reports.payerReportCount(400) == 0);
    }

    /// As many as are needed to see both halves of slots, and slots of their own.
    function test_rangesOfAnOriginatorAreContiguous() public {
        uint64 end;
        bytes32[] memory roots = new bytes32[](9);
        uint64[] memory ends = new uint64[](9);
        for (uint32 i = 0; i < 9; i++) {
            ReportLeaves.Range memory range = _range(100, end + 1, end + 1 + i * i);
            Report memory report = _final(_one(range));
            _listen();
            reports.announce(report, _row(range, i));
            bytes memory own = _log(IPayerReports.RangesAnnounced.selector, abi.encode(reports.digestOf(report)), "");
            uint64 start = end;
            end = range.lastSequenceId;
            _heard(address(reports), bytes.concat(own, _submittedLog(100, i, start, end, report.logsRoot)));
            (roots[i], ends[i]) = (report.logsRoot, end);
            assert(reports.payerReportCount(100) == i + 1);
            for (uint256 k = 0; k <= i; k++) _is(100, k, k == 0 ? 0 : ends[k - 1], ends[k], roots[k]);
            _isNone(100, i + 1);
            _isNone(100, i + 2);
        }
        _isNone(100, type(uint256).max);
    }

    function test_onceAndNotBeforeItIsFinal() public {
        ReportLeaves.Range memory range = _range(100, 1, 9);
        Report memory report = _report();
        report.logsRoot = _rootOf(_one(range));
        bytes32 digest = _submit(report, _all(SEATS));
        uint256 finalAt = block.timestamp + WINDOW;
        bytes memory call = _announcing(report, _row(range, 0));
        bytes4 notFinal = IEpochReports.EpochReportsNotFinal.selector;
        _refuses(call, _error(notFinal, uint256(digest), finalAt, block.timestamp));
        vm.warp(finalAt);
        reports.announce(report, _row(range, 0));
        assert(reports.standingOf(digest).isAnnounced);
        bytes memory again = _error(IEpochReports.EpochReportsAnnounced.selector, uint256(digest));
        _refuses(call, again);
        _refuses(_announcing(report, _row(range, 1)), again);
    }

    /// An originator that withheld or showed different ranges delays nobody, and neither does an epoch without any.
    function test_case33b_emptyRangesArePassedOver() public {
        ReportLeaves.Range[] memory ranges = _two(_range(100, 1, 0), _range(200, 1, 9));
        Report memory report = _final(ranges);
        reports.announce(report, bytes.concat(_row(ranges[0], 0), _row(ranges[1], 0)));
        assert(reports.payerReportCount(100) == 0 && reports.payerReportCount(200) == 1);
        // The index of an empty one does not matter.
        ranges = _two(_range(100, 1, 4), _range(200, 10, 9));
        report = _final(ranges);
        reports.announce(report, bytes.concat(_row(ranges[0], 0), _row(ranges[1], 7)));
        _is(100, 0, 0, 4, report.logsRoot);
        assert(reports.payerReportCount(200) == 1);
        report = _final(new ReportLeaves.Range[](0));
        reports.announce(report, "");
        assert(reports.standingOf(reports.digestOf(report)).isAnnounced);
        // A range of one envelope is none of these.
        _announced(_range(200, 10, 10), 1);
        assert(reports.payerReportCount(200) == 2);
    }

    /// A later report may go first: it covers what the earlier one would have announced.
    function test_aLaterReportMayGoFirst() public {
        ReportLeaves.Range[] memory early = _two(_range(100, 1, 9), _range(200, 1, 5));
        ReportLeaves.Range memory late = _range(100, 10, 19);
        Report memory first = _final(early);
        Report memory second = _final(_one(late));
        reports.announce(second, _row(late, 0));
        bytes32 digest = reports.digestOf(first);
        _listen();
        reports.announce(first, bytes.concat(_row(early[0], 1), _row(early[1], 0)));
        bytes memory own = _log(IPayerReports.RangesAnnounced.selector, abi.encode(digest), "");
        _heard(address(reports), bytes.concat(own, _submittedLog(200, 0, 0, 5, first.logsRoot)));
        assert(reports.payerReportCount(100) == 1);
        _is(100, 0, 0, 19, second.logsRoot);
        _is(200, 0, 0, 5, first.logsRoot);
        // One that ends where the last one did is passed over too, at an even index and at an odd one.
        _announced(_range(100, 19, 19), 1);
        assert(reports.payerReportCount(100) == 1);
        _announced(_range(100, 20, 20), 1);
        _announced(_range(100, 20, 20), 2);
        _announced(_range(100, 3, 7), 2);
        assert(reports.payerReportCount(100) == 2);
        Report memory last = _announced(_range(100, 21, 22), 2);
        _is(100, 2, 20, 22, last.logsRoot);
    }

    /// Every bit of a row is the report's, and all rows are there in order.
    function test_otherRowsThanTheReportsAreRefused() public {
        ReportLeaves.Range[] memory ranges = _two(_range(100, 1, 9), _range(200, 1, 5));
        Report memory report = _final(ranges);
        bytes memory good = bytes.concat(_row(ranges[0], 0), _row(ranges[1], 0));
        bytes32 before = _state();
        for (uint256 bit = 0; bit < good.length * 8; bit += 5) {
            // The index is not the report's.
            if ((bit / 8) % 72 >= 68) continue;
            bytes memory bent = bytes.concat(good);
            bent[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
            (bool taken, ) = address(reports).call(_announcing(report, bent));
            assert(!taken);
        }
        assert(_state() == before);
        bytes4 other = IPayerReports.PayerReportsNotItsRanges.selector;
        uint256 root = uint256(report.logsRoot);
        _refuses(_announcing(report, _row(ranges[0], 0)), _error(other, uint256(_rootOf(_one(ranges[0]))), root));
        _refuses(_announcing(report, ""), _error(other, uint256(MerkleTree.emptyRoot(MerkleTree.LOGS)), root));
        uint256 turned = uint256(_rootOf(_two(ranges[1], ranges[0])));
        bytes memory rows = bytes.concat(_row(ranges[1], 0), _row(ranges[0], 0));
        _refuses(_announcing(report, rows), _error(other, turned, root));
        bytes4 malformed = IPayerReports.PayerReportsMalformed.selector;
        for (uint256 length = 143; length < 217; length++) {
            if (length % 72 == 0) continue;
            _refuses(_announcing(report, new bytes(length)), _error(malformed, length));
        }
    }

    function _refusesIndex(ReportLeaves.Range memory range, uint32 index) private {
        Report memory report = _final(_one(range));
        bytes memory expected = _error(IPayerReports.PayerReportsNotNext.selector, range.originatorId, index);
        _refuses(_announcing(report, _row(range, index)), expected);
    }

    /// The index is the next one: not one that is taken, and none is left out.
    function test_indicesAreTheNext() public {
        _refusesIndex(_range(100, 1, 9), 1);
        _refusesIndex(_range(100, 1, 9), 2);
        _refusesIndex(_range(100, 1, 9), type(uint32).max);
        _announced(_range(100, 1, 9), 0);
        _refusesIndex(_range(100, 10, 12), 0);
        _refusesIndex(_range(100, 10, 12), 2);
        _refusesIndex(_range(100, 10, 12), 3);
        _announced(_range(100, 10, 12), 1);
        _refusesIndex(_range(100, 13, 14), 0);
        _refusesIndex(_range(100, 13, 14), 1);
        _refusesIndex(_range(100, 13, 14), 3);
        _refusesIndex(_range(100, 13, 14), 4);
        _announced(_range(100, 13, 14), 2);
        _refusesIndex(_range(100, 15, 15), 2);
        _announced(_range(100, 15, 15), 3);
    }

    /// The roots of different reports are kept apart, also of different shards.
    function test_everyReportHasARootOfItsOwn() public {
        reports.setShards(2);
        Report memory first = _announced(_range(100, 1, 9), 0);
        ReportLeaves.Range memory range = _range(200, 1, 9);
        Report memory second = _report();
        (second.parent, second.shard, second.round) = (0, 1, 0);
        second.logsRoot = _rootOf(_one(range));
        _submitFinal(second, _all(SEATS));
        reports.announce(second, _row(range, 0));
        Report memory third = _announced(_range(100, 10, 12), 1);
        _is(100, 0, 0, 9, first.logsRoot);
        _is(200, 0, 0, 9, second.logsRoot);
        _is(100, 1, 9, 12, third.logsRoot);
    }

    /// The largest numbers that the format has.
    function test_everyFieldHasItsWidth() public {
        ReportLeaves.Range memory range;
        (range.originatorId, range.firstSequenceId) = (type(uint32).max, type(uint64).max);
        (range.lastSequenceId, range.count) = (type(uint64).max, type(uint64).max);
        (range.firstMinute, range.lastMinute) = (type(uint32).max, type(uint32).max);
        range.root = bytes32(type(uint256).max);
        Report memory report = _announced(range, 0);
        IPayerReports.PayerReport memory found = reports.getPayerReport(type(uint32).max, 0);
        assert(found.startSequenceId == 0 && found.endSequenceId == type(uint64).max);
        assert(found.endMinuteSinceEpoch == type(uint32).max && found.payersMerkleRoot == report.logsRoot);
        assert(reports.payerReportCount(type(uint32).max) == 1);
    }

    /// Reports announced in any order: what is known is contiguous, and ends where the latest one does.
    function test_whatIsKnownIsContiguous() public {
        for (uint32 i = 0; i < 12; i++) _announcesInAnyOrder(1_000 + i, uint256(keccak256(abi.encode(i))));
    }

    function _announcesInAnyOrder(uint32 id, uint256 seed) private {
        uint256 count = 6;
        Report[] memory all = new Report[](count);
        ReportLeaves.Range[] memory ranges = new ReportLeaves.Range[](count);
        uint64 end;
        for (uint256 i = 0; i < count; i++) {
            uint64 length = uint64(within(seed >> (8 * i), 0, 3));
            ranges[i] = _range(id, end + 1, end + length);
            end += length;
            all[i] = _final(_one(ranges[i]));
        }
        uint256 done;
        for (uint256 step = 0; step < count; step++) {
            uint256 i = within(seed >> (64 + 8 * step), 0, count - 1);
            while ((done >> i) & 1 == 1) i = (i + 1) % count;
            done |= 1 << i;
            reports.announce(all[i], _row(ranges[i], uint32(reports.payerReportCount(id))));
        }
        uint64 reached;
        for (uint256 k = 0; k < reports.payerReportCount(id); k++) {
            IPayerReports.PayerReport memory found = reports.getPayerReport(id, k);
            assert(found.startSequenceId == reached && found.endSequenceId > reached);
            reached = found.endSequenceId;
        }
        assert(reached == end);
    }
}
