// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {ReportLeaves} from "../../contracts/libraries/ReportLeaves.sol";

/// @notice Leaves and trees of reports, for TypeScript to compare its own with.
contract ReportLeavesHarness {
    function ofRange(uint256 index, ReportLeaves.Range memory range) external pure returns (bytes32) {
        return ReportLeaves.ofRange(index, range);
    }

    function ofEntry(uint256 index, uint64 sequenceId, bytes32 payerEnvelopeHash) external pure returns (bytes32) {
        return ReportLeaves.ofEntry(index, sequenceId, payerEnvelopeHash);
    }

    function ofUsage(
        uint256 index,
        address channel,
        uint128 usagePico,
        uint64 authorisedAmount
    ) external pure returns (bytes32) {
        return ReportLeaves.ofUsage(index, channel, usagePico, authorisedAmount);
    }

    function ofCharge(uint256 index, address channel, uint64 cumulativeAmount) external pure returns (bytes32) {
        return ReportLeaves.ofCharge(index, channel, cumulativeAmount);
    }

    function ofPayout(uint256 index, address account, uint64 amount) external pure returns (bytes32) {
        return ReportLeaves.ofPayout(index, account, amount);
    }

    function rootOf(uint8 tag, uint128 total, bytes32[] memory hashes) external pure returns (bytes32) {
        return MerkleTree.rootOf(tag, total, hashes);
    }

    function isUnder(
        bytes32 expected,
        uint8 tag,
        bytes32 hash,
        MerkleTree.Path memory path
    ) external pure returns (bool) {
        return MerkleTree.isUnder(expected, tag, hash, path);
    }
}
