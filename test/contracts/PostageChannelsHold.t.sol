// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../support/Vm.sol";
import {ChannelRefusals} from "./PostageChannelsReverts.t.sol";

/// @notice To the second: what the hold of signed stamps leaves free, and what the end of a withdrawal takes.
contract PostageChannelsHold is ChannelRefusals {
    function setUp() public {
        vm.warp(START);
        _start();
        _fund();
        vm.prank(payer);
        channels.requestWithdrawal(payer, 9e6);
    }

    function test_stampsAreFreeFromTheInstantThatWasFixed() public {
        vm.warp(START + 10 days - 1);
        assert(channels.freeAmount(payer) == 7e6);
        vm.warp(START + 10 days);
        assert(channels.freeAmount(payer) == 9e6);
        // Without a withdrawal nothing is held.
        vm.prank(payer);
        channels.cancelWithdrawal(payer);
        assert(channels.freeAmount(payer) == 9e6);
    }

    /// The smallest of withdrawals is paid as well.
    function test_oneUnitIsPaid() public {
        vm.prank(payer);
        channels.cancelWithdrawal(payer);
        vm.prank(payer);
        channels.requestWithdrawal(payer, 1);
        vm.warp(START + 72 hours);
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        assert(usdc.balanceOf(SINK) == 1 && channels.getChannel(payer).pendingWithdrawal == 0);
        _state();
    }
}
