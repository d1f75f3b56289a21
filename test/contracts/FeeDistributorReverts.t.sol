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
contract FeeDistributorReverts is Refusals {
    uint256 private constant START = 1_000 * 12 hours;
    uint32 private constant NODE = 100;
    address private constant TREASURY = address(0x7EA5);
    address private constant STRANGER = address(0x57A);
    address private constant SINK = address(0xBEEF);

    HostileToken private _token = new HostileToken();
    CollectedStub private _source = new CollectedStub(TestUSDC(address(_token)));
    SeatsStub private _seats = new SeatsStub();
    FeeDistributor private _distributor;
    address private _payout = _seats.payoutOf(NODE);
    /// What a token gave away.
    uint256 private _surplus;

    function setUp() public {
        vm.warp(START);
        _distributor = _deploy(12 hours, 1_000);
        _token.mint(address(this), 1_000e6);
        _token.approve(address(_distributor), type(uint256).max);
        _seats.set(NODE, Standing.Earning);
        vm.warp(START + 12 hours);
        _token.mint(address(_source), 140e6);
        _distributor.distribute();
        // Two epochs that pay 9 dollars each.
        vm.warp(START + 4 * 12 hours);
    }

    function _deploy(uint64 epochSeconds, uint16 treasuryBps) private returns (FeeDistributor) {
        return
            new FeeDistributor(
                IPostageChannels(address(_source)),
                _seats,
                _token,
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
        uint256 waiting = _distributor.streaming() + _distributor.remainder();
        uint256 kept = _distributor.released() - _distributor.paid() - _distributor.forfeited();
        uint256 credits = _distributor.creditOf(TREASURY) + _distributor.creditOf(_payout);
        uint256 balance = _token.balanceOf(address(_distributor));
        // I1, I2
        assert(balance == waiting + kept - _distributor.debited() + credits + _surplus);
        return
            keccak256(
                abi.encode(
                    [waiting, kept, credits, balance],
                    [_distributor.claimable(NODE), _distributor.debitOf(NODE), _distributor.debited()],
                    [_distributor.treasuryBps(), _token.balanceOf(address(this)), _token.balanceOf(SINK)],
                    _seats.suspended(NODE)
                )
            );
    }

    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(_distributor), caller, call, bytes.concat(selector, arguments));
    }

    // Parameters.

    function test_I7_theTreasurysPartIsBounded() public {
        bytes memory call = abi.encodeCall(IFeeDistributor.setTreasuryBps, (2_001));
        bytes4 selector = IFeeDistributor.FeeDistributorTreasuryBpsOutOfBounds.selector;
        _refuses(address(this), call, selector, abi.encode(2_001, 2_000));
        _distributor.setTreasuryBps(2_000);
        assert(_distributor.treasuryBps() == 2_000);
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
        _refuses(TREASURY, _withdrawCredit(address(_distributor)), notAllowed, abi.encode(_distributor));
        vm.prank(TREASURY);
        assert(_distributor.withdrawCredit(SINK) == 14e6);
        assert(_token.balanceOf(SINK) == 14e6);
        _refuses(TREASURY, _withdrawCredit(SINK), noCredit, abi.encode(TREASURY));
    }

    /// Case 11: a payout that the token refuses becomes a credit; the claim holds up nobody, and pays once.
    function test_case11_aRefusedPayoutBecomesACredit() public {
        _token.setRefused(_payout, true);
        assert(_distributor.claim(NODE) == 18e6);
        assert(_distributor.creditOf(_payout) == 18e6 && _token.balanceOf(_payout) == 0);
        assert(_distributor.paid() == 18e6 && _distributor.claimable(NODE) == 0);
        _state();
        assert(_distributor.claim(NODE) == 0);
        bytes4 selector = HostileToken.HostileTokenRefused.selector;
        _refuses(_payout, _withdrawCredit(_payout), selector, abi.encode(_payout));
        vm.prank(_payout);
        assert(_distributor.withdrawCredit(SINK) == 18e6);
        assert(_token.balanceOf(SINK) == 18e6 && _distributor.creditOf(_payout) == 0);
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
        _distributor.recordDebits(_row(50e6));
        assert(_distributor.debitOf(NODE) == 50e6 && _seats.suspended(NODE));
    }

    function _payDebit(uint64 amount) private pure returns (bytes memory) {
        return abi.encodeCall(IDebits.payDebit, (NODE, amount));
    }

    function test_onlyADebitThatIsThereIsPaid() public {
        bytes4 nothingOwed = IDebits.DebitsNothingOwed.selector;
        _refuses(address(this), _payDebit(1e6), nothingOwed, abi.encode(NODE));
        _distributor.recordDebits(_row(50e6));
        bytes4 nothingArrived = IDebits.DebitsNothingArrived.selector;
        _refuses(address(this), _payDebit(0), nothingArrived, abi.encode(NODE));
        _token.setFeeBps(10_000);
        _refuses(address(this), _payDebit(1e6), nothingArrived, abi.encode(NODE));
        _token.setFeeBps(0);
        assert(_distributor.payDebit(NODE, 60e6) == 50e6);
        assert(_distributor.debitOf(NODE) == 0 && !_seats.suspended(NODE));
        _refuses(address(this), _payDebit(1e6), nothingOwed, abi.encode(NODE));
    }

    /// A token that gives more than it takes cannot pay more than is owed: what is over stays outside the books.
    function test_aDebitIsNeverPaidBeyondItsAmount() public {
        _distributor.recordDebits(_row(50e6));
        uint256 before = _distributor.remainder();
        _token.setCallback(address(_token), abi.encodeCall(HostileToken.mint, (address(_distributor), 7)));
        assert(_distributor.payDebit(NODE, 50e6) == 50e6);
        _surplus = 7;
        assert(_distributor.debitOf(NODE) == 0 && !_seats.suspended(NODE));
        assert(_distributor.remainder() == before + 50e6);
        _state();
    }

    /// What the books could not hold in 64 bits is refused whole and stays collectable.
    function test_aTotalBeyond64BitsIsRefused() public {
        _token.mint(address(_source), type(uint64).max);
        bytes memory call = abi.encodeCall(IFeeDistributor.distribute, ());
        _distributor.setTreasuryBps(0);
        uint256 total = uint256(type(uint64).max) + 126e6;
        bytes4 selector = IFeeDistributor.FeeDistributorTotalTooLarge.selector;
        _refuses(STRANGER, call, selector, abi.encode(total, type(uint64).max));
        assert(_token.balanceOf(address(_source)) == type(uint64).max);
    }
}
