// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Reads the clear part of a TLS-encoded MlsMessage (RFC 9420 section 6): for which group it is, and of what
/// kind. What follows the content type is for members to judge.
library MlsFraming {
    /// @notice Why bytes are no message that a group may have.
    enum Malformation {
        Truncated,
        Version,
        WireFormat,
        VectorLength,
        Sender,
        ContentType
    }

    error MlsFramingMalformed(Malformation reason);

    uint256 internal constant APPLICATION = 1;
    uint256 internal constant COMMIT = 3;

    uint256 private constant MLS_10 = 1;
    uint256 private constant PUBLIC_MESSAGE = 1;
    uint256 private constant PRIVATE_MESSAGE = 2;
    uint256 private constant EPOCH_BYTES = 8;
    uint256 private constant LEAF_INDEX_BYTES = 4;
    /// @dev Up to here a sender is named by its leaf or place: member 1, external 2.
    uint256 private constant LAST_SENDER_WITH_INDEX = 2;
    /// @dev new_member_proposal 3, new_member_commit 4.
    uint256 private constant LAST_SENDER = 4;

    /// @return groupId As it stands in the message, of any length.
    /// @return contentType 1 application, 2 proposal, 3 commit.
    function read(bytes calldata message) internal pure returns (bytes calldata groupId, uint256 contentType) {
        uint256 at;
        assembly ("memory-safe") {
            at := message.offset
        }
        uint256 end = at + message.length;
        uint256 value;
        (value, at) = _uint(2, at, end);
        if (value != MLS_10) revert MlsFramingMalformed(Malformation.Version);
        uint256 wireFormat;
        (wireFormat, at) = _uint(2, at, end);
        if (wireFormat != PUBLIC_MESSAGE && wireFormat != PRIVATE_MESSAGE) {
            revert MlsFramingMalformed(Malformation.WireFormat);
        }
        (groupId, at) = _vector(at, end);
        at = _take(EPOCH_BYTES, at, end);
        if (wireFormat == PUBLIC_MESSAGE) {
            (value, at) = _uint(1, at, end);
            if (value == 0 || value > LAST_SENDER) revert MlsFramingMalformed(Malformation.Sender);
            if (value <= LAST_SENDER_WITH_INDEX) at = _take(LEAF_INDEX_BYTES, at, end);
            // The authenticated data.
            (, at) = _vector(at, end);
        }
        (contentType, at) = _uint(1, at, end);
        if (contentType < APPLICATION || contentType > COMMIT) revert MlsFramingMalformed(Malformation.ContentType);
    }

    /// @dev A vector with a variable-size length (section 2.1.2): 1, 2 or 4 bytes, minimal.
    function _vector(uint256 at, uint256 end) private pure returns (bytes calldata content, uint256 next) {
        uint256 length;
        (length, next) = _uint(1, at, end);
        uint256 prefix = length >> 6;
        if (prefix == 1) {
            (length, next) = _uint(2, at, end);
            length &= 0x3fff;
            if (length < 1 << 6) revert MlsFramingMalformed(Malformation.VectorLength);
        } else if (prefix == 2) {
            (length, next) = _uint(4, at, end);
            length &= 0x3fffffff;
            if (length < 1 << 14) revert MlsFramingMalformed(Malformation.VectorLength);
        } else if (prefix == 3) {
            revert MlsFramingMalformed(Malformation.VectorLength);
        }
        at = next;
        next = _take(length, at, end);
        assembly ("memory-safe") {
            content.offset := at
            content.length := length
        }
    }

    /// @dev `size` bytes, most significant first; up to 32.
    function _uint(uint256 size, uint256 at, uint256 end) private pure returns (uint256 value, uint256 next) {
        next = _take(size, at, end);
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), calldataload(at))
        }
    }

    /// @dev Lengths are below 2^30 and positions below the size of calldata: nothing here overflows.
    function _take(uint256 size, uint256 at, uint256 end) private pure returns (uint256 next) {
        unchecked {
            next = at + size;
        }
        if (next > end) revert MlsFramingMalformed(Malformation.Truncated);
    }
}
