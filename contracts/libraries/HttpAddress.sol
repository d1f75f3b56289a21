// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What may stand in a registry that every client reads: a short address with a scheme, in plain ASCII.
library HttpAddress {
    uint256 internal constant MAX_LENGTH = 200;

    /// @notice Whether the text is `http://` or `https://`, something after it, no longer than MAX_LENGTH, and
    /// printable ASCII without spaces.
    function isValid(string calldata text) internal pure returns (bool) {
        bytes calldata raw = bytes(text);
        if (raw.length > MAX_LENGTH) return false;
        uint256 scheme;
        if (raw.length > 7 && bytes7(raw[:7]) == "http://") scheme = 7;
        else if (raw.length > 8 && bytes8(raw[:8]) == "https://") scheme = 8;
        else return false;
        for (uint256 i = scheme; i < raw.length; i++) {
            if (raw[i] < 0x21 || raw[i] > 0x7e) return false;
        }
        return true;
    }
}
