// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRollCalls} from "../../contracts/interfaces/IRollCalls.sol";
import {Report} from "../../contracts/types/Report.sol";
import {BlsSigner} from "../support/BlsSigner.sol";
import {ReportWorld} from "../support/ReportWorld.sol";
import {vm} from "../support/Vm.sol";

/// @notice When no quorum can, seats that do not answer are jailed without one.
contract RollCallsTest is ReportWorld {
    uint256 private constant SEATS = 6;
    uint256 private constant SILENCE = 3 days;

    uint32[] private _ids;
    uint96[] private _weights;
    /// When the last report was accepted.
    uint256 private _acceptedAt;

    function setUp() public {
        uint96[] memory weights = new uint96[](SEATS);
        // Neither ascending nor descending, two alike.
        (weights[0], weights[1], weights[2]) = (7, 9, 5);
        (weights[3], weights[4], weights[5]) = (9, 2, type(uint96).max);
        _begin(weights);
        vm.warp(START + 10 * EPOCH);
        (_ids, _weights) = (new uint32[](0), new uint96[](0));
        for (uint256 i = 0; i < SEATS; i++) {
            _ids.push(uint32(100 * (i + 1)));
            _weights.push(weights[i]);
        }
        seats.plan(_ids, _weights);
    }

    function _opening() private pure returns (bytes memory) {
        return abi.encodeCall(IRollCalls.openRollCall, ());
    }

    function _closing() private pure returns (bytes memory) {
        return abi.encodeCall(IRollCalls.closeRollCall, ());
    }

    function _reported() private {
        _submit(_report(), _all(SEATS));
        _acceptedAt = block.timestamp;
    }

    /// Three silent days after a report, and a roll call.
    function _opened() private returns (uint256 openedAt) {
        _reported();
        openedAt = _acceptedAt + SILENCE;
        vm.warp(openedAt);
        reports.openRollCall();
    }

    function _answerCall(uint64 number, uint256 positions, uint256 secret) private view returns (bytes memory) {
        bytes memory signature = BlsSigner.sign(secret, reports.rollCallDigest(number), BlsSigner.REPORT_DOMAIN);
        return abi.encodeCall(IRollCalls.answerRollCall, (positions, signature));
    }

    function _answer(uint64 number, uint256 positions) private {
        reports.answerRollCall(positions, _signature(reports.rollCallDigest(number), positions));
    }

    function _jailedAre(uint32[] memory expected) private view {
        assert(keccak256(abi.encode(seats.jailed())) == keccak256(abi.encode(expected)));
    }

    function _list(uint32[6] memory ids, uint256 length) private pure returns (uint32[] memory list) {
        list = new uint32[](length);
        for (uint256 i = 0; i < length; i++) list[i] = ids[i];
    }

    // ------------------------------------------------------------------------------------------------ opening

    function test_beforeTheFirstReportNothingCanHaveStopped() public {
        vm.warp(block.timestamp + 300 days);
        _refuses(_opening(), abi.encodeWithSelector(IRollCalls.RollCallsNoReportYet.selector));
    }

    function test_opensThreeDaysAfterTheLastReport() public {
        _reported();
        uint256 openableAt = _acceptedAt + SILENCE;
        vm.warp(openableAt - 1);
        _refuses(_opening(), _error(IRollCalls.RollCallsTooEarly.selector, openableAt, openableAt - 1));
        vm.warp(openableAt);
        _listen();
        vm.prank(STRANGER);
        assert(reports.openRollCall() == 1);
        bytes memory data = abi.encode(2, openableAt + 24 hours);
        _heard(address(reports), _log(IRollCalls.RollCallOpened.selector, abi.encode(1), data));
        (uint64 number, uint64 version, uint64 openedAt, uint256 answered, bool isClosed) = reports.latestRollCall();
        assert(number == 1 && version == 2 && openedAt == openableAt && answered == 0 && !isClosed);
    }

    /// Of any shard, and one that was vetoed was a report all the same.
    function test_everyAcceptedReportCounts() public {
        reports.setShards(3);
        _reported();
        vm.warp(block.timestamp + EPOCH);
        Report memory report = _report();
        (report.shard, report.parent) = (1, 0);
        bytes32 digest = _submit(report, _all(SEATS));
        uint256 openableAt = block.timestamp + SILENCE;
        vm.prank(GUARDIAN);
        reports.veto(digest);
        vm.warp(openableAt - 1);
        _refuses(_opening(), _error(IRollCalls.RollCallsTooEarly.selector, openableAt, openableAt - 1));
        vm.warp(openableAt);
        reports.openRollCall();
    }

    /// The seats of now, and nobody when the version of now cannot be written.
    function test_callsTheSeatsOfNow() public {
        _reported();
        uint32[] memory ids = new uint32[](2);
        (ids[0], ids[1]) = (200, 500);
        seats.plan(ids, new uint96[](2));
        vm.warp(_acceptedAt + SILENCE);
        vm.mockCallRevert(address(seats), abi.encodeWithSelector(seats.rollOver.selector), hex"1234");
        _refuses(_opening(), hex"1234");
        vm.clearMockedCalls();
        reports.openRollCall();
        _refuses(_answerCall(1, 4, 3), _error(IRollCalls.RollCallsUnknownSeats.selector, 4, 2));
        _refuses(_answerCall(1, 1, 1), _error(IRollCalls.RollCallsAnswerInvalid.selector, _digest(1)));
        // The node 200 has the secret 2.
        (bool taken, ) = address(reports).call(_answerCall(1, 1, 2));
        assert(taken);
        vm.warp(block.timestamp + 24 hours);
        reports.closeRollCall();
        _jailedAre(_list([uint32(500), 0, 0, 0, 0, 0], 1));
    }

    function _digest(uint64 number) private view returns (uint256) {
        return uint256(reports.rollCallDigest(number));
    }

    function test_withoutSeatsThereIsNobodyToCall() public {
        _reported();
        seats.plan(new uint32[](0), new uint96[](0));
        vm.warp(_acceptedAt + SILENCE);
        _refuses(_opening(), abi.encodeWithSelector(IRollCalls.RollCallsNobodyToCall.selector));
    }

    /// Closed or lapsed, the next one is three days after it.
    function test_twoRollCallsAreThreeDaysApart() public {
        uint256 openedAt = _opened();
        bytes memory early = _error(IRollCalls.RollCallsTooEarly.selector, openedAt + SILENCE, openedAt);
        _refuses(_opening(), early);
        vm.warp(openedAt + 24 hours);
        reports.closeRollCall();
        vm.warp(openedAt + SILENCE - 1);
        _refuses(_opening(), _error(IRollCalls.RollCallsTooEarly.selector, openedAt + SILENCE, openedAt + SILENCE - 1));
        vm.warp(openedAt + SILENCE);
        assert(reports.openRollCall() == 2);
        // Nobody closes this one: it lapses.
        vm.warp(openedAt + 2 * SILENCE - 1);
        bytes memory closing = _closing();
        bytes32 before = _state();
        (bool taken, ) = address(reports).call(closing);
        assert(taken && _state() != before);
        vm.warp(openedAt + 2 * SILENCE);
        assert(reports.openRollCall() == 3);
        vm.warp(openedAt + 3 * SILENCE);
        _refuses(closing, _error(IRollCalls.RollCallsNotOpen.selector, 3));
        _refuses(_answerCall(3, 1, 1), _error(IRollCalls.RollCallsNotOpen.selector, 3));
    }

    /// A report after a roll call: from that one on it is three days.
    function test_aLaterReportCountsMoreThanAnEarlierRollCall() public {
        uint256 openedAt = _opened();
        vm.warp(openedAt + 2 days);
        _reported();
        uint256 openableAt = openedAt + 2 days + SILENCE;
        vm.warp(openableAt - 1);
        _refuses(_opening(), _error(IRollCalls.RollCallsTooEarly.selector, openableAt, openableAt - 1));
        vm.warp(openableAt);
        assert(reports.openRollCall() == 2);
    }

    // ---------------------------------------------------------------------------------------------- answering

    function test_answersAddUpUntilADayHasPassed() public {
        uint256 openedAt = _opened();
        _listen();
        vm.prank(STRANGER);
        _answer(1, 2);
        _heard(address(reports), _log(IRollCalls.RollCallAnswered.selector, abi.encode(1), abi.encode(2)));
        _answer(1, 9);
        // Twice is once.
        _answer(1, 9);
        _answer(1, 2);
        (, , , uint256 answered, ) = reports.latestRollCall();
        assert(answered == 11);
        vm.warp(openedAt + 24 hours - 1);
        _answer(1, 4);
        (, , , answered, ) = reports.latestRollCall();
        assert(answered == 15);
        vm.warp(openedAt + 24 hours);
        bytes4 selector = IRollCalls.RollCallsAnsweringOver.selector;
        _refuses(_answerCall(1, 16, 5), _error(selector, openedAt + 24 hours, openedAt + 24 hours));
    }

    function test_answersOfOthersAreRefused() public {
        _refuses(_answerCall(0, 1, 1), _error(IRollCalls.RollCallsNotOpen.selector, 0));
        _refuses(_closing(), _error(IRollCalls.RollCallsNotOpen.selector, 0));
        uint256 openedAt = _opened();
        bytes memory invalid = _error(IRollCalls.RollCallsAnswerInvalid.selector, _digest(1));
        _refuses(_answerCall(1, 1, 2), invalid);
        // One of two signed.
        _refuses(_answerCall(1, 3, 2), invalid);
        // For nobody.
        _refuses(_answerCall(1, 0, 1), invalid);
        _refuses(abi.encodeCall(IRollCalls.answerRollCall, (0, new bytes(96))), invalid);
        _refuses(abi.encodeCall(IRollCalls.answerRollCall, (1, new bytes(96))), invalid);
        // A report's digest is none of a roll call's.
        bytes32 digest = reports.digestOf(_report());
        bytes memory attestation = BlsSigner.sign(1, digest, BlsSigner.REPORT_DOMAIN);
        _refuses(abi.encodeCall(IRollCalls.answerRollCall, (1, attestation)), invalid);
        uint256[3] memory beyond = [uint256(1) << SEATS, 1 << 96, 1 << 255];
        for (uint256 i = 0; i < beyond.length; i++) {
            bytes memory unknown = _error(IRollCalls.RollCallsUnknownSeats.selector, beyond[i], SEATS);
            _refuses(_answerCall(1, beyond[i], 1), unknown);
        }
        // An answer of the first to the second.
        bytes memory old = _answerCall(1, 1, 1);
        vm.warp(openedAt + SILENCE);
        reports.openRollCall();
        _refuses(old, _error(IRollCalls.RollCallsAnswerInvalid.selector, _digest(2)));
        _answer(2, 1);
    }

    /// The key that a node has now, also when it was rotated after the version was written.
    function test_theKeysOfNowAnswer() public {
        _opened();
        seats.rotate(100, 60);
        _refuses(_answerCall(1, 1, 1), _error(IRollCalls.RollCallsAnswerInvalid.selector, _digest(1)));
        (bool taken, ) = address(reports).call(_answerCall(1, 3, 62));
        assert(taken);
    }

    /// The text that seats sign, by EIP-712.
    function test_theDigestIsOfTheNumberAndTheContract() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Pennyblack Reports"),
                keccak256("1"),
                block.chainid,
                address(reports)
            )
        );
        assert(domain == reports.DOMAIN_SEPARATOR());
        bytes32 hash = keccak256(abi.encode(keccak256("RollCall(uint64 number)"), 7));
        assert(reports.rollCallDigest(7) == keccak256(abi.encodePacked(hex"1901", domain, hash)));
    }

    // ------------------------------------------------------------------------------------------------ closing

    /// Case 33b, 33c: who is silent is jailed, the heaviest first; only a third can be, which NodeSeats sees to.
    function test_case33b_theSilentAreJailedTheHeaviestFirst() public {
        uint256 openedAt = _opened();
        _answer(1, 4);
        uint256 until = openedAt + 24 hours;
        vm.warp(until - 1);
        _refuses(_closing(), _error(IRollCalls.RollCallsAnsweringNotOver.selector, until, until - 1));
        vm.warp(until);
        uint32[] memory silent = _list([uint32(600), 200, 400, 100, 500, 0], 5);
        _listen();
        vm.prank(STRANGER);
        reports.closeRollCall();
        _heard(address(reports), _log(IRollCalls.RollCallClosed.selector, abi.encode(1), abi.encode(silent)));
        _jailedAre(silent);
        (, , , , bool isClosed) = reports.latestRollCall();
        assert(isClosed);
        _refuses(_closing(), _error(IRollCalls.RollCallsNotOpen.selector, 1));
        _refuses(_answerCall(1, 1, 1), _error(IRollCalls.RollCallsNotOpen.selector, 1));
    }

    function test_aReportInTheMeantimeEndsIt() public {
        uint256 openedAt = _opened();
        _reported();
        vm.warp(openedAt + 24 hours);
        _refuses(_closing(), _error(IRollCalls.RollCallsReportAccepted.selector, openedAt));
    }

    function test_nobodyIsJailedWhenAllAnswered() public {
        uint256 openedAt = _opened();
        _answer(1, _all(SEATS));
        vm.warp(openedAt + 24 hours);
        _listen();
        reports.closeRollCall();
        bytes memory data = abi.encode(new uint32[](0));
        _heard(address(reports), _log(IRollCalls.RollCallClosed.selector, abi.encode(1), data));
        assert(seats.jailed().length == 0);
    }

    /// Whoever answers, the list is all others, by weight and among equals by id.
    function test_case33c_theListIsAllOthersByWeight() public {
        for (uint256 i = 0; i < 24; i++) _listsAllOthers(uint256(keccak256(abi.encode(i))));
    }

    function _listsAllOthers(uint256 seed) private {
        setUp();
        for (uint256 i = 0; i < SEATS; i++) _weights[i] = uint96((seed >> (16 * i)) % 5);
        seats.plan(_ids, _weights);
        uint256 openedAt = _opened();
        uint256 answered = (seed >> 200) % 2 ** SEATS;
        if (answered != 0) _answer(1, answered);
        vm.warp(openedAt + 24 hours);
        reports.closeRollCall();
        uint32[] memory jailed = seats.jailed();
        uint256 seen;
        for (uint256 i = 0; i < jailed.length; i++) {
            uint256 position = jailed[i] / 100 - 1;
            seen |= 1 << position;
            if (i == 0) continue;
            uint256 last = jailed[i - 1] / 100 - 1;
            bool isHeavier = _weights[last] > _weights[position];
            assert(isHeavier || (_weights[last] == _weights[position] && last < position));
        }
        assert(seen == _all(SEATS) & ~answered);
    }
}
