// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDebits} from "./interfaces/IDebits.sol";
import {IFeeDistributor} from "./interfaces/IFeeDistributor.sol";
import {IPostageChannels} from "./interfaces/IPostageChannels.sol";
import {ISeats, Standing} from "./interfaces/ISeats.sol";
import {EpochTrace} from "./libraries/EpochTrace.sol";
import {SeatMath} from "./libraries/SeatMath.sol";
import {Stream, StreamMath} from "./libraries/StreamMath.sol";
import {SeatAccount, SeatAccounts} from "./types/SeatAccount.sol";

/// @title FeeDistributor: collected fees, streamed to the seats that serve.
/// @notice See IFeeDistributor.
contract FeeDistributor is IFeeDistributor, AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using EpochTrace for EpochTrace.Trace;

    /// @dev The epoch under way when money was last distributed, and the ones that pay it.
    uint256 private constant MAX_STEPS = StreamMath.EPOCHS + 1;
    uint256 private constant MAX_STRETCHES = 32;
    uint256 private constant MAX_TREASURY_BPS = 2_000;
    uint256 private constant DEBIT_ROW = 12;

    /// @inheritdoc IFeeDistributor
    IPostageChannels public immutable channels;
    /// @inheritdoc IFeeDistributor
    ISeats public immutable seats;
    /// @inheritdoc IFeeDistributor
    IERC20 public immutable token;
    /// @inheritdoc IFeeDistributor
    address public immutable treasury;
    /// @inheritdoc IDebits
    address public immutable reports;
    /// @inheritdoc IFeeDistributor
    uint64 public immutable epochSeconds;

    /**
     * slot | accumulator 128 | paid 64 | nextEpoch 32 | ticks 32     all that a claim in a rolled epoch touches
     * `accumulator` is what one seat has earned since the beginning, 64.64. Calendar epochs before `nextEpoch` are
     * done with; `ticks` of them, those with a seat while money was left, were stream epochs.
     */
    struct Clock {
        uint128 accumulator;
        uint64 paid;
        uint32 nextEpoch;
        uint32 ticks;
    }

    /// @dev What a node's shares came to, by its standing at the time.
    struct Earned {
        uint256 own;
        uint256 suspended;
        uint256 jailed;
    }

    struct Step {
        uint64 epoch;
        uint64 amount;
        uint256 seatCount;
        uint256 accumulator;
    }

    /// @dev What moving the stream to now would do; in memory, so that views and transactions share the rules.
    struct Roll {
        Clock clock;
        Stream stream;
        uint256 count;
        Step[] steps;
    }

    // Behind AccessManaged's in one slot.
    /// @inheritdoc IFeeDistributor
    uint16 public treasuryBps;
    Clock private _clock;
    Stream private _stream;
    uint128 private _forfeited;
    uint128 private _debited;

    /// @dev Rate that begins in a stream epoch; it ends 14 later.
    mapping(uint256 tick => uint256 rate) private _starts;
    /// @dev The accumulator before an epoch.
    EpochTrace.Trace private _accumulators;
    mapping(uint32 nodeId => uint256 packed) private _accounts;
    mapping(uint32 nodeId => uint256) private _debits;
    mapping(address account => uint256) private _credits;

    /// @param channels_ PostageChannels, which may not exist yet.
    /// @param seats_ Who knows the seats, which may not exist yet; its epochs must be as long as these.
    /// @param reports_ EpochReports, which may not exist yet.
    /// @param authority_ The AccessManager, which may not exist yet.
    constructor(
        IPostageChannels channels_,
        ISeats seats_,
        IERC20 token_,
        address treasury_,
        address reports_,
        address authority_,
        uint64 epochSeconds_,
        uint16 treasuryBps_
    ) AccessManaged(authority_) {
        if (epochSeconds_ < 60) revert FeeDistributorEpochTooShort(epochSeconds_);
        channels = channels_;
        seats = seats_;
        token = token_;
        treasury = treasury_;
        reports = reports_;
        epochSeconds = epochSeconds_;
        _clock.nextEpoch = uint32(block.timestamp / epochSeconds_);
        _setTreasuryBps(treasuryBps_);
    }

    // ---------------------------------------------------------------------------------------------- money in

    /// @inheritdoc IFeeDistributor
    function distribute() external nonReentrant returns (uint256 received) {
        Clock memory clock = _rollToNow();
        uint256 before = token.balanceOf(address(this));
        channels.collect();
        received = token.balanceOf(address(this)) - before;

        Stream memory stream = _stream;
        uint256 toTreasury = StreamMath.treasuryDown(received, treasuryBps);
        uint256 net = received - toTreasury + stream.remainder;
        // Debits may have been paid although nothing came in.
        if (received == 0 && net < StreamMath.EPOCHS) return 0;
        // Keeps everything below 64 bits: what is left, released, paid and owed is part of this sum.
        uint256 total = net + stream.left + stream.released;
        if (total > type(uint64).max) revert FeeDistributorTotalTooLarge(total, type(uint64).max);

        _credits[treasury] += toTreasury;
        uint256 rate = StreamMath.spreadDown(stream, net);
        // The epoch under way is not one of those that follow; without a seat it is no stream epoch at all.
        uint256 first = seats.seatsAt(clock.nextEpoch) > 0 ? uint256(clock.ticks) + 1 : clock.ticks;
        _starts[first] += rate;
        _stream = stream;
        emit Distributed(received, toTreasury, rate, first, stream.remainder);
    }

    // ------------------------------------------------------------------------------------------------ stream

    /// @dev Brings the stream to the current epoch, in storage.
    function _rollToNow() private returns (Clock memory clock) {
        clock = _clock;
        if (clock.nextEpoch >= _currentEpoch()) return clock;
        Roll memory roll = _rolled();
        for (uint256 i = 0; i < roll.count; i++) {
            Step memory step = roll.steps[i];
            _accumulators.set(step.epoch + 1, uint192(step.accumulator));
            emit EpochPaid(step.epoch, step.amount, step.seatCount, step.accumulator);
        }
        // A tick may end a rate without paying anything.
        if (roll.clock.ticks != clock.ticks) _stream = roll.stream;
        _clock = roll.clock;
        return roll.clock;
    }

    function _rolled() private view returns (Roll memory roll) {
        roll.clock = _clock;
        roll.stream = _stream;
        uint64 current = _currentEpoch();
        if (roll.clock.nextEpoch >= current) return roll;
        roll.steps = new Step[](MAX_STEPS);
        _walk(roll, current);
        roll.clock.nextEpoch = uint32(current);
    }

    function _currentEpoch() private view returns (uint64) {
        return uint64(block.timestamp / epochSeconds);
    }

    /// @dev Walks the epochs that have a seat and have ended, as long as something is left to pay: at most the one
    /// under way at the last distribution and the 14 that pay it. No truncation: see the total in `distribute`.
    function _walk(Roll memory roll, uint64 current) private view {
        Clock memory clock = roll.clock;
        Stream memory stream = roll.stream;
        while (stream.left > 0 && clock.nextEpoch < current) {
            (bool found, uint64 epoch, uint256 seatCount) = seats.nextSeatedEpoch(clock.nextEpoch);
            if (!found || epoch >= current) break;
            uint256 ending = clock.ticks < StreamMath.EPOCHS ? 0 : _starts[clock.ticks - StreamMath.EPOCHS];
            uint64 rate = StreamMath.step(stream, _starts[clock.ticks], ending);
            if (rate > 0) {
                clock.accumulator += uint128(StreamMath.shareDown(rate, seatCount));
                roll.steps[roll.count++] = Step(epoch, rate, seatCount, clock.accumulator);
            }
            clock.ticks++;
            clock.nextEpoch = uint32(epoch + 1);
        }
    }

    /// @dev Earned per seat before an epoch, steps that are not stored yet included; unused ones have no amount.
    function _accumulatorBefore(Step[] memory steps, uint64 epoch) private view returns (uint256) {
        for (uint256 i = steps.length; i > 0; i--) {
            if (steps[i - 1].amount > 0 && steps[i - 1].epoch < epoch) return steps[i - 1].accumulator;
        }
        return _accumulators.valueAt(epoch);
    }

    // ---------------------------------------------------------------------------------------------- money out

    /// @inheritdoc IFeeDistributor
    function claim(uint32 nodeId) external nonReentrant returns (uint256 amount) {
        Clock memory clock = _rollToNow();
        (SeatAccount memory account, Earned memory earned, address payout) = _earned(nodeId, clock, new Step[](0));
        uint256 debit = account.indebted ? _debits[nodeId] : 0;
        uint256 toDebit;
        uint256 toTreasury;
        (amount, toDebit, toTreasury) = SeatMath.divide(earned.own, earned.suspended, earned.jailed, debit);
        account.indebted = debit > toDebit;
        _accounts[nodeId] = account.pack();
        if (toTreasury > 0) _forfeit(nodeId, toTreasury);
        if (toDebit > 0) _takeDebit(nodeId, toDebit, debit - toDebit);
        if (amount > 0) _pay(nodeId, payout, amount, clock.paid);
    }

    /// @dev What a node has earned since it was last paid, by its standings. Only whole epochs count.
    function _earned(
        uint32 nodeId,
        Clock memory clock,
        Step[] memory steps
    ) private view returns (SeatAccount memory account, Earned memory earned, address payout) {
        account = SeatAccounts.unpack(_accounts[nodeId]);
        uint256 count;
        ISeats.Stretch memory latest;
        (payout, count, latest) = seats.serviceOf(nodeId);
        if (count != uint256(account.stretch) + 1) {
            _walkStretches(nodeId, account, earned, clock, steps);
        } else if (latest.fromEpoch < clock.nextEpoch) {
            // Nearly every node stands as it did when it was last paid: no list is needed.
            if (account.accumulator == 0) account.accumulator = uint128(_accumulatorBefore(steps, latest.fromEpoch));
            _book(account, earned, latest.standing, clock.accumulator);
        }
    }

    /// @dev From the stretch in which the node was last paid to the current epoch.
    function _walkStretches(
        uint32 nodeId,
        SeatAccount memory account,
        Earned memory earned,
        Clock memory clock,
        Step[] memory steps
    ) private view {
        ISeats.Stretch[] memory stretches = seats.stretchesOf(nodeId, account.stretch, MAX_STRETCHES + 1);
        uint64 current = clock.nextEpoch;
        for (uint256 i = 0; i < stretches.length && i < MAX_STRETCHES; i++) {
            if (stretches[i].fromEpoch >= current) break;
            // The paid part of the first stretch is behind the account's accumulator.
            if (i > 0 || account.accumulator == 0) {
                account.accumulator = uint128(_accumulatorBefore(steps, stretches[i].fromEpoch));
            }
            bool last = i + 1 == stretches.length || stretches[i + 1].fromEpoch >= current;
            uint256 to = last ? clock.accumulator : _accumulatorBefore(steps, stretches[i + 1].fromEpoch);
            _book(account, earned, stretches[i].standing, to);
            if (last) break;
            account.stretch++;
        }
    }

    /// @dev Books what a seat earned from the account's accumulator to another by the standing it had.
    function _book(SeatAccount memory account, Earned memory earned, Standing standing, uint256 to) private pure {
        uint256 share = to - account.accumulator;
        account.accumulator = uint128(to);
        if (standing == Standing.None) return;
        (uint256 whole, uint256 fraction) = SeatMath.wholeDown(account.fraction, share);
        account.fraction = uint64(fraction);
        if (standing == Standing.Earning) earned.own += whole;
        else if (standing == Standing.Suspended) earned.suspended += whole;
        else earned.jailed += whole;
    }

    function _forfeit(uint32 nodeId, uint256 amount) private {
        _forfeited += uint128(amount);
        _credits[treasury] += amount;
        emit Forfeited(nodeId, amount);
    }

    function _pay(uint32 nodeId, address payout, uint256 amount, uint64 paidBefore) private {
        _clock.paid = uint64(paidBefore + amount);
        bool sent = token.trySafeTransfer(payout, amount);
        if (!sent) _credits[payout] += amount;
        emit Claimed(nodeId, payout, amount, !sent);
    }

    /// @inheritdoc IFeeDistributor
    function withdrawCredit(address recipient) external nonReentrant returns (uint256 amount) {
        if (recipient == address(0) || recipient == address(this)) revert FeeDistributorRecipientNotAllowed(recipient);
        amount = _credits[msg.sender];
        if (amount == 0) revert FeeDistributorNoCredit(msg.sender);
        _credits[msg.sender] = 0;
        emit CreditWithdrawn(msg.sender, recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    // ------------------------------------------------------------------------------------------------ debits

    /// @inheritdoc IDebits
    function recordDebits(bytes calldata debits) external nonReentrant {
        if (msg.sender != reports) revert DebitsNotReports(msg.sender, reports);
        if (debits.length % DEBIT_ROW != 0) revert DebitsMalformed(debits.length);
        Clock memory clock = _rollToNow();
        for (uint256 i = 0; i < debits.length; i += DEBIT_ROW) {
            uint32 nodeId = uint32(bytes4(debits[i:]));
            uint64 amount = uint64(bytes8(debits[i + 4:]));
            if (amount > 0) _recordDebit(nodeId, amount, clock);
        }
    }

    function _recordDebit(uint32 nodeId, uint256 amount, Clock memory clock) private {
        uint256 debit = _debits[nodeId];
        // A final report must not fail because of one row.
        if (amount > type(uint64).max - debit) amount = type(uint64).max - debit;
        debit += amount;
        _debits[nodeId] = debit;
        _setIndebted(nodeId, true);
        emit DebitRecorded(nodeId, amount, debit);
        // What was earned so far pays first, and whatever is claimed later pays before it is sent.
        (, Earned memory earned, ) = _earned(nodeId, clock, new Step[](0));
        if (earned.own + earned.suspended < debit) seats.setSuspended(nodeId, true);
    }

    /// @inheritdoc IDebits
    function payDebit(uint32 nodeId, uint64 amount) external nonReentrant returns (uint256 arrived) {
        uint256 debit = _debits[nodeId];
        if (debit == 0) revert DebitsNothingOwed(nodeId);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount < debit ? amount : debit);
        arrived = token.balanceOf(address(this)) - before;
        if (arrived > debit) arrived = debit;
        if (arrived == 0) revert DebitsNothingArrived(nodeId);
        _reduceDebit(nodeId, arrived, debit - arrived);
        if (arrived == debit) _setIndebted(nodeId, false);
        emit DebitPaid(nodeId, msg.sender, arrived, debit - arrived);
    }

    function _setIndebted(uint32 nodeId, bool indebted) private {
        SeatAccount memory account = SeatAccounts.unpack(_accounts[nodeId]);
        account.indebted = indebted;
        _accounts[nodeId] = account.pack();
    }

    function _takeDebit(uint32 nodeId, uint256 amount, uint256 remaining) private {
        _debited += uint128(amount);
        _reduceDebit(nodeId, amount, remaining);
        emit DebitTaken(nodeId, amount, remaining);
    }

    function _reduceDebit(uint32 nodeId, uint256 amount, uint256 remaining) private {
        _debits[nodeId] = remaining;
        _stream.remainder += uint64(amount);
        if (remaining == 0) seats.setSuspended(nodeId, false);
    }

    // -------------------------------------------------------------------------------------------- parameters

    /// @inheritdoc IFeeDistributor
    function setTreasuryBps(uint16 bps) external restricted {
        _setTreasuryBps(bps);
    }

    function _setTreasuryBps(uint16 bps) private {
        if (bps > MAX_TREASURY_BPS) revert FeeDistributorTreasuryBpsOutOfBounds(bps, MAX_TREASURY_BPS);
        treasuryBps = bps;
        emit TreasuryBpsSet(bps);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IFeeDistributor
    function claimable(uint32 nodeId) external view returns (uint256 amount) {
        Roll memory roll = _rolled();
        (, Earned memory earned, ) = _earned(nodeId, roll.clock, roll.steps);
        (amount, , ) = SeatMath.divide(earned.own, earned.suspended, earned.jailed, _debits[nodeId]);
    }

    /// @inheritdoc IFeeDistributor
    function streaming() external view returns (uint256) {
        return _rolled().stream.left;
    }

    /// @inheritdoc IFeeDistributor
    function remainder() external view returns (uint256) {
        return _stream.remainder;
    }

    /// @inheritdoc IFeeDistributor
    function released() external view returns (uint256) {
        return _rolled().stream.released;
    }

    /// @inheritdoc IFeeDistributor
    function paid() external view returns (uint256) {
        return _clock.paid;
    }

    /// @inheritdoc IFeeDistributor
    function forfeited() external view returns (uint256) {
        return _forfeited;
    }

    /// @inheritdoc IDebits
    function debitOf(uint32 nodeId) external view returns (uint256) {
        return _debits[nodeId];
    }

    /// @inheritdoc IDebits
    function debited() external view returns (uint256) {
        return _debited;
    }

    /// @inheritdoc IFeeDistributor
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }
}
