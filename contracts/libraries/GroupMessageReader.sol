// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Reads the MLS message and its topic out of a serialized ClientEnvelope, from calldata.
/// @dev Decoders differ where protobuf leaves room: which of two values counts, what a known field of another wire type
/// is, how far a field may reach. So known fields stand at most once, of their own wire type, within their message;
/// whatever is read here, every decoder reads in the same way. Order is free, longer varints are, and so are unknown
/// fields, because clients are newer than contracts. Gas grows with the number of fields, at most 800 a byte.
library GroupMessageReader {
    /// @notice Why bytes are no ClientEnvelope with a group message.
    enum Malformation {
        Truncated,
        VarintTooLong,
        FieldNumber,
        /// Of a known field; or one that does not exist; or a group, which no message has.
        WireType,
        Repeated,
        /// A welcome, a key package, an identity update or a report, alone or beside the group message.
        OtherPayload,
        /// No topic, no payload, no version, or no MLS message.
        Missing,
        /// An entry of `depends_on` holds more than a node and a sequence id.
        UnknownInEntry
    }

    error GroupMessageReaderMalformed(Malformation reason);

    uint256 private constant VARINT = 0;
    uint256 private constant FIXED64 = 1;
    uint256 private constant BYTES = 2;
    uint256 private constant FIXED32 = 5;

    uint256 private constant MOST_FIELD_NUMBER = (1 << 29) - 1;

    // ClientEnvelope: the payload's other cases are 3 to 7.
    uint256 private constant AAD = 1;
    uint256 private constant GROUP_MESSAGE = 2;
    uint256 private constant LAST_PAYLOAD = 7;
    // AuthenticatedData
    uint256 private constant TARGET_TOPIC = 2;
    uint256 private constant DEPENDS_ON = 3;
    // Cursor, a map, and its entries
    uint256 private constant ENTRIES = 1;
    uint256 private constant ENTRY_VALUE = 2;
    // GroupMessageInput
    uint256 private constant V1 = 1;
    // GroupMessageInput.V1
    uint256 private constant DATA = 1;
    uint256 private constant SENDER_HMAC = 2;
    uint256 private constant SHOULD_PUSH = 3;

    /// @return topic `aad.target_topic`.
    /// @return data `group_message.v1.data`, the MLS message.
    function read(bytes calldata clientEnvelope) internal pure returns (bytes calldata topic, bytes calldata data) {
        (uint256 at, uint256 end) = _bounds(clientEnvelope);
        topic = clientEnvelope[:0];
        data = topic;
        uint256 seen = 0;
        while (at < end) {
            uint256 number;
            uint256 wireType;
            (number, wireType, at) = _tag(at, end);
            if (number > LAST_PAYLOAD) {
                at = _skip(wireType, at, end);
                continue;
            }
            if (number > GROUP_MESSAGE) revert GroupMessageReaderMalformed(Malformation.OtherPayload);
            seen = _once(seen, number);
            bytes calldata content;
            (content, at) = _content(wireType, at, end);
            if (number == AAD) topic = _readAuthenticatedData(content);
            else data = _readGroupMessage(content);
        }
        _requireSeen(seen, AAD);
        _requireSeen(seen, GROUP_MESSAGE);
    }

    function _readAuthenticatedData(bytes calldata message) private pure returns (bytes calldata topic) {
        (uint256 at, uint256 end) = _bounds(message);
        topic = message[:0];
        uint256 seen = 0;
        while (at < end) {
            uint256 number;
            uint256 wireType;
            (number, wireType, at) = _tag(at, end);
            if (number != TARGET_TOPIC && number != DEPENDS_ON) {
                at = _skip(wireType, at, end);
                continue;
            }
            seen = _once(seen, number);
            bytes calldata content;
            (content, at) = _content(wireType, at, end);
            if (number == TARGET_TOPIC) topic = content;
            else _checkCursor(content);
        }
        _requireSeen(seen, TARGET_TOPIC);
    }

    /// @dev Nothing of it is used, but what no decoder reads spoils the envelope.
    function _checkCursor(bytes calldata cursor) private pure {
        (uint256 at, uint256 end) = _bounds(cursor);
        while (at < end) {
            uint256 number;
            uint256 wireType;
            (number, wireType, at) = _tag(at, end);
            if (number != ENTRIES) {
                at = _skip(wireType, at, end);
                continue;
            }
            bytes calldata entry;
            (entry, at) = _content(wireType, at, end);
            _checkEntry(entry);
        }
    }

    function _checkEntry(bytes calldata entry) private pure {
        (uint256 at, uint256 end) = _bounds(entry);
        uint256 seen = 0;
        while (at < end) {
            uint256 number;
            uint256 wireType;
            (number, wireType, at) = _tag(at, end);
            // Some decoders do not expect anything else in a map.
            if (number > ENTRY_VALUE) revert GroupMessageReaderMalformed(Malformation.UnknownInEntry);
            seen = _once(seen, number);
            at = _number(wireType, at, end);
        }
    }

    function _readGroupMessage(bytes calldata message) private pure returns (bytes calldata data) {
        (uint256 at, uint256 end) = _bounds(message);
        data = message[:0];
        uint256 seen = 0;
        while (at < end) {
            uint256 number;
            uint256 wireType;
            (number, wireType, at) = _tag(at, end);
            if (number != V1) {
                at = _skip(wireType, at, end);
                continue;
            }
            seen = _once(seen, number);
            bytes calldata content;
            (content, at) = _content(wireType, at, end);
            data = _readV1(content);
        }
        _requireSeen(seen, V1);
    }

    function _readV1(bytes calldata message) private pure returns (bytes calldata data) {
        (uint256 at, uint256 end) = _bounds(message);
        data = message[:0];
        uint256 seen = 0;
        while (at < end) {
            uint256 number;
            uint256 wireType;
            (number, wireType, at) = _tag(at, end);
            if (number > SHOULD_PUSH) {
                at = _skip(wireType, at, end);
                continue;
            }
            seen = _once(seen, number);
            if (number == SHOULD_PUSH) {
                at = _number(wireType, at, end);
                continue;
            }
            bytes calldata content;
            (content, at) = _content(wireType, at, end);
            if (number == DATA) data = content;
        }
        _requireSeen(seen, DATA);
    }

    /// @dev A bit per known field.
    function _once(uint256 seen, uint256 number) private pure returns (uint256) {
        uint256 bit = 1 << number;
        if (seen & bit != 0) revert GroupMessageReaderMalformed(Malformation.Repeated);
        return seen | bit;
    }

    function _requireSeen(uint256 seen, uint256 number) private pure {
        if (seen & (1 << number) == 0) revert GroupMessageReaderMalformed(Malformation.Missing);
    }

    function _tag(uint256 at, uint256 end) private pure returns (uint256 number, uint256 wireType, uint256 next) {
        uint256 tag;
        (tag, next) = _varint(at, end);
        number = tag >> 3;
        wireType = tag & 7;
        if (number == 0 || number > MOST_FIELD_NUMBER) revert GroupMessageReaderMalformed(Malformation.FieldNumber);
    }

    /// @dev The value of a known bytes field, and where it ends.
    function _content(
        uint256 wireType,
        uint256 at,
        uint256 end
    ) private pure returns (bytes calldata content, uint256 next) {
        if (wireType != BYTES) revert GroupMessageReaderMalformed(Malformation.WireType);
        uint256 length;
        (length, at) = _length(at, end);
        assembly ("memory-safe") {
            content.offset := at
            content.length := length
        }
        next = at + length;
    }

    /// @dev Where the value of a known number ends.
    function _number(uint256 wireType, uint256 at, uint256 end) private pure returns (uint256 next) {
        if (wireType != VARINT) revert GroupMessageReaderMalformed(Malformation.WireType);
        (, next) = _varint(at, end);
    }

    /// @dev Where the value of an unknown field ends.
    function _skip(uint256 wireType, uint256 at, uint256 end) private pure returns (uint256 next) {
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
            revert GroupMessageReaderMalformed(Malformation.WireType);
        }
        if (next > end) revert GroupMessageReaderMalformed(Malformation.Truncated);
    }

    /// @dev The length of a bytes field and where its bytes begin; they end inside the message.
    function _length(uint256 at, uint256 end) private pure returns (uint256 length, uint256 next) {
        (length, next) = _varint(at, end);
        if (length > end - next) revert GroupMessageReaderMalformed(Malformation.Truncated);
    }

    /// @dev Up to 10 bytes, also more than the value needs; 64 bits.
    function _varint(uint256 at, uint256 end) private pure returns (uint256 value, uint256 next) {
        unchecked {
            next = at;
            for (uint256 shift = 0; shift < 70; shift += 7) {
                if (next >= end) revert GroupMessageReaderMalformed(Malformation.Truncated);
                uint256 octet;
                assembly ("memory-safe") {
                    octet := byte(0, calldataload(next))
                }
                next++;
                value |= (octet & 0x7f) << shift;
                if (octet < 0x80) {
                    if (value > type(uint64).max) break;
                    return (value, next);
                }
            }
            revert GroupMessageReaderMalformed(Malformation.VarintTooLong);
        }
    }

    function _bounds(bytes calldata message) private pure returns (uint256 at, uint256 end) {
        assembly ("memory-safe") {
            at := message.offset
        }
        end = at + message.length;
    }
}
