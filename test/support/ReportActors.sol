// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BlsVerifier} from "../../contracts/BlsVerifier.sol";
import {EpochReports} from "../../contracts/EpochReports.sol";
import {IDebits} from "../../contracts/interfaces/IDebits.sol";
import {INodeKeys} from "../../contracts/interfaces/INodeKeys.sol";
import {INodeSeats} from "../../contracts/interfaces/INodeSeats.sol";
import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {Report} from "../../contracts/types/Report.sol";
import {BlsSigner} from "./BlsSigner.sol";
import {ReportSeatsStub} from "./ReportSeatsStub.sol";
import {vm, within} from "./Vm.sol";

/// @notice Seats that sign in any company, a guardian that vetoes at any time, and time that passes.
contract ReportActors {
    uint256 public constant SEATS = 5;
    uint64 private constant EPOCH = 12 hours;

    BlsVerifier private immutable _verifier;
    ReportSeatsStub private immutable _seats;
    EpochReports public immutable reports;

    bytes32[] private _digests;
    mapping(bytes32 digest => Report) private _reports;
    mapping(bytes32 digest => uint256) public signersOf;
    mapping(bytes32 digest => bool) public wasVetoed;
    mapping(bytes32 digest => bool) public wasFinal;
    mapping(bytes32 digest => uint256) public accepted;
    mapping(bytes32 digest => uint256) public penalties;

    constructor() {
        vm.warp(1_800_014_400);
        _verifier = new BlsVerifier();
        uint96[] memory weights = new uint96[](SEATS);
        // Positions 0 to 2 hold two thirds exactly, and 0 alone half.
        (weights[0], weights[1], weights[2], weights[3], weights[4]) = (15, 3, 2, 5, 5);
        _seats = new ReportSeatsStub(_verifier, weights);
        EpochReports.Links memory links = EpochReports.Links(
            INodeSeats(address(_seats)),
            INodeKeys(address(0)),
            _verifier,
            IDebits(address(_seats)),
            address(this),
            address(this)
        );
        reports = new EpochReports(links, EPOCH, 24 hours);
    }

    /// On the head or, now and then, on anything that ever was there, at any round; by any seats.
    function submit(uint256 company, uint256 parentSeed, uint256 roundSeed, uint256 back) external {
        Report memory report = _next(parentSeed, roundSeed, back);
        bytes32 digest = reports.digestOf(report);
        // Mostly all of them, mostly what should be accepted: else chains stay short.
        uint256 all = 2 ** SEATS - 1;
        uint256 signers = company % 2 == 0 ? all : within(company / 2, 1, all);
        uint256 secret;
        for (uint256 i = 0; i < SEATS; i++) secret += ((signers >> i) & 1) * (i + 1);
        bytes memory signature = BlsSigner.sign(secret, digest, BlsSigner.REPORT_DOMAIN);
        try reports.submit(report, signers, signature) {
            if (accepted[digest] == 0) _digests.push(digest);
            accepted[digest]++;
            _reports[digest] = report;
            signersOf[digest] = signers;
        } catch {}
        _note();
    }

    function _next(uint256 parentSeed, uint256 roundSeed, uint256 back) private view returns (Report memory report) {
        (bytes32 head, , uint32 round, ) = reports.headOf(0);
        report.parent = head;
        if (parentSeed % 8 == 0 && _digests.length > 0) report.parent = _digests[parentSeed % _digests.length];
        report.round = roundSeed % 8 == 0 ? uint32(roundSeed % 3) : round;
        report.epoch = uint64(block.timestamp / EPOCH - (back % 4 == 0 ? within(back, 0, 3) : 1));
        report.registryVersion = 1;
        report.logsRoot = MerkleTree.emptyRoot(MerkleTree.LOGS);
        report.debitsHash = keccak256("");
    }

    function veto(uint256 seed) external {
        if (_digests.length == 0) return;
        // Mostly one of the latest.
        bytes32 digest = _digests[_digests.length - 1 - within(seed, 0, _digests.length < 4 ? _digests.length - 1 : 3)];
        try reports.veto(digest) {
            wasVetoed[digest] = true;
        } catch {}
        _note();
    }

    function applyPenalties(uint256 seed) external {
        if (_digests.length == 0) return;
        bytes32 digest = _digests[seed % _digests.length];
        try reports.applyPenalties(_reports[digest], "") {
            penalties[digest]++;
        } catch {}
        _note();
    }

    function wait(uint256 seed) external {
        vm.warp(block.timestamp + within(seed, 4 hours, 14 hours));
        _note();
    }

    function setVetoWindow(uint256 seed) external {
        reports.setVetoWindow(uint32(seed % 3 == 0 ? within(seed, 1 hours, 24 hours) : 24 hours));
        _note();
    }

    function _note() private {
        for (uint256 i = 0; i < _digests.length; i++) {
            if (reports.isFinal(_digests[i])) wasFinal[_digests[i]] = true;
        }
    }

    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == address(this), 0);
    }

    function digests() external view returns (bytes32[] memory) {
        return _digests;
    }

    function reportOf(bytes32 digest) external view returns (Report memory) {
        return _reports[digest];
    }
}
