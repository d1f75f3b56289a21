// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {IStamps} from "../../contracts/interfaces/IStamps.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {Logs} from "../support/Logs.sol";
import {ReentrantToken} from "../support/ReentrantToken.sol";
import {Refusals} from "../support/Refusals.sol";
import {ReportsStub, StampsWorld} from "../support/StampsWorld.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm} from "../support/Vm.sol";

/// @notice Three dollars charged under a report that pays Alice and Bob a dollar each, and nothing paid yet.
abstract contract PotUnderWay is StampsWorld, Refusals, Logs {
    address internal constant ALICE = address(0xA11);
    address internal constant BOB = address(0xB0B);
    bytes32 internal report;
    uint64 internal finalAt;

    function _prepare(TestUSDC token) internal {
        _start(token);
        channels.deposit(_payer(0), 10e6);
        _settle(0, 0, 3e6);
        finalAt = uint64(block.timestamp);
        report = _file(_leaves(_payer(0), 3e6), _leaves(ALICE, 1e6, BOB, 1e6), finalAt);
        stamps.charge(_reportOf(report), _chargesOf(report));
    }

    function _state() internal view override returns (bytes32) {
        (uint16 recipients, uint16 silent) = stamps.shares();
        return
            keccak256(
                abi.encode(
                    stamps.potOf(report),
                    [stamps.creditOf(TREASURY), stamps.creditOf(ALICE), stamps.creditOf(BOB)],
                    [stamps.isClaimed(report, 0), stamps.isClaimed(report, 1)],
                    [recipients, silent],
                    [usdc.balanceOf(address(stamps)), usdc.balanceOf(ALICE), usdc.balanceOf(SINK)],
                    channels.getChannel(_payer(0))
                )
            );
    }

    function _claimCall(bytes32 digest, IStamps.Payout memory payout) internal pure returns (bytes memory) {
        return abi.encodeCall(IStamps.claim, (digest, payout.account, payout.amount, payout.path));
    }
}

contract StampsReverts is PotUnderWay {
    function setUp() public {
        _prepare(TestUSDC(address(new HostileToken())));
    }

    function _refuses(bytes memory call, bytes memory expected) private {
        _refuses(address(stamps), address(this), call, expected);
    }

    function test_onlyStampsChargesChannels() public {
        IPostageChannels.StampCharge[] memory rows = new IPostageChannels.StampCharge[](1);
        rows[0] = IPostageChannels.StampCharge(_payer(0), 3e6);
        bytes memory call = abi.encodeCall(IPostageChannels.chargeStamps, (rows));
        bytes4 selector = IPostageChannels.PostageChannelsNotStamps.selector;
        _refuses(
            address(channels),
            address(this),
            call,
            abi.encodeWithSelector(selector, address(this), address(stamps))
        );
    }

    /// One that is, after one that is not: nothing of either is charged.
    function test_rowsThatAreNotInTheReportAreRefused() public {
        _settle(0, 0, 9e6);
        bytes32 digest = _file(_leaves(_payer(0), 4e6, _payer(1), 5e6), _nobody(), finalAt);
        IStamps.Charge[] memory charges = _chargesOf(digest);
        (charges[1].channel, charges[1].cumulativeAmount) = (_payer(0), 9e6);
        bytes4 selector = IStamps.StampsNotInCharges.selector;
        bytes memory call = abi.encodeCall(IStamps.charge, (_reportOf(digest), charges));
        _refuses(call, abi.encodeWithSelector(selector, digest, _payer(0), 9e6));
        // The payouts' tree is none of charges.
        IStamps.Payout memory payout = _payoutOf(report, 0);
        charges = new IStamps.Charge[](1);
        charges[0] = IStamps.Charge(payout.account, payout.amount, payout.path);
        call = abi.encodeCall(IStamps.charge, (_reportOf(report), charges));
        _refuses(call, abi.encodeWithSelector(selector, report, ALICE, 1e6));
    }

    function test_reportsThatAreNotFinalAreRefused() public {
        bytes32 digest = _file(_leaves(_payer(0), 4e6), _nobody(), uint64(block.timestamp + 1));
        bytes memory call = abi.encodeCall(IStamps.charge, (_reportOf(digest), _chargesOf(digest)));
        _refuses(call, abi.encodeWithSelector(ReportsStub.ReportsStubNotFinal.selector, digest));
    }

    function test_payoutsAreRefusedOutOfTimeOrNotInTheReport() public {
        IStamps.Payout memory payout = _payoutOf(report, 0);
        bytes4 notYet = IStamps.StampsPotNotFixedYet.selector;
        vm.warp(finalAt + 3 days - 1);
        _refuses(_claimCall(report, payout), abi.encodeWithSelector(notYet, finalAt + 3 days, block.timestamp));
        _refuses(
            abi.encodeCall(IStamps.claimMany, (report, _payoutsOf(report))),
            abi.encodeWithSelector(notYet, finalAt + 3 days, block.timestamp)
        );
        vm.warp(finalAt + 3 days);
        bytes32 unknown = keccak256("unknown");
        _refuses(_claimCall(unknown, payout), abi.encodeWithSelector(IStamps.StampsNoPot.selector, unknown));
        bytes4 notIn = IStamps.StampsNotInPayouts.selector;
        payout.amount++;
        _refuses(_claimCall(report, payout), abi.encodeWithSelector(notIn, report, ALICE, 1e6 + 1));
        (payout.amount, payout.account) = (1e6, SINK);
        _refuses(_claimCall(report, payout), abi.encodeWithSelector(notIn, report, SINK, 1e6));
        payout.account = ALICE;
        // Another total would make another pot of it.
        payout.path.total = 1e6;
        _refuses(_claimCall(report, payout), abi.encodeWithSelector(notIn, report, ALICE, 1e6));
        payout.path.total = 2e6;
        vm.warp(finalAt + 365 days);
        bytes4 over = IStamps.StampsClaimsOver.selector;
        _refuses(_claimCall(report, payout), abi.encodeWithSelector(over, finalAt + 365 days, block.timestamp));
    }

    function test_aPayoutIsPaidOnce() public {
        vm.warp(finalAt + 3 days);
        IStamps.Payout memory payout = _payoutOf(report, 1);
        vm.prank(STRANGER);
        assert(stamps.claim(report, payout.account, payout.amount, payout.path) == 0.75e6);
        _refuses(_claimCall(report, payout), abi.encodeWithSelector(IStamps.StampsClaimed.selector, report, 1));
        // Many: the one that was paid is passed over.
        assert(stamps.claimMany(report, _payoutsOf(report)) == 0.75e6);
        assert(usdc.balanceOf(ALICE) == 0.75e6 && usdc.balanceOf(BOB) == 0.75e6);
        assert(stamps.claimMany(report, _payoutsOf(report)) == 0);
    }

    /// Twice in one batch, and again, while the pot still has another's money.
    function test_aPayoutIsPaidOnceThoughThePotHasMore() public {
        vm.warp(finalAt + 3 days);
        IStamps.Payout[] memory twice = new IStamps.Payout[](2);
        (twice[0], twice[1]) = (_payoutOf(report, 0), _payoutOf(report, 0));
        assert(stamps.claimMany(report, twice) == 0.75e6);
        assert(stamps.claimMany(report, twice) == 0);
        assert(_owedOfPot(report) == 0.75e6 && usdc.balanceOf(ALICE) == 0.75e6);
    }

    function test_aPotIsFixedOnceAndOnlyAsTheReportSays() public {
        (uint64 count, uint128 total, bytes32 top) = _topOf(report);
        bytes memory call = abi.encodeCall(IStamps.fixPot, (report, count, total, top));
        vm.warp(finalAt + 3 days - 1);
        bytes4 notYet = IStamps.StampsPotNotFixedYet.selector;
        _refuses(call, abi.encodeWithSelector(notYet, finalAt + 3 days, block.timestamp));
        vm.warp(finalAt + 3 days);
        bytes4 notIts = IStamps.StampsNotItsPayouts.selector;
        _refuses(
            abi.encodeCall(IStamps.fixPot, (report, count, total + 1, top)),
            abi.encodeWithSelector(notIts, report, count, total + 1)
        );
        _refuses(abi.encodeCall(IStamps.fixPot, (report, 0, 0, 0)), abi.encodeWithSelector(notIts, report, 0, 0));
        stamps.fixPot(report, count, total, top);
        assert(stamps.creditOf(TREASURY) == 1.5e6);
        _refuses(call, abi.encodeWithSelector(IStamps.StampsPotFixed.selector, report));
        bytes32 unknown = keccak256("unknown");
        _refuses(
            abi.encodeCall(IStamps.fixPot, (unknown, count, total, top)),
            abi.encodeWithSelector(IStamps.StampsNoPot.selector, unknown)
        );
    }

    function test_aPotIsSweptAfterAYearAndOnce() public {
        bytes memory call = abi.encodeCall(IStamps.sweep, (report));
        vm.warp(finalAt + 365 days - 1);
        bytes4 notOver = IStamps.StampsClaimsNotOver.selector;
        _refuses(call, abi.encodeWithSelector(notOver, finalAt + 365 days, block.timestamp));
        vm.warp(finalAt + 365 days);
        assert(stamps.sweep(report) == 3e6);
        _refuses(call, abi.encodeWithSelector(IStamps.StampsNothingLeft.selector, report));
        bytes32 unknown = keccak256("unknown");
        _refuses(
            abi.encodeCall(IStamps.sweep, (unknown)),
            abi.encodeWithSelector(IStamps.StampsNoPot.selector, unknown)
        );
        (uint64 count, uint128 total, bytes32 top) = _topOf(report);
        _refuses(
            abi.encodeCall(IStamps.fixPot, (report, count, total, top)),
            abi.encodeWithSelector(IStamps.StampsPotFixed.selector, report)
        );
    }

    /// Nobody could take it: it stays in the pot.
    function test_accountsThatNobodyHasAreNotPaid() public {
        _settle(0, 0, 9e6);
        bytes4 selector = IStamps.StampsAccountNotAllowed.selector;
        bytes32 digest = _file(_leaves(_payer(0), 9e6), _leaves(address(0), 1e6, address(stamps), 1e6), finalAt);
        stamps.charge(_reportOf(digest), _chargesOf(digest));
        vm.warp(finalAt + 3 days);
        _refuses(_claimCall(digest, _payoutOf(digest, 0)), abi.encodeWithSelector(selector, address(0)));
        _refuses(_claimCall(digest, _payoutOf(digest, 1)), abi.encodeWithSelector(selector, address(stamps)));
        assert(!stamps.potOf(digest).isFixed && !stamps.isClaimed(digest, 0));
    }

    function test_accountsThatRefuseAreCreditedAndTakeItLater() public {
        HostileToken token = HostileToken(address(usdc));
        token.setRefused(ALICE, true);
        vm.warp(finalAt + 3 days);
        _listen();
        assert(stamps.claimMany(report, _payoutsOf(report)) == 1.5e6);
        _heard(
            address(stamps),
            bytes.concat(
                _log(IStamps.PotFixed.selector, abi.encode(report), abi.encode(3e6, 1.5e6, 2e6)),
                _log(IStamps.Claimed.selector, abi.encode(report, ALICE), abi.encode(0, 0.75e6, true)),
                _log(IStamps.Claimed.selector, abi.encode(report, BOB), abi.encode(1, 0.75e6, false))
            )
        );
        assert(stamps.creditOf(ALICE) == 0.75e6 && usdc.balanceOf(BOB) == 0.75e6);
        bytes4 selector = IStamps.StampsAccountNotAllowed.selector;
        address[2] memory nowhere = [address(0), address(stamps)];
        for (uint256 i = 0; i < 2; i++) {
            bytes memory call = abi.encodeCall(IStamps.withdrawCredit, (nowhere[i]));
            _refuses(address(stamps), ALICE, call, abi.encodeWithSelector(selector, nowhere[i]));
        }
        bytes memory take = abi.encodeCall(IStamps.withdrawCredit, (SINK));
        _refuses(address(stamps), BOB, take, abi.encodeWithSelector(IStamps.StampsNoCredit.selector, BOB));
        _listen();
        vm.prank(ALICE);
        stamps.withdrawCredit(SINK);
        bytes memory topics = abi.encode(ALICE, SINK);
        _heard(address(stamps), _log(IStamps.CreditWithdrawn.selector, topics, abi.encode(0.75e6)));
        assert(usdc.balanceOf(SINK) == 0.75e6 && stamps.creditOf(ALICE) == 0);
    }

    /// A token that keeps a part: a pot is of what arrived, and all that is owed is there.
    function test_aPotIsOfWhatArrived() public {
        HostileToken(address(usdc)).setFeeBps(1_000);
        _settle(0, 0, 9e6);
        bytes32 digest = _file(_leaves(_payer(0), 5e6), _leaves(ALICE, 5e6), finalAt);
        _listen();
        assert(stamps.charge(_reportOf(digest), _chargesOf(digest)) == 1.8e6);
        _heard(address(stamps), _log(IStamps.Charged.selector, abi.encode(digest), abi.encode(1.8e6, false)));
        assert(usdc.balanceOf(address(stamps)) == 4.8e6 && stamps.potOf(digest).charged == 1.8e6);
        // One that keeps everything: no pot.
        HostileToken(address(usdc)).setFeeBps(10_000);
        digest = _file(_leaves(_payer(0), 6e6), _leaves(ALICE, 5e6), finalAt);
        assert(stamps.charge(_reportOf(digest), _chargesOf(digest)) == 0);
        assert(stamps.potOf(digest).finalAt == 0);
    }

    function test_everyMoveIsLogged() public {
        _settle(0, 1e6, 9e6);
        bytes32 digest = _file(_leaves(_payer(0), 5e6, _payer(1), 5e6), _nobody(), finalAt);
        _listen();
        stamps.charge(_reportOf(digest), _chargesOf(digest));
        _heard(
            address(channels),
            _log(IPostageChannels.StampsCharged.selector, abi.encode(_payer(0)), abi.encode(2e6, 5e6))
        );
        vm.warp(finalAt + 3 days);
        bytes32 late = _file(_leaves(_payer(0), 6e6), _nobody(), finalAt);
        _listen();
        stamps.charge(_reportOf(late), _chargesOf(late));
        _heard(address(stamps), _log(IStamps.Charged.selector, abi.encode(late), abi.encode(1e6, true)));
        vm.warp(finalAt + 365 days);
        _listen();
        stamps.sweep(report);
        _heard(address(stamps), _log(IStamps.Swept.selector, abi.encode(report), abi.encode(3e6)));
        _listen();
        stamps.setShares(1, 2);
        _heard(address(stamps), _log(IStamps.SharesSet.selector, "", abi.encode(1, 2)));
    }

    function test_I7_sharesAreBounded() public {
        bytes4 selector = IStamps.StampsShareOutOfBounds.selector;
        _refuses(abi.encodeCall(IStamps.setShares, (5_001, 0)), abi.encodeWithSelector(selector, 5_001, 5_000));
        _refuses(abi.encodeCall(IStamps.setShares, (0, 2_501)), abi.encodeWithSelector(selector, 2_501, 2_500));
        bytes4 unauthorized = IAccessManaged.AccessManagedUnauthorized.selector;
        bytes memory call = abi.encodeCall(IStamps.setShares, (1, 1));
        _refuses(address(stamps), STRANGER, call, abi.encodeWithSelector(unauthorized, STRANGER));
        stamps.setShares(5_000, 2_500);
        (uint16 recipients, uint16 silent) = stamps.shares();
        assert(recipients == 5_000 && silent == 2_500);
    }

    /// More under one report than its slot holds: refused whole.
    function test_aPotHoldsAtMost64Bits() public {
        uint64 most = type(uint64).max - 50e6;
        channels.deposit(_payer(1), most);
        _settle(1, 0, most);
        bytes32 digest = _file(_leaves(_payer(1), most, _payer(2), 60e6), _nobody(), finalAt);
        IStamps.Charge[] memory one = new IStamps.Charge[](1);
        one[0] = _chargeOf(digest, 0);
        assert(stamps.charge(_reportOf(digest), one) == most);
        channels.deposit(_payer(2), 60e6);
        _settle(2, 0, 60e6);
        one[0] = _chargeOf(digest, 1);
        bytes memory call = abi.encodeCall(IStamps.charge, (_reportOf(digest), one));
        bytes4 selector = SafeCast.SafeCastOverflowedUintDowncast.selector;
        _refuses(call, abi.encodeWithSelector(selector, 64, uint256(most) + 60e6));
    }
}

/// @notice Whatever moves money can be entered by nothing that moves money, itself included.
contract StampsReentrancy is PotUnderWay {
    function setUp() public {
        _prepare(TestUSDC(address(new ReentrantToken())));
        _settle(0, 0, 9e6);
        vm.warp(finalAt + 3 days);
    }

    function _calls() private view returns (bytes[] memory calls) {
        calls = new bytes[](6);
        (uint64 count, uint128 total, bytes32 top) = _topOf(report);
        calls[0] = _claimCall(report, _payoutOf(report, 0));
        calls[1] = abi.encodeCall(IStamps.claimMany, (report, _payoutsOf(report)));
        calls[2] = abi.encodeCall(IStamps.withdrawCredit, (SINK));
        calls[3] = abi.encodeCall(IStamps.fixPot, (report, count, total, top));
        calls[4] = abi.encodeCall(IStamps.sweep, (report));
        calls[5] = abi.encodeCall(IStamps.charge, (_reportOf(report), _chargesOf(report)));
    }

    function _enters(address caller, bytes memory call) private {
        bytes[] memory calls = _calls();
        ReentrantToken token = ReentrantToken(address(usdc));
        bytes memory refusal = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        token.setCalls(address(stamps), calls);
        vm.prank(caller);
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, ) = address(stamps).call(call);
        assert(taken && token.answerCount() == calls.length);
        for (uint256 k = 0; k < calls.length; k++) assert(keccak256(token.answers(k)) == keccak256(refusal));
    }

    function test_nothingThatMovesMoneyIsEnteredTwice() public {
        bytes[] memory calls = _calls();
        _enters(STRANGER, calls[0]);
        _enters(STRANGER, calls[1]);
        _enters(TREASURY, calls[2]);
        bytes32 digest = _file(_leaves(_payer(0), 5e6), _nobody(), finalAt);
        _enters(STRANGER, abi.encodeCall(IStamps.charge, (_reportOf(digest), _chargesOf(digest))));
    }

    /// A gift in the middle of a charge is no part of the pot.
    function test_aGiftInBetweenIsNoCharge() public {
        vm.warp(finalAt);
        bytes32 digest = _file(_leaves(_payer(0), 5e6), _nobody(), finalAt);
        ReentrantToken token = ReentrantToken(address(usdc));
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(ReentrantToken.mint, (address(stamps), 7e6));
        token.setCalls(address(token), calls);
        assert(stamps.charge(_reportOf(digest), _chargesOf(digest)) == 2e6);
        assert(token.balanceOf(address(stamps)) == 12e6 && stamps.potOf(digest).charged == 2e6);
    }
}
