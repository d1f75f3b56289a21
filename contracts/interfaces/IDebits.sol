// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title What nodes owe for what they let in unpaid.
 * @notice Final reports record debits; a node's earnings pay them before anything is paid out to it. Money that paid a
 * debit joins the next `distribute` and so goes to the seats that carried the traffic.
 *
 * What a reader of the logs may assume, per node: debit = sum of `DebitRecorded.amount` minus sum of
 * `DebitTaken.amount` minus sum of `DebitPaid.amount`.
 */
interface IDebits {
    /// @notice A final report charged the node; `debit` is what it owes in all.
    event DebitRecorded(uint32 indexed nodeId, uint256 amount, uint256 debit);

    /// @notice The node's earnings paid a part of its debit.
    event DebitTaken(uint32 indexed nodeId, uint256 amount, uint256 remaining);

    /// @notice Somebody paid a part of a node's debit; `amount` is what arrived.
    event DebitPaid(uint32 indexed nodeId, address indexed payer, uint256 amount, uint256 remaining);

    error DebitsNotReports(address caller, address reports);
    error DebitsMalformed(uint256 length);
    error DebitsNothingOwed(uint32 nodeId);
    error DebitsNothingArrived(uint32 nodeId);

    /**
     * @notice Records the debits of a final report. EpochReports only, once per report.
     * @dev Moves no money and makes no call outside the suite. A node whose earnings so far do not cover what it owes
     * is suspended from the next epoch on. A debit stops at 2^64-1.
     * @param debits Rows of 12 bytes, `nodeId 4 | amount 8`: what the report's `debitsHash` is the hash of.
     */
    function recordDebits(bytes calldata debits) external;

    /**
     * @notice Pays up to `amount` of a node's debit with the caller's money, by anyone.
     * @dev Takes no more than is owed. Needs an allowance. A debit that is paid ends the suspension from the next
     * epoch on.
     * @return arrived What counts as paid.
     */
    function payDebit(uint32 nodeId, uint64 amount) external returns (uint256 arrived);

    /// @notice Who records debits: EpochReports. Immutable.
    function reports() external view returns (address);

    /// @notice What a node owes, earnings that were not claimed yet not counted.
    function debitOf(uint32 nodeId) external view returns (uint256);

    /// @notice What nodes' earnings have paid of debits so far, without what others paid for them.
    function debited() external view returns (uint256);
}
