// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Reads what nodes sign, byte for byte as Go's protobuf decoder does: a node that signs odd bytes is bound to
/// what its peers, which run Go, read in them. The last value of a repeated field wins, unknown fields and known ones
/// with another wire type are skipped, numbers are cut to their width, everything malformed is refused.
/// @dev Gas grows with the number of bytes that are not inside a bytes field, by at most 800 a byte; groups add memory
/// of a word per level, 10,001 levels at most.
library EnvelopeReader {
    /// @notice Why bytes are no protobuf message.
    enum Malformation {
        Truncated,
        VarintTooLong,
        FieldNumber,
        WireType,
        EndGroup,
        GroupsTooDeep
    }

    error EnvelopeReaderMalformed(Malformation reason);

    /// @param originatorNodeId Field 1 of UnsignedOriginatorEnvelope.
    /// @param sequenceId Field 2.
    /// @param originatorNs Field 3, unix nanoseconds.
    /// @param payerEnvelopeHash keccak256 of field 4.
    /// @param payerEnvelopeAt Where field 4 begins in memory.
    /// @param payerEnvelopeLength Its length.
    struct OriginatorEnvelope {
        uint32 originatorNodeId;
        uint64 sequenceId;
        int64 originatorNs;
        bytes32 payerEnvelopeHash;
        uint256 payerEnvelopeAt;
        uint256 payerEnvelopeLength;
    }

    uint256 private constant VARINT = 0;
    uint256 private constant FIXED64 = 1;
    uint256 private constant BYTES = 2;
    uint256 private constant GROUP = 3;
    uint256 private constant END_GROUP = 4;
    uint256 private constant FIXED32 = 5;

    uint256 private constant MOST_FIELD_NUMBER = (1 << 29) - 1;
    /// @dev Inside a skipped group Go takes larger numbers than outside.
    uint256 private constant MOST_FIELD_NUMBER_IN_GROUP = (1 << 31) - 1;
    /// @dev Go's recursion limit of 10,000 below the first one.
    uint256 private constant MOST_GROUPS = 10_001;

    /// @notice Reads an UnsignedOriginatorEnvelope.
    function readOriginatorEnvelope(bytes memory envelope) internal pure returns (OriginatorEnvelope memory fields) {
        (uint256 at, uint256 end) = _bounds(envelope);
        fields.payerEnvelopeAt = at;
        while (at < end) {
            uint256 number;
            uint256 wireType;
            uint256 value;
            (number, wireType, at) = _tag(at, end);
            if (wireType == VARINT && number <= 3) {
                (value, at) = _varint(at, end);
                // Go cuts to the width too.
                if (number == 1) fields.originatorNodeId = uint32(value);
                else if (number == 2) fields.sequenceId = uint64(value);
                else fields.originatorNs = int64(uint64(value));
            } else if (wireType == BYTES && number == 4) {
                (value, at) = _length(at, end);
                fields.payerEnvelopeAt = at;
                fields.payerEnvelopeLength = value;
                at += value;
            } else {
                at = _skip(number, wireType, at, end);
            }
        }
        fields.payerEnvelopeHash = _hash(fields.payerEnvelopeAt, fields.payerEnvelopeLength);
    }

    /// @notice Field 3 of the PayerEnvelope inside an envelope that was read: the node that the payer meant.
    function readTarget(OriginatorEnvelope memory fields) internal pure returns (uint32 target) {
        uint256 at = fields.payerEnvelopeAt;
        uint256 end = at + fields.payerEnvelopeLength;
        while (at < end) {
            uint256 number;
            uint256 wireType;
            uint256 value;
            (number, wireType, at) = _tag(at, end);
            if (wireType == VARINT && number == 3) {
                (value, at) = _varint(at, end);
                target = uint32(value);
            } else if (wireType == BYTES && number == 2) {
                // The payer signature is a message, and one that is malformed spoils the envelope.
                (value, at) = _length(at, end);
                _requireFields(at, at + value);
                at += value;
            } else {
                at = _skip(number, wireType, at, end);
            }
        }
    }

    /// @dev A message whose known fields, if any, are as long as unknown ones of the same wire type.
    function _requireFields(uint256 at, uint256 end) private pure {
        while (at < end) {
            uint256 number;
            uint256 wireType;
            (number, wireType, at) = _tag(at, end);
            at = _skip(number, wireType, at, end);
        }
    }

    function _tag(uint256 at, uint256 end) private pure returns (uint256 number, uint256 wireType, uint256 next) {
        uint256 tag;
        (tag, next) = _varint(at, end);
        number = tag >> 3;
        wireType = tag & 7;
        if (number == 0 || number > MOST_FIELD_NUMBER) revert EnvelopeReaderMalformed(Malformation.FieldNumber);
    }

    /// @dev The end of a value whose tag was read.
    function _skip(uint256 number, uint256 wireType, uint256 at, uint256 end) private pure returns (uint256) {
        return wireType == GROUP ? _skipGroup(number, at, end) : _skipValue(wireType, at, end);
    }

    function _skipValue(uint256 wireType, uint256 at, uint256 end) private pure returns (uint256 next) {
        if (wireType == VARINT) {
            (, next) = _varint(at, end);
        } else if (wireType == BYTES) {
            uint256 length;
            (length, next) = _length(at, end);
            next += length;
        } else if (wireType == FIXED64) {
            next = at + 8;
        } else if (wireType == FIXED32) {
            next = at + 4;
        } else {
            revert EnvelopeReaderMalformed(wireType == END_GROUP ? Malformation.EndGroup : Malformation.WireType);
        }
        if (next > end) revert EnvelopeReaderMalformed(Malformation.Truncated);
    }

    /// @dev The numbers of open groups are pushed where free memory begins and popped again.
    function _skipGroup(uint256 number, uint256 at, uint256 end) private pure returns (uint256) {
        uint256 groups = 1;
        _push(number);
        while (groups > 0) {
            uint256 tag;
            (tag, at) = _varint(at, end);
            uint256 wireType = tag & 7;
            number = tag >> 3;
            if (number == 0 || number > MOST_FIELD_NUMBER_IN_GROUP) {
                revert EnvelopeReaderMalformed(Malformation.FieldNumber);
            }
            if (wireType == GROUP) {
                if (groups == MOST_GROUPS) revert EnvelopeReaderMalformed(Malformation.GroupsTooDeep);
                _push(number);
                groups++;
            } else if (wireType == END_GROUP) {
                if (_pop() != number) revert EnvelopeReaderMalformed(Malformation.EndGroup);
                groups--;
            } else {
                at = _skipValue(wireType, at, end);
            }
        }
        return at;
    }

    function _push(uint256 value) private pure {
        assembly ("memory-safe") {
            let top := mload(0x40)
            mstore(top, value)
            mstore(0x40, add(top, 0x20))
        }
    }

    function _pop() private pure returns (uint256 value) {
        assembly ("memory-safe") {
            let top := sub(mload(0x40), 0x20)
            value := mload(top)
            mstore(0x40, top)
        }
    }

    /// @dev The length of a bytes field and where its bytes begin; they end inside the message.
    function _length(uint256 at, uint256 end) private pure returns (uint256 length, uint256 next) {
        (length, next) = _varint(at, end);
        unchecked {
            if (length > end - next) revert EnvelopeReaderMalformed(Malformation.Truncated);
        }
    }

    /// @dev Up to 10 bytes, also more than the value needs; 64 bits.
    function _varint(uint256 at, uint256 end) private pure returns (uint256 value, uint256 next) {
        unchecked {
            next = at;
            for (uint256 shift = 0; shift < 70; shift += 7) {
                if (next >= end) revert EnvelopeReaderMalformed(Malformation.Truncated);
                uint256 octet;
                assembly ("memory-safe") {
                    octet := byte(0, mload(next))
                }
                next++;
                value |= (octet & 0x7f) << shift;
                if (octet < 0x80) {
                    if (value > type(uint64).max) break;
                    return (value, next);
                }
            }
            revert EnvelopeReaderMalformed(Malformation.VarintTooLong);
        }
    }

    function _bounds(bytes memory message) private pure returns (uint256 at, uint256 end) {
        assembly ("memory-safe") {
            at := add(message, 0x20)
        }
        end = at + message.length;
    }

    function _hash(uint256 at, uint256 length) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(at, length)
        }
    }
}
