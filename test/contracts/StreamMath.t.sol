// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Stream, StreamMath} from "../../contracts/libraries/StreamMath.sol";

/// @notice How money becomes a stream, against the rules of the protocol.
contract StreamMathTest {
    function testFuzz_theTreasuryGetsAtMostItsPart(uint64 received, uint16 bps) public pure {
        bps %= 2_001;
        uint256 part = StreamMath.treasuryDown(received, bps);
        assert(part * 10_000 <= uint256(received) * bps && (part + 1) * 10_000 > uint256(received) * bps);
        assert(part <= received / 5);
    }

    /// I10: what is added is left to pay or waits in the remainder; what was paid stays.
    function testFuzz_I10_addingMoneyKeepsEveryUnit(uint56 net, uint56 left, uint56 released, uint64 rate) public pure {
        Stream memory stream = Stream(rate, left, 0, released);
        uint256 added = StreamMath.spreadDown(stream, net);
        assert(uint256(stream.left) + stream.remainder == uint256(left) + net);
        assert(stream.remainder < StreamMath.EPOCHS && added == net / 14);
        assert(stream.rate == rate && stream.released == released);
    }

    /// I10: an epoch moves its rate from what is left to what was paid.
    function testFuzz_I10_aStepKeepsEveryUnit(uint56 rate, uint56 starting, uint56 ending, uint56 spare) public pure {
        ending = uint56(ending % (uint256(rate) + starting + 1));
        uint256 paid = uint256(rate) + starting - ending;
        Stream memory stream = Stream(rate, uint64(paid + spare), 7, spare);
        StreamMath.step(stream, starting, ending);
        assert(stream.rate == paid && stream.left == spare && stream.released == spare + paid && stream.remainder == 7);
    }

    /// Every unit goes out over the epochs that follow, and not one more.
    function testFuzz_I10_moneyIsPaidInFourteenSteps(uint56 net, uint8 seats) public pure {
        if (seats == 0) seats = 1;
        Stream memory stream;
        uint256 rate = StreamMath.spreadDown(stream, net);
        uint256 earned;
        for (uint256 i = 0; i < StreamMath.EPOCHS; i++) {
            StreamMath.step(stream, i == 0 ? rate : 0, 0);
            earned += StreamMath.shareDown(stream.rate, seats);
        }
        assert(stream.left == 0 && stream.released == net - stream.remainder);
        assert(earned * seats <= uint256(stream.released) << 64);
        StreamMath.step(stream, 0, rate);
        assert(stream.rate == 0 && stream.released == net - stream.remainder);
    }

    function testFuzz_seatsEarnAtMostWhatAnEpochPays(uint64 rate, uint8 seats) public pure {
        if (seats == 0) seats = 1;
        uint256 share = StreamMath.shareDown(rate, seats);
        assert(share * seats <= uint256(rate) << 64 && (share + 1) * seats > uint256(rate) << 64);
    }

    function stepOf(Stream memory stream, uint256 starting) external pure {
        StreamMath.step(stream, starting, 0);
    }

    function test_aStepNeverPaysMoreThanIsLeft() public view {
        Stream memory stream = Stream(5, 9, 0, 0);
        this.stepOf(stream, 4);
        try this.stepOf(stream, 5) {
            assert(false);
        } catch Panic(uint256 code) {
            assert(code == 0x11);
        }
    }
}
