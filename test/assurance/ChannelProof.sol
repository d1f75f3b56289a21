// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The rule of a channel in plain numbers. That the packed word follows it is ChannelMath.t.sol's part: the
/// checker cannot reason about bits of a word.
library ChannelModel {
    function settle(
        uint256 deposited,
        uint256 feesSpent,
        uint256 stampsSpent,
        uint256 fees
    ) internal pure returns (uint256 afterwards, uint256 collected) {
        uint256 capped = deposited - stampsSpent;
        if (fees < capped) capped = fees;
        afterwards = capped > feesSpent ? capped : feesSpent;
        collected = afterwards - feesSpent;
    }

    function free(
        uint256 deposited,
        uint256 feesSpent,
        uint256 stampsSpent,
        uint256 stampsSigned,
        bool held
    ) internal pure returns (uint256) {
        if (held && stampsSigned > stampsSpent) stampsSpent = stampsSigned;
        uint256 left = deposited - feesSpent;
        return left > stampsSpent ? left - stampsSpent : 0;
    }
}

/// @notice Proved for all inputs by `npm run prove`.
contract ChannelProof {
    /// I3, I4, I5: what was spent stays covered and never falls, and neither order nor repetition changes anything.
    function vouchersInAnyOrder(uint64 d, uint64 f, uint64 s, uint64 a, uint64 b) public pure {
        require(uint256(f) + s <= d);
        (uint256 x, uint256 cx) = ChannelModel.settle(d, f, s, a);
        assert(x + s <= d && x >= f && cx == x - f);
        (uint256 xy, uint256 cxy) = ChannelModel.settle(d, x, s, b);
        (uint256 y, uint256 cy) = ChannelModel.settle(d, f, s, b);
        (uint256 yx, uint256 cyx) = ChannelModel.settle(d, y, s, a);
        assert(xy == yx && cx + cxy == cy + cyx);
        (uint256 again, uint256 nothing) = ChannelModel.settle(d, x, s, a);
        assert(again == x && nothing == 0);
        assert(x <= a || x == f);
    }

    /// I3, I8: a withdrawal leaves what was spent covered; after the hold everything unspent is free.
    function withdrawal(uint64 d, uint64 f, uint64 s, uint64 g, uint64 pending, bool held) public pure {
        require(uint256(f) + s <= d);
        uint256 amount = ChannelModel.free(d, f, s, g, held);
        if (amount > pending) amount = pending;
        assert(uint256(f) + s <= d - amount);
        if (!held) assert(ChannelModel.free(d, f, s, g, false) == uint256(d) - f - s);
    }
}
