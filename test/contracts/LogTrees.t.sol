// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EpochReports} from "../../contracts/EpochReports.sol";
import {LogTrees} from "../../contracts/libraries/LogTrees.sol";
import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {ReportLeaves} from "../../contracts/libraries/ReportLeaves.sol";
import {Report} from "../../contracts/types/Report.sol";
import {ReportWorld} from "../support/ReportWorld.sol";
import {vm} from "../support/Vm.sol";

/// @notice Fault 3: whether the log of a final report contradicts a receipt of somebody who attested it.
contract LogTreesTest is ReportWorld {
    uint256 private constant SEATS = 4;
    /// The accused: the second seat.
    uint32 private constant NODE = 200;
    uint256 private constant POSITION = 1;
    uint64 private constant FIRST = 2;
    uint64 private constant LAST = 30;
    bytes32 private constant OTHER = keccak256("other");

    uint64[] private _ids;
    Report private _filed;
    bytes32 private _digest;

    function setUp() public {
        _begin(SEATS);
        vm.warp(START + 10 * EPOCH);
        uint64[4] memory ids = [uint64(3), 7, 8, 20];
        for (uint256 i = 0; i < 4; i++) _ids.push(ids[i]);
        _file(0x7);
    }

    function _hash(uint64 id) private pure returns (bytes32) {
        return keccak256(abi.encode("envelope", id));
    }

    function _entryLeaf(uint256 i) private view returns (bytes32) {
        return ReportLeaves.ofEntry(i, _ids[i], _hash(_ids[i]));
    }

    function _rangeRoot() private view returns (bytes32) {
        bytes32[] memory leaves = new bytes32[](_ids.length);
        for (uint256 i = 0; i < _ids.length; i++) leaves[i] = _entryLeaf(i);
        return MerkleTree.rootOf(MerkleTree.RANGE, 0, leaves);
    }

    function _range(uint32 nodeId) private view returns (ReportLeaves.Range memory) {
        return ReportLeaves.Range(nodeId, FIRST, LAST, 1, 2, uint64(_ids.length), _rangeRoot());
    }

    /// The accused's log between two others that have the same.
    function _file(uint256 signers) private {
        Report memory report = _report();
        bytes32[] memory leaves = new bytes32[](3);
        for (uint256 i = 0; i < 3; i++) leaves[i] = ReportLeaves.ofRange(i, _range(uint32(100 * (i + 1))));
        report.logsRoot = MerkleTree.rootOf(MerkleTree.LOGS, 0, leaves);
        _filed = report;
        _digest = _submitFinal(report, signers);
    }

    function _provedRange(uint256 at) private view returns (LogTrees.ProvedRange memory proved) {
        bytes32[] memory leaves = new bytes32[](3);
        for (uint256 i = 0; i < 3; i++) leaves[i] = ReportLeaves.ofRange(i, _range(uint32(100 * (i + 1))));
        proved.range = _range(uint32(100 * (at + 1)));
        bytes32[] memory siblings = new bytes32[](at < 2 ? 2 : 1);
        if (at < 2) (siblings[0], siblings[1]) = (leaves[1 - at], leaves[2]);
        else siblings[0] = MerkleTree.node(leaves[0], leaves[1]);
        proved.path = MerkleTree.Path(uint64(at), 3, 0, siblings);
    }

    /// Of four.
    function _entry(uint256 at) private view returns (LogTrees.ProvedEntry memory) {
        bytes32[] memory siblings = new bytes32[](2);
        siblings[0] = _entryLeaf(at ^ 1);
        uint256 other = at < 2 ? 2 : 0;
        siblings[1] = MerkleTree.node(_entryLeaf(other), _entryLeaf(other + 1));
        return LogTrees.ProvedEntry(_ids[at], _hash(_ids[at]), MerkleTree.Path(uint64(at), 4, 0, siblings));
    }

    function _entries(uint256 a) private view returns (LogTrees.ProvedEntry[] memory entries) {
        entries = new LogTrees.ProvedEntry[](1);
        entries[0] = _entry(a);
    }

    function _entries(uint256 a, uint256 b) private view returns (LogTrees.ProvedEntry[] memory entries) {
        entries = new LogTrees.ProvedEntry[](2);
        (entries[0], entries[1]) = (_entry(a), _entry(b));
    }

    function _proof(LogTrees.ProvedEntry[] memory entries) private view returns (EpochReports.Contradiction memory) {
        return EpochReports.Contradiction(_filed, POSITION, _provedRange(1), entries);
    }

    function _asks(
        EpochReports.Contradiction memory proof,
        uint32 nodeId,
        uint64 id,
        bytes32 hash
    ) private view returns (bool) {
        return reports.contradicts(_digest, nodeId, id, hash, abi.encode(proof));
    }

    function _differs(LogTrees.ProvedEntry[] memory entries, uint64 id, bytes32 hash) private view returns (bool) {
        return _asks(_proof(entries), NODE, id, hash);
    }

    /// The proof that fits: the entry itself, or those on both sides of it.
    function _fitting(uint64 id) private view returns (LogTrees.ProvedEntry[] memory) {
        uint256 above;
        while (above < 4 && _ids[above] < id) above++;
        if (above < 4 && _ids[above] == id) return _entries(above);
        if (above == 0) return _entries(0);
        return above == 4 ? _entries(3) : _entries(above - 1, above);
    }

    function _has(uint64 id) private view returns (bool) {
        for (uint256 i = 0; i < _ids.length; i++) if (_ids[i] == id) return true;
        return false;
    }

    function test_everyIdOfTheRangeIsThereOrNot() public view {
        for (uint64 id = FIRST; id <= LAST; id++) {
            assert(_differs(_fitting(id), id, OTHER));
            assert(_differs(_fitting(id), id, _hash(id)) == !_has(id));
        }
    }

    /// Case 33d: a receipt from before the range, or after it, convicts nobody, whatever is shown.
    function test_case33d_outsideTheRangeNothingConvicts() public view {
        uint64[4] memory outside = [uint64(0), FIRST - 1, LAST + 1, type(uint64).max];
        for (uint256 i = 0; i < outside.length; i++) {
            assert(!_differs(_fitting(outside[i]), outside[i], OTHER));
            assert(!_differs(new LogTrees.ProvedEntry[](0), outside[i], OTHER));
        }
    }

    /// Case 33d: a report that was vetoed convicts nobody, neither does what it said when it comes again unsigned by it.
    function test_case33d_onlyAFinalReportThatItSignedConvicts() public {
        LogTrees.ProvedEntry[] memory entries = _entries(0, 1);
        assert(_differs(entries, 5, OTHER));
        Report memory next = _report();
        next.logsRoot = _filed.logsRoot;
        (_filed, _digest) = (next, _submit(next, 0x7));
        assert(!_differs(entries, 5, OTHER));
        uint256 finalAt = reports.standingOf(_digest).finalAt;
        vm.warp(finalAt - 1);
        assert(!_differs(entries, 5, OTHER));
        vm.prank(GUARDIAN);
        reports.veto(_digest);
        vm.warp(finalAt);
        assert(!_differs(entries, 5, OTHER));
        // The same again, without the accused.
        _file(0xd);
        assert(!_differs(entries, 5, OTHER));
        _file(0xe);
        assert(_differs(entries, 5, OTHER));
    }

    function test_anotherReportSeatNodeOrRangeIsNoProof() public {
        LogTrees.ProvedEntry[] memory entries = _entries(0, 1);
        EpochReports.Contradiction memory proof = _proof(entries);
        assert(_asks(proof, NODE, 5, OTHER));
        assert(!_asks(proof, 300, 5, OTHER));
        assert(!_asks(proof, 100, 5, OTHER));
        proof.report.usageRoot = OTHER;
        assert(!_asks(proof, NODE, 5, OTHER));
        proof = _proof(entries);
        uint256[5] memory positions = [uint256(0), 2, 3, 96, type(uint256).max];
        for (uint256 i = 0; i < positions.length; i++) {
            proof.position = positions[i];
            assert(!_asks(proof, NODE, 5, OTHER));
        }
        proof = _proof(entries);
        proof.range = _provedRange(0);
        assert(!_asks(proof, NODE, 5, OTHER));
        proof.range = _provedRange(1);
        proof.range.range.firstSequenceId--;
        assert(!_asks(proof, NODE, 5, OTHER));
        proof.range = _provedRange(1);
        proof.range.path = _provedRange(0).path;
        assert(!_asks(proof, NODE, 5, OTHER));
        // The node at the position is another than the one that is accused, though the range is its own.
        proof = _proof(entries);
        (proof.range, proof.position) = (_provedRange(2), 2);
        assert(_asks(proof, 300, 5, OTHER));
        proof.position = 1;
        assert(!_asks(proof, 300, 5, OTHER));
        vm.expectRevert();
        reports.contradicts(_digest, NODE, 5, OTHER, "");
    }

    function _isNoProof(LogTrees.ProvedEntry[] memory entries, uint64 id) private view {
        assert(!_differs(entries, id, OTHER));
    }

    /// Case 31: entries that are no neighbours, out of order, in excess, missing, or not in the tree.
    function test_case31_entriesThatProveNothing() public view {
        _isNoProof(_entries(1, 3), 10);
        _isNoProof(_entries(3, 2), 10);
        _isNoProof(_entries(2), 10);
        _isNoProof(_entries(3), 10);
        _isNoProof(_entries(1), 5);
        _isNoProof(_entries(2), 25);
        _isNoProof(new LogTrees.ProvedEntry[](0), 10);
        _isNoProof(_entries(0, 2), 7);
        // At one of the two.
        _isNoProof(_entries(2, 3), 8);
        _isNoProof(_entries(2, 3), 20);
        _isNoProof(_entries(2, 3), 7);
        _isNoProof(_entries(2, 3), 21);
        LogTrees.ProvedEntry[] memory three = new LogTrees.ProvedEntry[](3);
        (three[0], three[1], three[2]) = (_entry(2), _entry(3), _entry(3));
        _isNoProof(three, 10);
        assert(_differs(_entries(2, 3), 10, OTHER));
        for (uint256 kind = 0; kind < 6; kind++) {
            for (uint256 which = 0; which < 2; which++) {
                LogTrees.ProvedEntry[] memory entries = _entries(2, 3);
                MerkleTree.Path memory path = entries[which].path;
                if (kind == 0) entries[which].sequenceId = 9;
                if (kind == 1) entries[which].payerEnvelopeHash = OTHER;
                if (kind == 2) path.siblings = new bytes32[](0);
                if (kind == 3) path.count = 5;
                if (kind == 4) path.total = 1;
                if (kind == 5) path.index = 9;
                _isNoProof(entries, 10);
            }
        }
    }

    /// A range without entries has none at any id, and says so without a proof of one.
    function test_anEmptyRangeHasNothing() public {
        delete _ids;
        _file(0x7);
        LogTrees.ProvedEntry[] memory none = new LogTrees.ProvedEntry[](0);
        for (uint64 id = FIRST; id <= LAST; id++) assert(_differs(none, id, OTHER));
        assert(!_differs(none, FIRST - 1, OTHER) && !_differs(none, LAST + 1, OTHER));
    }
}
