// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report} from "../types/Report.sol";
import {IDebits} from "./IDebits.sol";
import {IAttestedLogs} from "./IFaultProofs.sol";
import {IVetoedReports} from "./IGuardian.sol";

/**
 * @title What the nodes agree on, epoch by epoch.
 * @notice Reports form one chain per shard: each names its parent, covers everything since, and may skip epochs. Anyone
 * submits what a quorum of seats attested (IAttestations), from the end of its epoch for two epochs, also on a parent
 * that is not final yet; the first one accepted for a parent and a round wins. It is final when its veto window has
 * passed. A veto voids the report and all that were built on it; the parent's next successor has the next round, so no
 * digest ever comes twice.
 *
 * A final report counts: its roots can be proved against, its debits and absences are applied, its ranges are announced
 * (IPayerReports). When reports stop, roll calls find out who is gone (IRollCalls).
 *
 * What a reader of the logs may assume, per shard:
 * 1. The chain is the reports of `ReportAccepted`, less those of `ReportVetoed` and `ReportVoided`; each one's parent is
 *    the one before, and epochs ascend.
 * 2. A report that is neither vetoed nor voided before its `finalAt` is final from then on, for ever, and so is its parent.
 * 3. `finalAt` of a report never changes, whatever becomes of the veto window.
 * 4. Each report's penalties are applied once at most, and hit a tenth of its seats at most, or one.
 */
interface IEpochReports is IAttestedLogs, IVetoedReports {
    enum Status {
        None,
        Accepted,
        Vetoed,
        Voided
    }

    /// @param signers Bit i: the seat at position i signed.
    /// @param index Its place in the shard's chain, from 0.
    struct Standing {
        Status status;
        uint32 shard;
        uint64 index;
        uint64 epoch;
        uint32 round;
        uint64 finalAt;
        uint256 signers;
        bool hasPenaltiesApplied;
        bool isAnnounced;
    }

    /// @notice A report became the head of its shard's chain.
    event ReportAccepted(
        bytes32 indexed digest,
        uint32 indexed shard,
        uint64 indexed epoch,
        Report report,
        uint256 signers,
        uint256 finalAt
    );
    /// @notice The guardian vetoed the report: its parent is the head again.
    event ReportVetoed(bytes32 indexed digest);
    /// @notice The report was built on one that was vetoed.
    event ReportVoided(bytes32 indexed digest);
    /// @param absent The nodes that were absent, and are jailed as NodeJailed says; none when it was too late for that.
    /// @param debits Rows `nodeId 4 | amount 8`, as DebitRecorded says.
    event PenaltiesApplied(bytes32 indexed digest, uint32[] absent, bytes debits);
    event VetoWindowSet(uint256 vetoWindowSeconds);
    event ShardsSet(uint256 shards);

    error EpochReportsUnknownShard(uint32 shard, uint256 shards);
    error EpochReportsEpochNotOver(uint64 epoch, uint256 endsAt, uint256 now_);
    error EpochReportsTooLate(uint64 epoch, uint256 acceptedUntil, uint256 now_);
    error EpochReportsNotOnHead(bytes32 parent, bytes32 head);
    error EpochReportsWrongRound(uint32 round, uint32 expected);
    error EpochReportsEpochNotAfterParent(uint64 epoch, uint64 parentEpoch);
    error EpochReportsWrongVersion(uint64 version, uint64 inForce);
    /// @notice Debits and absences together hit more seats than one report may.
    error EpochReportsTooManyHit(uint256 hit, uint256 most);
    error EpochReportsUnknownSeats(uint256 positions, uint256 seats);
    error EpochReportsNotGuardian(address caller, address guardian);
    error EpochReportsNotAccepted(bytes32 digest, Status status);
    error EpochReportsVetoOver(uint256 finalAt, uint256 now_);
    error EpochReportsNotFinal(bytes32 digest, uint256 finalAt, uint256 now_);
    error EpochReportsPenaltiesApplied(bytes32 digest);
    error EpochReportsAnnounced(bytes32 digest);
    error EpochReportsNotItsDebits(bytes32 hash, bytes32 debitsHash);
    error EpochReportsDebitsMalformed(uint256 length);
    error EpochReportsDebitsNotAscending(uint32 nodeId, uint32 previousNodeId);
    error EpochReportsDebitTooLarge(uint32 nodeId, uint256 amount, uint256 most);
    error EpochReportsVetoWindowOutOfBounds(uint256 vetoWindowSeconds, uint256 least, uint256 most);
    error EpochReportsShardsOutOfBounds(uint256 shards, uint256 least, uint256 most);

    /**
     * @notice Takes a report that a quorum attested. Anyone.
     * @dev From the end of its epoch to before the end of the second one after it. The registry version has to be the one
     * in force at the end of its epoch, the parent the head of its shard's chain.
     * @param signers Bit i: the seat at position i of the registry version signed.
     * @param signature The sum of their attestations, `x | y`, 96 bytes.
     * @return digest The report's name.
     */
    function submit(Report memory report, uint256 signers, bytes calldata signature) external returns (bytes32 digest);

    /**
     * @notice Applies what a final report says of its seats, once. Anyone.
     * @dev Jails seats that were absent, unless they signed the report, until 3 days after it became final; records
     * debits. Refuses debits that hit too many or take too much, and then jails nobody either.
     * @param debits What `debitsHash` is the hash of.
     */
    function applyPenalties(Report memory report, bytes calldata debits) external;

    /**
     * @notice Announces a final report's ranges to stock nodes, once. Anyone. See IPayerReports.
     * @param ranges All leaves of `logsRoot` in their order, 72 bytes each: `originator 4 | first sequence id 8 | last 8 |
     * first minute 4 | last minute 4 | count 8 | root 32`, and then `payer report index 4`, the originator's
     * `payerReportCount`. Empty ranges, and those that a later report has announced, are passed over.
     */
    function announce(Report memory report, bytes calldata ranges) external;

    /// @notice Sets for how long reports can be vetoed, those accepted from now on. Through the AccessManager.
    /// @dev 1 hour to what the deployment began with: stamps are held for no longer than that needs.
    function setVetoWindow(uint32 vetoWindowSeconds_) external;

    /// @notice Sets how many shards there are, 1 to 8. Through the AccessManager.
    /// @dev Never fewer: what was reported stays.
    function setShards(uint32 shards_) external;

    /// @notice The digest of a report that is final; reverts for any other. What contracts ask before they trust a root.
    function requireFinal(Report memory report) external view returns (bytes32 digest);

    /// @notice Whether the report with this digest is final.
    function isFinal(bytes32 digest) external view returns (bool);

    /// @notice How a report stands; all zero for an unknown one.
    function standingOf(bytes32 digest) external view returns (Standing memory);

    /// @notice What the next report of a shard has to be built on. `count` is that of the reports in the chain.
    function headOf(uint32 shard) external view returns (bytes32 digest, uint64 count, uint32 round, uint64 epoch);

    /// @notice The last final report of a shard; zero before the first.
    function latestFinal(uint32 shard) external view returns (bytes32 digest);

    function vetoWindowSeconds() external view returns (uint32);

    function shards() external view returns (uint32);

    /// @notice The longest veto window there can be: what the deployment began with, at most 7 days. Immutable.
    function mostVetoWindowSeconds() external view returns (uint32);

    /// @notice Length of an epoch, the same as that of NodeSeats. Immutable.
    function epochSeconds() external view returns (uint64);

    /// @notice Who may veto: Guardian. Immutable.
    function guardian() external view returns (address);

    /// @notice Who records debits: FeeDistributor. Immutable.
    function distributor() external view returns (IDebits);
}
