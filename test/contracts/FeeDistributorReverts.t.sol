// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {FeeDistributor} from "../../contracts/FeeDistributor.sol";
import {IDebits} from "../../contracts/interfaces/IDebits.sol";
import {IFeeDistributor} from "../../contracts/interfaces/IFeeDistributor.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {Refusals} from "../support/Refusals.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm} from "../support/Vm.sol";
import {CollectedStub, SeatsStub} from "./FeeDistributor.t.sol";

/// @notice One seat, a treasury and money under way; the test is the reports, the authority, and the only one allowed.
abstract contract StreamUnderWay is Refusals {
    uint256 internal constant START = 1_000 * 12 hours;
    uint32 internal constant NODE = 100;
    address internal constant TREASURY = address(0x7EA5);
    address internal constant STRANGER = address(0x57A);
    address internal constant SINK = address(0xBEEF);

    HostileToken internal token = new HostileToken();
    CollectedStub internal source = new CollectedStub(TestUSDC(address(token)));
    SeatsStub internal seats = new SeatsStub();
    FeeDistributor internal distributor;
    address internal payout = seats.payoutOf(NODE);
    /// What a token gave away.
    uint256 internal surplus;

    function setUp() public {
        vm.warp(START);
        distributor = _deploy(12 hours, 1_000);
        token.mint(address(this), 1_000e6);
        token.approve(address(distributor), type(uint256).max);
        seats.set(NODE, Standing.Earning);
        vm.warp(START + 12 hours);
        token.mint(address(source), 140e6);
        distributor.distribute();
        // Two epochs that pay 9 dollars each.
        vm.warp(START + 4 * 12 hours);
    }

    function _deploy(uint64 epochSeconds, uint16 treasuryBps) internal returns (FeeDistributor) {
        return
            new FeeDistributor(
                IPostageChannels(address(source)),
                seats,
                token,
                TREASURY,
                address(this),
                address(this),
                epochSeconds,
                treasuryBps
            );
    }

    /// AccessManager's question.
    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == address(this), 0);
    }

    function _state() internal view override returns (bytes32) {
        uint256 waiting = distributor.streaming() + distributor.remainder();
        uint256 kept = distributor.released() - distributor.paid() - distributor.forfeited();
        uint256 credits = distributor.creditOf(TREASURY) + distributor.creditOf(payout);
        uint256 balance = token.balanceOf(address(distributor));
        // I1, I2
        assert(balance == waiting + kept - distributor.debited() + credits + surplus);
        return
            keccak256(
                abi.encode(
                    [waiting, kept, credits, balance],
                    [distributor.claimable(NODE), distributor.debitOf(NODE), distributor.debited()],
                    [distributor.treasuryBps(), token.balanceOf(address(this)), token.balanceOf(SINK)],
                    seats.suspended(NODE)
                )
            );
    }
}

contract FeeDistributorReverts is StreamUnderWay {
    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(distributor), caller, call, bytes.concat(selector, arguments));
    }

    // Parameters.

    function test_I7_theTreasurysPartIsBounded() public {
        bytes memory call = abi.encodeCall(IFeeDistributor.setTreasuryBps, (2_001));
        bytes4 selector = IFeeDistributor.FeeDistributorTreasuryBpsOutOfBounds.selector;
        _refuses(address(this), call, selector, abi.encode(2_001, 2_000));
        distributor.setTreasuryBps(2_000);
        assert(distributor.treasuryBps() == 2_000);
        bytes memory allowed = abi.encodeCall(IFeeDistributor.setTreasuryBps, (0));
        _refuses(STRANGER, allowed, IAccessManaged.AccessManagedUnauthorized.selector, abi.encode(STRANGER));
    }

    function deploy(uint64 epochSeconds, uint16 treasuryBps) external returns (FeeDistributor) {
        return _deploy(epochSeconds, treasuryBps);
    }

    function test_nothingIsDeployedOutOfBounds() public {
        bytes4 tooShort = IFeeDistributor.FeeDistributorEpochTooShort.selector;
        bytes memory call = abi.encodeCall(this.deploy, (59, 1_000));
        _refuses(address(this), address(this), call, tooShort, abi.encode(59));
        bytes4 outOfBounds = IFeeDistributor.FeeDistributorTreasuryBpsOutOfBounds.selector;
        call = abi.encodeCall(this.deploy, (60, 2_001));
        _refuses(address(this), address(this), call, outOfBounds, abi.encode(2_001, 2_000));
        assert(_deploy(60, 2_000).epochSeconds() == 60);
    }

    function _refuses(
        address target,
        address caller,
        bytes memory call,
        bytes4 selector,
        bytes memory arguments
    ) private {
        _refuses(target, caller, call, bytes.concat(selector, arguments));
    }

    // Credits.

    function _withdrawCredit(address recipient) private pure returns (bytes memory) {
        return abi.encodeCall(IFeeDistributor.withdrawCredit, (recipient));
    }

    function test_aCreditIsWithdrawnOnceByWhoHasIt() public {
        bytes4 noCredit = IFeeDistributor.FeeDistributorNoCredit.selector;
        _refuses(STRANGER, _withdrawCredit(SINK), noCredit, abi.encode(STRANGER));
        bytes4 notAllowed = IFeeDistributor.FeeDistributorRecipientNotAllowed.selector;
        _refuses(TREASURY, _withdrawCredit(address(0)), notAllowed, abi.encode(address(0)));
        _refuses(TREASURY, _withdrawCredit(address(distributor)), notAllowed, abi.encode(distributor));
        vm.prank(TREASURY);
        assert(distributor.withdrawCredit(SINK) == 14e6);
        assert(token.balanceOf(SINK) == 14e6);
        _refuses(TREASURY, _withdrawCredit(SINK), noCredit, abi.encode(TREASURY));
    }

    /// Case 12: a payout that the token refuses becomes a credit; the claim holds up nobody, and pays once.
    function test_case12_aRefusedPayoutBecomesACredit() public {
        token.setRefused(payout, true);
        assert(distributor.claim(NODE) == 18e6);
        assert(distributor.creditOf(payout) == 18e6 && token.balanceOf(payout) == 0);
        assert(distributor.paid() == 18e6 && distributor.claimable(NODE) == 0);
        _state();
        assert(distributor.claim(NODE) == 0);
        bytes4 selector = HostileToken.HostileTokenRefused.selector;
        _refuses(payout, _withdrawCredit(payout), selector, abi.encode(payout));
        vm.prank(payout);
        assert(distributor.withdrawCredit(SINK) == 18e6);
        assert(token.balanceOf(SINK) == 18e6 && distributor.creditOf(payout) == 0);
        _state();
    }

    // Debits.

    function _row(uint64 amount) private pure returns (bytes memory) {
        return abi.encodePacked(NODE, amount);
    }

    function test_onlyReportsRecordDebitsInWholeRows() public {
        bytes memory call = abi.encodeCall(IDebits.recordDebits, (_row(50e6)));
        _refuses(STRANGER, call, IDebits.DebitsNotReports.selector, abi.encode(STRANGER, address(this)));
        bytes4 malformed = IDebits.DebitsMalformed.selector;
        call = abi.encodeCall(IDebits.recordDebits, (bytes.concat(_row(50e6), hex"00")));
        _refuses(address(this), call, malformed, abi.encode(13));
        call = abi.encodeCall(IDebits.recordDebits, (hex"0000000000000000000000"));
        _refuses(address(this), call, malformed, abi.encode(11));
        distributor.recordDebits(_row(50e6));
        assert(distributor.debitOf(NODE) == 50e6 && seats.suspended(NODE));
    }

    function _payDebit(uint64 amount) private pure returns (bytes memory) {
        return abi.encodeCall(IDebits.payDebit, (NODE, amount));
    }

    function test_onlyADebitThatIsThereIsPaid() public {
        bytes4 nothingOwed = IDebits.DebitsNothingOwed.selector;
        _refuses(address(this), _payDebit(1e6), nothingOwed, abi.encode(NODE));
        distributor.recordDebits(_row(50e6));
        bytes4 nothingArrived = IDebits.DebitsNothingArrived.selector;
        _refuses(address(this), _payDebit(0), nothingArrived, abi.encode(NODE));
        token.setFeeBps(10_000);
        _refuses(address(this), _payDebit(1e6), nothingArrived, abi.encode(NODE));
        token.setFeeBps(0);
        assert(distributor.payDebit(NODE, 60e6) == 50e6);
        assert(distributor.debitOf(NODE) == 0 && !seats.suspended(NODE));
        _refuses(address(this), _payDebit(1e6), nothingOwed, abi.encode(NODE));
    }

    /// A token that gives more than it takes cannot pay more than is owed: what is over stays outside the books.
    function test_aDebitIsNeverPaidBeyondItsAmount() public {
        distributor.recordDebits(_row(50e6));
        uint256 before = distributor.remainder();
        token.setCallback(address(token), abi.encodeCall(HostileToken.mint, (address(distributor), 7)));
        assert(distributor.payDebit(NODE, 50e6) == 50e6);
        surplus = 7;
        assert(distributor.debitOf(NODE) == 0 && !seats.suspended(NODE));
        assert(distributor.remainder() == before + 50e6);
        _state();
    }

    /// What the books could not hold in 64 bits is refused whole and stays collectable.
    function test_aTotalBeyond64BitsIsRefused() public {
        token.mint(address(source), type(uint64).max);
        bytes memory call = abi.encodeCall(IFeeDistributor.distribute, ());
        distributor.setTreasuryBps(0);
        uint256 total = uint256(type(uint64).max) + 126e6;
        bytes4 selector = IFeeDistributor.FeeDistributorTotalTooLarge.selector;
        _refuses(STRANGER, call, selector, abi.encode(total, type(uint64).max));
        assert(token.balanceOf(address(source)) == type(uint64).max);
    }
}
