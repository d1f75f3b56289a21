// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IAttestations} from "../../contracts/interfaces/IAttestations.sol";
import {IEpochReports} from "../../contracts/interfaces/IEpochReports.sol";
import {IVetoedReports} from "../../contracts/interfaces/IGuardian.sol";
import {Report} from "../../contracts/types/Report.sol";
import {BlsSigner} from "../support/BlsSigner.sol";
import {ReportSeatsStub} from "../support/ReportSeatsStub.sol";
import {ReportWorld} from "../support/ReportWorld.sol";
import {vm} from "../support/Vm.sol";

/// @notice Case 30, error by error, and what is taken a second or a unit beside each bound.
contract EpochReportsReverts is ReportWorld {
    uint256 private constant SEATS = 6;
    uint64 private _epoch;

    function setUp() public {
        _begin(SEATS);
        vm.warp(START + 10 * EPOCH);
        _epoch = uint64(START / EPOCH + 9);
    }

    function _taken(bytes memory call) private returns (bool taken) {
        // solhint-disable-next-line avoid-low-level-calls
        (taken, ) = address(reports).call(call);
    }

    function test_anAcceptedReportSaysSo() public {
        Report memory report = _report();
        report.usageRoot = keccak256("usage");
        bytes32 digest = reports.digestOf(report);
        uint256 finalAt = block.timestamp + WINDOW;
        _listen();
        bytes memory signature = _signature(digest, 0x1f);
        vm.prank(STRANGER);
        assert(reports.submit(report, 0x1f, signature) == digest);
        bytes memory topics = abi.encode(digest, 0, _epoch);
        bytes memory data = abi.encode(report, 0x1f, finalAt);
        _heard(address(reports), _log(IEpochReports.ReportAccepted.selector, topics, data));
        IEpochReports.Standing memory standing = reports.standingOf(digest);
        IEpochReports.Standing memory expected;
        (expected.status, expected.epoch) = (IEpochReports.Status.Accepted, _epoch);
        (expected.finalAt, expected.signers) = (uint64(finalAt), 0x1f);
        assert(keccak256(abi.encode(standing)) == keccak256(abi.encode(expected)));
        (bytes32 head, uint64 count, uint32 round, uint64 epoch) = reports.headOf(0);
        assert(head == digest && count == 1 && round == 0 && epoch == _epoch);
        assert(reports.latestFinal(0) == 0 && !reports.isFinal(digest));
        vm.warp(finalAt - 1);
        assert(!reports.isFinal(digest) && reports.latestFinal(0) == 0);
        vm.warp(finalAt);
        assert(reports.isFinal(digest) && reports.latestFinal(0) == digest && reports.requireFinal(report) == digest);
        // The next one has a number of its own, and the latest final one stays until it is final too.
        bytes32 second = _submit(_report(), _all(SEATS));
        assert(reports.standingOf(second).index == 1 && reports.latestFinal(0) == digest);
        (, count, , ) = reports.headOf(0);
        assert(count == 2);
    }

    function test_case30_theQuorumIsMoreThanTwoThirdsAndMoreThanHalf() public {
        Report memory report = _report();
        bytes4 selector = IAttestations.AttestationsNoQuorum.selector;
        // Four of six equal ones are two thirds exactly.
        _refuses(_submission(report, 0x0f), abi.encodeWithSelector(selector, 4, 6, 4, 6));
        _refuses(_submission(report, 0), abi.encodeWithSelector(selector, 0, 6, 0, 6));
        assert(_taken(_submission(report, 0x3d)));

        uint96[] memory weights = new uint96[](4);
        (weights[0], weights[1], weights[2], weights[3]) = (1_000, 1_000, 1, 1);
        _begin(weights);
        vm.warp(START + 10 * EPOCH);
        report = _report();
        // Nearly all of the stake, but half of the seats.
        _refuses(_submission(report, 3), abi.encodeWithSelector(selector, 2, 4, 2_000, 2_002));
        // Most of the seats, but half of the stake.
        _refuses(_submission(report, 13), abi.encodeWithSelector(selector, 3, 4, 1_002, 2_002));
        assert(_taken(_submission(report, 7)));
    }

    function test_case30_oneUnitAboveTwoThirdsIsEnough() public {
        uint96[] memory weights = new uint96[](3);
        (weights[0], weights[1], weights[2]) = (1, 1e27, 1e27 / 2 + 1);
        _begin(weights);
        vm.warp(START + 10 * EPOCH);
        bytes4 selector = IAttestations.AttestationsNoQuorum.selector;
        uint256 all = 1e27 + 1e27 / 2 + 2;
        // A third of all is 1e27 / 2 and two thirds of a unit.
        _refuses(_submission(_report(), 3), abi.encodeWithSelector(selector, 2, 3, 1e27 + 1, all));
        (weights[0], weights[1], weights[2]) = (2, 1e27, 1e27 / 2);
        _begin(weights);
        vm.warp(START + 10 * EPOCH);
        assert(_taken(_submission(_report(), 3)));
    }

    function test_nothingIsAQuorumOfNothing() public {
        _begin(new uint96[](3));
        vm.warp(START + 10 * EPOCH);
        bytes4 selector = IAttestations.AttestationsNoQuorum.selector;
        _refuses(_submission(_report(), 7), abi.encodeWithSelector(selector, 3, 3, 0, 0));
        _begin(0);
        vm.warp(START + 10 * EPOCH);
        _refuses(_submission(_report(), 0), abi.encodeWithSelector(selector, 0, 0, 0, 0));
        _refuses(_submission(_report(), 1), _error(IAttestations.AttestationsUnknownSeats.selector, 1, 0));
    }

    function test_case30_aSeatIsABitAndCountsOnce() public {
        Report memory report = _report();
        bytes32 digest = reports.digestOf(report);
        bytes memory good = _signature(digest, 0x1f);
        uint256[4] memory beyond = [uint256(0x5f), 0x1f | (1 << 96), 0x1f | (1 << 255), type(uint256).max];
        for (uint256 i = 0; i < beyond.length; i++) {
            bytes memory call = abi.encodeCall(IEpochReports.submit, (report, beyond[i], good));
            _refuses(call, _error(IAttestations.AttestationsUnknownSeats.selector, beyond[i], SEATS));
        }
        bytes memory invalid = _error(IAttestations.AttestationsInvalid.selector, uint256(digest));
        // A seat that signed twice instead of another: 1 + 2 + 3 + 4 + 1.
        bytes memory twice = BlsSigner.sign(11, digest, BlsSigner.REPORT_DOMAIN);
        _refuses(abi.encodeCall(IEpochReports.submit, (report, 0x1f, twice)), invalid);
        _refuses(abi.encodeCall(IEpochReports.submit, (report, 0x3f, good)), invalid);
        _refuses(abi.encodeCall(IEpochReports.submit, (report, 0x3e, good)), invalid);
        _refuses(abi.encodeCall(IEpochReports.submit, (report, 0x1f, new bytes(96))), invalid);
        // For what else an attestation key signs.
        bytes memory possession = BlsSigner.sign(15, digest, BlsSigner.POSSESSION_DOMAIN);
        _refuses(abi.encodeCall(IEpochReports.submit, (report, 0x1f, possession)), invalid);
        report.stampPayoutsRoot = keccak256("other");
        invalid = _error(IAttestations.AttestationsInvalid.selector, uint256(reports.digestOf(report)));
        _refuses(abi.encodeCall(IEpochReports.submit, (report, 0x1f, good)), invalid);
    }

    function test_openFromItsEndToTheEndOfTheSecondEpochAfter() public {
        Report memory report = _report();
        uint256 endsAt = uint256(_epoch + 1) * EPOCH;
        vm.warp(endsAt - 1);
        bytes4 early = IEpochReports.EpochReportsEpochNotOver.selector;
        _refuses(_submission(report, 0x3f), _error(early, _epoch, endsAt, endsAt - 1));
        uint256 until = endsAt + 2 * EPOCH;
        vm.warp(until);
        _refuses(_submission(report, 0x3f), _error(IEpochReports.EpochReportsTooLate.selector, _epoch, until, until));
        vm.warp(until - 1);
        assert(_taken(_submission(report, 0x3f)));
        setUp();
        vm.warp(endsAt);
        assert(_taken(_submission(report, 0x3f)));
        report = _report();
        report.epoch = type(uint64).max;
        uint256 never = (uint256(type(uint64).max) + 1) * EPOCH;
        _refuses(_submission(report, 0x3f), _error(early, type(uint64).max, never, endsAt));
    }

    function test_case30_theParentIsTheHead() public {
        Report memory report = _report();
        report.parent = keccak256("somebody's");
        bytes4 notOnHead = IEpochReports.EpochReportsNotOnHead.selector;
        _refuses(_submission(report, 0x3f), _error(notOnHead, uint256(report.parent), 0));
        report = _report();
        report.round = 1;
        _refuses(_submission(report, 0x3f), _error(IEpochReports.EpochReportsWrongRound.selector, 1, 0));
        // The first one may be of any epoch; the next is of a later one.
        report.round = 0;
        bytes32 first = _submit(report, 0x3f);
        Report memory rival = _copyOf(report);
        rival.usageRoot = keccak256("rival");
        _refuses(_submission(rival, 0x3f), _error(notOnHead, 0, uint256(first)));
        _refuses(_submission(report, 0x3f), _error(notOnHead, 0, uint256(first)));
        rival.parent = first;
        bytes4 notAfter = IEpochReports.EpochReportsEpochNotAfterParent.selector;
        _refuses(_submission(rival, 0x3f), _error(notAfter, _epoch, _epoch));
        rival.epoch--;
        _refuses(_submission(rival, 0x3f), _error(notAfter, _epoch - 1, _epoch));
        vm.warp(block.timestamp + EPOCH);
        assert(_taken(_submission(_report(), 0x3f)));
    }

    /// Case 30, 33b: the version is that of the end of its epoch, whatever is written while signatures are collected.
    function test_case33b_theVersionIsThatOfItsEpoch() public {
        Report memory report = _report();
        uint32[] memory ids = new uint32[](2);
        (ids[0], ids[1]) = (100, 700);
        uint96[] memory weights = new uint96[](2);
        (weights[0], weights[1]) = (5, 5);
        seats.plan(ids, weights);
        assert(seats.rollOver() == 2);
        bytes4 wrong = IEpochReports.EpochReportsWrongVersion.selector;
        Report memory changed = _copyOf(report);
        for (uint64 version = 0; version < 4; version++) {
            if (version == 1) continue;
            changed.registryVersion = version;
            _refuses(_submission(changed, 0x3f), _error(wrong, version, 1));
        }
        _submit(report, 0x3f);
        vm.warp(block.timestamp + EPOCH);
        Report memory next = _report();
        assert(next.registryVersion == 2);
        next.registryVersion = 1;
        _refuses(_submission(next, 0x3f), _error(wrong, 1, 2));
        next.registryVersion = 2;
        // The seats of the second version: the nodes with the secrets 1 and 7.
        bytes32 digest = reports.digestOf(next);
        reports.submit(next, 3, BlsSigner.sign(8, digest, BlsSigner.REPORT_DOMAIN));
    }

    function test_beforeThereIsAVersionThereIsNoReport() public {
        Report memory report = _report();
        report.registryVersion = 0;
        vm.mockCallRevert(address(seats), abi.encodeWithSelector(seats.versionAt.selector), hex"99");
        _refuses(_submission(report, 0x3f), hex"99");
        vm.clearMockedCalls();
        bytes4 unknown = ReportSeatsStub.ReportSeatsStubUnknownVersion.selector;
        (bool taken, bytes memory answer) = address(seats).call(abi.encodeCall(seats.getVersion, (0)));
        assert(!taken && keccak256(answer) == keccak256(_error(unknown, 0)));
    }

    function test_shardsHaveChainsOfTheirOwn() public {
        Report memory report = _report();
        report.shard = 1;
        _refuses(_submission(report, 0x3f), _error(IEpochReports.EpochReportsUnknownShard.selector, 1, 1));
        _listen();
        reports.setShards(2);
        _heard(address(reports), _log(IEpochReports.ShardsSet.selector, "", abi.encode(2)));
        _submit(report, 0x3f);
        Report memory other = _copyOf(report);
        other.shard = 0;
        _submit(other, 0x3f);
        (bytes32 head, , , ) = reports.headOf(1);
        assert(head == reports.digestOf(report) && reports.standingOf(head).shard == 1);
        other.shard = 2;
        _refuses(_submission(other, 0x3f), _error(IEpochReports.EpochReportsUnknownShard.selector, 2, 2));
    }

    // --------------------------------------------------------------------------------------------------- veto

    function _vetoing(bytes32 digest) private pure returns (bytes memory) {
        return abi.encodeCall(IVetoedReports.veto, (digest));
    }

    function _vetoes(bytes32 digest) private {
        vm.prank(GUARDIAN);
        reports.veto(digest);
    }

    function test_case30_aVetoIsTakenInTheLastSecond() public {
        bytes32 digest = _submit(_report(), 0x3f);
        uint256 finalAt = block.timestamp + WINDOW;
        bytes4 notGuardian = IEpochReports.EpochReportsNotGuardian.selector;
        bytes memory expected = abi.encodeWithSelector(notGuardian, address(this), GUARDIAN);
        _refuses(_vetoing(digest), expected);
        vm.warp(finalAt);
        bytes memory late = _error(IEpochReports.EpochReportsVetoOver.selector, finalAt, finalAt);
        _refuses(address(reports), GUARDIAN, _vetoing(digest), late);
        vm.warp(finalAt - 1);
        _listen();
        _vetoes(digest);
        _heard(address(reports), _log(IEpochReports.ReportVetoed.selector, abi.encode(digest), ""));
        bytes4 notAccepted = IEpochReports.EpochReportsNotAccepted.selector;
        uint256 vetoed = uint256(IEpochReports.Status.Vetoed);
        _refuses(address(reports), GUARDIAN, _vetoing(digest), _error(notAccepted, uint256(digest), vetoed));
        bytes32 unknown = keccak256("unknown");
        _refuses(address(reports), GUARDIAN, _vetoing(unknown), _error(notAccepted, uint256(unknown), 0));
        vm.warp(finalAt + 1);
        assert(!reports.isFinal(digest) && reports.latestFinal(0) == 0);
    }

    /// A vetoed report's descendants go with it, and the chain goes on from its parent in the next round.
    function test_case30_aVetoVoidsWhatWasBuiltOnIt() public {
        uint256 start = block.timestamp;
        bytes32[4] memory digests;
        digests[0] = _submit(_report(), 0x3f);
        vm.warp(start + 2 * EPOCH);
        digests[1] = _submit(_report(), 0x3f);
        vm.warp(start + 3 * EPOCH + 1 hours);
        digests[2] = _submit(_report(), 0x3f);
        vm.warp(start + 4 * EPOCH);
        digests[3] = _submit(_report(), 0x3f);
        assert(reports.isFinal(digests[1]) && !reports.isFinal(digests[2]));
        uint64 parentEpoch = reports.standingOf(digests[1]).epoch;
        _listen();
        _vetoes(digests[2]);
        bytes memory vetoed = _log(IEpochReports.ReportVetoed.selector, abi.encode(digests[2]), "");
        bytes memory voided = _log(IEpochReports.ReportVoided.selector, abi.encode(digests[3]), "");
        _heard(address(reports), bytes.concat(vetoed, voided));
        (bytes32 head, uint64 count, uint32 round, uint64 epoch) = reports.headOf(0);
        assert(head == digests[1] && count == 2 && round == 1 && epoch == parentEpoch);
        assert(reports.standingOf(digests[2]).status == IEpochReports.Status.Vetoed);
        assert(reports.standingOf(digests[3]).status == IEpochReports.Status.Voided);
        assert(reports.latestFinal(0) == digests[1]);
        Report memory next = _report();
        next.round = 0;
        _refuses(_submission(next, 0x3f), _error(IEpochReports.EpochReportsWrongRound.selector, 0, 1));
        next.round = 2;
        _refuses(_submission(next, 0x3f), _error(IEpochReports.EpochReportsWrongRound.selector, 2, 1));
        next.round = 1;
        bytes32 again = _submit(next, 0x3f);
        assert(reports.standingOf(again).round == 1 && reports.standingOf(again).index == 2);
        _vetoes(again);
        next = _report();
        assert(next.round == 2);
        bytes32 third = _submitFinal(next, 0x3f);
        assert(reports.isFinal(third));
        (, , round, ) = reports.headOf(0);
        assert(round == 0);
    }

    // --------------------------------------------------------------------------------------------- parameters

    function _unauthorized(bytes memory call) private {
        bytes memory expected = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, STRANGER);
        _refuses(address(reports), STRANGER, call, expected);
    }

    function test_theVetoWindowHasBounds() public {
        bytes4 selector = IEpochReports.EpochReportsVetoWindowOutOfBounds.selector;
        assert(reports.mostVetoWindowSeconds() == WINDOW && reports.vetoWindowSeconds() == WINDOW);
        _unauthorized(abi.encodeCall(IEpochReports.setVetoWindow, (2 hours)));
        bytes memory call = abi.encodeCall(IEpochReports.setVetoWindow, (1 hours - 1));
        _refuses(call, _error(selector, 1 hours - 1, 1 hours, WINDOW));
        call = abi.encodeCall(IEpochReports.setVetoWindow, (WINDOW + 1));
        _refuses(call, _error(selector, WINDOW + 1, 1 hours, WINDOW));
        bytes32 first = _submit(_report(), 0x3f);
        _listen();
        reports.setVetoWindow(1 hours);
        _heard(address(reports), _log(IEpochReports.VetoWindowSet.selector, "", abi.encode(1 hours)));
        // I7: what is pending keeps its window, and nothing is final before its parent.
        uint64 finalAt = reports.standingOf(first).finalAt;
        assert(finalAt == block.timestamp + WINDOW);
        vm.warp(block.timestamp + EPOCH);
        bytes32 second = _submit(_report(), 0x3f);
        assert(reports.standingOf(second).finalAt == finalAt);
        vm.warp(block.timestamp + EPOCH);
        bytes32 third = _submit(_report(), 0x3f);
        assert(reports.standingOf(third).finalAt == block.timestamp + 1 hours);
        reports.setVetoWindow(WINDOW);
        assert(reports.vetoWindowSeconds() == WINDOW);
    }

    function test_shardsGrowUpToEight() public {
        bytes4 selector = IEpochReports.EpochReportsShardsOutOfBounds.selector;
        _unauthorized(abi.encodeCall(IEpochReports.setShards, (2)));
        _refuses(abi.encodeCall(IEpochReports.setShards, (0)), _error(selector, 0, 1, 8));
        _refuses(abi.encodeCall(IEpochReports.setShards, (9)), _error(selector, 9, 1, 8));
        reports.setShards(8);
        _refuses(abi.encodeCall(IEpochReports.setShards, (7)), _error(selector, 7, 8, 8));
        reports.setShards(8);
        assert(reports.shards() == 8);
    }
}
