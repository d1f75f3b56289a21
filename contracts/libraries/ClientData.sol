// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// JSON is full of double quotes.
// solhint-disable quotes

import {Base64} from "solady/src/utils/Base64.sol";

/// @notice The client data of a WebAuthn assertion, which browsers write in a fixed order (WebAuthn level 2, 5.8.1.1).
library ClientData {
    /// @notice Whether the JSON says that a passkey was asked to sign `text`: `type`, the text as `challenge` and `origin`
    /// come first, and what follows are strings, true and false by names of their own, in ASCII without \u.
    /// @dev libxmtp parses the whole JSON, and a name that comes twice fails there: what passes here has one reading.
    function asksFor(bytes calldata json, bytes memory text) internal pure returns (bool) {
        bytes memory opening = bytes.concat(
            '{"type":"webauthn.get","challenge":"',
            bytes(Base64.encode(text, true, true)),
            '","origin":'
        );
        if (json.length < opening.length || keccak256(json[:opening.length]) != keccak256(opening)) return false;
        (bool isGood, bytes calldata rest) = _string(json[opening.length:], true);
        while (isGood && rest.length > 0 && rest[0] == ",") {
            (isGood, rest) = _member(rest[1:]);
        }
        return isGood && rest.length == 1 && rest[0] == "}";
    }

    function _member(bytes calldata input) private pure returns (bool isGood, bytes calldata rest) {
        (isGood, rest) = _string(input, false);
        if (!isGood || rest.length == 0 || rest[0] != ":") return (false, rest);
        bytes32 name = keccak256(input[:input.length - rest.length]);
        if (name == keccak256('"type"') || name == keccak256('"challenge"') || name == keccak256('"origin"')) {
            return (false, rest);
        }
        rest = rest[1:];
        if (rest.length >= 4 && bytes4(rest) == "true") return (true, rest[4:]);
        if (rest.length >= 5 && bytes5(rest) == "false") return (true, rest[5:]);
        return _string(rest, true);
    }

    /// @dev Printable ASCII between quotes; with the escapes of one character when they are allowed.
    function _string(bytes calldata input, bool escapes) private pure returns (bool isGood, bytes calldata rest) {
        rest = input;
        if (input.length == 0 || input[0] != '"') return (false, rest);
        unchecked {
            for (uint256 i = 1; i < input.length; i++) {
                bytes1 octet = input[i];
                if (octet == '"') return (true, input[i + 1:]);
                if (octet < 0x20 || octet > 0x7e) break;
                if (octet == "\\") {
                    i++;
                    if (!escapes || i == input.length || !_isEscape(input[i])) break;
                }
            }
        }
        return (false, rest);
    }

    function _isEscape(bytes1 octet) private pure returns (bool) {
        if (octet == '"' || octet == "\\" || octet == "/") return true;
        return octet == "b" || octet == "f" || octet == "n" || octet == "r" || octet == "t";
    }
}
