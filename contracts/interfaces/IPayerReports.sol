// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title Final reports as stock nodes see them.
 * @notice XMTP's events and view, one payer report per originator and final report whose range has something new. Nothing
 * is settled by them: payers are charged through vouchers. They tell a stock node up to where it may prune.
 *
 * What a reader may assume, per originator: indices count up from 0, each range begins where the one before ended, and
 * no range that was announced ever changes.
 */
interface IPayerReports {
    /// @notice XMTP's shape. `startSequenceId` is excluded, `endSequenceId` included.
    /// @param payersMerkleRoot The `logsRoot` of the report.
    struct PayerReport {
        uint64 startSequenceId;
        uint64 endSequenceId;
        uint32 endMinuteSinceEpoch;
        uint96 feesSettled;
        uint32 offset;
        bool isSettled;
        uint16 protocolFeeRate;
        bytes32 payersMerkleRoot;
        uint32[] nodeIds;
    }

    /// @notice XMTP's. The id arrays are empty: who signed is in `ReportAccepted`.
    event PayerReportSubmitted(
        uint32 indexed originatorNodeId,
        uint256 indexed payerReportIndex,
        uint64 startSequenceId,
        uint64 indexed endSequenceId,
        uint32 endMinuteSinceEpoch,
        bytes32 payersMerkleRoot,
        uint32[] nodeIds,
        uint32[] signingNodeIds
    );

    /// @notice XMTP's. Comes with every `PayerReportSubmitted`: nothing remains.
    event PayerReportSubsetSettled(
        uint32 indexed originatorNodeId,
        uint256 indexed payerReportIndex,
        uint32 count,
        uint32 remaining,
        uint96 feesSettled
    );

    /// @notice A final report's ranges were announced.
    event RangesAnnounced(bytes32 indexed digest);

    /// @notice XMTP's name: there is no such payer report.
    error PayerReportIndexOutOfBounds();
    error PayerReportsMalformed(uint256 length);
    /// @notice The rows are not the leaves of the report's `logsRoot`.
    error PayerReportsNotItsRanges(bytes32 root, bytes32 logsRoot);
    /// @notice The originator's next payer report has another index than its row says.
    error PayerReportsNotNext(uint32 originatorId, uint256 payerReportIndex);

    /// @notice XMTP's view of an announced range. `isSettled` is true, what has to do with fees is zero.
    function getPayerReport(
        uint32 originatorNodeId,
        uint256 payerReportIndex
    ) external view returns (PayerReport memory);

    /// @notice How many payer reports an originator has: the index of the next.
    function payerReportCount(uint32 originatorNodeId) external view returns (uint256);
}
