// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Reads protobuf messages in their one canonical form: every field once, in ascending order, minimal, none
/// unknown, none with the value that its absence means. A message is read field by field; `requireEnd` ends it.
/// @dev For field numbers up to 15, whose tag is one byte. Gas grows with the number of fields, not of bytes.
library CanonicalProto {
    enum Flaw {
        /// A field ends after its message.
        Truncated,
        /// A number takes more bytes than it needs, or more than 64 bits.
        Varint,
        /// A field says what its absence means.
        DefaultValue,
        /// A field that is unknown, repeated, out of order or of another wire type.
        UnexpectedField,
        /// A message or a choice of one field is not there.
        MissingField
    }

    error CanonicalProtoFlaw(Flaw flaw);

    uint256 private constant VARINT = 0;
    uint256 private constant BYTES = 2;

    /// @notice The number of the next field, to choose by; 0 at the end of the message.
    function nextField(bytes calldata input) internal pure returns (uint256) {
        return input.length == 0 ? 0 : _firstByte(input) >> 3;
    }

    function requireEnd(bytes calldata input) internal pure {
        if (input.length != 0) revert CanonicalProtoFlaw(Flaw.UnexpectedField);
    }

    /// @notice A number, 0 when the field is absent.
    function takeUint(bytes calldata input, uint256 number) internal pure returns (uint64 value, bytes calldata rest) {
        if (!_has(input, number, VARINT)) return (0, input);
        uint256 word;
        (word, rest) = _varint(_after(input, 1));
        if (word == 0) revert CanonicalProtoFlaw(Flaw.DefaultValue);
        value = uint64(word);
    }

    /// @notice Bytes or a string, empty when the field is absent.
    function takeBytes(
        bytes calldata input,
        uint256 number
    ) internal pure returns (bytes calldata value, bytes calldata rest) {
        if (!_has(input, number, BYTES)) return (input[:0], input);
        (value, rest) = _delimited(_after(input, 1));
        if (value.length == 0) revert CanonicalProtoFlaw(Flaw.DefaultValue);
    }

    /// @notice A message, or what stands in a choice of fields; it has to be there and may be empty.
    function takeMessage(
        bytes calldata input,
        uint256 number
    ) internal pure returns (bytes calldata value, bytes calldata rest) {
        if (!_has(input, number, BYTES)) revert CanonicalProtoFlaw(Flaw.MissingField);
        return _delimited(_after(input, 1));
    }

    /// @notice The only field of a message, which has to be there.
    function onlyMessage(bytes calldata input, uint256 number) internal pure returns (bytes calldata value) {
        bytes calldata rest;
        (value, rest) = takeMessage(input, number);
        requireEnd(rest);
    }

    function _has(bytes calldata input, uint256 number, uint256 wireType) private pure returns (bool) {
        return input.length != 0 && _firstByte(input) == (number << 3) | wireType;
    }

    function _delimited(bytes calldata input) private pure returns (bytes calldata value, bytes calldata rest) {
        uint256 length;
        (length, input) = _varint(input);
        if (length > input.length) revert CanonicalProtoFlaw(Flaw.Truncated);
        assembly ("memory-safe") {
            value.offset := input.offset
            value.length := length
        }
        return (value, _after(input, length));
    }

    function _varint(bytes calldata input) private pure returns (uint256 value, bytes calldata) {
        unchecked {
            for (uint256 i = 0; i < 10; i++) {
                if (i == input.length) revert CanonicalProtoFlaw(Flaw.Truncated);
                uint256 octet = _firstByte(_after(input, i));
                value |= (octet & 0x7f) << (7 * i);
                if (octet < 0x80) {
                    bool isMinimal = octet != 0 || i == 0;
                    if (!isMinimal || value > type(uint64).max) break;
                    return (value, _after(input, i + 1));
                }
            }
            revert CanonicalProtoFlaw(Flaw.Varint);
        }
    }

    /// @dev Of what is not empty.
    function _firstByte(bytes calldata input) private pure returns (uint256 octet) {
        assembly ("memory-safe") {
            octet := byte(0, calldataload(input.offset))
        }
    }

    /// @dev Without the first `length` bytes, which have to be there.
    function _after(bytes calldata input, uint256 length) private pure returns (bytes calldata rest) {
        assembly ("memory-safe") {
            rest.offset := add(input.offset, length)
            rest.length := sub(input.length, length)
        }
    }
}
