// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {MerkleTree} from "../libraries/MerkleTree.sol";
import {Report} from "../types/Report.sol";
import {IEpochReports} from "./IEpochReports.sol";
import {IPostageChannels} from "./IPostageChannels.sol";

/**
 * @title Charges stamps as final reports say, and pays recipients out of a pot per report.
 * @notice Nobody is charged more than its key signed for, whatever a report says. What is charged under a report within
 * 3 days of its finality fills the report's pot: the recipients' share of it, at most what the report pays out in all.
 * Then the pot is fixed, and every payout of the report is its part of the pot. No other report adds to it or takes from
 * it. Everything else that is charged is the treasury's: the rest of a pot, what nobody claims for a year, what is charged
 * late. Nodes earn nothing here.
 *
 * To the unit, at any time and summed over everything:
 * charged = treasury's part + pots not yet fixed + pots fixed and not yet paid + paid.
 */
interface IStamps {
    /// @notice A leaf of a report's `stampChargesRoot`.
    /// @param cumulativeAmount What the channel owes for stamps since its beginning.
    struct Charge {
        address channel;
        uint64 cumulativeAmount;
        MerkleTree.Path path;
    }

    /// @notice A leaf of a report's `stampPayoutsRoot`.
    /// @param amount What the account gets when the pot is full.
    struct Payout {
        address account;
        uint64 amount;
        MerkleTree.Path path;
    }

    /// @param charged Under the report, before its pot was fixed.
    /// @param amount Of the pot, once it is fixed; what was paid of it, once the rest went to the treasury.
    /// @param paid To recipients so far.
    /// @param finalAt When the report became final; 0 while nothing was charged under it in time.
    /// @param fixedAt From when nothing is added and payouts are paid.
    /// @param claimableUntil From when nothing is paid any more and the rest is the treasury's.
    /// @param recipientsBps The recipients' share that was in force at the end of the report's epoch.
    struct PotState {
        uint64 charged;
        uint64 amount;
        uint64 paid;
        uint64 finalAt;
        uint64 fixedAt;
        uint64 claimableUntil;
        uint16 recipientsBps;
        bool isFixed;
        bytes32 payoutsRoot;
    }

    /// @notice Channels were charged under a report; PostageChannels says which. `isLate`: all of it is the treasury's.
    event Charged(bytes32 indexed report, uint256 amount, bool isLate);

    /// @notice The report's pot is `amount` of what was `charged`; `total` is what its payouts come to. The difference
    /// between the first two is the treasury's.
    event PotFixed(bytes32 indexed report, uint256 charged, uint256 amount, uint256 total);

    /// @notice A payout was sent to its account or, when `credited`, kept for it because the transfer failed.
    event Claimed(bytes32 indexed report, address indexed account, uint256 index, uint256 amount, bool credited);

    /// @notice What was left of a pot after a year went to the treasury.
    event Swept(bytes32 indexed report, uint256 amount);

    /// @notice Somebody took what was credited to it.
    event CreditWithdrawn(address indexed account, address indexed recipient, uint256 amount);

    /// @notice The shares in force from now on.
    event SharesSet(uint16 recipientsBps, uint16 silentBps);

    error StampsNotInCharges(bytes32 report, address channel, uint64 cumulativeAmount);
    error StampsNotInPayouts(bytes32 report, address account, uint64 amount);
    error StampsNotItsPayouts(bytes32 report, uint64 count, uint128 total);
    error StampsNoPot(bytes32 report);
    error StampsPotNotFixedYet(uint256 fixedAt, uint256 nowAt);
    error StampsPotFixed(bytes32 report);
    error StampsClaimed(bytes32 report, uint256 index);
    error StampsClaimsOver(uint256 claimableUntil, uint256 nowAt);
    error StampsClaimsNotOver(uint256 claimableUntil, uint256 nowAt);
    error StampsNothingLeft(bytes32 report);
    error StampsAccountNotAllowed(address account);
    error StampsNoCredit(address account);
    error StampsShareOutOfBounds(uint256 bps, uint256 most);

    /**
     * @notice Charges channels under a final report, by anyone.
     * @dev Of each channel `min(cumulativeAmount, stampsSigned, deposited - feesSpent) - stampsSpent`, if positive; a
     * channel of which nothing can be taken is passed over, so that it does not matter who else charged it before.
     * Reverts for a row that is not in the report. From 3 days after finality on all of it is the treasury's.
     * @return charged What arrived.
     */
    function charge(Report calldata report, Charge[] calldata charges) external returns (uint256 charged);

    /**
     * @notice Fixes a report's pot, by anyone, from 3 days after finality on. The first claim does it too: this is for
     * reports without payouts, and for a treasury that does not wait.
     * @dev The three numbers are what the report's `stampPayoutsRoot` is the hash of.
     */
    function fixPot(bytes32 report, uint64 count, uint128 total, bytes32 top) external;

    /**
     * @notice Pays a payout of a report to its account, by anyone, once; from 3 days until a year after finality.
     * @dev `floor(amount * pot / total)`, and never more than the pot still has. An account that refuses is credited.
     * Reverts for a payout that was paid.
     */
    function claim(
        bytes32 report,
        address account,
        uint64 amount,
        MerkleTree.Path calldata path
    ) external returns (uint256 paid);

    /// @notice The same for many payouts of one report. Those that were paid are passed over: who claims one of them
    /// before cannot stop the others.
    function claimMany(bytes32 report, Payout[] calldata payouts) external returns (uint256 paid);

    /// @notice Gives the treasury what is left of a pot, by anyone, from a year after finality on.
    function sweep(bytes32 report) external returns (uint256 amount);

    /// @notice Sends what is credited to the caller (refused payouts, the treasury's part) to `recipient`.
    function withdrawCredit(address recipient) external returns (uint256 amount);

    /// @notice Sets the recipients' share of what is charged, at most 5,000, and what silence costs of a stamp, at most
    /// 2,500; for epochs that end from now on. Restricted.
    function setShares(uint16 recipientsBps, uint16 silentBps) external;

    /// @notice The shares in force now.
    function shares() external view returns (uint16 recipientsBps, uint16 silentBps);

    /// @notice The shares in force at an instant. Those of a report are the ones a second before its epoch's end.
    function sharesAt(uint256 timestamp) external view returns (uint16 recipientsBps, uint16 silentBps);

    /// @notice A report's pot; all zero while nothing was charged under it in time.
    function potOf(bytes32 report) external view returns (PotState memory);

    /// @notice Whether the payout at this index of a report was paid.
    function isClaimed(bytes32 report, uint256 index) external view returns (bool);

    /// @notice What `withdrawCredit` would send.
    function creditOf(address account) external view returns (uint256);

    /// @notice Where stamps are charged. Immutable.
    function channels() external view returns (IPostageChannels);

    /// @notice Whose reports count. Immutable.
    function reports() external view returns (IEpochReports);

    /// @notice The fee token. Immutable.
    function token() external view returns (IERC20);

    /// @notice Who gets what is not the recipients', as credit. Immutable.
    function treasury() external view returns (address);
}
