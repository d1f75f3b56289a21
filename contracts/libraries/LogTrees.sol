// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";
import {ReportLeaves} from "./ReportLeaves.sol";

/// @notice What a report's logs have at a sequence id of an originator: proofs of presence and of absence.
library LogTrees {
    struct ProvedRange {
        ReportLeaves.Range range;
        MerkleTree.Path path;
    }

    struct ProvedEntry {
        uint64 sequenceId;
        bytes32 payerEnvelopeHash;
        MerkleTree.Path path;
    }

    /// @notice Whether the range is in the logs under `logsRoot`.
    function isIn(bytes32 logsRoot, ProvedRange memory proved) internal pure returns (bool) {
        bytes32 leaf = ReportLeaves.ofRange(proved.path.index, proved.range);
        return MerkleTree.isUnder(logsRoot, MerkleTree.LOGS, leaf, proved.path);
    }

    /**
     * @notice Whether a range has another payer envelope hash at a sequence id inside it, or none.
     * @dev Another one: the entry with that id. None: the entries on both sides of it at neighbouring indices, one of
     * them at an end of the range, and no entry where the range has none. False for anything else.
     */
    function differs(
        ReportLeaves.Range memory range,
        uint64 sequenceId,
        bytes32 payerEnvelopeHash,
        ProvedEntry[] memory entries
    ) internal pure returns (bool) {
        if (sequenceId < range.firstSequenceId || sequenceId > range.lastSequenceId) return false;
        for (uint256 i = 0; i < entries.length; i++) {
            if (!_isInRange(range.root, entries[i])) return false;
        }
        if (entries.length == 0) return range.root == MerkleTree.emptyRoot(MerkleTree.RANGE);
        ProvedEntry memory first = entries[0];
        if (entries.length == 2) {
            ProvedEntry memory second = entries[1];
            bool isBetween = first.sequenceId < sequenceId && sequenceId < second.sequenceId;
            return isBetween && second.path.index == first.path.index + 1;
        }
        if (entries.length > 2) return false;
        if (first.sequenceId == sequenceId) return first.payerEnvelopeHash != payerEnvelopeHash;
        if (sequenceId < first.sequenceId) return first.path.index == 0;
        return first.path.index + 1 == first.path.count;
    }

    function _isInRange(bytes32 rangeRoot, ProvedEntry memory entry) private pure returns (bool) {
        bytes32 leaf = ReportLeaves.ofEntry(entry.path.index, entry.sequenceId, entry.payerEnvelopeHash);
        return MerkleTree.isUnder(rangeRoot, MerkleTree.RANGE, leaf, entry.path);
    }
}
