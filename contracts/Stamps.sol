// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {IEpochReports} from "./interfaces/IEpochReports.sol";
import {IPostageChannels} from "./interfaces/IPostageChannels.sol";
import {IStamps} from "./interfaces/IStamps.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {PotMath} from "./libraries/PotMath.sol";
import {ReportLeaves} from "./libraries/ReportLeaves.sol";
import {Report} from "./types/Report.sol";

/// @title Stamps: what strangers pay for a first message, and who gets it.
/// @notice See IStamps.
contract Stamps is IStamps, AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using Checkpoints for Checkpoints.Trace208;

    uint256 private constant MAX_RECIPIENTS_BPS = 5_000;
    uint256 private constant MAX_SILENT_BPS = 2_500;
    /// @dev Both from a report's finality on.
    uint256 private constant FIXED_AFTER = 3 days;
    uint256 private constant CLAIMABLE_FOR = 365 days;

    /// @inheritdoc IStamps
    IPostageChannels public immutable channels;
    /// @inheritdoc IStamps
    IEpochReports public immutable reports;
    /// @inheritdoc IStamps
    IERC20 public immutable token;
    /// @inheritdoc IStamps
    address public immutable treasury;

    /// @dev Two slots: `charged 64 | amount 64 | paid 64 | finalAt 40 | recipientsBps 16 | isFixed 8`, and the root.
    struct Pot {
        uint64 charged;
        uint64 amount;
        uint64 paid;
        uint40 finalAt;
        uint16 recipientsBps;
        bool isFixed;
        bytes32 payoutsRoot;
    }

    /// @dev By digest: a report has one pot, and no two have the same.
    mapping(bytes32 report => Pot) private _pots;
    /// @dev 256 payouts a word.
    mapping(bytes32 report => mapping(uint256 word => uint256 bits)) private _claimed;
    mapping(address account => uint256) private _credits;
    /// @dev By time: `silentBps 16 | recipientsBps 16`. Reports come after the end of the epoch whose shares they use.
    Checkpoints.Trace208 private _shares;

    /// @param channels_ PostageChannels, which may not exist yet.
    /// @param reports_ EpochReports, which may not exist yet.
    /// @param authority_ The AccessManager, which may not exist yet.
    constructor(
        IPostageChannels channels_,
        IEpochReports reports_,
        IERC20 token_,
        address treasury_,
        address authority_,
        uint16 recipientsBps_,
        uint16 silentBps_
    ) AccessManaged(authority_) {
        channels = channels_;
        reports = reports_;
        token = token_;
        treasury = treasury_;
        _setShares(0, recipientsBps_, silentBps_);
    }

    // ---------------------------------------------------------------------------------------------- money in

    /// @inheritdoc IStamps
    function charge(Report calldata report, Charge[] calldata charges) external nonReentrant returns (uint256 charged) {
        bytes32 digest = reports.requireFinal(report);
        IPostageChannels.StampCharge[] memory rows = new IPostageChannels.StampCharge[](charges.length);
        for (uint256 i = 0; i < charges.length; i++) {
            (address channel, uint64 cumulative) = (charges[i].channel, charges[i].cumulativeAmount);
            MerkleTree.Path memory path = charges[i].path;
            bytes32 leaf = ReportLeaves.ofCharge(path.index, channel, cumulative);
            if (!MerkleTree.isUnder(report.stampChargesRoot, MerkleTree.CHARGES, leaf, path)) {
                revert StampsNotInCharges(digest, channel, cumulative);
            }
            rows[i] = IPostageChannels.StampCharge(channel, cumulative);
        }
        charged = _take(rows);
        if (charged > 0) _book(digest, report, charged);
    }

    /// @dev What arrived, and no gift with it: a pot is a share of what channels were charged.
    function _take(IPostageChannels.StampCharge[] memory rows) private returns (uint256 arrived) {
        uint256 before = token.balanceOf(address(this));
        uint256 charged = channels.chargeStamps(rows);
        arrived = token.balanceOf(address(this)) - before;
        if (arrived > charged) arrived = charged;
    }

    function _book(bytes32 digest, Report calldata report, uint256 charged) private {
        Pot memory pot = _pots[digest];
        bool isNew = pot.finalAt == 0;
        if (isNew) pot.finalAt = uint40(reports.standingOf(digest).finalAt);
        bool isLate = block.timestamp >= pot.finalAt + FIXED_AFTER;
        emit Charged(digest, charged, isLate);
        if (isLate) {
            _credits[treasury] += charged;
            return;
        }
        if (isNew) {
            // As whoever attested the report has read them: at the last moment of its epoch.
            (pot.recipientsBps, ) = sharesAt((uint256(report.epoch) + 1) * reports.epochSeconds() - 1);
            pot.payoutsRoot = report.stampPayoutsRoot;
        }
        pot.charged = SafeCast.toUint64(pot.charged + charged);
        _pots[digest] = pot;
    }

    // ------------------------------------------------------------------------------------------------- pots

    /// @inheritdoc IStamps
    function fixPot(bytes32 report, uint64 count, uint128 total, bytes32 top) external nonReentrant {
        Pot memory pot = _requireFixable(report);
        if (pot.isFixed) revert StampsPotFixed(report);
        if (MerkleTree.root(MerkleTree.PAYOUTS, count, total, top) != pot.payoutsRoot) {
            revert StampsNotItsPayouts(report, count, total);
        }
        _fix(report, pot, total);
    }

    function _requireFixable(bytes32 report) private view returns (Pot memory pot) {
        pot = _pots[report];
        if (pot.finalAt == 0) revert StampsNoPot(report);
        uint256 fixedAt = pot.finalAt + FIXED_AFTER;
        if (block.timestamp < fixedAt) revert StampsPotNotFixedYet(fixedAt, block.timestamp);
    }

    /// @param total Proved: the root of the report's payouts is a hash over it.
    function _fix(bytes32 report, Pot memory pot, uint256 total) private {
        uint64 amount = PotMath.potDown(pot.charged, pot.recipientsBps, total);
        (pot.amount, pot.isFixed) = (amount, true);
        (_pots[report].amount, _pots[report].isFixed) = (amount, true);
        _credits[treasury] += pot.charged - amount;
        emit PotFixed(report, pot.charged, amount, total);
    }

    /// @inheritdoc IStamps
    function sweep(bytes32 report) external nonReentrant returns (uint256 amount) {
        Pot storage pot = _pots[report];
        if (pot.finalAt == 0) revert StampsNoPot(report);
        uint256 until = pot.finalAt + CLAIMABLE_FOR;
        if (block.timestamp < until) revert StampsClaimsNotOver(until, block.timestamp);
        // Nobody claimed anything of a pot that was never fixed.
        amount = pot.isFixed ? pot.amount - pot.paid : pot.charged;
        if (amount == 0) revert StampsNothingLeft(report);
        (pot.amount, pot.isFixed) = (pot.paid, true);
        _credits[treasury] += amount;
        emit Swept(report, amount);
    }

    // ---------------------------------------------------------------------------------------------- money out

    /// @inheritdoc IStamps
    function claim(
        bytes32 report,
        address account,
        uint64 amount,
        MerkleTree.Path calldata path
    ) external nonReentrant returns (uint256 paid) {
        Pot memory pot = _requireClaimable(report);
        if (isClaimed(report, path.index)) revert StampsClaimed(report, path.index);
        return _claim(report, pot, Payout(account, amount, path));
    }

    /// @inheritdoc IStamps
    function claimMany(bytes32 report, Payout[] calldata payouts) external nonReentrant returns (uint256 paid) {
        Pot memory pot = _requireClaimable(report);
        for (uint256 i = 0; i < payouts.length; i++) {
            if (!isClaimed(report, payouts[i].path.index)) paid += _claim(report, pot, payouts[i]);
        }
    }

    function _requireClaimable(bytes32 report) private view returns (Pot memory pot) {
        pot = _requireFixable(report);
        uint256 until = pot.finalAt + CLAIMABLE_FOR;
        if (block.timestamp >= until) revert StampsClaimsOver(until, block.timestamp);
    }

    function _claim(bytes32 report, Pot memory pot, Payout memory payout) private returns (uint256 paid) {
        (address account, uint256 index) = (payout.account, payout.path.index);
        bytes32 leaf = ReportLeaves.ofPayout(index, account, payout.amount);
        if (!MerkleTree.isUnder(pot.payoutsRoot, MerkleTree.PAYOUTS, leaf, payout.path)) {
            revert StampsNotInPayouts(report, account, payout.amount);
        }
        // Nobody could ever take it: it stays in the pot, whose rest is the treasury's.
        if (account == address(0) || account == address(this)) revert StampsAccountNotAllowed(account);
        if (!pot.isFixed) _fix(report, pot, payout.path.total);
        _claimed[report][index >> 8] |= 1 << (index & 0xff);
        paid = PotMath.payoutDown(payout.amount, pot.amount, payout.path.total, pot.paid);
        // No truncation: at most what the pot still has.
        pot.paid += uint64(paid);
        _pots[report].paid = pot.paid;
        bool sent = paid == 0 || token.trySafeTransfer(account, paid);
        if (!sent) _credits[account] += paid;
        emit Claimed(report, account, index, paid, !sent);
    }

    /// @inheritdoc IStamps
    function withdrawCredit(address recipient) external nonReentrant returns (uint256 amount) {
        if (recipient == address(0) || recipient == address(this)) revert StampsAccountNotAllowed(recipient);
        amount = _credits[msg.sender];
        if (amount == 0) revert StampsNoCredit(msg.sender);
        _credits[msg.sender] = 0;
        emit CreditWithdrawn(msg.sender, recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    // -------------------------------------------------------------------------------------------- parameters

    /// @inheritdoc IStamps
    function setShares(uint16 recipientsBps, uint16 silentBps) external restricted {
        _setShares(block.timestamp, recipientsBps, silentBps);
    }

    function _setShares(uint256 from, uint16 recipientsBps, uint16 silentBps) private {
        if (recipientsBps > MAX_RECIPIENTS_BPS) revert StampsShareOutOfBounds(recipientsBps, MAX_RECIPIENTS_BPS);
        if (silentBps > MAX_SILENT_BPS) revert StampsShareOutOfBounds(silentBps, MAX_SILENT_BPS);
        _shares.push(uint48(from), (uint208(silentBps) << 16) | recipientsBps);
        emit SharesSet(recipientsBps, silentBps);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IStamps
    function shares() external view returns (uint16 recipientsBps, uint16 silentBps) {
        return _unpackShares(_shares.latest());
    }

    /// @inheritdoc IStamps
    function sharesAt(uint256 timestamp) public view returns (uint16 recipientsBps, uint16 silentBps) {
        return _unpackShares(_shares.upperLookupRecent(SafeCast.toUint48(timestamp)));
    }

    function _unpackShares(uint208 packed) private pure returns (uint16 recipientsBps, uint16 silentBps) {
        return (uint16(packed), uint16(packed >> 16));
    }

    /// @inheritdoc IStamps
    function potOf(bytes32 report) external view returns (PotState memory state) {
        Pot memory pot = _pots[report];
        if (pot.finalAt == 0) return state;
        return
            PotState({
                charged: pot.charged,
                amount: pot.amount,
                paid: pot.paid,
                finalAt: pot.finalAt,
                fixedAt: uint64(pot.finalAt + FIXED_AFTER),
                claimableUntil: uint64(pot.finalAt + CLAIMABLE_FOR),
                recipientsBps: pot.recipientsBps,
                isFixed: pot.isFixed,
                payoutsRoot: pot.payoutsRoot
            });
    }

    /// @inheritdoc IStamps
    function isClaimed(bytes32 report, uint256 index) public view returns (bool) {
        return (_claimed[report][index >> 8] >> (index & 0xff)) & 1 == 1;
    }

    /// @inheritdoc IStamps
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }
}
