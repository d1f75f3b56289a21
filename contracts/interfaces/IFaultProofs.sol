// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Logs that nodes attested, as EpochReports keeps them.
interface IAttestedLogs {
    /**
     * @notice Whether a final report that the node itself attested contradicts a receipt: the sequence id lies inside
     * the range that the report gives the node, and the log has another payer envelope hash there, or none.
     * @dev False, or a revert, whenever that is not proved: a receipt from before or after the range, a report that is
     * not final, was vetoed, or was not signed by the node, never convicts.
     * @param report Digest of the report.
     * @param proof Presence of another hash, or absence, under the node's `logsRoot`.
     */
    function contradicts(
        bytes32 report,
        uint32 nodeId,
        uint64 sequenceId,
        bytes32 payerEnvelopeHash,
        bytes calldata proof
    ) external view returns (bool);
}

/**
 * @title Misbehaviour of nodes, proved from the bytes that they signed.
 * @notice Three faults: a sequence id given twice, with another payer envelope or another time; an envelope that was
 * meant for another node; a receipt that contradicts a final log which the node attested. What stock nodes do in good
 * faith is none: another expiry or fee, a payer envelope that somebody sent again, gaps, time that goes backwards.
 *
 * A reporter commits to the evidence, and reveals it 1 minute to 1 day later; who copies a reveal commits too late.
 * The reveal opens a case and freezes the node's stake. The guardian may dismiss the case until its appeal window ends,
 * and the governor may reopen it, once for each fault it is raised to, within 14 days. Then anyone executes it: a share of the stake is slashed.
 *
 * What a reader of the logs may assume:
 * 1. A (node, sequence id) has one case at most, whatever the fault and however the bytes are written.
 * 2. A case goes Open -> Executed, or Open -> Dismissed -> Closed, or Open -> Dismissed -> Open -> Executed; one that is
 *    raised while it is open begins anew.
 * 3. The stake is frozen from `CaseOpened` until `CaseExecuted` or `CaseClosed`.
 * 4. `executableAt` of a `CaseOpened`, `CaseRaised` or `CaseReopened` holds until the next of them.
 * 5. A fault is heavier the later it stands in `Fault`; an open case is raised by evidence of a heavier one.
 */
interface IFaultProofs {
    enum Fault {
        None,
        Equivocation,
        WrongTarget,
        ContradictedReceipt
    }

    enum Status {
        None,
        Open,
        Dismissed,
        Closed,
        Executed
    }

    /// @notice What a node signed: raw bytes of an UnsignedOriginatorEnvelope, and R | S | V.
    /// @param envelope The bytes, or their beginning.
    /// @param pieces Contracts whose code, after its first byte, goes on: for envelopes that no transaction can carry.
    /// @param signature 65 bytes; V is 0, 1, 27 or 28.
    struct Receipt {
        bytes envelope;
        address[] pieces;
        bytes signature;
    }

    /// @param reporter Who is paid.
    /// @param committedAt When the reporter committed.
    /// @param executableAt When the appeal window ends.
    /// @param reopenableUntil Until when a dismissed case may be reopened.
    struct Case {
        Fault fault;
        Status status;
        address reporter;
        uint64 committedAt;
        uint64 sequenceId;
        uint64 executableAt;
        uint64 reopenableUntil;
        uint32 nodeId;
        bool wasReopened;
    }

    event EvidenceCommitted(address indexed reporter, bytes32 indexed commitment);
    event CaseOpened(
        uint256 indexed caseId,
        uint32 indexed nodeId,
        uint64 indexed sequenceId,
        Fault fault,
        address reporter,
        uint64 executableAt
    );
    /// @notice Somebody who had committed earlier revealed too, and is the reporter now.
    event ReporterReplaced(uint256 indexed caseId, address indexed reporter);
    /// @notice The same message turned out to be a heavier fault: the case begins anew, with its reporter and window.
    event CaseRaised(uint256 indexed caseId, Fault fault, address indexed reporter, uint64 executableAt);
    event CaseDismissed(uint256 indexed caseId, uint64 reopenableUntil);
    event CaseReopened(uint256 indexed caseId, uint64 executableAt);
    event CaseClosed(uint256 indexed caseId);
    event CaseExecuted(uint256 indexed caseId, uint256 slashed, uint256 bounty);
    event AppealSecondsSet(uint64 appealSeconds);

    error FaultProofsAlreadyCommitted(bytes32 commitment);
    error FaultProofsNotCommitted(bytes32 commitment);
    error FaultProofsRevealTooEarly(uint256 revealableAt, uint256 now_);
    error FaultProofsRevealTooLate(uint256 revealableUntil, uint256 now_);
    error FaultProofsSignatureInvalid();
    error FaultProofsSignerNotTheNodes(uint32 nodeId, address signer);
    error FaultProofsKeyRetired(uint32 nodeId, address signer, uint256 takenUntil);
    error FaultProofsNotTheSameMessage(uint32 nodeId, uint64 sequenceId, uint32 otherNodeId, uint64 otherSequenceId);
    error FaultProofsNoFault(Fault fault);
    error FaultProofsAlreadyReported(uint256 caseId);
    error FaultProofsCaseNotOpen(uint256 caseId, Status status);
    error FaultProofsCaseNotDismissed(uint256 caseId, Status status);
    error FaultProofsNotGuardian(address caller, address guardian);
    error FaultProofsNotGovernor(address caller, address governor);
    error FaultProofsDismissalFinal(uint256 caseId);
    error FaultProofsAppealOver(uint256 executableAt, uint256 now_);
    error FaultProofsAppealNotOver(uint256 executableAt, uint256 now_);
    error FaultProofsReopeningOver(uint256 reopenableUntil, uint256 now_);
    error FaultProofsReopeningNotOver(uint256 reopenableUntil, uint256 now_);
    error FaultProofsAppealOutOfBounds(uint256 appealSeconds, uint256 least, uint256 most);

    /// @notice Commits to evidence. Who has it first is paid for it.
    /// @param commitment `commitmentOf(reporter, salt, evidence)`; it says nothing about what is behind it.
    function commit(bytes32 commitment) external;

    /**
     * @notice Opens a case: two envelopes of one node with one sequence id and different payer envelopes or times.
     * @dev The caller committed to `evidenceOf(Equivocation, digest of first, digest of second)`. Reveals of the same
     * message by somebody who committed earlier, while the case is open, make them the reporter.
     */
    function revealEquivocation(
        Receipt calldata first,
        Receipt calldata second,
        bytes32 salt
    ) external returns (uint256 caseId);

    /// @notice Opens a case: an envelope of one node whose payer envelope was meant for another.
    /// @dev The caller committed to `evidenceOf(WrongTarget, digest, 0)`.
    function revealWrongTarget(Receipt calldata receipt, bytes32 salt) external returns (uint256 caseId);

    /// @notice Opens a case: a receipt that a final log contradicts which the node attested.
    /// @dev The caller committed to `evidenceOf(ContradictedReceipt, digest, report)`.
    function revealContradiction(
        Receipt calldata receipt,
        bytes32 report,
        bytes calldata proof,
        bytes32 salt
    ) external returns (uint256 caseId);

    /// @notice Dismisses an open case before its appeal window ends. The guardian only, and not after a reopening.
    function dismiss(uint256 caseId) external;

    /// @notice Reopens a dismissed case, once, with a new appeal window. The governor only.
    function reopen(uint256 caseId) external;

    /// @notice Closes a dismissed case that can no longer be reopened, and frees the stake. Anyone.
    function close(uint256 caseId) external;

    /**
     * @notice Executes a case whose appeal window is over. Anyone.
     * @dev A node's first executed equivocation costs 1 % of what it has staked and unbonding, every later one and each
     * wrong target 10 %, a contradicted receipt 20 %. A fifth of it is the reporter's.
     */
    function execute(uint256 caseId) external;

    /// @notice How long cases opened from now on can be appealed: 1 to 30 days. Through the AccessManager.
    function setAppealSeconds(uint64 seconds_) external;

    /// @notice `keccak256("originator|" || envelope)`, what a node signs.
    function digestOf(Receipt calldata receipt) external view returns (bytes32);

    function evidenceOf(Fault fault, bytes32 first, bytes32 second) external pure returns (bytes32);

    function commitmentOf(address reporter, bytes32 salt, bytes32 evidence) external pure returns (bytes32);

    /// @notice When a commitment was made; zero when it was not.
    function committedAt(bytes32 commitment) external view returns (uint64);

    function getCase(uint256 caseId) external view returns (Case memory);

    /// @notice The case of a message; zero when there is none.
    function caseOf(uint32 nodeId, uint64 sequenceId) external view returns (uint256);

    /// @notice How many equivocations of a node were executed.
    function equivocationsOf(uint32 nodeId) external view returns (uint256);

    function appealSeconds() external view returns (uint64);

    /// @notice Who may dismiss. Immutable.
    function guardian() external view returns (address);

    /// @notice Who may reopen. Immutable.
    function governor() external view returns (address);
}
