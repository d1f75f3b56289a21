// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IFeeDistributor} from "./interfaces/IFeeDistributor.sol";
import {IPostageChannels} from "./interfaces/IPostageChannels.sol";
import {ISeats, Standing} from "./interfaces/ISeats.sol";
import {EpochTrace} from "./libraries/EpochTrace.sol";

/// @title FeeDistributor: collected fees, streamed to the seats that serve.
/// @notice See IFeeDistributor.
contract FeeDistributor is IFeeDistributor, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using EpochTrace for EpochTrace.Trace;

    uint256 private constant STREAM_EPOCHS = 14;
    /// @dev The epoch under way when money was last distributed, and the ones that pay it.
    uint256 private constant MAX_STEPS = STREAM_EPOCHS + 1;
    uint256 private constant MAX_STRETCHES = 32;
    uint256 private constant MAX_TREASURY_BPS = 2_000;
    uint256 private constant BPS = 10_000;

    /// @inheritdoc IFeeDistributor
    IPostageChannels public immutable channels;
    /// @inheritdoc IFeeDistributor
    ISeats public immutable seats;
    /// @inheritdoc IFeeDistributor
    IERC20 public immutable token;
    /// @inheritdoc IFeeDistributor
    address public immutable treasury;
    /// @inheritdoc IFeeDistributor
    uint64 public immutable epochSeconds;

    /// @dev Calendar epochs before `nextEpoch` are done with; `clock` of them, those with a seat, were stream epochs.
    /// `rate` is what the last stream epoch paid, `left` what later ones will.
    struct Stream {
        uint40 nextEpoch;
        uint40 clock;
        uint88 rate;
        uint88 left;
    }

    struct Totals {
        uint96 released;
        uint96 paid;
        uint64 remainder;
    }

    /// @dev What a node has been paid for: the accumulator up to which, the fraction of a unit it is still owed
    /// (in 2^-64), and the stretch of its standing that the accumulator lies in.
    struct Account {
        uint160 accumulator;
        uint64 fraction;
        uint32 stretch;
    }

    /// @dev What moving the stream to now would do; in memory, so that views and transactions share the rules.
    struct Roll {
        Stream stream;
        uint256 accumulator;
        uint256 steps;
        uint64[MAX_STEPS] epochs;
        uint256[MAX_STEPS] amounts;
        uint256[MAX_STEPS] seatCounts;
        uint256[MAX_STEPS] accumulators;
    }

    Stream private _stream;
    Totals private _totals;
    uint128 private _forfeited;
    /// @inheritdoc IFeeDistributor
    uint16 public treasuryBps;

    /// @dev Rate that begins in a stream epoch; it ends 14 later.
    mapping(uint256 streamEpoch => uint256 rate) private _starts;
    /// @dev Earned per seat (64.64 fixed point) before an epoch.
    EpochTrace.Trace private _accumulators;
    mapping(uint32 nodeId => Account) private _accounts;
    mapping(address account => uint256) private _credits;

    /// @param channels_ PostageChannels, which may not exist yet.
    /// @param seats_ Who knows the seats, which may not exist yet; its epochs must be as long as these.
    constructor(
        IPostageChannels channels_,
        ISeats seats_,
        IERC20 token_,
        address treasury_,
        uint64 epochSeconds_,
        uint16 treasuryBps_
    ) {
        if (epochSeconds_ < 60) revert FeeDistributorEpochTooShort(epochSeconds_);
        if (treasuryBps_ > MAX_TREASURY_BPS)
            revert FeeDistributorTreasuryBpsOutOfBounds(treasuryBps_, MAX_TREASURY_BPS);
        channels = channels_;
        seats = seats_;
        token = token_;
        treasury = treasury_;
        epochSeconds = epochSeconds_;
        treasuryBps = treasuryBps_;
        _stream.nextEpoch = uint40(block.timestamp / epochSeconds_);
    }

    // ---------------------------------------------------------------------------------------------- money in

    /// @inheritdoc IFeeDistributor
    function distribute() external nonReentrant returns (uint256 received) {
        Stream memory stream = _rollToNow().stream;
        uint256 before = token.balanceOf(address(this));
        channels.collect();
        received = token.balanceOf(address(this)) - before;
        if (received == 0) {
            _stream = stream;
            return 0;
        }

        uint256 toTreasury = (received * treasuryBps) / BPS;
        _credits[treasury] += toTreasury;
        uint256 net = received - toTreasury + _totals.remainder;
        uint256 rate = net / STREAM_EPOCHS;
        _totals.remainder = uint64(net % STREAM_EPOCHS);

        // The epoch under way is not one of those that follow; without a seat it is no stream epoch at all.
        uint256 first = seats.seatsAt(stream.nextEpoch) > 0 ? stream.clock + 1 : stream.clock;
        _starts[first] += rate;
        // No overflow: all of it is part of a token balance.
        stream.left += uint88(rate * STREAM_EPOCHS);
        _stream = stream;
        emit Distributed(received, toTreasury, rate, first, _totals.remainder);
    }

    // ------------------------------------------------------------------------------------------------ stream

    /// @dev Brings the stream to the current epoch. The caller stores the stream, with changes of its own.
    function _rollToNow() private returns (Roll memory roll) {
        roll = _rolled();
        for (uint256 i = 0; i < roll.steps; i++) {
            _accumulators.set(roll.epochs[i] + 1, uint192(roll.accumulators[i]));
            _totals.released += uint96(roll.amounts[i]);
            emit EpochPaid(roll.epochs[i], roll.amounts[i], roll.seatCounts[i], roll.accumulators[i]);
        }
        roll.steps = 0;
    }

    /// @dev Walks the epochs that have a seat and have ended, as long as something is left to pay: at most the one
    /// under way at the last distribution and the 14 that pay it.
    function _rolled() private view returns (Roll memory roll) {
        Stream memory stream = _stream;
        roll.stream = stream;
        roll.accumulator = _accumulators.latest();
        uint64 current = uint64(block.timestamp / epochSeconds);
        while (stream.left > 0 && stream.nextEpoch < current) {
            (bool found, uint64 epoch, uint256 seatCount) = seats.nextSeatedEpoch(stream.nextEpoch);
            if (!found || epoch >= current) break;
            uint256 rate = stream.rate + _starts[stream.clock];
            if (stream.clock >= STREAM_EPOCHS) rate -= _starts[stream.clock - STREAM_EPOCHS];
            if (rate > 0) {
                roll.accumulator += (rate << 64) / seatCount;
                roll.epochs[roll.steps] = epoch;
                roll.amounts[roll.steps] = rate;
                roll.seatCounts[roll.steps] = seatCount;
                roll.accumulators[roll.steps] = roll.accumulator;
                roll.steps++;
            }
            stream.rate = uint88(rate);
            stream.left -= uint88(rate);
            stream.clock++;
            stream.nextEpoch = uint40(epoch + 1);
        }
        if (stream.nextEpoch < current) stream.nextEpoch = uint40(current);
    }

    /// @dev Earned per seat before an epoch, the steps that are not stored yet included.
    function _accumulatorBefore(Roll memory roll, uint64 epoch) private view returns (uint256) {
        for (uint256 i = roll.steps; i > 0; i--) {
            if (roll.epochs[i - 1] < epoch) return roll.accumulators[i - 1];
        }
        return _accumulators.valueAt(epoch);
    }

    // ---------------------------------------------------------------------------------------------- money out

    /// @inheritdoc IFeeDistributor
    function claim(uint32 nodeId) external nonReentrant returns (uint256 amount) {
        uint256 nextEpoch = _stream.nextEpoch;
        Roll memory roll = _rollToNow();
        if (roll.stream.nextEpoch != nextEpoch) _stream = roll.stream;

        uint256 forfeit;
        (_accounts[nodeId], amount, forfeit) = _earned(nodeId, roll);
        if (forfeit > 0) {
            _forfeited += uint128(forfeit);
            _credits[treasury] += forfeit;
            emit Forfeited(nodeId, forfeit);
        }
        amount = _afterDebits(nodeId, amount);
        if (amount > 0) _pay(nodeId, amount);
    }

    /**
     * @dev What a node has earned since it was last paid, by its standings: walks from the stretch it was paid in to
     * the current epoch. Only whole epochs count.
     */
    function _earned(
        uint32 nodeId,
        Roll memory roll
    ) private view returns (Account memory account, uint256 amount, uint256 forfeit) {
        account = _accounts[nodeId];
        uint64 current = roll.stream.nextEpoch;
        ISeats.Stretch[] memory stretches = seats.stretchesOf(nodeId, account.stretch, MAX_STRETCHES + 1);
        uint256 fraction = account.fraction;
        for (uint256 i = 0; i < stretches.length && i < MAX_STRETCHES; i++) {
            if (stretches[i].fromEpoch >= current) break;
            bool last = i + 1 == stretches.length || stretches[i + 1].fromEpoch >= current;
            // The paid part of the first stretch is behind the account's accumulator.
            uint256 from =
                i == 0 && account.accumulator > 0
                    ? account.accumulator
                    : _accumulatorBefore(roll, stretches[i].fromEpoch);
            uint256 to = last ? roll.accumulator : _accumulatorBefore(roll, stretches[i + 1].fromEpoch);
            if (stretches[i].standing == Standing.Jailed) {
                forfeit += (to - from) >> 64;
            } else if (stretches[i].standing != Standing.None) {
                fraction += to - from;
            }
            account.accumulator = uint160(to);
            if (last) break;
            account.stretch++;
        }
        amount = fraction >> 64;
        account.fraction = uint64(fraction);
    }

    /// @dev The one place where debits of final reports will be taken from a node's earnings, before they are paid.
    /// Until reports are built nobody owes anything.
    function _afterDebits(uint32, uint256 amount) private pure returns (uint256) {
        return amount;
    }

    function _pay(uint32 nodeId, uint256 amount) private {
        address payout = seats.payoutOf(nodeId);
        _totals.paid += uint96(amount);
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

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IFeeDistributor
    function claimable(uint32 nodeId) external view returns (uint256 amount) {
        (, amount, ) = _earned(nodeId, _rolled());
        return _afterDebits(nodeId, amount);
    }

    /// @inheritdoc IFeeDistributor
    function streaming() external view returns (uint256) {
        return _rolled().stream.left;
    }

    /// @inheritdoc IFeeDistributor
    function remainder() external view returns (uint256) {
        return _totals.remainder;
    }

    /// @inheritdoc IFeeDistributor
    function released() external view returns (uint256 amount) {
        Roll memory roll = _rolled();
        amount = _totals.released;
        for (uint256 i = 0; i < roll.steps; i++) amount += roll.amounts[i];
    }

    /// @inheritdoc IFeeDistributor
    function paid() external view returns (uint256) {
        return _totals.paid;
    }

    /// @inheritdoc IFeeDistributor
    function forfeited() external view returns (uint256) {
        return _forfeited;
    }

    /// @inheritdoc IFeeDistributor
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }
}
