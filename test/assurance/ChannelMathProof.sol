// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ChannelMath} from "../../contracts/libraries/ChannelMath.sol";

/// @notice Proved for all inputs by `npm run prove`. A channel is `d` deposited, `s` stamps spent, `g` stamps signed, `f`
/// fees spent.
contract ChannelMathProof {
    /// I3, I4: a voucher raises each column to a maximum, fees no further than the deposit covers.
    function accept(uint64 d, uint64 s, uint64 g, uint64 f, uint64 fees, uint64 stamps) external pure {
        require(uint256(f) + s <= d);
        (uint256 collected, uint256 raised) = ChannelMath.accept(d, s, g, f, fees, stamps);
        uint256 capped = fees < d - s ? fees : d - s;
        assert(f + collected == (capped > f ? capped : f));
        assert(g + raised == (d > 0 && stamps > g ? stamps : g));
        assert(f + collected + s <= d);
        assert(collected == 0 || f + collected <= fees);
    }

    /// I5: after two vouchers it is the largest of all, as far as the deposit covers it; so order means nothing.
    function feesAfterTwo(uint64 d, uint64 s, uint64 f, uint64 first, uint64 second) external pure {
        require(uint256(f) + s <= d);
        (uint256 a, ) = ChannelMath.accept(d, s, 0, f, first, 0);
        (uint256 b, ) = ChannelMath.accept(d, s, 0, f + a, second, 0);
        uint256 most = first > second ? first : second;
        if (f > most) most = f;
        if (most > d - s) most = d - s;
        assert(f + a + b == most);
    }

    /// I5: the same of stamps; without a deposit nothing is written.
    function stampsAfterTwo(uint64 d, uint64 g, uint64 first, uint64 second) external pure {
        (, uint256 a) = ChannelMath.accept(d, 0, g, 0, 0, first);
        (, uint256 b) = ChannelMath.accept(d, 0, g + a, 0, 0, second);
        uint256 most = first > second ? first : second;
        if (g > most || d == 0) most = g;
        assert(g + a + b == most);
    }

    /// I3, I14: a charge reaches the smallest of what was attested, signed and covered, and never falls.
    function chargeOf(uint64 d, uint64 s, uint64 g, uint64 f, uint64 cumulative) external pure {
        require(uint256(f) + s <= d);
        uint256 charged = ChannelMath.chargeOf(d, s, g, f, cumulative);
        assert(charged == 0 || (s + charged <= cumulative && s + charged <= g));
        assert(uint256(f) + s + charged <= d);
        uint256 due = cumulative < g ? cumulative : g;
        if (due > d - f) due = d - f;
        assert(s + charged == (due > s ? due : s));
    }

    /// I8: what is free is never more than unspent, and all of it once the hold is over.
    function freeOf(uint64 d, uint64 s, uint64 g, uint64 f, bool held) external pure {
        require(uint256(f) + s <= d);
        uint256 free = ChannelMath.freeOf(d, s, g, f, held);
        uint256 reserved = held && g > s ? g : s;
        assert(free == (d - f > reserved ? d - f - reserved : 0));
        assert(uint256(f) + s + free <= d);
        assert(held || uint256(f) + s + free == d);
    }

    /// A row's bounty is at most its cap, and rounding takes at most a unit of it.
    function bountyOfARow(uint64 taken, uint16 bps, uint32 cap) external pure {
        require(bps <= 200 && cap <= 0.2e6);
        uint256 limit = ChannelMath.bountyLimitDown(bps, cap);
        uint256 bounty = ChannelMath.bountyDown(taken < limit ? taken : limit, bps);
        assert(bounty <= cap);
        assert(bounty * 10_000 <= uint256(taken) * bps);
        uint256 share = (uint256(taken) * bps) / 10_000;
        assert(bounty + 1 >= (share < cap ? share : cap));
    }

    /// A settlement's bounty is at most 2 % of what it collected, and no more than its rows' caps in sum.
    function bountyOfMany(uint64 limited, uint16 rows, uint16 bps, uint32 cap) external pure {
        require(bps <= 200 && cap <= 0.2e6 && limited <= rows * ChannelMath.bountyLimitDown(bps, cap));
        uint256 bounty = ChannelMath.bountyDown(limited, bps);
        assert(bounty * 50 <= limited);
        assert(bounty <= uint256(rows) * cap);
    }
}
