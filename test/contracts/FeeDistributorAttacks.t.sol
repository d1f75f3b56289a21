// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {vm} from "../support/Vm.sol";
import {StreamUnderWay} from "./FeeDistributorReverts.t.sol";

/// @notice Attacks beyond the numbered cases, tried by hand.
contract FeeDistributorAttacks is StreamUnderWay {
    /// A stranger distributes every base unit by itself, hundreds of times in one epoch. That rounds the treasury's
    /// part away, less than a unit each time, in favour of the seats; nothing is lost and nobody's claim gets dearer.
    function test_distributingDustHarmsNobody() public {
        distributor.claim(NODE);
        uint256 before = distributor.streaming() + distributor.remainder();
        uint256 treasury = distributor.creditOf(TREASURY);
        for (uint256 i = 0; i < 300; i++) {
            token.mint(address(source), 1);
            vm.prank(STRANGER);
            assert(distributor.distribute() == 1);
        }
        uint256 toTreasury = distributor.creditOf(TREASURY) - treasury;
        assert(distributor.streaming() + distributor.remainder() + toTreasury == before + 300);
        assert(toTreasury == 0);
        assert(distributor.remainder() < 14);
        // Rolled by somebody else, in steps that do not grow with the number of distributions.
        vm.warp(START + 40 * 12 hours);
        uint256 gas = gasleft();
        distributor.claim(NODE);
        assert(gas - gasleft() < 1_500_000);
        assert(distributor.streaming() == 0);
        _state();
    }

    /// Money is distributed in the last second of an epoch and claimed in the first of the next: nothing of it was
    /// earned by then, and a seat that begins with that epoch gets no part of what the epochs before paid.
    function test_theLastSecondOfAnEpochPaysNothing() public {
        vm.warp(START + 5 * 12 hours - 1);
        distributor.claim(NODE);
        seats.set(NODE + 1, Standing.Earning);
        token.mint(address(source), 1_400e6);
        distributor.distribute();
        uint256 ownPart = distributor.claimable(NODE);
        assert(ownPart == 0);
        vm.warp(START + 5 * 12 hours);
        // The epoch that ended paid what was distributed long before, to the seat that served in it.
        assert(distributor.claimable(NODE) == 9e6 && distributor.claimable(NODE + 1) == 0);
        vm.warp(START + 6 * 12 hours);
        assert(distributor.claimable(NODE + 1) == (9e6 + 90e6) / 2);
    }
}
