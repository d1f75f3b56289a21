// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {PostageChannels} from "../../contracts/PostageChannels.sol";
import {IPausableEntries} from "../../contracts/interfaces/IPausableEntries.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {Refusals} from "../support/Refusals.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm} from "../support/Vm.sol";
import {defaultTerms} from "./PostageChannels.t.sol";

/// @notice The pause as PostageChannels has it. The test is the authority, and the only one it allows anything.
contract PausableEntriesTest is Refusals {
    uint256 private constant START = 1_800_000_000;
    address private constant STRANGER = address(0x57A);
    address private constant PAYER = address(0xA11CE);

    TestUSDC private _usdc = new TestUSDC();
    PostageChannels private _channels;

    function setUp() public {
        vm.warp(START);
        _channels = new PostageChannels(_usdc, address(0xD157), address(0x57A3), address(this), 9 days, defaultTerms());
        _usdc.mint(address(this), 100e6);
        _usdc.approve(address(_channels), type(uint256).max);
        _channels.deposit(PAYER, 10e6);
    }

    /// AccessManager's question.
    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == address(this), 0);
    }

    function _state() internal view override returns (bytes32) {
        uint256 balance = _usdc.balanceOf(address(_channels));
        assert(balance == _channels.getChannel(PAYER).deposited);
        // I17: no pause lasts longer than 7 days, and the next one is at least 30 days behind it.
        assert(_channels.entriesPausedUntil() <= block.timestamp + 7 days);
        assert(_channels.nextPauseAt() == 0 || _channels.nextPauseAt() >= _channels.entriesPausedUntil() + 30 days);
        return
            keccak256(
                abi.encode(
                    balance,
                    _channels.getChannel(PAYER),
                    _channels.parameters(),
                    _channels.entriesPausedUntil(),
                    _channels.nextPauseAt()
                )
            );
    }

    function _refuses(bytes memory call, bytes memory expected) private {
        _refuses(address(_channels), address(this), call, expected);
    }

    function _pause(uint32 duration) private pure returns (bytes memory) {
        return abi.encodeCall(IPausableEntries.pauseEntries, (duration));
    }

    function test_aPauseLastsASecondToSevenDays() public {
        uint32[3] memory durations = [0, 7 days + 1, type(uint32).max];
        for (uint256 i = 0; i < durations.length; i++) {
            bytes4 selector = IPausableEntries.PausableEntriesDurationOutOfBounds.selector;
            _refuses(_pause(durations[i]), abi.encodeWithSelector(selector, durations[i], 1, 7 days));
        }
        _channels.pauseEntries(1);
        assert(_channels.entriesPausedUntil() == START + 1 && _channels.nextPauseAt() == START + 1 + 30 days);
        vm.warp(_channels.nextPauseAt());
        _channels.pauseEntries(7 days);
        assert(_channels.entriesPausedUntil() == START + 1 + 37 days);
        assert(_channels.nextPauseAt() == START + 1 + 67 days);
    }

    /// I17: the rest is counted from the end that the pause was given, even when it was ended early.
    function test_I17_theNextPauseHasToWait() public {
        _channels.pauseEntries(7 days);
        _channels.resumeEntries();
        bytes4 selector = IPausableEntries.PausableEntriesTooSoon.selector;
        _refuses(_pause(1), abi.encodeWithSelector(selector, START + 37 days, START));
        vm.warp(START + 37 days - 1);
        _refuses(_pause(1), abi.encodeWithSelector(selector, START + 37 days, START + 37 days - 1));
        vm.warp(START + 37 days);
        _channels.pauseEntries(1);
    }

    function test_onlyAPauseThatLastsCanBeEnded() public {
        bytes memory resume = abi.encodeCall(IPausableEntries.resumeEntries, ());
        bytes4 selector = IPausableEntries.PausableEntriesNotPaused.selector;
        _refuses(resume, abi.encodeWithSelector(selector, 0, START));
        _channels.pauseEntries(1 days);
        vm.warp(START + 1 hours);
        _channels.resumeEntries();
        assert(_channels.entriesPausedUntil() == START + 1 hours);
        assert(_channels.nextPauseAt() == START + 31 days);
        _refuses(resume, abi.encodeWithSelector(selector, START + 1 hours, START + 1 hours));
        _channels.deposit(PAYER, 1);

        vm.warp(START + 31 days);
        _channels.pauseEntries(1 days);
        vm.warp(START + 32 days);
        _refuses(resume, abi.encodeWithSelector(selector, START + 32 days, START + 32 days));
    }

    /// I17: every way in is closed until the very second at which the pause ends by itself.
    function test_I17_everyEntryIsClosedUntilThePauseEnds() public {
        IPostageChannels.Authorization memory authorization;
        bytes[5] memory entries = [
            abi.encodeCall(IPostageChannels.deposit, (PAYER, 1e6)),
            abi.encodeCall(IPostageChannels.depositWithPermit, (PAYER, 1e6, type(uint256).max, 27, 0, 0)),
            abi.encodeCall(IPostageChannels.depositMany, (new IPostageChannels.Funding[](0))),
            abi.encodeWithSignature(
                "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),uint8,bytes32,bytes32)",
                authorization,
                27,
                bytes32(0),
                bytes32(0)
            ),
            abi.encodeWithSignature(
                "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),bytes)",
                authorization,
                ""
            )
        ];
        _channels.pauseEntries(1 days);
        bytes4 selector = IPausableEntries.PausableEntriesPaused.selector;
        uint256[2] memory instants = [START, START + 1 days - 1];
        for (uint256 i = 0; i < instants.length; i++) {
            vm.warp(instants[i]);
            for (uint256 k = 0; k < entries.length; k++) {
                _refuses(entries[k], abi.encodeWithSelector(selector, START + 1 days, instants[i]));
            }
        }
        vm.warp(START + 1 days);
        _channels.deposit(PAYER, 1e6);
        assert(_channels.getChannel(PAYER).deposited == 11e6);
    }

    /// I8: a pause that begins with a withdrawal and one that is under way do not hold it up.
    function test_I8_exitsStayOpenInAPause() public {
        vm.prank(PAYER);
        _channels.requestWithdrawal(PAYER, 4e6);
        vm.warp(START + 72 hours - 1);
        _channels.pauseEntries(7 days);
        vm.warp(START + 72 hours);
        vm.prank(PAYER);
        _channels.withdraw(PAYER, address(0xBEEF));
        assert(_usdc.balanceOf(address(0xBEEF)) == 4e6);
        (uint64 collected, ) = _channels.settle("");
        assert(collected == 0);
        vm.prank(address(0xD157));
        assert(_channels.collect() == 0);
    }

    function test_nobodyElseMayPauseOrSetParameters() public {
        bytes[5] memory calls = [
            _pause(1 days),
            abi.encodeCall(IPausableEntries.resumeEntries, ()),
            abi.encodeCall(IPostageChannels.setWithdrawalTerms, (72 hours, 10 days)),
            abi.encodeCall(IPostageChannels.setMinimumDeposit, (2e6)),
            abi.encodeCall(IPostageChannels.setBounty, (1, 1))
        ];
        bytes memory expected = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, STRANGER);
        for (uint256 i = 0; i < calls.length; i++) _refuses(address(_channels), STRANGER, calls[i], expected);
    }
}
