// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {vm} from "../support/Vm.sol";
import {StreamUnderWay} from "./FeeDistributorReverts.t.sol";

/// @notice By hand what the model of FeeDistributor.t.sol meets at random: 9 dollars an epoch, one rule at a time.
contract FeeDistributorStandings is StreamUnderWay {
    /// To the beginning of an epoch, counted from the first one.
    function _toEpoch(uint256 epoch) private {
        vm.warp(START + epoch * 12 hours);
    }

    function test_aJailedSeatsShareGoesToTheTreasury() public {
        seats.set(NODE, Standing.Jailed);
        _toEpoch(6);
        assert(distributor.claimable(NODE) == 27e6);
        assert(distributor.claim(NODE) == 27e6);
        assert(distributor.forfeited() == 9e6 && distributor.creditOf(TREASURY) == 14e6 + 9e6);
        assert(token.balanceOf(payout) == 27e6);
        _state();
    }

    /// What a suspended seat earned pays first, then what the node earned itself; what is over is the treasury's.
    function test_aDebitIsWorkedOffAndSpreadAgain() public {
        distributor.recordDebits(abi.encodePacked(NODE, uint64(50e6)));
        assert(seats.suspended(NODE));
        seats.set(NODE, Standing.Suspended);
        _toEpoch(6);
        assert(distributor.claim(NODE) == 0);
        assert(distributor.debitOf(NODE) == 50e6 - 36e6 && distributor.debited() == 36e6);
        assert(distributor.forfeited() == 0 && seats.suspended(NODE));
        _state();
        _toEpoch(8);
        assert(distributor.claim(NODE) == 0);
        assert(distributor.debitOf(NODE) == 0 && distributor.debited() == 50e6);
        assert(distributor.forfeited() == 4e6 && !seats.suspended(NODE));
        assert(token.balanceOf(payout) == 0 && distributor.remainder() == 50e6);
        _state();

        uint256 left = distributor.streaming();
        assert(distributor.distribute() == 0);
        assert(distributor.remainder() == 50e6 % 14 && distributor.streaming() == left + 50e6 - (50e6 % 14));
        // Less than a unit per epoch waits for more.
        bytes32 before = _state();
        assert(distributor.distribute() == 0);
        assert(_state() == before);
    }

    /// A debit below what was earned takes its part of the next claim and suspends nobody.
    function test_aCoveredDebitIsTakenFromTheNextClaim() public {
        distributor.recordDebits(abi.encodePacked(NODE, uint64(5e6)));
        assert(!seats.suspended(NODE) && distributor.claimable(NODE) == 13e6);
        assert(distributor.claim(NODE) == 13e6);
        assert(distributor.debitOf(NODE) == 0 && distributor.debited() == 5e6 && distributor.remainder() == 5e6);
        _state();
    }

    /// Epochs without a seat are none of the stream's: it waits, and goes on with the next seat.
    function test_theStreamWaitsForASeat() public {
        seats.set(NODE, Standing.None);
        _toEpoch(10);
        assert(distributor.streaming() == 126e6 - 27e6 && distributor.released() == 27e6);
        assert(distributor.claim(NODE) == 27e6);
        seats.set(NODE, Standing.Earning);
        _toEpoch(12);
        assert(distributor.streaming() == 126e6 - 36e6);
        assert(distributor.claim(NODE) == 9e6);
        _state();
    }

    /// Views know the epochs that no transaction has written yet.
    function test_aNewSeatSharesFromItsFirstEpoch() public {
        uint32 newcomer = NODE + 100;
        seats.set(newcomer, Standing.Earning);
        _toEpoch(7);
        assert(distributor.claimable(NODE) == 27e6 + 9e6 && distributor.claimable(newcomer) == 9e6);
        assert(distributor.claim(newcomer) == 9e6 && distributor.claim(NODE) == 27e6 + 9e6);
        _state();
    }
}
