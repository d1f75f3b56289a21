// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {vm} from "../support/Vm.sol";
import {ChannelRefusals} from "./PostageChannelsReverts.t.sol";

/// @notice Attacks beyond the numbered cases, tried by hand.
contract PostageChannelsAttacks is ChannelRefusals {
    error Attempted(bool isSettled, uint256 feesSpent, uint256 otherFeesSpent);

    function setUp() public {
        vm.warp(START);
        _start();
        _fund();
    }

    // A call short of gas.

    /// Undone each time, so that every attempt begins with the same storage.
    function attempt(bytes calldata rows, uint256 gas) external {
        bool isSettled;
        try channels.settle{gas: gas}(rows) {
            isSettled = true;
        } catch {}
        revert Attempted(isSettled, channels.getChannel(payer).feesSpent, channels.getChannel(other).feesSpent);
    }

    function _attempt(bytes memory rows, uint256 gas) private returns (bool isSettled) {
        uint256 feesSpent;
        uint256 otherFeesSpent;
        try this.attempt(rows, gas) {} catch (bytes memory answer) {
            assembly ("memory-safe") {
                isSettled := mload(add(answer, 0x24))
                feesSpent := mload(add(answer, 0x44))
                otherFeesSpent := mload(add(answer, 0x64))
            }
        }
        // All rows, or none.
        if (isSettled) assert(feesSpent == 3e6 && otherFeesSpent == 2e6);
        else assert(feesSpent == 1e6 && otherFeesSpent == 0);
    }

    /// A precompile without gas answers like a bad signature. Whoever picks the gas limit, even to the unit, must not
    /// be able to have a good row skipped by a settlement that succeeds.
    function test_noGasLimitSettlesAPartOfTheRows() public {
        channels.deposit(other, 5e6);
        bytes memory rows = bytes.concat(_row(0, 3e6, 2e6), _row(1, 2e6, 0));
        uint256 low = 30_000;
        uint256 high = 300_000;
        assert(!_attempt(rows, low) && _attempt(rows, high));
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            if (_attempt(rows, middle)) high = middle;
            else low = middle;
        }
        for (uint256 gas = high - 150; gas < high + 150; gas++) assert(_attempt(rows, gas) == (gas >= high));
        for (uint256 gas = 30_000; gas < high + 5_000; gas += 97) _attempt(rows, gas);
    }

    // Keys.

    /// Section 4 of assurance.md: vouchers are checked by ecrecover, also when the key's address has code (EIP-7702),
    /// and that code has no say.
    function test_aKeyWithCodeSignsLikeAnyOther() public {
        // Answers every call, ERC-1271 included, with the selector that means yes.
        vm.etch(payer, hex"7f1626ba7e0000000000000000000000000000000000000000000000000000000060005260206000f3");
        bytes memory forged = abi.encodePacked(uint64(9e6), uint64(0), bytes32(uint256(1)), bytes32(uint256(1)));
        bytes32 before = _state();
        channels.settle(forged);
        assert(_state() == before);
        channels.settle(_row(0, 4e6, 2e6));
        assert(channels.getChannel(payer).feesSpent == 4e6);
        // Nor does it make an owner.
        vm.expectRevert();
        channels.assignOwner(payer, STRANGER, block.timestamp, bytes32(uint256(1)), bytes32(uint256(1)));
    }

    /// Whoever stole the key of an owned channel signs larger stamp ceilings every day. The owner's exit keeps the
    /// instant that its request fixed, and then pays everything that was not fees.
    function test_aStolenKeyCannotHoldTheOwnersMoneyLonger() public {
        address owner = address(0x0113);
        vm.prank(payer);
        channels.handOn(payer, owner);
        vm.prank(owner);
        channels.requestWithdrawal(payer, 9e6);
        for (uint256 day = 1; day < 10; day++) {
            vm.warp(START + day * 1 days);
            channels.settle(_row(0, 1e6, uint64(2e6 + day * 1e6)));
            vm.prank(payer);
            vm.expectRevert();
            channels.cancelWithdrawal(payer);
        }
        vm.warp(START + 10 days - 1);
        channels.settle(_row(0, 1e6, type(uint64).max));
        assert(channels.freeAmount(payer) == 0);
        vm.warp(START + 10 days);
        vm.prank(owner);
        channels.withdraw(payer, SINK);
        assert(usdc.balanceOf(SINK) == 9e6);
    }

    // Bounties.

    /// A payer that settles for itself in a thousand small steps: the cap per row is gone, its share is not.
    function test_splittingAVoucherEarnsNoMoreThanTheShare() public {
        channels.deposit(other, 100e6);
        bytes memory rows;
        for (uint256 i = 1; i <= 50; i++) rows = bytes.concat(rows, _row(1, uint64(i * 2e6), 0));
        vm.prank(STRANGER);
        (uint64 collected, uint64 bounty) = channels.settle(rows);
        assert(collected == 100e6 && bounty == (100e6 * 50) / 10_000);
        // Dust earns nothing at all.
        channels.deposit(payer, 100e6);
        for (uint256 i = 1; i <= 50; i++) {
            bytes memory row = _row(0, uint64(1e6 + i * 199), 2e6);
            vm.prank(STRANGER);
            (, bounty) = channels.settle(row);
            assert(bounty == 0);
        }
        _state();
    }

    // Withdrawals.

    /// A withdrawal that is kept ready is an exit without a delay, but of no more than was asked: what comes in later
    /// stays behind it, which is what gates subtract.
    function test_aReadyWithdrawalTakesNothingOfWhatCameLater() public {
        bytes memory row = _row(1, 6e6, 0);
        channels.deposit(other, 10e6);
        vm.prank(other);
        channels.requestWithdrawal(other, 10e6);
        vm.warp(START + 30 days);
        vm.prank(SETTLER);
        channels.settle(row);
        channels.deposit(other, 16e6);
        vm.prank(other);
        channels.withdraw(other, SINK);
        assert(usdc.balanceOf(SINK) == 10e6);
        assert(channels.getChannel(other).deposited - channels.getChannel(other).feesSpent == 10e6);
        vm.prank(other);
        vm.expectRevert();
        channels.withdraw(other, SINK);
        _state();
    }

    /// The number of a request has 24 bits; the exit does not end with them.
    function test_theNumberOfRequestsWraps() public {
        vm.prank(payer);
        channels.requestWithdrawal(payer, 7e6);
        bytes32 slot = _slotOfRequest();
        uint256 word = uint256(vm.load(address(channels), slot));
        vm.prank(payer);
        channels.cancelWithdrawal(payer);
        uint256 cancelled = uint256(vm.load(address(channels), slot));
        // What is left of the request is its number, 1.
        assert(cancelled != 0 && cancelled & (cancelled - 1) == 0 && word & cancelled == cancelled);
        vm.store(address(channels), slot, bytes32(cancelled * type(uint24).max));
        assert(channels.getChannel(payer).withdrawalNonce == type(uint24).max);
        vm.prank(payer);
        channels.requestWithdrawal(payer, 7e6);
        assert(channels.getChannel(payer).withdrawalNonce == 0);
        vm.warp(START + 72 hours);
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        assert(usdc.balanceOf(SINK) == 7e6);
    }

    /// A channel has three words: balances, request, owner. A request writes one of them.
    function _slotOfRequest() private view returns (bytes32) {
        for (uint256 mapped = 0; mapped < 8; mapped++) {
            uint256 channelSlot = uint256(keccak256(abi.encode(payer, mapped)));
            bool isRequest = vm.load(address(channels), bytes32(channelSlot + 1)) != 0;
            bool isNext = vm.load(address(channels), bytes32(channelSlot + 2)) != 0;
            if (!isRequest && !isNext) continue;
            assert(isRequest != isNext);
            return bytes32(isRequest ? channelSlot + 1 : channelSlot + 2);
        }
        revert("no channel");
    }
}
