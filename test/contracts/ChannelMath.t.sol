// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ChannelMath} from "../../contracts/libraries/ChannelMath.sol";
import {Balances} from "../../contracts/types/Balances.sol";
import {within} from "../support/Vm.sol";

/// @notice The arithmetic against the rules of the protocol, written the plain way.
contract ChannelMathTest {
    function _channel(uint64 a, uint64 b, uint64 c, uint64 signed) private pure returns (Balances) {
        uint256 fees = within(b, 0, a);
        uint256 stamps = within(c, 0, a - fees);
        return Balances.wrap(a | (stamps << 64) | (uint256(signed) << 128) | (fees << 192));
    }

    function testFuzz_applyVoucherFollowsTheRule(uint64[4] memory state, uint64 fees, uint64 stamps) public pure {
        Balances before = _channel(state[0], state[1], state[2], state[3]);
        (Balances afterwards, uint256 collected) = ChannelMath.applyVoucher(before, fees, stamps);

        uint64 capped = before.deposited() - before.stampsSpent();
        if (fees < capped) capped = fees;
        uint64 expected = capped > before.feesSpent() ? capped : before.feesSpent();
        assert(afterwards.feesSpent() == expected);
        assert(collected == expected - before.feesSpent());
        bool raises = stamps > before.stampsSigned() && before.deposited() != 0;
        assert(afterwards.stampsSigned() == (raises ? stamps : before.stampsSigned()));
        assert(afterwards.deposited() == before.deposited());
        assert(afterwards.stampsSpent() == before.stampsSpent());
        assert(uint256(afterwards.feesSpent()) + afterwards.stampsSpent() <= afterwards.deposited());
    }

    function testFuzz_orderAndRepetitionChangeNothing(uint64[4] memory state, uint64[4] memory v) public pure {
        Balances start = _channel(state[0], state[1], state[2], state[3]);
        (Balances ab, uint256 first) = ChannelMath.applyVoucher(start, v[0], v[1]);
        uint256 second;
        (ab, second) = ChannelMath.applyVoucher(ab, v[2], v[3]);
        (Balances ba, uint256 third) = ChannelMath.applyVoucher(start, v[2], v[3]);
        uint256 fourth;
        (ba, fourth) = ChannelMath.applyVoucher(ba, v[0], v[1]);
        assert(ab.equals(ba));
        assert(first + second == third + fourth);
        (Balances again, uint256 fifth) = ChannelMath.applyVoucher(ab, v[0], v[1]);
        assert(again.equals(ab) && fifth == 0);
    }

    function testFuzz_freeNeverExceedsUnspentAndIsItWithoutStamps(uint64[4] memory state) public pure {
        Balances channel = _channel(state[0], state[1], state[2], state[3]);
        uint64 unspent = ChannelMath.unspent(channel);
        assert(ChannelMath.free(channel, false) == unspent);
        assert(ChannelMath.free(channel, true) <= unspent);
        if (channel.stampsSigned() <= channel.stampsSpent()) assert(ChannelMath.free(channel, true) == unspent);
    }

    function testFuzz_chargeFollowsTheRule(uint64[4] memory state, uint64 cumulative) public pure {
        Balances before = _channel(state[0], state[1], state[2], state[3]);
        (Balances afterwards, uint64 charged) = ChannelMath.charge(before, cumulative);
        uint64 expected = cumulative;
        if (expected > before.stampsSigned()) expected = before.stampsSigned();
        if (expected > before.deposited() - before.feesSpent()) expected = before.deposited() - before.feesSpent();
        if (expected < before.stampsSpent()) expected = before.stampsSpent();
        assert(charged == expected - before.stampsSpent());
        assert(afterwards.equals(before.withStampsSpent(expected)));
        assert(uint256(afterwards.feesSpent()) + afterwards.stampsSpent() <= afterwards.deposited());
    }

    function testFuzz_withStampsSpentTouchesNothingElse(uint256 word, uint64 stampsSpent) public pure {
        Balances before = Balances.wrap(word);
        Balances afterwards = before.withStampsSpent(stampsSpent);
        assert(afterwards.stampsSpent() == stampsSpent);
        assert(afterwards.withStampsSpent(before.stampsSpent()).equals(before));
        assert(afterwards.deposited() == before.deposited() && afterwards.feesSpent() == before.feesSpent());
        assert(afterwards.stampsSigned() == before.stampsSigned());
    }

    function testFuzz_columnsReadTheSameAsWholeWords(uint256 word) public pure {
        Balances channel = Balances.wrap(word);
        assert(channel.depositedWord() == channel.deposited());
        assert(channel.stampsSpentWord() == channel.stampsSpent());
        assert(channel.stampsSignedWord() == channel.stampsSigned());
        assert(channel.feesSpentWord() == channel.feesSpent());
    }

    function testFuzz_withDepositedTouchesNothingElse(uint256 word, uint64 deposited) public pure {
        Balances before = Balances.wrap(word);
        Balances afterwards = before.withDeposited(deposited);
        assert(afterwards.deposited() == deposited);
        assert(Balances.unwrap(afterwards) >> 64 == word >> 64);
    }

    function testFuzz_bountyIsAtMostItsShareAndItsCap(uint64 collected, uint256 bps, uint256 cap) public pure {
        bps = within(bps, 0, 200);
        cap = within(cap, 0, 0.2e6);
        uint256 limit = ChannelMath.bountyLimitDown(bps, cap);
        uint256 bounty = ChannelMath.bountyDown(collected < limit ? collected : limit, bps);
        assert(bounty <= cap);
        assert(bounty <= (uint256(collected) * bps) / 10_000);
        // Rounding takes at most one unit.
        uint256 share = (uint256(collected) * bps) / 10_000;
        assert(bounty + 1 >= (share < cap ? share : cap));
    }
}
