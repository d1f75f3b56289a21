// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {vm} from "../support/Vm.sol";
import {StreamUnderWay} from "./FeeDistributorReverts.t.sol";

/// @notice A stream of one unit per epoch: the smallest amounts are paid, forfeited and owed like all others.
contract FeeDistributorUnits is StreamUnderWay {
    /// Now it is epoch 4; the new stream's first epoch is 5.
    function _stream(uint256 amount) private {
        distributor = _deploy(12 hours, 0);
        token.approve(address(distributor), type(uint256).max);
        token.mint(address(source), amount);
        assert(distributor.distribute() == amount);
    }

    function _toEpoch(uint256 epoch) private {
        vm.warp(START + epoch * 12 hours);
    }

    function test_oneUnitIsPaid() public {
        _stream(14);
        _toEpoch(6);
        assert(distributor.claimable(NODE) == 1 && distributor.claim(NODE) == 1);
        assert(token.balanceOf(payout) == 1 && distributor.paid() == 1 && distributor.streaming() == 13);
        _state();
    }

    function test_oneUnitIsForfeited() public {
        _stream(14);
        seats.set(NODE, Standing.Jailed);
        _toEpoch(6);
        assert(distributor.claim(NODE) == 0 && distributor.forfeited() == 1);
        assert(distributor.creditOf(TREASURY) == 1);
        _state();
    }

    function test_oneUnitIsOwedAndWorkedOff() public {
        _stream(14);
        distributor.recordDebits(abi.encodePacked(NODE, uint64(1)));
        assert(distributor.debitOf(NODE) == 1 && seats.suspended(NODE));
        _toEpoch(6);
        assert(distributor.claim(NODE) == 0 && distributor.debitOf(NODE) == 0 && distributor.debited() == 1);
        assert(!seats.suspended(NODE) && distributor.remainder() == 1);
        _state();
    }

    function test_oneUnitOfADebitIsPaid() public {
        _stream(14);
        distributor.recordDebits(abi.encodePacked(NODE, uint64(2)));
        assert(distributor.payDebit(NODE, 1) == 1 && distributor.debitOf(NODE) == 1);
        assert(distributor.payDebit(NODE, 1) == 1 && distributor.debitOf(NODE) == 0 && !seats.suspended(NODE));
        _state();
    }

    /// 13 units wait; the 14th makes a stream of them.
    function test_oneUnitMakesTheRemainderAStream() public {
        _stream(13);
        assert(distributor.remainder() == 13 && distributor.streaming() == 0);
        token.mint(address(source), 1);
        assert(distributor.distribute() == 1);
        assert(distributor.remainder() == 0 && distributor.streaming() == 14);
        _state();
    }

    /// What debits brought makes a stream by itself once it is a unit per epoch.
    function test_paidDebitsBecomeAStreamWithoutOtherMoney() public {
        _stream(0);
        distributor.recordDebits(abi.encodePacked(NODE, uint64(14)));
        distributor.payDebit(NODE, 13);
        assert(distributor.distribute() == 0 && distributor.streaming() == 0 && distributor.remainder() == 13);
        distributor.payDebit(NODE, 1);
        assert(distributor.distribute() == 0 && distributor.streaming() == 14 && distributor.remainder() == 0);
        _state();
    }

    /// A node claims before its share is there, between and after: every unit once, and its clock is its own.
    function test_nothingIsPaidForTheEpochUnderWay() public {
        _stream(14);
        _toEpoch(5);
        assert(distributor.claimable(NODE) == 0 && distributor.claim(NODE) == 0);
        vm.warp(START + 6 * 12 hours - 1);
        assert(distributor.claimable(NODE) == 0 && distributor.claim(NODE) == 0);
        _toEpoch(6);
        assert(distributor.claimable(NODE) == 1 && distributor.claim(NODE) == 1 && distributor.claim(NODE) == 0);
        _toEpoch(19);
        assert(distributor.claim(NODE) == 13 && distributor.streaming() == 0 && distributor.released() == 14);
        _toEpoch(40);
        assert(distributor.claim(NODE) == 0 && distributor.claimable(NODE) == 0);
        _state();
    }
}
