// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IDebits} from "./IDebits.sol";
import {IPostageChannels} from "./IPostageChannels.sol";
import {ISeats} from "./ISeats.sol";

/**
 * @title Pays collected fees out to seats, evenly over the 14 epochs after they came in.
 * @notice A seat earns for the time it serves, whoever settles when. With no seat at all the stream stands still.
 *
 * To the unit, at any time and summed over everything:
 * received + debits paid by others = treasury's part of it + streaming + remainder + released - debited,
 * released = paid + claimable of every node + forfeited + debited + what claims would forfeit and debit now + dust,
 * where dust is what rounding down leaves: never negative, less than a unit per node, and what the accumulator loses
 * in 2^-64 units, too little ever to make one.
 */
interface IFeeDistributor is IDebits {
    /// @notice What came in since the last time was divided. `ratePerEpoch` is paid in each of 14 stream epochs from
    /// `firstStreamEpoch` on; a stream epoch is an epoch with a seat, counted from 0.
    event Distributed(
        uint256 received,
        uint256 treasury,
        uint256 ratePerEpoch,
        uint256 firstStreamEpoch,
        uint256 remainder
    );

    /// @notice The stream has moved: seats that stood in `epoch` share `amount`; `accumulator` is what one seat has
    /// earned since the beginning, as a 64.64 fixed point number.
    event EpochPaid(uint64 indexed epoch, uint256 amount, uint256 seats, uint256 accumulator);

    /// @notice A node's earnings were sent to its payout address or, when `credited`, kept for it because the
    /// transfer failed.
    event Claimed(uint32 indexed nodeId, address indexed payout, uint256 amount, bool credited);

    /// @notice The share of a jailed seat, or of a suspended one whose debit is paid, went to the treasury.
    event Forfeited(uint32 indexed nodeId, uint256 amount);

    /// @notice Somebody took what was credited to it.
    event CreditWithdrawn(address indexed account, address indexed recipient, uint256 amount);

    /// @notice The treasury's part of what comes in from now on.
    event TreasuryBpsSet(uint16 treasuryBps);

    error FeeDistributorTotalTooLarge(uint256 total, uint256 most);
    error FeeDistributorTreasuryBpsOutOfBounds(uint256 bps, uint256 most);
    error FeeDistributorEpochTooShort(uint256 epochSeconds);
    error FeeDistributorRecipientNotAllowed(address recipient);
    error FeeDistributorNoCredit(address account);

    /**
     * @notice Takes what PostageChannels collected and spreads it over the stream epochs that follow, by anyone.
     * @dev The treasury's part and the rate round down; the remainder joins the next time, as does money that paid
     * debits, of which the treasury takes nothing.
     * @return received What arrived; may be 0.
     */
    function distribute() external returns (uint256 received);

    /**
     * @notice Pays what a node has earned in whole epochs to its payout address, by anyone.
     * @dev Rounds down and carries the fraction, so how often one claims does not matter, unless the node owes a
     * debit: what it earned pays that first, and shares of a suspended seat beyond it are the treasury's, so a
     * suspended node should claim or pay soon. A payout address that refuses is credited instead. At most 32 changes
     * of standing are worked off per call; call again for more.
     * @return amount Paid or credited; may be 0.
     */
    function claim(uint32 nodeId) external returns (uint256 amount);

    /// @notice Sends what is credited to the caller (refused payouts, the treasury's part) to `recipient`.
    function withdrawCredit(address recipient) external returns (uint256 amount);

    /// @notice Sets the treasury's part of what comes in from now on; at most 2,000. Restricted.
    function setTreasuryBps(uint16 bps) external;

    /// @notice Where the fees come from. Immutable.
    function channels() external view returns (IPostageChannels);

    /// @notice Who knows the seats. Immutable.
    function seats() external view returns (ISeats);

    /// @notice The fee token. Immutable.
    function token() external view returns (IERC20);

    /// @notice Who gets the treasury's part, as credit. Immutable.
    function treasury() external view returns (address);

    /// @notice Length of an epoch. Immutable.
    function epochSeconds() external view returns (uint64);

    /// @notice The treasury's part of what comes in; at most 2,000.
    function treasuryBps() external view returns (uint16);

    /// @notice What `claim` would pay now.
    function claimable(uint32 nodeId) external view returns (uint256);

    /// @notice What is set to be paid in epochs that have not passed yet.
    function streaming() external view returns (uint256);

    /// @notice What was too little for 14 equal parts, and what paid debits: waits for the next `distribute`.
    function remainder() external view returns (uint256);

    /// @notice What epochs that have passed paid to all seats together.
    function released() external view returns (uint256);

    /// @notice What was claimed so far, credited payouts included.
    function paid() external view returns (uint256);

    /// @notice What jailed and suspended seats left to the treasury so far.
    function forfeited() external view returns (uint256);

    /// @notice What `withdrawCredit` would send.
    function creditOf(address account) external view returns (uint256);
}
