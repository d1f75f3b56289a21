// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Writes protobuf fields, also as no honest node would.
library Wire {
    /// @notice The shortest varint of a value, and `padding` bytes more than it needs.
    function varint(uint256 value, uint256 padding) internal pure returns (bytes memory out) {
        while (value > 0x7f) {
            out = bytes.concat(out, bytes1(uint8(value) | 0x80));
            value >>= 7;
        }
        for (; padding > 0; padding--) {
            out = bytes.concat(out, bytes1(uint8(value) | 0x80));
            value = 0;
        }
        return bytes.concat(out, bytes1(uint8(value)));
    }

    function varint(uint256 value) internal pure returns (bytes memory) {
        return varint(value, 0);
    }

    function tag(uint256 number, uint256 wireType) internal pure returns (bytes memory) {
        return varint((number << 3) | wireType);
    }

    /// @notice A number.
    function scalar(uint256 number, uint256 value) internal pure returns (bytes memory) {
        return bytes.concat(tag(number, 0), varint(value));
    }

    /// @notice Bytes, or a message.
    function bytesField(uint256 number, bytes memory value) internal pure returns (bytes memory) {
        return bytes.concat(tag(number, 2), varint(value.length), value);
    }

    function group(uint256 number, bytes memory fields) internal pure returns (bytes memory) {
        return bytes.concat(tag(number, 3), fields, tag(number, 4));
    }

    /// @notice A PayerEnvelope meant for `target`.
    function payerEnvelope(bytes memory text, uint32 target) internal pure returns (bytes memory) {
        return
            bytes.concat(
                bytesField(1, text),
                bytesField(2, bytesField(1, new bytes(65))),
                scalar(3, target),
                scalar(4, 60)
            );
    }

    /// @notice An UnsignedOriginatorEnvelope.
    function originatorEnvelope(
        uint32 nodeId,
        uint64 sequenceId,
        uint64 originatorNs,
        bytes memory payerEnvelope_
    ) internal pure returns (bytes memory) {
        bytes memory head = bytes.concat(scalar(1, nodeId), scalar(2, sequenceId), scalar(3, originatorNs));
        return bytes.concat(head, bytesField(4, payerEnvelope_), scalar(5, 100), scalar(7, 1_900_000_000));
    }
}
