// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PasskeySignature} from "../../contracts/libraries/PasskeySignature.sol";
import {P256Signer} from "../support/P256Signer.sol";

/// @notice Signatures of noble and of our own signer, and everything that only looks like one.
contract PasskeySignatureTest {
    /// sha256("postage").
    bytes32 private constant DIGEST = 0x61a9ed08e99790ecba38c7c81a67a9f84050faee334d4609dc731086955004d7;
    // Made with @noble/curves 2.4.0: the secret is sha256("passkey 1"), "passkey 2" and "passkey 146", the key
    // `p256.getPublicKey(secret, isCompressed)`, the signature `p256.sign(DIGEST, secret, {lowS: true, prehash: false})`
    // as DER, and the high one `new p256.Signature(r, p256.Point.Fn.ORDER - s)`. The first has an odd y and 33 bytes of r,
    // the second an even y and 32 bytes of r, the third 31 bytes of r's 32 but a zero before them.
    bytes private constant ODD = hex"033ac5caddeb28866e5c5bf19919f65c6372f151a4455a742d015277fc8a716cdb";
    bytes private constant ODD_WHOLE =
        hex"043ac5caddeb28866e5c5bf19919f65c6372f151a4455a742d015277fc8a716cdb"
        hex"e94dbfb2a70a929e8bdf1cd4c2a85be70ab112df8c16643f890251b35101eabd";
    bytes private constant ODD_DER =
        hex"3045022100ab0c74055c21269b3f0e93f6a313b341891c00b44b4ee3101f56784e9f6930b6"
        hex"022053624f563738ac4b183560278a3717bcb7f9805cf407813028f5450fb25a9a06";
    bytes private constant ODD_HIGH =
        hex"3046022100ab0c74055c21269b3f0e93f6a313b341891c00b44b4ee3101f56784e9f6930b6"
        hex"022100ac9db0a8c8c753b5e7ca9fd875c8e84304ed7a50b3101d54cac485b34a088b4b";
    uint256 private constant ODD_R = 0xab0c74055c21269b3f0e93f6a313b341891c00b44b4ee3101f56784e9f6930b6;
    uint256 private constant ODD_S = 0x53624f563738ac4b183560278a3717bcb7f9805cf407813028f5450fb25a9a06;
    bytes private constant EVEN = hex"02390116e4af397ee738bc30305c8707914793e52e23c1a35ad3d5f3aa8919aecd";
    bytes private constant EVEN_WHOLE =
        hex"04390116e4af397ee738bc30305c8707914793e52e23c1a35ad3d5f3aa8919aecd"
        hex"a2b0020996423cf4602934aaaa9f09192d6beffc4756efd639a8326be9a1d280";
    bytes private constant EVEN_DER =
        hex"30440220557a292bf5df4c3525ad53a0eaa951189069ec4fe515d5cbe18b590c5226e2e7"
        hex"0220788c1509d0e1549962c6754e863e4dc90f21067decc3185189bd394f0f004880";
    bytes private constant SHORT = hex"02237c1a09ac463fa1af85138f968bfdf4011eb5372ea9ebf618a58d43860c70c0";
    bytes private constant SHORT_DER =
        hex"3044022000da61b850cb7f628f1c586b29155374d80e8ed34a94ba2c1455a712b16e373a"
        hex"02206d8c79b151b0ed578789588d4dccc4b797598ca3582df0717911871c7257fd6f";

    function verify(bytes32 digest, bytes calldata der, bytes calldata key) external view returns (bool, bytes32) {
        return PasskeySignature.verify(digest, der, key);
    }

    function _holds(bytes memory der, bytes memory key, uint256 r, uint256 s) private view {
        (bool holds, bytes32 hash) = this.verify(DIGEST, der, key);
        assert(holds && hash == keccak256(abi.encode(r, s)));
    }

    /// `s` as it is hashed. With a key that is no point nothing is computed.
    function _reads(bytes memory der, uint256 r, uint256 s) private view {
        (bool holds, bytes32 hash) = this.verify(DIGEST, der, _noPoint());
        assert(!holds && hash == keccak256(abi.encode(r, s)));
    }

    function _malformed(bytes memory der) private view {
        _reads(der, 0, 0);
    }

    function _noPoint() private pure returns (bytes memory key) {
        key = new bytes(65);
        key[0] = 0x04;
    }

    // Vectors.

    function test_vectorsWithBothKeysAndBothParities() public view {
        _holds(ODD_DER, ODD, ODD_R, ODD_S);
        _holds(ODD_DER, ODD_WHOLE, ODD_R, ODD_S);
        uint256 r = 0x557a292bf5df4c3525ad53a0eaa951189069ec4fe515d5cbe18b590c5226e2e7;
        uint256 s = 0x788c1509d0e1549962c6754e863e4dc90f21067decc3185189bd394f0f004880;
        _holds(EVEN_DER, EVEN, r, s);
        _holds(EVEN_DER, EVEN_WHOLE, r, s);
    }

    /// Case 42: either s, with one hash.
    function test_case42_theHigherS() public view {
        _holds(ODD_HIGH, ODD, ODD_R, ODD_S);
        _holds(ODD_HIGH, ODD_WHOLE, ODD_R, ODD_S);
    }

    /// What noble wrote with a zero before a byte of 0xda, which keeps it positive.
    function test_aShortR() public view {
        uint256 r = 0x00da61b850cb7f628f1c586b29155374d80e8ed34a94ba2c1455a712b16e373a;
        uint256 s = 0x6d8c79b151b0ed578789588d4dccc4b797598ca3582df0717911871c7257fd6f;
        _holds(SHORT_DER, SHORT, r, s);
    }

    function test_anotherDigestKeyOrSignature() public view {
        bool holds;
        (holds, ) = this.verify(bytes32(uint256(DIGEST) ^ 1), ODD_DER, ODD);
        assert(!holds);
        (holds, ) = this.verify(DIGEST, ODD_DER, EVEN);
        assert(!holds);
        (holds, ) = this.verify(DIGEST, EVEN_DER, ODD);
        assert(!holds);
        // The point with the other y.
        bytes memory key = ODD;
        key[0] = 0x02;
        (holds, ) = this.verify(DIGEST, ODD_DER, key);
        assert(!holds);
        key = EVEN;
        key[0] = 0x03;
        (holds, ) = this.verify(DIGEST, EVEN_DER, key);
        assert(!holds);
        bytes memory der = P256Signer.der(ODD_R, ODD_S ^ 2);
        bytes32 hash;
        (holds, hash) = this.verify(DIGEST, der, ODD);
        assert(!holds && hash == keccak256(abi.encode(ODD_R, ODD_S ^ 2)));
    }

    /// The signer that other tests rely on.
    function test_ourSigner() public view {
        for (uint256 secret = 1; secret < 4; secret++) {
            uint256 s = P256Signer.sign(secret, DIGEST);
            uint256 low = s > P256Signer.N / 2 ? P256Signer.N - s : s;
            bytes memory key = P256Signer.keyOf(secret);
            _holds(P256Signer.der(P256Signer.R, s), key, P256Signer.R, low);
            _holds(P256Signer.der(P256Signer.R, P256Signer.N - s), P256Signer.compressed(key), P256Signer.R, low);
        }
    }

    // Keys.

    /// Case 42. Of the abscissas 0 to 11 (by noble) only 0, 5, 6, 8 and 9 have points.
    function test_case42_keysThatAreNoPoint() public view {
        bytes memory key = ODD_WHOLE;
        key[64] ^= 0x01;
        _doesNotHold(key);
        _doesNotHold(_noPoint());
        for (uint256 x = 0; x < 12; x++) {
            _doesNotHold(abi.encodePacked(uint8(2), x));
            _doesNotHold(abi.encodePacked(uint8(3), x));
        }
        // One more than the field, where x = 0 has a point, and the largest.
        _doesNotHold(abi.encodePacked(uint8(2), P256Signer.P));
        _doesNotHold(abi.encodePacked(uint8(3), P256Signer.P + 5));
        _doesNotHold(abi.encodePacked(uint8(2), type(uint256).max));
    }

    function _doesNotHold(bytes memory key) private view {
        (bool holds, bytes32 hash) = this.verify(DIGEST, ODD_DER, key);
        assert(!holds && hash == keccak256(abi.encode(ODD_R, ODD_S)));
    }

    // Numbers.

    /// Case 42: out of range, never zero by a detour.
    function test_case42_rAndSOutOfRange() public view {
        uint256 n = P256Signer.N;
        uint256[5] memory outside = [0, n, n + 1, 2 ** 255, type(uint256).max];
        for (uint256 i = 0; i < 5; i++) {
            uint256 value = outside[i];
            bool isInside = value > 0 && value < n;
            uint256 low = isInside ? n - value : value;
            (bool holds, bytes32 hash) = this.verify(DIGEST, P256Signer.der(ODD_R, value), ODD);
            assert(!holds && hash == keccak256(abi.encode(ODD_R, low)));
            if (isInside) continue;
            (holds, hash) = this.verify(DIGEST, P256Signer.der(value, ODD_S), ODD);
            assert(!holds && hash == keccak256(abi.encode(value, ODD_S)));
        }
        _reads(P256Signer.der(1, n / 2), 1, n / 2);
        _reads(P256Signer.der(1, n / 2 + 1), 1, n / 2);
        _reads(P256Signer.der(1, n / 2 + 2), 1, n / 2 - 1);
        _reads(P256Signer.der(1, n - 1), 1, 1);
    }

    function testFuzz_derRoundTrips(uint256 r, uint256 s, uint8 shiftR, uint8 shiftS) public view {
        (r, s) = (r >> shiftR, s >> shiftS);
        bytes memory der = P256Signer.der(r, s);
        if (s > P256Signer.N / 2 && s < P256Signer.N) s = P256Signer.N - s;
        _reads(der, r, s);
    }

    // DER.

    /// Each byte with any value, and any bytes put in: read only as the one encoding of what is read.
    function testFuzz_changedDer(uint256 r, uint256 s, uint256 salt) public view {
        bytes memory der = P256Signer.der(r >> (salt % 256), s >> ((salt >> 8) % 256));
        der[(salt >> 16) % der.length] = bytes1(uint8(salt >> 24));
        if ((salt >> 32) % 2 == 0) der[(salt >> 40) % 5] = bytes1(uint8(salt >> 48));
        if ((salt >> 33) % 4 == 0) der[1] = bytes1(uint8(der.length - 2));
        _asNaive(der);
    }

    function test_everyByteOfDer() public view {
        _everyByteOf(P256Signer.der(1, 2));
        _everyByteOf(P256Signer.der(0x80, 0));
        _everyByteOf(P256Signer.der(type(uint256).max, 0x7f));
    }

    function _everyByteOf(bytes memory good) private view {
        for (uint256 i = 0; i < good.length && i < 8; i++) {
            bytes memory der = bytes.concat(good);
            for (uint256 octet = 0; octet < 256; octet++) {
                der[i] = bytes1(uint8(octet));
                _asNaive(der);
            }
        }
        bytes memory cut = bytes.concat(good);
        for (uint256 length = good.length - 1; length > 0; length--) {
            assembly ("memory-safe") {
                mstore(cut, length)
            }
            _asNaive(cut);
            if (length < 2) continue;
            cut[1] = bytes1(uint8(length - 2));
            _asNaive(cut);
        }
    }

    /// Reads leniently and writes again: what gives the same bytes is canonical.
    function _asNaive(bytes memory der) private view {
        (uint256 r, uint256 s) = (0, 0);
        if (der.length >= 8 && uint8(der[3]) <= 33 && der.length > 5 + uint256(uint8(der[3]))) {
            uint256 end = 4 + uint256(uint8(der[3]));
            r = _number(der, 4, end);
            s = _number(der, end + 2, der.length);
        }
        if (keccak256(P256Signer.der(r, s)) != keccak256(der)) return _malformed(der);
        if (s > P256Signer.N / 2 && s < P256Signer.N) s = P256Signer.N - s;
        _reads(der, r, s);
    }

    function _number(bytes memory all, uint256 from, uint256 to) private pure returns (uint256 value) {
        unchecked {
            for (; from < to; from++) value = (value << 8) | uint8(all[from]);
        }
    }

    function test_malformations() public view {
        bytes[24] memory all = [
            bytes(""),
            hex"30",
            hex"3006",
            hex"300602010102010100",
            hex"300702010102010100",
            hex"3105020101020101",
            hex"3006030101020101",
            hex"3006020101030101",
            hex"3007020101020101",
            hex"3005020101020101",
            hex"308106020101020101",
            // No number, a number with a zero too many, a negative one.
            hex"30080200020401020304",
            hex"30080204010203040200",
            hex"30080202000102020001",
            hex"3006020180020101",
            hex"3006020101020180",
            hex"3006020101020281",
            hex"3006020301020101",
            // One number, and a third one.
            hex"3006020401020304",
            hex"3009020101020101020101",
            hex"30070202007f020101",
            // 33 bytes without a zero, 34 with one.
            bytes.concat(hex"3026022101", new bytes(32), hex"020101"),
            bytes.concat(hex"302602010102210100", new bytes(31)),
            bytes.concat(hex"302702220080", new bytes(32), hex"020101")
        ];
        for (uint256 i = 0; i < all.length; i++) _malformed(all[i]);
        _reads(hex"3006020101020102", 1, 2);
        _reads(hex"300702020080020102", 128, 2);
        _reads(hex"3006020100020100", 0, 0);
    }

    /// 72 bytes are the most that a signature needs.
    function test_72And73Bytes() public view {
        bytes memory most = P256Signer.der(type(uint256).max, type(uint256).max);
        assert(most.length == 72);
        _reads(most, type(uint256).max, type(uint256).max);
        bytes memory integer = P256Signer.integer(type(uint256).max);
        _malformed(bytes.concat(hex"3047", integer, integer, hex"00"));
        _malformed(bytes.concat(hex"3047", integer, hex"02220000", _tail(integer)));
    }

    function _tail(bytes memory integer) private pure returns (bytes memory tail) {
        tail = new bytes(32);
        for (uint256 i = 0; i < 32; i++) tail[i] = integer[i + 3];
    }
}
