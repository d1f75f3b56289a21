// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIdentityVerifier} from "../../contracts/interfaces/IIdentityVerifier.sol";
import {Identifiers} from "../../contracts/libraries/Identifiers.sol";
import {Member, MemberKind} from "../../contracts/types/Identity.sol";

/// @notice One spelling of every identifier, against a decoder that reads digit by digit.
contract IdentifiersTest {
    bytes private constant ADDRESS = "0x00112233445566778899aabbccddeeff01239afe";

    // Calldata, which is where the library reads.

    function ofRoot(bytes calldata identifier, uint256 kind) external pure returns (Member memory) {
        return Identifiers.ofRoot(identifier, kind);
    }

    function ofWallet(bytes calldata identifier) external pure returns (Member memory) {
        return Identifiers.ofWallet(identifier);
    }

    function addressOf(bytes calldata identifier) external pure returns (address) {
        return Identifiers.addressOf(identifier);
    }

    function ofInstallation(bytes calldata key) external pure returns (Member memory) {
        return Identifiers.ofInstallation(key);
    }

    function ofPasskey(bytes calldata key) external pure returns (Member memory) {
        return Identifiers.ofPasskey(key);
    }

    function toHex(bytes calldata key) external pure returns (bytes memory) {
        return Identifiers.toHex(key);
    }

    function _gives(bytes memory call, MemberKind kind, bytes32 key) private view {
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, bytes memory answer) = address(this).staticcall(call);
        assert(taken && keccak256(answer) == keccak256(abi.encode(kind, key)));
    }

    function _refuses(bytes memory call) private view {
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, bytes memory answer) = address(this).staticcall(call);
        bytes memory expected = abi.encodeWithSelector(IIdentityVerifier.IdentityVerifierIdentifier.selector);
        assert(!taken && keccak256(answer) == keccak256(expected));
    }

    // Wallets.

    function test_aWalletIsALowercaseAddress() public view {
        bytes32 key = bytes32(uint256(0x0000000000112233445566778899aabbccddeeff01239afe));
        assert(this.addressOf(ADDRESS) == address(uint160(uint256(key))));
        _gives(abi.encodeCall(this.ofWallet, (ADDRESS)), MemberKind.Wallet, key);
        _gives(abi.encodeCall(this.ofRoot, (ADDRESS, 1)), MemberKind.Wallet, key);
        assert(this.addressOf("0xffffffffffffffffffffffffffffffffffffffff") == address(type(uint160).max));
        assert(this.addressOf("0x0000000000000000000000000000000000000000") == address(0));
        assert(this.addressOf("0x8000000000000000000000000000000000000001") == address((1 << 159) | 1));
    }

    function test_otherSpellingsOfAWallet() public view {
        bytes[9] memory others = [
            bytes(""),
            "0x",
            "0X00112233445566778899aabbccddeeff01239afe",
            "1x00112233445566778899aabbccddeeff01239afe",
            "00112233445566778899aabbccddeeff01239afe",
            "0000112233445566778899aabbccddeeff01239afe",
            "0x00112233445566778899Aabbccddeeff01239afe",
            "0x00112233445566778899aabbccddeeff01239af",
            "0x00112233445566778899aabbccddeeff01239afe0"
        ];
        for (uint256 i = 0; i < others.length; i++) {
            _refuses(abi.encodeCall(this.ofWallet, (others[i])));
            _refuses(abi.encodeCall(this.addressOf, (others[i])));
            _refuses(abi.encodeCall(this.ofRoot, (others[i], 1)));
        }
        _refuses(abi.encodeCall(this.ofWallet, (bytes.concat(ADDRESS, "00"))));
    }

    /// All values of a byte at each of the 32 places of the first word and at the 8 of the second.
    function test_everyByteAtEveryDigitOfAnAddress() public view {
        for (uint256 at = 2; at < 42; at++) {
            bytes memory identifier = bytes.concat(ADDRESS);
            for (uint256 octet = 0; octet < 256; octet++) {
                identifier[at] = bytes1(uint8(octet));
                (bool isHex, bytes memory value) = _naive(identifier, 2);
                bytes memory call = abi.encodeCall(this.addressOf, (identifier));
                // solhint-disable-next-line avoid-low-level-calls
                (bool taken, bytes memory answer) = address(this).staticcall(call);
                assert(taken == isHex);
                if (taken) assert(abi.decode(answer, (address)) == address(bytes20(value)));
                else assert(bytes4(answer) == IIdentityVerifier.IdentityVerifierIdentifier.selector);
            }
        }
    }

    function testFuzz_addresses(address wallet) public view {
        bytes memory identifier = bytes.concat("0x", _digits(abi.encodePacked(wallet)));
        assert(this.addressOf(identifier) == wallet);
        _gives(abi.encodeCall(this.ofWallet, (identifier)), MemberKind.Wallet, bytes32(uint256(uint160(wallet))));
    }

    // Installations.

    function testFuzz_anInstallationIs32Bytes(bytes32 key) public view {
        _gives(abi.encodeCall(this.ofInstallation, (bytes.concat(key))), MemberKind.Installation, key);
        _refuses(abi.encodeCall(this.ofInstallation, (bytes.concat(bytes31(key)))));
        _refuses(abi.encodeCall(this.ofInstallation, (bytes.concat(key, hex"00"))));
        _refuses(abi.encodeCall(this.ofInstallation, (_digits(bytes.concat(key)))));
        _refuses(abi.encodeCall(this.ofInstallation, ("")));
    }

    // Passkeys.

    /// Every length with every first byte.
    function test_theFormsOfAPasskey() public view {
        for (uint256 length = 0; length < 68; length++) {
            bytes memory key = new bytes(length);
            if (length > 1) key[length - 1] = 0x77;
            for (uint256 form = 0; form < 8; form++) {
                if (length > 0) key[0] = bytes1(uint8(form == 7 ? 0xff : form));
                bool isForm = (length == 33 && (form == 2 || form == 3)) || (length == 65 && form == 4);
                _isPasskey(key, isForm);
                if (length == 0) break;
            }
        }
        _refuses(abi.encodeCall(this.ofRoot, (bytes.concat("0x02", _digits(new bytes(32))), 2)));
    }

    function _isPasskey(bytes memory key, bool isForm) private view {
        bytes[2] memory calls = [abi.encodeCall(this.ofPasskey, (key)), abi.encodeCall(this.ofRoot, (_digits(key), 2))];
        for (uint256 i = 0; i < 2; i++) {
            if (isForm) _gives(calls[i], MemberKind.Passkey, keccak256(key));
            else _refuses(calls[i]);
        }
    }

    /// All values of a byte at some places of the five words of the longest identifier.
    function test_everyByteInEveryWordOfAPasskey() public view {
        bytes memory key = bytes.concat(hex"04", keccak256("x"), keccak256("y"));
        uint256[10] memory places = [uint256(0), 1, 31, 32, 63, 64, 97, 127, 128, 129];
        for (uint256 i = 0; i < places.length; i++) {
            bytes memory identifier = _digits(key);
            for (uint256 octet = 0; octet < 256; octet++) {
                identifier[places[i]] = bytes1(uint8(octet));
                _asNaive(identifier);
            }
        }
    }

    /// Digits of every length up to two past the longest, with any byte anywhere.
    function testFuzz_digitsOfEveryLength(bytes32 salt, uint8 length, uint8 at, uint8 octet) public view {
        bytes memory identifier = new bytes(length % 133);
        for (uint256 i = 0; i < identifier.length; i++) {
            identifier[i] = _digit(uint8(keccak256(abi.encode(salt, i / 32))[i % 32]) & 0x0f);
        }
        if (identifier.length > 1) {
            identifier[0] = "0";
            identifier[1] = identifier.length > 100 ? bytes1("4") : bytes1("3");
            _asNaive(identifier);
            identifier[at % identifier.length] = bytes1(octet);
        }
        _asNaive(identifier);
        _refuses(abi.encodeCall(this.ofRoot, (identifier, 1)));
    }

    function test_everyLengthOfDigits() public view {
        for (uint256 length = 0; length <= 200; length++) {
            bytes memory identifier = new bytes(length);
            for (uint256 i = 0; i < length; i++) identifier[i] = "0";
            if (length > 1) identifier[1] = length > 100 ? bytes1("4") : bytes1("2");
            _asNaive(identifier);
        }
    }

    function _asNaive(bytes memory identifier) private view {
        (bool isHex, bytes memory key) = _naive(identifier, 0);
        bool isForm = (key.length == 33 && (key[0] == 0x02 || key[0] == 0x03)) || (key.length == 65 && key[0] == 0x04);
        bytes memory call = abi.encodeCall(this.ofRoot, (identifier, 2));
        if (isHex && isForm) _gives(call, MemberKind.Passkey, keccak256(key));
        else _refuses(call);
    }

    // Kinds.

    function testFuzz_otherKinds(uint256 kind) public view {
        if (kind == 1 || kind == 2) kind = 3;
        _refuses(abi.encodeCall(this.ofRoot, (ADDRESS, kind)));
        _refuses(abi.encodeCall(this.ofRoot, (_digits(bytes.concat(hex"02", keccak256("x"))), kind)));
    }

    function test_kindsThatAreNotTheIdentifiers() public view {
        bytes memory passkey = _digits(bytes.concat(hex"02", keccak256("x")));
        _gives(
            abi.encodeCall(this.ofRoot, (passkey, 2)),
            MemberKind.Passkey,
            keccak256(bytes.concat(hex"02", keccak256("x")))
        );
        _refuses(abi.encodeCall(this.ofRoot, (passkey, 1)));
        _refuses(abi.encodeCall(this.ofRoot, (ADDRESS, 2)));
        for (uint256 kind = 0; kind < 5; kind++) {
            if (kind != 1) _refuses(abi.encodeCall(this.ofRoot, (ADDRESS, kind)));
            if (kind != 2) _refuses(abi.encodeCall(this.ofRoot, (passkey, kind)));
        }
    }

    // Hex.

    function testFuzz_hexIsLowercaseWithoutPrefix(bytes memory key) public view {
        assert(keccak256(this.toHex(key)) == keccak256(_digits(key)));
    }

    function _digit(uint256 nibble) private pure returns (bytes1) {
        return bytes("0123456789abcdef")[nibble];
    }

    function _digits(bytes memory value) private pure returns (bytes memory digits) {
        digits = new bytes(2 * value.length);
        for (uint256 i = 0; i < digits.length; i++) {
            uint256 octet = uint8(value[i / 2]);
            digits[i] = _digit(i % 2 == 0 ? octet / 16 : octet % 16);
        }
    }

    /// Digit by digit, from `at` on.
    function _naive(bytes memory digits, uint256 at) private pure returns (bool isHex, bytes memory value) {
        if ((digits.length - at) % 2 == 1) return (false, "");
        value = new bytes((digits.length - at) / 2);
        for (uint256 i = at; i < digits.length; i++) {
            uint256 nibble = uint8(digits[i]);
            if (nibble >= 48 && nibble <= 57) nibble -= 48;
            else if (nibble >= 97 && nibble <= 102) nibble -= 87;
            else return (false, "");
            uint256 to = (i - at) / 2;
            value[to] = bytes1(uint8(uint8(value[to]) * 16 + nibble));
        }
        isHex = true;
    }
}
