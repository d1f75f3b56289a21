// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEpochReports} from "../../contracts/interfaces/IEpochReports.sol";
import {Report} from "../../contracts/types/Report.sol";
import {ReportWorld} from "../support/ReportWorld.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice What a final report may do to seats, and no more: jailing and debits, bounded together.
contract EpochReportsPenalties is ReportWorld {
    uint256 private constant SEATS = 20;
    /// A tenth of them.
    uint256 private constant MOST = 2;
    uint64 private constant CAP = 10_000e6;

    function setUp() public {
        _begin(SEATS);
        vm.warp(START + 10 * EPOCH);
    }

    function _debit(uint32 nodeId, uint64 amount) private pure returns (bytes memory) {
        return abi.encodePacked(nodeId, amount);
    }

    function _withDebits(uint128 absent, bytes memory debits) private view returns (Report memory report) {
        report = _report();
        (report.absentSeats, report.debitsHash) = (absent, keccak256(debits));
    }

    function _applying(Report memory report, bytes memory debits) private pure returns (bytes memory) {
        return abi.encodeCall(IEpochReports.applyPenalties, (report, debits));
    }

    /// A final report with these debits and nobody absent, which all seats signed, is not applied.
    function _refusesDebits(bytes memory debits, bytes memory expected) private {
        Report memory report = _withDebits(0, debits);
        _submitFinal(report, _all(SEATS));
        _refuses(_applying(report, debits), expected);
    }

    function _jails(uint32[] memory expected) private view {
        assert(keccak256(abi.encode(seats.jailed())) == keccak256(abi.encode(expected)));
    }

    function test_absentSeatsAreJailedAndDebitsRecordedOnce() public {
        bytes memory debits = _debit(700, 1e6);
        Report memory report = _withDebits(1 << 3, debits);
        bytes32 digest = _submit(report, _all(SEATS) ^ (1 << 3));
        uint256 finalAt = block.timestamp + WINDOW;
        vm.warp(finalAt - 1);
        bytes memory early = _error(IEpochReports.EpochReportsNotFinal.selector, uint256(digest), finalAt, finalAt - 1);
        _refuses(_applying(report, debits), early);
        vm.warp(finalAt);
        _listen();
        vm.prank(STRANGER);
        reports.applyPenalties(report, debits);
        uint32[] memory jailed = new uint32[](1);
        jailed[0] = 400;
        bytes memory data = abi.encode(jailed, debits);
        _heard(address(reports), _log(IEpochReports.PenaltiesApplied.selector, abi.encode(digest), data));
        _jails(jailed);
        assert(keccak256(seats.debits()) == keccak256(debits));
        assert(reports.standingOf(digest).hasPenaltiesApplied);
        bytes memory again = _error(IEpochReports.EpochReportsPenaltiesApplied.selector, uint256(digest));
        _refuses(_applying(report, debits), again);
        _refuses(_applying(report, ""), again);
    }

    /// Nobody is called when there is nobody to jail or nothing to charge.
    function test_aReportWithoutPenaltiesCallsNobody() public {
        Report memory report = _report();
        bytes32 digest = _submitFinal(report, _all(SEATS));
        vm.mockCallRevert(address(seats), abi.encodeWithSelector(seats.jail.selector), "");
        vm.mockCallRevert(address(seats), abi.encodeWithSelector(seats.recordDebits.selector), "");
        reports.applyPenalties(report, "");
        vm.clearMockedCalls();
        assert(reports.standingOf(digest).hasPenaltiesApplied);
    }

    /// Whatever a quorum writes: whoever signed the report was there.
    function test_whoSignedIsNotJailed() public {
        for (uint256 i = 0; i < 24; i++) _jailsWhoDidNotSign(uint256(keccak256(abi.encode(i))));
    }

    function _jailsWhoDidNotSign(uint256 seed) private {
        setUp();
        (uint256 absentSeed, uint256 signerSeed) = (seed, seed >> 128);
        uint256 absent = (1 << (absentSeed % SEATS)) | (1 << ((absentSeed >> 64) % SEATS));
        // At most a third of them stay away.
        uint256 signers = _all(SEATS) & ~(1 << (signerSeed % SEATS)) & ~(1 << ((signerSeed >> 64) % SEATS));
        Report memory report = _withDebits(uint128(absent), "");
        _submitFinal(report, signers);
        reports.applyPenalties(report, "");
        uint32[] memory jailed = seats.jailed();
        uint256 seen;
        for (uint256 i = 0; i < jailed.length; i++) seen |= 1 << (jailed[i] / 100 - 1);
        assert(seen == absent & ~signers);
    }

    /// Case 33c: a cartel's report hits a tenth of the seats, jailed and charged together, or nobody at all.
    function test_case33c_debitsAndAbsencesHitATenthTogether() public {
        bytes memory debits = bytes.concat(_debit(100, 1), _debit(200, 1));
        bytes memory tooMany = _error(IEpochReports.EpochReportsTooManyHit.selector, MOST + 1, MOST);
        Report memory report = _withDebits(1 << 3, debits);
        _submitFinal(report, _all(SEATS) ^ (1 << 3));
        _refuses(_applying(report, debits), tooMany);
        _refusesDebits(bytes.concat(debits, _debit(300, 1)), tooMany);
        report = _withDebits(0, debits);
        _submitFinal(report, _all(SEATS));
        reports.applyPenalties(report, debits);
        assert(keccak256(seats.debits()) == keccak256(debits));
        report = _withDebits(1 << 4, _debit(100, 7));
        _submitFinal(report, _all(SEATS) ^ (1 << 4));
        reports.applyPenalties(report, _debit(100, 7));
        uint32[] memory jailed = new uint32[](1);
        jailed[0] = 500;
        _jails(jailed);
    }

    /// Case 33c: what a seat can be charged by one report has an end, to the unit.
    function test_case33c_aDebitHasACap() public {
        bytes memory most = _debit(100, CAP);
        Report memory report = _withDebits(0, most);
        _submitFinal(report, _all(SEATS));
        reports.applyPenalties(report, most);
        assert(keccak256(seats.debits()) == keccak256(most));
        bytes4 selector = IEpochReports.EpochReportsDebitTooLarge.selector;
        _refusesDebits(_debit(100, CAP + 1), _error(selector, 100, CAP + 1, CAP));
        bytes memory second = bytes.concat(_debit(100, 1), _debit(200, type(uint64).max));
        _refusesDebits(second, _error(selector, 200, type(uint64).max, CAP));
    }

    /// Case 33c: one row a node, so that the cap is one.
    function test_case33c_rowsAscend() public {
        bytes4 selector = IEpochReports.EpochReportsDebitsNotAscending.selector;
        _refusesDebits(bytes.concat(_debit(100, 1), _debit(100, 1)), _error(selector, 100, 100));
        _refusesDebits(bytes.concat(_debit(200, 1), _debit(100, 1)), _error(selector, 100, 200));
        _refusesDebits(_debit(0, 1), _error(selector, 0, 0));
        bytes memory adjacent = bytes.concat(_debit(1, 1), _debit(2, 1));
        Report memory report = _withDebits(0, adjacent);
        _submitFinal(report, _all(SEATS));
        reports.applyPenalties(report, adjacent);
    }

    function test_onlyTheReportsOwnRowsAreTaken() public {
        bytes memory debits = _debit(100, 1);
        Report memory report = _withDebits(0, debits);
        _submitFinal(report, _all(SEATS));
        bytes4 selector = IEpochReports.EpochReportsNotItsDebits.selector;
        bytes memory other = _debit(200, 1);
        uint256 hash = uint256(keccak256(debits));
        _refuses(_applying(report, other), _error(selector, uint256(keccak256(other)), hash));
        _refuses(_applying(report, ""), _error(selector, uint256(keccak256("")), hash));
        for (uint256 length = 1; length < 25; length++) {
            if (length % 12 != 0) {
                bytes4 malformed = IEpochReports.EpochReportsDebitsMalformed.selector;
                _refusesDebits(new bytes(length), _error(malformed, length));
            }
        }
    }

    /// Case 33c: absences that are kept back are lost after three days; debits stay owed.
    function test_case33c_absencesKeptBackAreLost() public {
        bytes memory debits = _debit(700, 1e6);
        Report memory report = _withDebits(1 << 3, debits);
        bytes32 digest = _submitFinal(report, _all(SEATS) ^ (1 << 3));
        vm.warp(block.timestamp + 3 days);
        _listen();
        reports.applyPenalties(report, debits);
        bytes memory data = abi.encode(new uint32[](0), debits);
        _heard(address(reports), _log(IEpochReports.PenaltiesApplied.selector, abi.encode(digest), data));
        assert(seats.jailed().length == 0 && keccak256(seats.debits()) == keccak256(debits));
        // And not a second before.
        report = _withDebits(1 << 3, "");
        digest = _submitFinal(report, _all(SEATS) ^ (1 << 3));
        vm.warp(block.timestamp + 3 days - 1);
        reports.applyPenalties(report, "");
        assert(seats.jailed().length == 1);
    }

    /// Nothing of a report that was vetoed, or built on one that was, is ever applied or announced.
    function test_vetoedReportsDoNothing() public {
        Report memory report = _withDebits(1 << 3, "");
        bytes32 digest = _submit(report, _all(SEATS) ^ (1 << 3));
        vm.warp(block.timestamp + EPOCH);
        Report memory child = _withDebits(1 << 3, "");
        bytes32 childDigest = _submit(child, _all(SEATS) ^ (1 << 3));
        vm.prank(GUARDIAN);
        reports.veto(digest);
        vm.warp(block.timestamp + 2 * uint256(WINDOW));
        bytes4 selector = IEpochReports.EpochReportsNotAccepted.selector;
        bytes memory vetoed = _error(selector, uint256(digest), uint256(IEpochReports.Status.Vetoed));
        bytes memory voided = _error(selector, uint256(childDigest), uint256(IEpochReports.Status.Voided));
        _refuses(_applying(report, ""), vetoed);
        _refuses(abi.encodeCall(IEpochReports.announce, (report, "")), vetoed);
        _refuses(_applying(child, ""), voided);
        Report memory unknown = _withDebits(0, "");
        bytes memory none = _error(selector, uint256(reports.digestOf(unknown)), 0);
        _refuses(_applying(unknown, ""), none);
    }

    /// Case 33c: a tenth, one at least, whatever the number of seats; and only seats that there are.
    function test_case33c_absencesAreATenthOrOne() public {
        uint256[6] memory counts = [uint256(1), 9, 10, 19, 29, 90];
        for (uint256 i = 0; i < counts.length; i++) {
            uint256 count = counts[i];
            _begin(count);
            vm.warp(START + 10 * EPOCH);
            uint256 most = count < 10 ? 1 : count / 10;
            Report memory report = _report();
            report.absentSeats = uint128(1 << count);
            bytes4 unknown = IEpochReports.EpochReportsUnknownSeats.selector;
            _refuses(_submission(report, _all(count)), _error(unknown, 1 << count, count));
            report.absentSeats = uint128(_all(most));
            uint256 signers = count == 1 ? 1 : _all(count) & ~_all(most);
            if (most < count) {
                report.absentSeats = uint128(_all(most + 1));
                bytes4 tooMany = IEpochReports.EpochReportsTooManyHit.selector;
                _refuses(_submission(report, _all(count)), _error(tooMany, most + 1, most));
                report.absentSeats = uint128(_all(most));
            }
            _submitFinal(report, signers);
            reports.applyPenalties(report, "");
            assert(seats.jailed().length == (count == 1 ? 0 : most));
        }
    }

    /// Debits of drawn nodes and amounts reach the distributor as they are in the report, or not at all.
    function test_debitsArriveAsAQuorumSignedThem() public {
        for (uint256 i = 0; i < 24; i++) _arrivesOrNot(uint256(keccak256(abi.encode(i))));
    }

    function _arrivesOrNot(uint256 seed) private {
        setUp();
        uint32 first = uint32(within(seed, 0, 3));
        uint32 second = uint32(within(seed >> 32, 0, 5));
        uint64 amount = uint64(within(seed >> 64, CAP - 1, CAP + 1));
        bytes memory debits = bytes.concat(_debit(first, 5), _debit(second, amount));
        Report memory report = _withDebits(0, debits);
        _submitFinal(report, _all(SEATS));
        bool isGood = first > 0 && second > first && amount <= CAP;
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, ) = address(reports).call(_applying(report, debits));
        assert(taken == isGood);
        assert(seats.debits().length == (isGood ? 24 : 0));
    }
}
