// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";

/// @notice Hashes of the leaves of a report's trees, each kind with the fields it has.
library ReportLeaves {
    /**
     * @notice What one originator sent since the parent, as the nodes agreed.
     * @param firstSequenceId One above the last of the parent's range.
     * @param lastSequenceId Where agreement ends. Both belong to the range, whether or not envelopes have them; an empty
     * range ends one below its first.
     * @param firstMinute Minutes since 1970 of the first envelope, and `lastMinute` of the last; 0 when there is none.
     * @param count Envelopes in the range.
     * @param root Of its tree of entries.
     */
    struct Range {
        uint32 originatorId;
        uint64 firstSequenceId;
        uint64 lastSequenceId;
        uint32 firstMinute;
        uint32 lastMinute;
        uint64 count;
        bytes32 root;
    }

    function ofRange(uint256 index, Range memory range) internal pure returns (bytes32) {
        return MerkleTree.leaf(MerkleTree.LOGS, index, abi.encode(range));
    }

    /// @param payerEnvelopeHash keccak256 of the payer envelope's bytes, as the originator signed them.
    function ofEntry(uint256 index, uint64 sequenceId, bytes32 payerEnvelopeHash) internal pure returns (bytes32) {
        return MerkleTree.leaf(MerkleTree.RANGE, index, abi.encode(sequenceId, payerEnvelopeHash));
    }

    /// @param authorisedAmount The largest voucher shown, at most what the deposit backs.
    function ofUsage(
        uint256 index,
        address channel,
        uint128 usagePico,
        uint64 authorisedAmount
    ) internal pure returns (bytes32) {
        return MerkleTree.leaf(MerkleTree.USAGE, index, abi.encode(channel, usagePico, authorisedAmount));
    }

    /// @param cumulativeAmount What the channel owes for stamps since its beginning.
    function ofCharge(uint256 index, address channel, uint64 cumulativeAmount) internal pure returns (bytes32) {
        return MerkleTree.leaf(MerkleTree.CHARGES, index, abi.encode(channel, cumulativeAmount));
    }

    /// @param amount What the account gets when the report's pot is full.
    function ofPayout(uint256 index, address account, uint64 amount) internal pure returns (bytes32) {
        return MerkleTree.leaf(MerkleTree.PAYOUTS, index, abi.encode(account, amount));
    }
}
