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

    bytes32 private constant ZERO_DIGITS = "00000000000000000000000000000000";
    uint256 private constant EACH_BYTE = type(uint256).max / 0xff;
    uint256 private constant TOP_BITS = 0x80 * EACH_BYTE;
    /// @dev The lower half of every 2, 4, 8 and 16 bytes.
    uint256 private constant BYTES_OF_2 = type(uint256).max / 0x101;
    uint256 private constant BYTES_OF_4 = type(uint256).max / 0x10001;
    uint256 private constant BYTES_OF_8 = type(uint256).max / 0x100000001;
    uint256 private constant BYTES_OF_16 = type(uint256).max / 0x10000000000000001;

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

    /// @dev Two digits a byte, 32 digits at a time.
    function _fromHex(bytes calldata digits) private pure returns (bytes memory value) {
        if (digits.length & 1 != 0 || digits.length > 130) revert IIdentityVerifier.IdentityVerifierIdentifier();
        value = new bytes(digits.length / 2);
        for (uint256 at = 0; at < digits.length; at += 32) {
            bytes32 word = bytes32(digits[at:]);
            // What is beyond the end counts as zeros, and stays beyond the end.
            if (digits.length - at < 32) word |= ZERO_DIGITS >> (8 * (digits.length - at));
            bytes32 octets = bytes32(_octets(uint256(word)));
            assembly ("memory-safe") {
                // The last ones may reach into the padding of the value, where they are zero.
                mstore(add(add(value, 0x20), div(at, 2)), octets)
            }
        }
    }

    /// @dev The 16 bytes that 32 digits stand for, at the top. Every step works on all 32 at once: adding 0x80 to a byte
    /// and subtracting a bound leaves its top bit set where the byte reaches the bound.
    function _octets(uint256 word) private pure returns (uint256 octets) {
        unchecked {
            uint256 raised = word | TOP_BITS;
            uint256 isDigit = (raised - 0x30 * EACH_BYTE) & ~(raised - 0x3a * EACH_BYTE);
            uint256 isLetter = (raised - 0x61 * EACH_BYTE) & ~(raised - 0x67 * EACH_BYTE);
            bool isHex = word & TOP_BITS == 0 && (isDigit | isLetter) & TOP_BITS == TOP_BITS;
            if (!isHex) revert IIdentityVerifier.IdentityVerifierIdentifier();
            uint256 nibbles = (word & (0x0f * EACH_BYTE)) + 9 * ((isLetter & TOP_BITS) >> 7);
            // Pairs of nibbles to bytes, of bytes to twos, fours and eights.
            octets = ((nibbles >> 4) | nibbles) & BYTES_OF_2;
            octets = ((octets >> 8) | octets) & BYTES_OF_4;
            octets = ((octets >> 16) | octets) & BYTES_OF_8;
            octets = ((octets >> 32) | octets) & BYTES_OF_16;
            octets = ((octets >> 64) | octets) << 128;
        }
    }
}
