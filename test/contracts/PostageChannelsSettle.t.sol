// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../support/Vm.sol";
import {ChannelRefusals} from "./PostageChannelsReverts.t.sol";

/// @notice By hand what fuzzed rows meet at random: one rule of settling at a time.
contract PostageChannelsSettle is ChannelRefusals {
    function setUp() public {
        vm.warp(START);
        _start();
        _fund();
    }

    function _settle(bytes memory rows) private returns (uint64 collected, uint64 bounty) {
        vm.prank(SETTLER);
        (collected, bounty) = channels.settle(rows);
        _state();
    }

    /// 50 bps of a row, and never more than 2 cents of one.
    function test_aBountyIsCappedRowByRow() public {
        channels.deposit(other, 10e6);
        (uint64 collected, uint64 bounty) = _settle(bytes.concat(_row(0, 6e6, 0), _row(1, 1e6, 0)));
        assert(collected == 5e6 + 1e6 && bounty == 20_000 + 5_000);
        assert(channels.creditOf(SETTLER) == 5_000 + 25_000 && channels.uncollected() == 7e6 - 30_000);
    }

    function test_anOlderVoucherChangesNothing() public {
        bytes memory rows = bytes.concat(_row(0, 1e6 - 1, 2e6), _row(0, 1e6, 2e6 - 1), _row(0, 0, 0));
        bytes32 before = _state();
        (uint64 collected, uint64 bounty) = _settle(rows);
        assert(collected == 0 && bounty == 0 && _state() == before);
    }

    /// What the deposit did not cover is taken from the next one.
    function test_aVoucherBeyondTheDepositTakesAllThereIs() public {
        bytes memory row = _row(0, 20e6, 2e6);
        (uint64 collected, ) = _settle(row);
        assert(collected == 9e6 && channels.getChannel(payer).feesSpent == 10e6);
        channels.deposit(payer, 15e6);
        (collected, ) = _settle(row);
        assert(collected == 10e6 && channels.getChannel(payer).feesSpent == 20e6);
        assert(channels.freeAmount(payer) == 5e6);
    }

    /// Nobody is made to pay for storage that backs nothing.
    function test_aChannelWithoutADepositStaysEmpty() public {
        bytes memory row = _row(1, 1e6, 1e6);
        bytes32 before = _state();
        (uint64 collected, ) = _settle(row);
        assert(collected == 0 && _state() == before && channels.getChannel(other).stampsSigned == 0);
    }
}
