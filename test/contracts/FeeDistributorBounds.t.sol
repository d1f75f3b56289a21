// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFeeDistributor} from "../../contracts/interfaces/IFeeDistributor.sol";
import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {Logs} from "../support/Logs.sol";
import {vm} from "../support/Vm.sol";
import {StreamUnderWay} from "./FeeDistributorReverts.t.sol";

/// @notice On the very bounds: what is just enough, just fits or is just over.
contract FeeDistributorBounds is StreamUnderWay, Logs {
    /// 18 dollars are earned: a debit of as much is covered, one unit more is not.
    function test_aDebitOfAllThatWasEarnedSuspendsNobody() public {
        distributor.recordDebits(abi.encodePacked(NODE, uint64(18e6)));
        assert(!seats.suspended(NODE) && distributor.claimable(NODE) == 0);
        distributor.recordDebits(abi.encodePacked(NODE, uint64(1)));
        assert(seats.suspended(NODE));
    }

    function test_aTotalOf64BitsIsTaken() public {
        distributor.setTreasuryBps(0);
        uint256 room = type(uint64).max - 126e6;
        token.mint(address(source), room);
        assert(distributor.distribute() == room);
        assert(distributor.streaming() + distributor.remainder() == room + 126e6 - 18e6);
        _state();
    }

    /// Stream epochs are counted while there is something to pay: 1 under way at first, 14 that paid.
    function test_anEndedStreamCountsNoEpochs() public {
        vm.warp(START + 40 * 12 hours);
        token.mint(address(source), 140e6);
        _listen();
        distributor.distribute();
        bytes memory expected;
        bytes32 epochPaid = IFeeDistributor.EpochPaid.selector;
        for (uint256 i = 1; i <= 14; i++) {
            bytes memory data = abi.encode(9e6, 1, (9e6 * i) << 64);
            expected = bytes.concat(expected, _log(epochPaid, abi.encode(1_001 + i), data));
        }
        bytes memory distributed = abi.encode(140e6, 14e6, 9e6, 16, 0);
        expected = bytes.concat(expected, _log(IFeeDistributor.Distributed.selector, "", distributed));
        _heard(address(distributor), expected);
        // Epoch 40 ends the old rate and pays nothing; epoch 41 pays the new one.
        vm.warp(START + 41 * 12 hours);
        assert(distributor.claimable(NODE) == 126e6);
        vm.warp(START + 42 * 12 hours);
        assert(distributor.claim(NODE) == 126e6 + 9e6);
        _state();
    }

    /// A node that is paid in the middle of a history goes on from where it was paid.
    function test_noStretchIsPaidTwice() public {
        assert(distributor.claim(NODE) == 18e6);
        seats.set(NODE, Standing.Suspended);
        vm.warp(START + 6 * 12 hours);
        seats.set(NODE, Standing.Earning);
        vm.warp(START + 8 * 12 hours);
        // Epochs 4 and 7 were served, 5 and 6 suspended without a debit.
        assert(distributor.claimable(NODE) == 18e6 && distributor.claim(NODE) == 18e6);
        assert(distributor.forfeited() == 18e6 && distributor.claim(NODE) == 0);
        _state();
    }

    /// A seat that came back in the epoch under way has earned nothing yet.
    function test_aSeatThatComesBackWaitsForItsFirstEpochToEnd() public {
        seats.set(NODE, Standing.None);
        vm.warp(START + 10 * 12 hours);
        seats.set(NODE, Standing.Earning);
        vm.warp(START + 11 * 12 hours);
        assert(distributor.claimable(NODE) == 27e6 && distributor.streaming() == 126e6 - 27e6);
        assert(distributor.claim(NODE) == 27e6);
        vm.warp(START + 12 * 12 hours);
        assert(distributor.claim(NODE) == 9e6);
        _state();
    }

    /// A node that is jailed before its seat begins has two stretches ahead; a claim before either books nothing.
    function test_whatIsPlannedIsNotPaid() public {
        uint32 other = NODE + 100;
        seats.set(other, Standing.Jailed);
        seats.plan(other, 2, Standing.Earning);
        assert(distributor.claim(other) == 0 && distributor.claimable(other) == 0);
        vm.warp(START + 9 * 12 hours);
        // Epochs 5 and 6 in jail, 7 and 8 served, half of 9 dollars each.
        assert(distributor.claimable(other) == 9e6 && distributor.claim(other) == 9e6);
        assert(distributor.forfeited() == 9e6);
        _state();
    }

    /// 40 epochs that pay 9 dollars each, and from epoch 5 on another standing in each: a claim works off 32 stretches.
    function test_aClaimWorksOff32Stretches() public {
        for (uint256 epoch = 4; epoch < 44; epoch++) {
            vm.warp(START + epoch * 12 hours);
            seats.set(NODE, epoch % 2 == 0 ? Standing.Suspended : Standing.Earning);
            if (epoch != 15 && epoch != 29) continue;
            token.mint(address(source), 140e6);
            distributor.distribute();
        }
        vm.warp(START + 50 * 12 hours);
        // Epochs 2 to 4, then every other one up to 34; the 16 between were suspended without a debit.
        assert(distributor.claimable(NODE) == 18 * 9e6 && distributor.claim(NODE) == 18 * 9e6);
        assert(distributor.forfeited() == 16 * 9e6);
        // The even ones from 36 to 42, and the four odd ones up to 43.
        assert(distributor.claim(NODE) == 4 * 9e6 && distributor.forfeited() == 20 * 9e6);
        assert(distributor.claim(NODE) == 0);
        _state();
    }
}
