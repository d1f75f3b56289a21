// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {LibBit} from "solady/src/utils/LibBit.sol";

import {Attestations} from "./base/Attestations.sol";
import {PayerReports} from "./base/PayerReports.sol";
import {RollCalls} from "./base/RollCalls.sol";
import {IBlsVerifier} from "./interfaces/IBlsVerifier.sol";
import {IDebits} from "./interfaces/IDebits.sol";
import {IEpochReports} from "./interfaces/IEpochReports.sol";
import {IAttestedLogs} from "./interfaces/IFaultProofs.sol";
import {IVetoedReports} from "./interfaces/IGuardian.sol";
import {INodeKeys} from "./interfaces/INodeKeys.sol";
import {INodeSeats} from "./interfaces/INodeSeats.sol";
import {IRegistryVersions} from "./interfaces/IRegistryVersions.sol";
import {LogTrees} from "./libraries/LogTrees.sol";
import {SeatBlob} from "./libraries/SeatBlob.sol";
import {Report} from "./types/Report.sol";

/// @title EpochReports: what the nodes agree on, epoch by epoch.
/// @notice See IEpochReports, IAttestations, IPayerReports and IRollCalls.
// Reports are read into memory once, and hashed and logged from there: half the code that it takes from calldata.
// solhint-disable gas-calldata-parameters
contract EpochReports is IEpochReports, Attestations, PayerReports, RollCalls, AccessManaged {
    uint32 private constant LEAST_VETO_WINDOW = 1 hours;
    uint32 private constant MOST_VETO_WINDOW = 7 days;
    uint256 private constant MOST_SHARDS = 8;
    /// @dev In the number that a final report has among those of all shards.
    uint256 private constant SHARD_AT = 29;
    /// @dev Epochs after a report's own in which it is accepted.
    uint256 private constant ACCEPTED_EPOCHS = 2;
    /// @dev After finality: nobody keeps a report back to jail somebody with it when it hurts most.
    uint256 private constant JAILED_WITHIN = 3 days;
    /// @dev One in so many seats may be hit by a report, and one at least.
    uint256 private constant HIT_SHARE = 10;
    /// @dev 10,000 USD: what a quorum can take from one seat with one report.
    uint256 private constant DEBIT_CAP = 10_000e6;
    uint256 private constant DEBIT_ROW = 12;
    /// @dev The most places for digests that a veto may need.
    uint256 private constant MOST_PLACES = 64;

    /// @inheritdoc IEpochReports
    uint64 public immutable epochSeconds;
    /// @inheritdoc IEpochReports
    uint32 public immutable mostVetoWindowSeconds;
    /// @inheritdoc IEpochReports
    address public immutable guardian;
    /// @inheritdoc IEpochReports
    IDebits public immutable distributor;

    /// @dev How many places for digests there are.
    uint256 private immutable _places;

    /// @dev One slot: `signers 96 | final at 40 | epoch 40 | index 32 | round 16 | shard 8 | status 8 | applied 8 |
    /// announced 8`.
    // solhint-disable-next-line gas-struct-packing
    struct Record {
        uint96 signers;
        uint40 finalAt;
        uint40 epoch;
        uint32 index;
        uint16 round;
        uint8 shard;
        Status status;
        bool hasPenaltiesApplied;
        bool isAnnounced;
    }

    /// @dev One slot: `length 32 | round 16 | epoch 40 | final at 40 | last accepted at 40`. `round` is that of the next
    /// report, `epoch` and `finalAt` are those of the head.
    struct Tip {
        uint32 length;
        uint16 round;
        uint40 epoch;
        uint40 finalAt;
        uint40 lastAcceptedAt;
    }

    struct Chain {
        Tip tip;
        /// The n-th report's digest is at n modulo the number of places.
        bytes32[MOST_PLACES] digests;
    }

    // In one slot with the AccessManager's address.
    /// @inheritdoc IEpochReports
    uint32 public vetoWindowSeconds;
    /// @inheritdoc IEpochReports
    uint32 public shards;
    mapping(uint32 shard => Chain) private _chains;
    mapping(bytes32 digest => Record) private _records;

    /// @dev Peers, none of which need exist yet.
    struct Links {
        INodeSeats seats;
        INodeKeys keys;
        IBlsVerifier blsVerifier;
        IDebits distributor;
        address guardian;
        address authority;
    }

    /// @param epochSeconds_ The same as that of NodeSeats.
    /// @param vetoWindowSeconds_ Also the longest there will be.
    constructor(
        Links memory links,
        uint64 epochSeconds_,
        uint32 vetoWindowSeconds_
    ) Attestations(links.seats, links.blsVerifier) RollCalls(links.keys) AccessManaged(links.authority) {
        epochSeconds = epochSeconds_;
        guardian = links.guardian;
        distributor = links.distributor;
        // Epochs ascend and each report has two epochs to come in, so that within a window at most window / epoch + 3
        // become pending: all of them, and the parent of the first, have places of their own. Few, for a place that was
        // used before costs less.
        _places = vetoWindowSeconds_ / epochSeconds_ + 4;
        uint256 most = (MOST_PLACES - 4) * epochSeconds_;
        _setVetoWindow(vetoWindowSeconds_, most < MOST_VETO_WINDOW ? most : MOST_VETO_WINDOW);
        mostVetoWindowSeconds = vetoWindowSeconds_;
        shards = 1;
        emit ShardsSet(1);
    }

    // -------------------------------------------------------------------------------------------- accepting

    /// @inheritdoc IEpochReports
    function submit(Report memory report, uint256 signers, bytes calldata signature) external returns (bytes32 digest) {
        if (report.shard >= shards) revert EpochReportsUnknownShard(report.shard, shards);
        _requireInTime(report.epoch);
        Chain storage chain = _chains[report.shard];
        Tip memory tip = chain.tip;
        _requireNext(report, tip, _digestAt(chain, tip.length));
        digest = digestOf(report);
        _requireAttested(report, digest, signers, signature);

        // Not before its parent, should the window have become shorter meanwhile.
        uint40 finalAt = uint40(block.timestamp) + uint40(vetoWindowSeconds);
        if (finalAt < tip.finalAt) finalAt = tip.finalAt;
        uint40 epoch = uint40(report.epoch);
        // There is none of this digest: no round of a parent comes twice, and no vetoed parent is ever a head again.
        _records[digest] = Record({
            signers: uint96(signers),
            finalAt: finalAt,
            epoch: epoch,
            index: tip.length,
            round: tip.round,
            shard: uint8(report.shard),
            status: Status.Accepted,
            hasPenaltiesApplied: false,
            isAnnounced: false
        });
        chain.digests[tip.length % _places] = digest;
        chain.tip = Tip(tip.length + 1, 0, epoch, finalAt, uint40(block.timestamp));
        emit ReportAccepted(digest, report.shard, report.epoch, report, signers, finalAt);
    }

    /// @dev From the end of its epoch to before the end of the second one after it.
    function _requireInTime(uint64 epoch) private view {
        uint256 endsAt = (uint256(epoch) + 1) * epochSeconds;
        if (block.timestamp < endsAt) revert EpochReportsEpochNotOver(epoch, endsAt, block.timestamp);
        uint256 until = endsAt + ACCEPTED_EPOCHS * epochSeconds;
        if (block.timestamp >= until) revert EpochReportsTooLate(epoch, until, block.timestamp);
    }

    function _requireNext(Report memory report, Tip memory tip, bytes32 head) private pure {
        if (report.parent != head) revert EpochReportsNotOnHead(report.parent, head);
        if (report.round != tip.round) revert EpochReportsWrongRound(report.round, tip.round);
        if (tip.length > 0 && report.epoch <= tip.epoch) {
            revert EpochReportsEpochNotAfterParent(report.epoch, tip.epoch);
        }
    }

    function _requireAttested(
        Report memory report,
        bytes32 digest,
        uint256 signers,
        bytes calldata signature
    ) private view {
        uint64 inForce = seats.versionAt(report.epoch);
        if (report.registryVersion != inForce) revert EpochReportsWrongVersion(report.registryVersion, inForce);
        IRegistryVersions.RegistryVersion memory version = seats.getVersion(inForce);
        uint256 absent = report.absentSeats;
        if (absent != 0) {
            if (absent >> version.seats != 0) revert EpochReportsUnknownSeats(absent, version.seats);
            _requireFewHit(LibBit.popCount(absent), version.seats);
        }
        _requireQuorum(version, signers, digest, signature);
    }

    function _requireFewHit(uint256 hit, uint256 seats_) private pure {
        uint256 most = seats_ < HIT_SHARE ? 1 : seats_ / HIT_SHARE;
        if (hit > most) revert EpochReportsTooManyHit(hit, most);
    }

    /// @dev Of the report before the n-th; zero before the first.
    function _digestAt(Chain storage chain, uint256 length) private view returns (bytes32) {
        return length == 0 ? bytes32(0) : chain.digests[(length - 1) % _places];
    }

    // ------------------------------------------------------------------------------------------------- veto

    /// @inheritdoc IVetoedReports
    function veto(bytes32 digest) external {
        if (msg.sender != guardian) revert EpochReportsNotGuardian(msg.sender, guardian);
        Record storage vetoed = _records[digest];
        if (vetoed.status != Status.Accepted) revert EpochReportsNotAccepted(digest, vetoed.status);
        if (block.timestamp >= vetoed.finalAt) revert EpochReportsVetoOver(vetoed.finalAt, block.timestamp);
        Chain storage chain = _chains[vetoed.shard];
        Tip memory tip = chain.tip;
        (uint32 index, uint32 length) = (vetoed.index, tip.length);
        Record storage head = _records[_digestAt(chain, index)];
        vetoed.status = Status.Vetoed;
        chain.tip = Tip(index, vetoed.round + 1, head.epoch, head.finalAt, tip.lastAcceptedAt);
        emit ReportVetoed(digest);
        for (uint256 i = index + 1; i < length; i++) {
            bytes32 descendant = chain.digests[i % _places];
            _records[descendant].status = Status.Voided;
            emit ReportVoided(descendant);
        }
    }

    // --------------------------------------------------------------------------------------------- finality

    /// @inheritdoc IEpochReports
    function applyPenalties(Report memory report, bytes calldata debits) external {
        bytes32 digest = requireFinal(report);
        Record storage record = _records[digest];
        if (record.hasPenaltiesApplied) revert EpochReportsPenaltiesApplied(digest);
        bytes32 hash = keccak256(debits);
        if (hash != report.debitsHash) revert EpochReportsNotItsDebits(hash, report.debitsHash);
        IRegistryVersions.RegistryVersion memory version = seats.getVersion(report.registryVersion);
        // Whoever signed was there.
        uint256 absent = report.absentSeats & ~uint256(record.signers);
        _requireFewHit(LibBit.popCount(absent) + _countDebits(debits), version.seats);
        if (block.timestamp >= record.finalAt + JAILED_WITHIN) absent = 0;
        uint32[] memory nodeIds = SeatBlob.nodeIdsAt(version.pointer, absent);
        record.hasPenaltiesApplied = true;
        emit PenaltiesApplied(digest, nodeIds, debits);
        if (nodeIds.length > 0) seats.jail(nodeIds);
        if (debits.length > 0) distributor.recordDebits(debits);
    }

    function _countDebits(bytes calldata debits) private pure returns (uint256 count) {
        if (debits.length % DEBIT_ROW != 0) revert EpochReportsDebitsMalformed(debits.length);
        uint32 previous;
        for (; count < debits.length / DEBIT_ROW; count++) {
            bytes calldata row = debits[count * DEBIT_ROW:];
            (uint32 nodeId, uint64 amount) = (uint32(bytes4(row[0:4])), uint64(bytes8(row[4:12])));
            if (nodeId <= previous) revert EpochReportsDebitsNotAscending(nodeId, previous);
            if (amount > DEBIT_CAP) revert EpochReportsDebitTooLarge(nodeId, amount, DEBIT_CAP);
            previous = nodeId;
        }
    }

    /// @inheritdoc IEpochReports
    function announce(Report memory report, bytes calldata ranges) external {
        bytes32 digest = requireFinal(report);
        Record storage record = _records[digest];
        if (record.isAnnounced) revert EpochReportsAnnounced(digest);
        record.isAnnounced = true;
        emit RangesAnnounced(digest);
        _announce((uint256(record.shard) << SHARD_AT) | record.index, report.logsRoot, ranges);
    }

    /// @inheritdoc IEpochReports
    function requireFinal(Report memory report) public view returns (bytes32 digest) {
        digest = digestOf(report);
        Record storage record = _records[digest];
        if (record.status != Status.Accepted) revert EpochReportsNotAccepted(digest, record.status);
        if (block.timestamp < record.finalAt) revert EpochReportsNotFinal(digest, record.finalAt, block.timestamp);
    }

    // ------------------------------------------------------------------------------------------------ faults

    /// @dev What `contradicts` takes as its proof, ABI-encoded.
    struct Contradiction {
        Report report;
        /// Of the node in the report's registry version.
        uint256 position;
        LogTrees.ProvedRange range;
        LogTrees.ProvedEntry[] entries;
    }

    /// @inheritdoc IAttestedLogs
    function contradicts(
        bytes32 report,
        uint32 nodeId,
        uint64 sequenceId,
        bytes32 payerEnvelopeHash,
        bytes calldata proof
    ) external view returns (bool) {
        Contradiction memory proved = abi.decode(proof, (Contradiction));
        if (digestOf(proved.report) != report || !isFinal(report)) return false;
        if ((_records[report].signers >> proved.position) & 1 == 0) return false;
        address pointer = seats.getVersion(proved.report.registryVersion).pointer;
        if (SeatBlob.nodeIdAt(pointer, proved.position) != nodeId) return false;
        if (proved.range.range.originatorId != nodeId) return false;
        if (!LogTrees.isIn(proved.report.logsRoot, proved.range)) return false;
        return LogTrees.differs(proved.range.range, sequenceId, payerEnvelopeHash, proved.entries);
    }

    // -------------------------------------------------------------------------------------------- parameters

    /// @inheritdoc IEpochReports
    function setVetoWindow(uint32 vetoWindowSeconds_) external restricted {
        _setVetoWindow(vetoWindowSeconds_, mostVetoWindowSeconds);
    }

    function _setVetoWindow(uint32 vetoWindowSeconds_, uint256 most) private {
        if (vetoWindowSeconds_ < LEAST_VETO_WINDOW || vetoWindowSeconds_ > most) {
            revert EpochReportsVetoWindowOutOfBounds(vetoWindowSeconds_, LEAST_VETO_WINDOW, most);
        }
        vetoWindowSeconds = vetoWindowSeconds_;
        emit VetoWindowSet(vetoWindowSeconds_);
    }

    /// @inheritdoc IEpochReports
    function setShards(uint32 shards_) external restricted {
        if (shards_ < shards || shards_ > MOST_SHARDS)
            revert EpochReportsShardsOutOfBounds(shards_, shards, MOST_SHARDS);
        shards = shards_;
        emit ShardsSet(shards_);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IEpochReports
    function isFinal(bytes32 digest) public view returns (bool) {
        Record storage record = _records[digest];
        return record.status == Status.Accepted && block.timestamp >= record.finalAt;
    }

    /// @inheritdoc IEpochReports
    function standingOf(bytes32 digest) external view returns (Standing memory) {
        Record storage record = _records[digest];
        return
            Standing({
                status: record.status,
                shard: record.shard,
                index: record.index,
                epoch: record.epoch,
                round: record.round,
                finalAt: record.finalAt,
                signers: record.signers,
                hasPenaltiesApplied: record.hasPenaltiesApplied,
                isAnnounced: record.isAnnounced
            });
    }

    /// @inheritdoc IEpochReports
    function headOf(uint32 shard) external view returns (bytes32 digest, uint64 count, uint32 round, uint64 epoch) {
        Chain storage chain = _chains[shard];
        Tip memory tip = chain.tip;
        return (_digestAt(chain, tip.length), tip.length, tip.round, tip.epoch);
    }

    /// @inheritdoc IEpochReports
    function latestFinal(uint32 shard) external view returns (bytes32 digest) {
        Chain storage chain = _chains[shard];
        for (uint256 length = chain.tip.length; length > 0; length--) {
            digest = _digestAt(chain, length);
            if (isFinal(digest)) return digest;
        }
        return 0;
    }

    function _lastAcceptedAt() internal view override returns (uint256 lastAt) {
        for (uint32 shard = 0; shard < shards; shard++) {
            uint256 acceptedAt = _chains[shard].tip.lastAcceptedAt;
            if (acceptedAt > lastAt) lastAt = acceptedAt;
        }
    }
}
