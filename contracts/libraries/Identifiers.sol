// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibString} from "solady/src/utils/LibString.sol";

import {IIdentityVerifier} from "../interfaces/IIdentityVerifier.sol";
import {Member, MemberKind} from "../types/Identity.sol";

/// @notice The identifiers of members, in the one spelling that libxmtp gives them: two spellings would be two members.
library Identifiers {
    /// @dev libxmtp's IdentifierKind.
    uint256 private constant ETHEREUM = 1;
    uint256 private constant PASSKEY = 2;

    /// @notice Of the fields that carry identifier and kind apart.
    function ofRoot(bytes calldata identifier, uint256 kind) internal pure returns (Member memory) {
        if (kind == ETHEREUM) return ofWallet(identifier);
        if (kind == PASSKEY) return ofPasskey(_fromHex(identifier));
        revert IIdentityVerifier.IdentityVerifierIdentifier();
    }

    /// @notice Of a lowercase address with 0x.
    function ofWallet(bytes calldata identifier) internal pure returns (Member memory) {
        return Member(MemberKind.Wallet, bytes32(uint256(uint160(addressOf(identifier)))));
    }

    function addressOf(bytes calldata identifier) internal pure returns (address) {
        if (identifier.length != 42 || bytes2(identifier) != "0x") {
            revert IIdentityVerifier.IdentityVerifierIdentifier();
        }
        return address(bytes20(_fromHex(identifier[2:])));
    }

    function ofInstallation(bytes calldata key) internal pure returns (Member memory) {
        if (key.length != 32) revert IIdentityVerifier.IdentityVerifierIdentifier();
        return Member(MemberKind.Installation, bytes32(key));
    }

    /// @notice Of a public key as it is written: compressed, or with both coordinates.
    function ofPasskey(bytes memory key) internal pure returns (Member memory) {
        uint8 form = key.length == 0 ? 0 : uint8(key[0]);
        bool isCompressed = key.length == 33 && (form == 2 || form == 3);
        bool isWhole = key.length == 65 && form == 4;
        if (!isCompressed && !isWhole) revert IIdentityVerifier.IdentityVerifierIdentifier();
        return Member(MemberKind.Passkey, keccak256(key));
    }

    /// @notice Lowercase hex without 0x.
    function toHex(bytes calldata key) internal pure returns (bytes memory) {
        return bytes(LibString.toHexStringNoPrefix(key));
    }

    function _fromHex(bytes calldata digits) private pure returns (bytes memory value) {
        if (digits.length & 1 != 0 || digits.length > 130) revert IIdentityVerifier.IdentityVerifierIdentifier();
        uint256 length = digits.length / 2;
        value = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            value[i] = bytes1(uint8((_nibble(digits[2 * i]) << 4) | _nibble(digits[2 * i + 1])));
        }
    }

    function _nibble(bytes1 digit) private pure returns (uint256) {
        uint256 code = uint8(digit);
        if (code >= 0x30 && code <= 0x39) return code - 0x30;
        if (code >= 0x61 && code <= 0x66) return code - 0x57;
        revert IIdentityVerifier.IdentityVerifierIdentifier();
    }
}
