// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {FaultProofs} from "../../contracts/FaultProofs.sol";
import {IAttestedLogs, IFaultProofs} from "../../contracts/interfaces/IFaultProofs.sol";
import {IKeyHistory} from "../../contracts/interfaces/INodeKeys.sol";
import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {WorldRefusals} from "../support/WorldRefusals.sol";
import {vm} from "../support/Vm.sol";

/// @notice The whole life of a case, on the real stake of real nodes. The test is guardian, governor and authority.
contract FaultProofsTest is WorldRefusals {
    address private constant REPORTER = address(0x4E90);
    uint256 private _openedAt;

    function setUp() public {
        _enterBoth();
    }

    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(faultProofs), caller, call, bytes.concat(selector, arguments));
    }

    function _execute(uint256 caseId) private pure returns (bytes memory) {
        return abi.encodeCall(IFaultProofs.execute, (caseId));
    }

    function _dismiss(uint256 caseId) private pure returns (bytes memory) {
        return abi.encodeCall(IFaultProofs.dismiss, (caseId));
    }

    function _reopen(uint256 caseId) private pure returns (bytes memory) {
        return abi.encodeCall(IFaultProofs.reopen, (caseId));
    }

    function _close(uint256 caseId) private pure returns (bytes memory) {
        return abi.encodeCall(IFaultProofs.close, (caseId));
    }

    function _status(uint256 caseId) private view returns (IFaultProofs.Status) {
        return faultProofs.getCase(caseId).status;
    }

    function _open() private returns (uint256 caseId) {
        caseId = _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 7);
        _openedAt = block.timestamp;
    }

    function test_aCaseSaysWhatItIsAbout() public {
        uint256 caseId = _open();
        IFaultProofs.Case memory opened = faultProofs.getCase(caseId);
        assert(caseId == 1 && faultProofs.caseOf(NODE, 7) == 1 && faultProofs.caseOf(NODE, 8) == 0);
        assert(opened.fault == IFaultProofs.Fault.Equivocation && opened.status == IFaultProofs.Status.Open);
        assert(opened.reporter == REPORTER && opened.committedAt == START);
        assert(opened.nodeId == NODE && opened.sequenceId == 7 && !opened.wasReopened);
        assert(opened.executableAt == _openedAt + 7 days && opened.reopenableUntil == 0);
        assert(staking.isFrozen(NODE) && !staking.isFrozen(OTHER));
    }

    /// The window's last second is the guardian's; the next one is everybody's.
    function test_anOpenCaseIsExecutedAfterItsAppealWindow() public {
        uint256 caseId = _open();
        uint256 executableAt = _openedAt + 7 days;
        bytes4 selector = IFaultProofs.FaultProofsAppealNotOver.selector;
        _refuses(STRANGER, _execute(caseId), selector, abi.encode(executableAt, _openedAt));
        vm.warp(executableAt - 1);
        _refuses(STRANGER, _execute(caseId), selector, abi.encode(executableAt, executableAt - 1));
        vm.warp(executableAt);
        selector = IFaultProofs.FaultProofsAppealOver.selector;
        _refuses(address(this), _dismiss(caseId), selector, abi.encode(executableAt, executableAt));
        _accepts(address(faultProofs), STRANGER, _execute(caseId));
        assert(_status(caseId) == IFaultProofs.Status.Executed && faultProofs.equivocationsOf(NODE) == 1);
        assert(!staking.isFrozen(NODE) && staking.slashableOf(NODE) == (MINIMUM * 99) / 100);
        assert(staking.creditOf(REPORTER) == MINIMUM / 500 && staking.creditOf(TREASURY) == MINIMUM / 125);
        // Below what its seat needs.
        assert(seats.seatMinimumOf(NODE) == 0 && seats.seatMinimumOf(OTHER) == MINIMUM);
        _refusesEnded(caseId, IFaultProofs.Status.Executed);
    }

    function _refusesEnded(uint256 caseId, IFaultProofs.Status status) private {
        bytes4 notOpen = IFaultProofs.FaultProofsCaseNotOpen.selector;
        bytes4 notDismissed = IFaultProofs.FaultProofsCaseNotDismissed.selector;
        _refuses(STRANGER, _execute(caseId), notOpen, abi.encode(caseId, status));
        _refuses(address(this), _dismiss(caseId), notOpen, abi.encode(caseId, status));
        _refuses(address(this), _reopen(caseId), notDismissed, abi.encode(caseId, status));
        _refuses(STRANGER, _close(caseId), notDismissed, abi.encode(caseId, status));
    }

    function test_whatIsNoCaseIsNeitherOpenNorDismissed() public {
        _refusesEnded(1, IFaultProofs.Status.None);
        uint256 caseId = _open();
        bytes4 selector = IFaultProofs.FaultProofsCaseNotDismissed.selector;
        bytes memory arguments = abi.encode(caseId, IFaultProofs.Status.Open);
        _refuses(address(this), _reopen(caseId), selector, arguments);
        _refuses(STRANGER, _close(caseId), selector, arguments);
    }

    /// 1 % of a first equivocation, 10 % of later ones and of wrong targets, 20 % of a contradicted receipt.
    function test_eachFaultHasItsShare() public {
        _stake(NODE, MINIMUM);
        vm.prank(ALICE);
        staking.unstake(NODE, MINIMUM / 2);
        uint256[4] memory cases = [
            _reportWrongTarget(REPORTER, ALICE_SIGNS, NODE, 1),
            _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 2),
            _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 3),
            _reportContradiction(REPORTER, ALICE_SIGNS, NODE, 4)
        ];
        assert(faultProofs.getCase(1).fault == IFaultProofs.Fault.WrongTarget);
        assert(faultProofs.getCase(4).fault == IFaultProofs.Fault.ContradictedReceipt);
        vm.warp(block.timestamp + 7 days);
        uint256 credited;
        uint256 left = 2 * MINIMUM;
        uint16[4] memory shares = [1_000, 100, 1_000, 2_000];
        for (uint256 i = 0; i < 4; i++) {
            assert(staking.isFrozen(NODE));
            faultProofs.execute(cases[i]);
            uint256 slashed = (left * shares[i]) / 10_000;
            left -= slashed;
            credited += slashed / 5;
            assert(staking.slashableOf(NODE) == left && staking.creditOf(REPORTER) == credited);
        }
        assert(!staking.isFrozen(NODE) && faultProofs.equivocationsOf(NODE) == 2);
        assert(staking.creditOf(TREASURY) == 2 * MINIMUM - left - credited);
        assert(staking.slashableOf(OTHER) == MINIMUM && !staking.isFrozen(OTHER));
    }

    function test_onlyTheGuardianDismissesAndOnlyTheGovernorReopens() public {
        uint256 caseId = _open();
        bytes4 notGuardian = IFaultProofs.FaultProofsNotGuardian.selector;
        bytes4 notGovernor = IFaultProofs.FaultProofsNotGovernor.selector;
        address[3] memory others = [ALICE, REPORTER, TREASURY];
        for (uint256 i = 0; i < 3; i++) {
            _refuses(others[i], _dismiss(caseId), notGuardian, abi.encode(others[i], this));
            _refuses(others[i], _reopen(caseId), notGovernor, abi.encode(others[i], this));
        }
        assert(faultProofs.guardian() == address(this) && faultProofs.governor() == address(this));
        assert(address(faultProofs.staking()) == address(staking) && address(faultProofs.logs()) == address(this));
        assert(address(faultProofs.keys()) == address(registry));
    }

    function test_aDismissedCaseIsReopenedOnceAndThenExecuted() public {
        uint256 caseId = _open();
        vm.warp(_openedAt + 7 days - 1);
        faultProofs.dismiss(caseId);
        uint256 until = block.timestamp + 14 days;
        assert(_status(caseId) == IFaultProofs.Status.Dismissed);
        assert(faultProofs.getCase(caseId).reopenableUntil == until);
        bytes4 notOver = IFaultProofs.FaultProofsReopeningNotOver.selector;
        _refuses(STRANGER, _close(caseId), notOver, abi.encode(until, block.timestamp));
        bytes4 notOpen = IFaultProofs.FaultProofsCaseNotOpen.selector;
        bytes memory arguments = abi.encode(caseId, IFaultProofs.Status.Dismissed);
        _refuses(STRANGER, _execute(caseId), notOpen, arguments);
        _refuses(address(this), _dismiss(caseId), notOpen, arguments);
        vm.warp(until - 1);
        assert(staking.isFrozen(NODE));
        _refuses(STRANGER, _close(caseId), notOver, abi.encode(until, until - 1));
        faultProofs.reopen(caseId);
        assert(_status(caseId) == IFaultProofs.Status.Open && faultProofs.getCase(caseId).wasReopened);
        bytes4 selector = IFaultProofs.FaultProofsDismissalFinal.selector;
        _refuses(address(this), _dismiss(caseId), selector, abi.encode(caseId));
        selector = IFaultProofs.FaultProofsAppealNotOver.selector;
        vm.warp(until - 2 + 7 days);
        _refuses(STRANGER, _execute(caseId), selector, abi.encode(until - 1 + 7 days, until - 2 + 7 days));
        vm.warp(until - 1 + 7 days);
        faultProofs.execute(caseId);
        assert(staking.slashableOf(NODE) == (MINIMUM * 99) / 100 && !staking.isFrozen(NODE));
    }

    function test_aDismissedCaseThatNobodyReopensIsClosedForGood() public {
        uint256 caseId = _open();
        faultProofs.dismiss(caseId);
        uint256 until = block.timestamp + 14 days;
        vm.warp(until);
        bytes4 selector = IFaultProofs.FaultProofsReopeningOver.selector;
        _refuses(address(this), _reopen(caseId), selector, abi.encode(until, until));
        _accepts(address(faultProofs), STRANGER, _close(caseId));
        assert(!staking.isFrozen(NODE) && staking.slashableOf(NODE) == MINIMUM);
        assert(faultProofs.equivocationsOf(NODE) == 0);
        _refusesEnded(caseId, IFaultProofs.Status.Closed);
    }

    /// I7: a case keeps its instant, whatever is set later; the bounds are the code's.
    function test_I7_theAppealWindowStaysWhatItWas() public {
        uint256 caseId = _open();
        for (uint64 days_ = 1; days_ <= 30; days_ += 29) {
            faultProofs.setAppealSeconds(days_ * 1 days);
            assert(faultProofs.appealSeconds() == days_ * 1 days);
            assert(faultProofs.getCase(caseId).executableAt == _openedAt + 7 days);
        }
        uint64[2] memory refused = [uint64(1 days - 1), 30 days + 1];
        bytes4 selector = IFaultProofs.FaultProofsAppealOutOfBounds.selector;
        for (uint256 i = 0; i < 2; i++) {
            bytes memory set = abi.encodeCall(IFaultProofs.setAppealSeconds, (refused[i]));
            _refuses(address(this), set, selector, abi.encode(refused[i], 1 days, 30 days));
            try
                new FaultProofs(
                    INodeStaking(address(staking)),
                    IKeyHistory(address(registry)),
                    IAttestedLogs(this),
                    ALICE,
                    ALICE,
                    ALICE,
                    refused[i]
                )
            returns (FaultProofs) {
                assert(false);
            } catch (bytes memory answer) {
                assert(keccak256(answer) == keccak256(abi.encodeWithSelector(selector, refused[i], 1 days, 30 days)));
            }
        }
        selector = IAccessManaged.AccessManagedUnauthorized.selector;
        bytes memory stranger = abi.encodeCall(IFaultProofs.setAppealSeconds, (7 days));
        _refuses(STRANGER, stranger, selector, abi.encode(STRANGER));
    }

    /// Two cases of one node: it stays frozen until the last of them ends.
    function test_stakeIsFrozenUntilTheLastCaseEnds() public {
        _stake(NODE, MINIMUM);
        vm.prank(ALICE);
        staking.unstake(NODE, MINIMUM);
        uint256 first = _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 1);
        uint256 second = _reportWrongTarget(REPORTER, ALICE_SIGNS, NODE, 2);
        faultProofs.dismiss(second);
        vm.warp(block.timestamp + 7 days);
        faultProofs.execute(first);
        vm.warp(block.timestamp + 7 days);
        bytes memory withdraw = abi.encodeCall(INodeStaking.withdrawStake, (NODE, ALICE));
        bytes4 selector = INodeStaking.NodeStakingFrozen.selector;
        _refuses(address(staking), ALICE, withdraw, bytes.concat(selector, abi.encode(NODE, 1)));
        faultProofs.close(second);
        vm.prank(ALICE);
        // Slashed from what was staked; nothing of it from what unbonds.
        assert(staking.withdrawStake(NODE, ALICE) == MINIMUM);
    }
}
