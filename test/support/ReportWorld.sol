// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BlsVerifier} from "../../contracts/BlsVerifier.sol";
import {EpochReports} from "../../contracts/EpochReports.sol";
import {IDebits} from "../../contracts/interfaces/IDebits.sol";
import {IEpochReports} from "../../contracts/interfaces/IEpochReports.sol";
import {INodeKeys} from "../../contracts/interfaces/INodeKeys.sol";
import {INodeSeats} from "../../contracts/interfaces/INodeSeats.sol";
import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {Report} from "../../contracts/types/Report.sol";
import {BlsSigner} from "./BlsSigner.sol";
import {Logs} from "./Logs.sol";
import {Refusals} from "./Refusals.sol";
import {ReportSeatsStub} from "./ReportSeatsStub.sol";
import {vm} from "./Vm.sol";

/// @notice Seats that attest, and a report of the epoch before. This contract is the authority.
abstract contract ReportWorld is Refusals, Logs {
    uint64 internal constant EPOCH = 12 hours;
    uint32 internal constant WINDOW = 24 hours;
    /// The beginning of an epoch.
    uint256 internal constant START = 1_800_014_400;
    address internal constant GUARDIAN = address(0x6A4D);
    address internal constant STRANGER = address(0x57A);

    BlsVerifier internal verifier;
    ReportSeatsStub internal seats;
    EpochReports internal reports;

    function _begin(uint96[] memory weights) internal {
        vm.warp(START);
        verifier = new BlsVerifier();
        seats = new ReportSeatsStub(verifier, weights);
        _deploy(EPOCH, WINDOW);
    }

    function _deploy(uint64 epochSeconds, uint32 vetoWindowSeconds) internal {
        EpochReports.Links memory links = EpochReports.Links(
            INodeSeats(address(seats)),
            INodeKeys(address(seats)),
            verifier,
            IDebits(address(seats)),
            GUARDIAN,
            address(this)
        );
        reports = new EpochReports(links, epochSeconds, vetoWindowSeconds);
    }

    /// So many seats of the same weight.
    function _begin(uint256 count) internal {
        uint96[] memory weights = new uint96[](count);
        for (uint256 i = 0; i < count; i++) weights[i] = 1;
        _begin(weights);
    }

    /// AccessManager's question.
    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == address(this), 0);
    }

    function _state() internal view override returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    _chainState(),
                    _rollCallState(),
                    [reports.payerReportCount(100), reports.payerReportCount(200)],
                    [uint256(reports.vetoWindowSeconds()), reports.shards()],
                    seats.jailed(),
                    seats.debits()
                )
            );
    }

    function _chainState() private view returns (bytes memory) {
        (bytes32 head, uint64 count, uint32 round, uint64 epoch) = reports.headOf(0);
        return abi.encode(head, count, round, epoch, reports.isFinal(head), reports.standingOf(head));
    }

    function _rollCallState() private view returns (bytes memory) {
        (uint64 number, uint64 version, uint64 openedAt, uint256 answered, bool isClosed) = reports.latestRollCall();
        return abi.encode(number, version, openedAt, answered, isClosed);
    }

    function _refuses(bytes memory call, bytes memory expected) internal {
        _refuses(address(reports), address(this), call, expected);
    }

    // ------------------------------------------------------------------------------------------------ reports

    /// Of the last whole epoch, on the head, in which nothing happened.
    function _report() internal view returns (Report memory report) {
        (report.parent, , report.round, ) = reports.headOf(0);
        report.epoch = uint64(block.timestamp / reports.epochSeconds()) - 1;
        report.registryVersion = seats.versionAt(report.epoch);
        report.logsRoot = MerkleTree.emptyRoot(MerkleTree.LOGS);
        report.debitsHash = keccak256("");
    }

    function _copyOf(Report memory report) internal pure returns (Report memory) {
        return abi.decode(abi.encode(report), (Report));
    }

    function _all(uint256 count) internal pure returns (uint256) {
        return (1 << count) - 1;
    }

    /// By the seats at these positions, with the secrets of the first version.
    function _signature(bytes32 digest, uint256 positions) internal view returns (bytes memory) {
        uint256 secret;
        for (uint256 i = 0; i < 96; i++) secret += ((positions >> i) & 1) * (i + 1);
        return BlsSigner.sign(secret, digest, BlsSigner.REPORT_DOMAIN);
    }

    function _submission(Report memory report, uint256 signers) internal view returns (bytes memory) {
        bytes memory signature = _signature(reports.digestOf(report), signers);
        return abi.encodeCall(IEpochReports.submit, (report, signers, signature));
    }

    function _submit(Report memory report, uint256 signers) internal returns (bytes32) {
        return reports.submit(report, signers, _signature(reports.digestOf(report), signers));
    }

    function _submitFinal(Report memory report, uint256 signers) internal returns (bytes32 digest) {
        digest = _submit(report, signers);
        vm.warp(reports.standingOf(digest).finalAt);
    }

    // ------------------------------------------------------------------------------------------------- errors

    function _error(bytes4 selector, uint256 a) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, a);
    }

    function _error(bytes4 selector, uint256 a, uint256 b) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, a, b);
    }

    function _error(bytes4 selector, uint256 a, uint256 b, uint256 c) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, a, b, c);
    }
}
