// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEpochReports} from "../../contracts/interfaces/IEpochReports.sol";
import {Report} from "../../contracts/types/Report.sol";
import {ReportWorld} from "../support/ReportWorld.sol";
import {vm} from "../support/Vm.sol";

/// @notice The few places in which a chain keeps its digests: as many as a veto may need, used again and again.
contract EpochReportsPlaces is ReportWorld {
    uint256 private constant SEATS = 3;
    /// With epochs of an hour the longest window that the places allow.
    uint32 private constant LONGEST = 60 hours;

    function setUp() public {
        _begin(SEATS);
    }

    /// From outside, so that its error can be looked at.
    function deploy(uint64 epochSeconds, uint32 window) external {
        _deploy(epochSeconds, window);
    }

    function _refusesWindow(uint64 epochSeconds, uint32 window, uint256 most) private {
        bytes memory call = abi.encodeCall(this.deploy, (epochSeconds, window));
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, bytes memory answer) = address(this).call(call);
        bytes4 selector = IEpochReports.EpochReportsVetoWindowOutOfBounds.selector;
        assert(!taken && keccak256(answer) == keccak256(_error(selector, window, 1 hours, most)));
    }

    function test_theWindowFitsThePlacesAndAWeek() public {
        _refusesWindow(1 hours, LONGEST + 1, LONGEST);
        _refusesWindow(1 hours, 1 hours - 1, LONGEST);
        _refusesWindow(EPOCH, 7 days + 1, 7 days);
        _deploy(1 hours, LONGEST);
        assert(reports.mostVetoWindowSeconds() == LONGEST && reports.epochSeconds() == 1 hours);
        _deploy(EPOCH, 7 days);
        assert(reports.mostVetoWindowSeconds() == 7 days);
        _deploy(EPOCH, 1 hours);
        assert(reports.shards() == 1 && reports.vetoWindowSeconds() == 1 hours);
    }

    /// Every place holds a pending report, or the last final one, and all were used before: the veto finds each.
    function test_aWindowFullOfReportsIsVoidedWhole() public {
        _deploy(1 hours, LONGEST);
        bytes32[] memory digests = new bytes32[](130);
        for (uint256 i = 0; i < digests.length; i++) {
            digests[i] = _submit(_report(), _all(SEATS));
            assert(reports.standingOf(digests[i]).index == i);
            if (i + 1 < digests.length) vm.warp(block.timestamp + 1 hours);
        }
        // Final exactly when its window has passed: the 70th was accepted 60 hours ago.
        uint256 lastFinal = digests.length - 1 - 60;
        assert(reports.latestFinal(0) == digests[lastFinal]);
        uint64 finalEpoch = reports.standingOf(digests[lastFinal]).epoch;
        vm.prank(GUARDIAN);
        reports.veto(digests[lastFinal + 1]);
        (bytes32 head, uint64 count, uint32 round, uint64 epoch) = reports.headOf(0);
        assert(head == digests[lastFinal] && count == lastFinal + 1 && round == 1 && epoch == finalEpoch);
        for (uint256 i = 0; i < digests.length; i++) {
            IEpochReports.Status expected =
                i <= lastFinal
                    ? IEpochReports.Status.Accepted
                    : i == lastFinal + 1
                        ? IEpochReports.Status.Vetoed
                        : IEpochReports.Status.Voided;
            assert(reports.standingOf(digests[i]).status == expected);
        }
        assert(reports.latestFinal(0) == digests[lastFinal]);
        bytes32 next = _submitFinal(_report(), _all(SEATS));
        assert(reports.latestFinal(0) == next && reports.standingOf(next).index == lastFinal + 1);
    }

    /// Time begins with epoch 0: the first report of all may be of it, and the second may not.
    function test_theFirstReportMayBeOfEpochZero() public {
        vm.warp(EPOCH);
        Report memory report = _report();
        assert(report.epoch == 0);
        bytes32 digest = _submit(report, _all(SEATS));
        report = _report();
        bytes4 selector = IEpochReports.EpochReportsEpochNotAfterParent.selector;
        _refuses(_submission(report, _all(SEATS)), _error(selector, 0, 0));
        assert(reports.standingOf(digest).status == IEpochReports.Status.Accepted);
    }
}
