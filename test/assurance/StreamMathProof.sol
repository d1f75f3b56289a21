// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {StreamMath} from "../../contracts/libraries/StreamMath.sol";

/// @notice Proved for all inputs by `npm run prove`.
contract StreamMathProof {
    /// I10: the treasury gets its part rounded down, and at most 20 %.
    function treasuryDown(uint128 received, uint16 bps) external pure {
        require(bps <= 2_000);
        uint256 part = StreamMath.treasuryDown(received, bps);
        assert(part * 10_000 <= uint256(received) * bps);
        assert((part + 1) * 10_000 > uint256(received) * bps);
        assert(part * 5 <= received);
    }

    /// I10: every unit is left to pay or waits in the remainder.
    function spreadDown(uint64 left, uint64 net) external pure {
        require(uint256(net) + left < 2 ** 64);
        (uint64 rate, uint64 remainder, uint64 leftAfter) = StreamMath.spreadDown(left, net);
        assert(remainder < 14);
        assert(14 * uint256(rate) + remainder == net);
        assert(uint256(leftAfter) + remainder == uint256(left) + net);
    }

    /// I10: an epoch moves its rate from what is left to what was paid.
    function step(uint64 rate, uint64 left, uint64 released, uint64 starting, uint64 ending) external pure {
        require(ending <= rate && uint256(rate) - ending + starting <= left && uint256(left) + released < 2 ** 64);
        (uint64 paid, uint64 leftAfter, uint64 releasedAfter) = StreamMath.step(rate, left, released, starting, ending);
        assert(uint256(paid) == uint256(rate) - ending + starting);
        assert(uint256(leftAfter) + paid == left);
        assert(uint256(releasedAfter) == uint256(released) + paid);
    }

    /// I10: the seats together earn no more than an epoch pays, and less than a unit of 2^-64 each is lost.
    function shareDown(uint64 rate, uint32 seats) external pure {
        require(seats > 0);
        uint256 share = StreamMath.shareDown(rate, seats);
        assert(share * seats <= uint256(rate) * 2 ** 64);
        assert((share + 1) * seats > uint256(rate) * 2 ** 64);
    }
}
