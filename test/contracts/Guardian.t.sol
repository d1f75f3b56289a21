// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Guardian} from "../../contracts/governance/Guardian.sol";
import {IFaultProofs} from "../../contracts/interfaces/IFaultProofs.sol";
import {IGuardedGovernor} from "../../contracts/interfaces/IGuardedGovernor.sol";
import {IGuardian, IVetoedReports} from "../../contracts/interfaces/IGuardian.sol";
import {IPausableEntries} from "../../contracts/interfaces/IPausableEntries.sol";
import {Refusals} from "../support/Refusals.sol";
import {Vm, vm, within} from "../support/Vm.sol";

/// @notice FaultProofs, EpochReports, Governor and what can be paused, which remember what they were told last.
contract GuardedPeers {
    bytes public last;
    address public caller;
    bool public refuses;

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    fallback() external {
        require(!refuses, "refused");
        (last, caller) = (msg.data, msg.sender);
        assembly ("memory-safe") {
            return(0, 32)
        }
    }
}

/// @notice The keyholder's powers one by one, its term and its budgets to the second. The test is the Timelock.
contract GuardianTest is Refusals {
    uint256 private constant START = 1_800_000_000;
    address private constant KEYHOLDER = address(0x6EA4);
    address private constant STRANGER = address(0x57A);

    GuardedPeers private _peers = new GuardedPeers();
    Guardian private _guardian;

    function setUp() public {
        vm.warp(START);
        _guardian = _built(KEYHOLDER);
    }

    function _built(address keyholder) private returns (Guardian) {
        address peers = address(_peers);
        return
            new Guardian(address(this), IGuardedGovernor(peers), IFaultProofs(peers), IVetoedReports(peers), keyholder);
    }

    function _state() internal view override returns (bytes32) {
        Guardian g = _guardian;
        return
            keccak256(
                abi.encode(g.keyholder(), g.termEndsAt(), g.dismissalsLeft(), g.vetoesLeft(), keccak256(_peers.last()))
            );
    }

    /// The five powers, and what each tells its peer.
    function _powers() private view returns (bytes[5] memory calls, bytes[5] memory told) {
        IPausableEntries target = IPausableEntries(address(_peers));
        (address[] memory targets, uint256[] memory values) = (new address[](1), new uint256[](1));
        bytes[] memory calldatas = new bytes[](1);
        calls = [
            abi.encodeCall(IGuardian.pauseEntries, (target, 60)),
            abi.encodeCall(IGuardian.resumeEntries, (target)),
            abi.encodeCall(IGuardian.dismiss, (7)),
            abi.encodeCall(IGuardian.veto, (bytes32(uint256(8)))),
            abi.encodeCall(IGuardian.cancel, (targets, values, calldatas, bytes32(uint256(9))))
        ];
        told = [
            abi.encodeCall(IPausableEntries.pauseEntries, (60)),
            abi.encodeCall(IPausableEntries.resumeEntries, ()),
            abi.encodeCall(IFaultProofs.dismiss, (7)),
            abi.encodeCall(IVetoedReports.veto, (bytes32(uint256(8)))),
            abi.encodeCall(IGuardedGovernor.cancelAsGuardian, (targets, values, calldatas, bytes32(uint256(9))))
        ];
    }

    function _act(bytes memory call) private {
        vm.prank(KEYHOLDER);
        // solhint-disable-next-line avoid-low-level-calls
        (bool done, ) = address(_guardian).call(call);
        assert(done);
    }

    function test_eachPowerReachesItsPeerAndNothingElse() public {
        (bytes[5] memory calls, bytes[5] memory told) = _powers();
        for (uint256 i = 0; i < 5; i++) {
            _act(calls[i]);
            assert(keccak256(_peers.last()) == keccak256(told[i]));
            assert(_peers.caller() == address(_guardian));
        }
        assert(_guardian.dismissalsLeft() == 2 && _guardian.vetoesLeft() == 2);
    }

    function test_onlyTheKeyholderActsAndOnlyTheTimelockAppoints() public {
        (bytes[5] memory calls, ) = _powers();
        address[2] memory callers = [STRANGER, address(this)];
        for (uint256 i = 0; i < 10; i++) {
            address caller = callers[i % 2];
            bytes memory expected = abi.encodeWithSelector(IGuardian.GuardianNotKeyholder.selector, caller, KEYHOLDER);
            _refuses(address(_guardian), caller, calls[i / 2], expected);
        }
        bytes memory appointing = abi.encodeCall(IGuardian.appoint, (STRANGER));
        bytes4 selector = IGuardian.GuardianNotTimelock.selector;
        address[2] memory others = [STRANGER, KEYHOLDER];
        for (uint256 i = 0; i < 2; i++) {
            _refuses(
                address(_guardian),
                others[i],
                appointing,
                abi.encodeWithSelector(selector, others[i], address(this))
            );
        }
    }

    function test_theTermEndsAfterAYearToTheSecond() public {
        (bytes[5] memory calls, ) = _powers();
        uint256 end = START + 365 days;
        assert(_guardian.termEndsAt() == end);
        vm.warp(end - 1);
        for (uint256 i = 0; i < 5; i++) _act(calls[i]);
        vm.warp(end);
        bytes memory expected = abi.encodeWithSelector(IGuardian.GuardianTermOver.selector, end, end);
        for (uint256 i = 0; i < 5; i++) _refuses(address(_guardian), KEYHOLDER, calls[i], expected);
    }

    function test_aVoteRenewsOrReplacesWithATermFromNowOn() public {
        (bytes[5] memory calls, ) = _powers();
        vm.warp(START + 400 days);
        _guardian.appoint(KEYHOLDER);
        assert(_guardian.termEndsAt() == START + 765 days);
        _act(calls[0]);
        _guardian.appoint(STRANGER);
        assert(_guardian.keyholder() == STRANGER);
        bytes memory expected = abi.encodeWithSelector(IGuardian.GuardianNotKeyholder.selector, KEYHOLDER, STRANGER);
        _refuses(address(_guardian), KEYHOLDER, calls[0], expected);
    }

    /// Terms and budgets can be rebuilt from logs.
    function test_saysWhoIsAppointedAndWhatIsSpent() public {
        (bytes[5] memory calls, ) = _powers();
        vm.recordLogs();
        _guardian.appoint(KEYHOLDER);
        _act(calls[2]);
        _act(calls[3]);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assert(logs.length == 3);
        bytes32[3] memory events = [
            IGuardian.KeyholderAppointed.selector,
            IGuardian.DismissalSpent.selector,
            IGuardian.VetoSpent.selector
        ];
        bytes32[3] memory subjects = [bytes32(uint256(uint160(KEYHOLDER))), bytes32(uint256(7)), bytes32(uint256(8))];
        for (uint256 i = 0; i < 3; i++) {
            assert(logs[i].emitter == address(_guardian));
            assert(logs[i].topics[0] == events[i] && logs[i].topics[1] == subjects[i]);
        }
        assert(abi.decode(logs[0].data, (uint256)) == START + 365 days);
    }

    function test_nobodyIsNoKeyholder() public {
        bytes memory expected = abi.encodeWithSelector(IGuardian.GuardianKeyholderNotAllowed.selector, address(0));
        bytes memory call = abi.encodeCall(IGuardian.appoint, (address(0)));
        _refuses(address(_guardian), address(this), call, expected);
        try this.build(address(0)) {
            assert(false);
        } catch (bytes memory answer) {
            assert(keccak256(answer) == keccak256(expected));
        }
    }

    function build(address keyholder) external {
        _built(keyholder);
    }

    /// Neither a renewal nor another keyholder fills a budget up.
    function test_aBudgetIsTheOfficesAndNotTheKeyholders() public {
        (bytes[5] memory calls, ) = _powers();
        for (uint256 i = 0; i < 3; i++) _act(calls[2]);
        _guardian.appoint(KEYHOLDER);
        assert(_guardian.dismissalsLeft() == 0 && _guardian.vetoesLeft() == 3);
        bytes memory expected = abi.encodeWithSelector(IGuardian.GuardianBudgetSpent.selector, START + 90 days, START);
        _refuses(address(_guardian), KEYHOLDER, calls[2], expected);
        for (uint256 i = 0; i < 3; i++) _act(calls[3]);
        _refuses(address(_guardian), KEYHOLDER, calls[3], expected);
    }

    function test_whatAPeerRefusesIsNotSpent() public {
        (bytes[5] memory calls, ) = _powers();
        _peers.setRefuses(true);
        for (uint256 i = 0; i < 5; i++) {
            _refuses(address(_guardian), KEYHOLDER, calls[i], abi.encodeWithSignature("Error(string)", "refused"));
        }
        assert(_guardian.dismissalsLeft() == 3 && _guardian.vetoesLeft() == 3);
    }

    /// In any 90 days at most 3, and a fourth in the second in which the first is 90 days old.
    function testFuzz_atMostThreeInAnyNinetyDays(uint256[8] memory pauses, bool vetoes) public {
        (bytes[5] memory calls, ) = _powers();
        bytes memory call = vetoes ? calls[3] : calls[2];
        uint256[] memory spentAt = new uint256[](8);
        uint256 spent;
        for (uint256 i = 0; i < 8; i++) {
            // Often to the edge of the window of the third last.
            uint256 wait = within(pauses[i], 0, 60 days);
            if (spent >= 3 && pauses[i] % 3 > 0) {
                uint256 edge = spentAt[spent - 3] + 90 days - (pauses[i] % 3 == 1 ? 1 : 0);
                wait = edge > block.timestamp ? edge - block.timestamp : 0;
            }
            if (block.timestamp + wait >= START + 365 days) return;
            vm.warp(block.timestamp + wait);
            bool free = spent < 3 || block.timestamp >= spentAt[spent - 3] + 90 days;
            assert((vetoes ? _guardian.vetoesLeft() : _guardian.dismissalsLeft()) == _left(spentAt, spent));
            if (free) {
                _act(call);
                spentAt[spent++] = block.timestamp;
            } else {
                bytes memory expected = abi.encodeWithSelector(
                    IGuardian.GuardianBudgetSpent.selector,
                    spentAt[spent - 3] + 90 days,
                    block.timestamp
                );
                _refuses(address(_guardian), KEYHOLDER, call, expected);
            }
        }
    }

    function _left(uint256[] memory spentAt, uint256 spent) private view returns (uint256 left) {
        left = 3;
        for (uint256 i = 0; i < spent; i++) if (spentAt[i] + 90 days > block.timestamp) left--;
    }
}
