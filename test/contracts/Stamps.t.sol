// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {IStamps} from "../../contracts/interfaces/IStamps.sol";
import {StampsWorld} from "../support/StampsWorld.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm, within} from "../support/Vm.sol";

contract StampsTest is StampsWorld {
    address private constant ALICE = address(0xA11);
    address private constant BOB = address(0xB0B);

    function setUp() public {
        _start(new TestUSDC());
        for (uint256 i = 0; i < KEYS; i++) channels.deposit(_payer(i), 10e6);
    }

    /// Of the smallest of three things, what was not charged yet.
    function testFuzz_I14_aChargeIsAtMostSignedAttestedAndCovered(
        uint64 signed,
        uint64 fees,
        uint64[3] memory a
    ) public {
        signed = uint64(within(signed, 0, 12e6));
        fees = uint64(within(fees, 0, 12e6));
        _settle(0, 0, signed);
        uint256 spent;
        for (uint256 i = 0; i < 3; i++) {
            a[i] = uint64(within(a[i], 0, 12e6));
            // Fees come in between.
            if (i == 1) _settle(0, fees, 0);
            bytes32 digest = _file(_leaves(_payer(0), a[i]), _nobody(), uint64(block.timestamp));
            IPostageChannels.Channel memory channel = channels.getChannel(_payer(0));
            uint256 expected = a[i] < signed ? a[i] : signed;
            if (expected > channel.deposited - channel.feesSpent) expected = channel.deposited - channel.feesSpent;
            expected = expected > spent ? expected - spent : 0;
            assert(stamps.charge(_reportOf(digest), _chargesOf(digest)) == expected);
            spent += expected;
            assert(_stampsSpent(0) == spent && usdc.balanceOf(address(stamps)) == spent);
            assert(stamps.potOf(digest).charged == expected);
        }
    }

    /// Case 33: every payout its part of the pot, and no pot pays more than it has, even when its total is a lie.
    function testFuzz_case33_aPotPaysWhatItHas(
        uint64 charged,
        uint64[3] memory amounts,
        uint128 lie,
        uint16 bps,
        bool isALie
    ) public {
        charged = uint64(within(charged, 1, 10e6));
        bps = uint16(within(bps, 0, 5_000));
        stamps.setShares(bps, 0);
        vm.warp(block.timestamp + 12 hours);
        _settle(0, 0, charged);
        _settle(1, 0, 10e6);
        Leaf[] memory payouts = new Leaf[](3);
        uint128 total;
        for (uint256 i = 0; i < 3; i++) {
            payouts[i] = Leaf(address(uint160(0xACC0 + i)), uint64(within(amounts[i], 0, 8e6)));
            total += payouts[i].amount;
        }
        if (isALie) total = uint128(within(lie, 0, 30e6));
        uint64 finalAt = uint64(block.timestamp);
        bytes32 digest = _fileWith(_leaves(_payer(0), charged), payouts, total, finalAt);
        // Another pot is beside it, which nothing may come out of.
        bytes32 other = _file(_leaves(_payer(1), 10e6), _leaves(BOB, 5e6), finalAt);
        stamps.charge(_reportOf(digest), _chargesOf(digest));
        stamps.charge(_reportOf(other), _chargesOf(other));
        vm.warp(finalAt + 3 days);
        uint256 most = (uint256(charged) * bps) / 10_000;
        uint256 pot = total < most ? total : most;
        uint256 paid;
        for (uint256 i = 0; i < 3; i++) {
            uint256 expected = total == 0 ? 0 : (uint256(payouts[i].amount) * pot) / total;
            if (expected > pot - paid) expected = pot - paid;
            assert(_claim(digest, i) == expected);
            assert(usdc.balanceOf(payouts[i].who) == expected);
            paid += expected;
        }
        assert(stamps.potOf(digest).amount == pot && stamps.potOf(digest).paid == paid && paid <= pot);
        assert(stamps.creditOf(TREASURY) == charged - pot);
        // Honest payouts lose at most a unit each.
        if (!isALie) assert(paid + 3 > pot || pot == 0);
        assert(_owedOfPot(other) == 10e6);
        assert(_claim(other, 0) == (10e6 * uint256(bps)) / 10_000);
    }

    function _claim(bytes32 digest, uint256 i) private returns (uint256) {
        IStamps.Payout memory payout = _payoutOf(digest, i);
        return stamps.claim(digest, payout.account, payout.amount, payout.path);
    }

    /// Totals that are lies: who comes first gets more of this pot, and then it is empty; nothing else is touched.
    function test_case33_aTotalThatIsALieEmptiesItsOwnPotOnly() public {
        uint64 finalAt = uint64(block.timestamp);
        _settle(0, 0, 2e6);
        _settle(1, 0, 8e6);
        _settle(2, 0, 2e6);
        bytes32 small = _fileWith(_leaves(_payer(0), 2e6), _leaves(ALICE, 3e6, BOB, 3e6), 4e6, finalAt);
        bytes32 none = _fileWith(_leaves(_payer(2), 2e6), _leaves(ALICE, 3e6, BOB, 3e6), 0, finalAt);
        bytes32 other = _file(_leaves(_payer(1), 8e6), _leaves(ALICE, 4e6), finalAt);
        bytes32[3] memory digests = [small, none, other];
        for (uint256 i = 0; i < 3; i++) stamps.charge(_reportOf(digests[i]), _chargesOf(digests[i]));
        vm.warp(finalAt + 3 days);
        assert(_claim(small, 0) == 0.75e6 && _claim(small, 1) == 0.25e6);
        assert(_claim(none, 0) == 0 && _claim(none, 1) == 0 && stamps.isClaimed(none, 1));
        assert(_owedOfPot(small) == 0 && _owedOfPot(none) == 0 && _owedOfPot(other) == 8e6);
        assert(stamps.creditOf(TREASURY) == 3e6 && usdc.balanceOf(address(stamps)) == 11e6);
    }

    /// Case 32: the same charge under two roots is taken once; the same payout is paid once by each report's own pot.
    function test_case32_theSameLeafUnderTwoRoots() public {
        _settle(0, 0, 4e6);
        uint64 finalAt = uint64(block.timestamp);
        bytes32 first = _file(_leaves(_payer(0), 4e6), _leaves(ALICE, 1e6), finalAt);
        bytes32 second = _file(_leaves(_payer(0), 4e6), _leaves(ALICE, 1e6), finalAt);
        assert(first != second);
        assert(stamps.charge(_reportOf(first), _chargesOf(first)) == 4e6);
        assert(stamps.charge(_reportOf(second), _chargesOf(second)) == 0);
        assert(stamps.charge(_reportOf(first), _chargesOf(first)) == 0);
        vm.warp(finalAt + 3 days);
        assert(_claim(first, 0) == 1e6);
        assert(stamps.isClaimed(first, 0) && !stamps.isClaimed(second, 0));
        IStamps.Payout[] memory again = _payoutsOf(first);
        assert(stamps.claimMany(first, again) == 0);
        // Nothing was charged under the second: its payout has no pot, and gets nothing of the first's.
        vm.expectRevert();
        stamps.claimMany(second, again);
        assert(usdc.balanceOf(ALICE) == 1e6 && stamps.creditOf(TREASURY) == 3e6);
    }

    /// To the second: in time is the pot's, late is the treasury's.
    function test_aPotIsFixedThreeDaysAfterFinality() public {
        uint64 finalAt = uint64(block.timestamp);
        for (uint256 i = 0; i < 3; i++) _settle(i, 0, 4e6);
        Leaf[] memory charged = new Leaf[](3);
        for (uint256 i = 0; i < 3; i++) charged[i] = Leaf(_payer(i), 2e6);
        bytes32 digest = _file(charged, _leaves(ALICE, 5e6), finalAt);
        IStamps.Charge[] memory one = new IStamps.Charge[](1);
        one[0] = _chargeOf(digest, 0);
        stamps.charge(_reportOf(digest), one);
        vm.warp(finalAt + 3 days - 1);
        one[0] = _chargeOf(digest, 1);
        stamps.charge(_reportOf(digest), one);
        vm.warp(finalAt + 3 days);
        one[0] = _chargeOf(digest, 2);
        assert(stamps.charge(_reportOf(digest), one) == 2e6);
        assert(stamps.potOf(digest).charged == 4e6 && stamps.creditOf(TREASURY) == 2e6);
        assert(_claim(digest, 0) == 2e6);
        assert(stamps.creditOf(TREASURY) == 4e6);
        assert(usdc.balanceOf(address(stamps)) == 4e6);
    }

    /// Late and alone: there is no pot, and the treasury has it all.
    function test_aReportChargedOnlyLateHasNoPot() public {
        uint64 finalAt = uint64(block.timestamp);
        _settle(0, 0, 4e6);
        bytes32 digest = _file(_leaves(_payer(0), 2e6), _leaves(ALICE, 1e6), finalAt);
        vm.warp(finalAt + 3 days);
        assert(stamps.charge(_reportOf(digest), _chargesOf(digest)) == 2e6);
        assert(stamps.potOf(digest).finalAt == 0 && stamps.creditOf(TREASURY) == 2e6);
    }

    /// Silent stamps only: nothing is paid out, all of it is the treasury's, and nobody has to wait for a claim.
    function test_silentStampsAreTheTreasurys() public {
        uint64 finalAt = uint64(block.timestamp);
        _settle(0, 0, 1e6);
        bytes32 digest = _file(_leaves(_payer(0), 0.1e6), _nobody(), finalAt);
        stamps.charge(_reportOf(digest), _chargesOf(digest));
        vm.warp(finalAt + 3 days);
        stamps.fixPot(digest, 0, 0, 0);
        assert(stamps.creditOf(TREASURY) == 0.1e6 && stamps.potOf(digest).isFixed);
        vm.prank(TREASURY);
        stamps.withdrawCredit(SINK);
        assert(usdc.balanceOf(SINK) == 0.1e6 && usdc.balanceOf(address(stamps)) == 0);
    }

    /// The share is that of the second before the epoch's end, whatever a vote did since.
    function test_aReportUsesTheShareOfItsEpoch() public {
        uint256 end = (block.timestamp / 12 hours + 1) * 12 hours;
        vm.warp(end - 1);
        stamps.setShares(4_000, 500);
        vm.warp(end);
        stamps.setShares(0, 2_500);
        (uint16 recipients, uint16 silent) = stamps.shares();
        assert(recipients == 0 && silent == 2_500);
        (recipients, silent) = stamps.sharesAt(end - 1);
        assert(recipients == 4_000 && silent == 500);
        (recipients, silent) = stamps.sharesAt(end - 2);
        assert(recipients == 5_000 && silent == 1_000);
        _settle(0, 0, 1e6);
        bytes32 digest = _file(_leaves(_payer(0), 1e6), _leaves(ALICE, 1e6), uint64(end));
        stamps.charge(_reportOf(digest), _chargesOf(digest));
        vm.warp(end + 3 days);
        assert(_claim(digest, 0) == 0.4e6);
    }

    /// After a year the rest is the treasury's: of a pot that was claimed in part, and of one that never was.
    function test_aYearAfterFinalityTheRestIsTheTreasurys() public {
        uint64 finalAt = uint64(block.timestamp);
        _settle(0, 0, 4e6);
        _settle(1, 0, 4e6);
        bytes32 digest = _file(_leaves(_payer(0), 4e6), _leaves(ALICE, 1e6, BOB, 1e6), finalAt);
        bytes32 unclaimed = _file(_leaves(_payer(1), 3e6), _leaves(ALICE, 1e6), finalAt);
        stamps.charge(_reportOf(digest), _chargesOf(digest));
        stamps.charge(_reportOf(unclaimed), _chargesOf(unclaimed));
        vm.warp(finalAt + 365 days - 1);
        assert(_claim(digest, 0) == 1e6);
        vm.warp(finalAt + 365 days);
        assert(stamps.sweep(digest) == 1e6 && stamps.sweep(unclaimed) == 3e6);
        assert(_owedOfPot(digest) == 0 && _owedOfPot(unclaimed) == 0);
        assert(stamps.creditOf(TREASURY) == 6e6 && usdc.balanceOf(address(stamps)) == 6e6);
        assert(stamps.potOf(digest).claimableUntil == finalAt + 365 days);
        assert(stamps.potOf(digest).fixedAt == finalAt + 3 days);
    }

    /// 256 payouts share a word: none is taken for another.
    function test_everyIndexHasABitOfItsOwn() public {
        uint64 finalAt = uint64(block.timestamp);
        _settle(0, 0, 4e6);
        Leaf[] memory payouts = new Leaf[](258);
        for (uint256 i = 0; i < payouts.length; i++) payouts[i] = Leaf(address(uint160(0xACC000 + i)), 1000);
        bytes32 digest = _file(_leaves(_payer(0), 4e6), payouts, finalAt);
        stamps.charge(_reportOf(digest), _chargesOf(digest));
        vm.warp(finalAt + 3 days);
        uint256[4] memory claimed = [uint256(0), 255, 256, 257];
        for (uint256 i = 0; i < 4; i++) assert(_claim(digest, claimed[i]) == 1000);
        // And keeps it when another of its word is paid.
        for (uint256 i = 0; i < 4; i++) assert(stamps.isClaimed(digest, claimed[i]));
        assert(!stamps.isClaimed(digest, 1) && !stamps.isClaimed(digest, 254) && !stamps.isClaimed(digest, 512));
    }

    /// A payer who asked for its money back pays for stamps that it signed, for as long as the hold lasts.
    function test_stampsAreChargedUntilTheMoneyLeaves() public {
        address payer = _payer(0);
        _settle(0, 0, 4e6);
        vm.prank(payer);
        channels.requestWithdrawal(payer, 10e6);
        vm.warp(START + 72 hours);
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        assert(usdc.balanceOf(SINK) == 6e6);
        bytes32 digest = _file(_leaves(payer, 3e6), _nobody(), uint64(block.timestamp));
        assert(stamps.charge(_reportOf(digest), _chargesOf(digest)) == 3e6);
        vm.warp(START + 10 days);
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        assert(usdc.balanceOf(SINK) == 7e6);
        bytes32 later = _file(_leaves(payer, 4e6), _nobody(), uint64(block.timestamp));
        assert(stamps.charge(_reportOf(later), _chargesOf(later)) == 0);
        assert(usdc.balanceOf(address(channels)) == 20e6);
    }
}
