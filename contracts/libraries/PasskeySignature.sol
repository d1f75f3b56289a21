// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

/// @notice P-256 signatures as passkeys make them: DER, either half of s, keys compressed or whole.
library PasskeySignature {
    uint256 private constant HALF_N = P256.N / 2;
    /// @dev (P + 1) / 4: raising to it takes a square root, as P is 3 modulo 4.
    uint256 private constant ROOT_EXPONENT = (P256.P + 1) / 4;
    uint256 private constant MOST_DER = 72;

    /// @notice Whether the signature holds over a SHA-256 digest.
    /// @param key 33 or 65 bytes of the right form (`Identifiers.ofPasskey`); whether it is a point is checked here.
    /// @return holds False for whatever is malformed.
    /// @return signatureHash keccak256 of r and the lower s: the same for both signatures that one gives.
    function verify(
        bytes32 digest,
        bytes calldata der,
        bytes calldata key
    ) internal view returns (bool holds, bytes32 signatureHash) {
        (bytes32 r, uint256 s) = _fromDer(der);
        // OpenZeppelin takes the lower half only; authenticators give either, and libxmtp takes both.
        if (s > HALF_N && s < P256.N) s = P256.N - s;
        (bytes32 x, bytes32 y) = _point(key);
        // Out of range, 0 included, and off the curve: refused in there.
        holds = P256.verify(digest, r, bytes32(s), x, y);
        signatureHash = keccak256(abi.encode(r, s));
    }

    /// @dev Strict DER of two positive integers; (0, 0), which no signature is, for anything else.
    function _fromDer(bytes calldata der) private pure returns (bytes32 r, uint256 s) {
        // Below 128 bytes a length is one byte.
        if (der.length < 8 || der.length > MOST_DER || der[0] != 0x30 || uint8(der[1]) != der.length - 2) return (0, 0);
        (bool hasR, uint256 first, bytes calldata rest) = _integer(der[2:]);
        if (!hasR) return (0, 0);
        (bool hasS, uint256 second, bytes calldata end) = _integer(rest);
        return hasS && end.length == 0 ? (bytes32(first), second) : (bytes32(0), 0);
    }

    function _integer(bytes calldata input) private pure returns (bool isOne, uint256 value, bytes calldata rest) {
        rest = input[:0];
        if (input.length < 3 || input[0] != 0x02) return (false, 0, rest);
        uint256 length = uint8(input[1]);
        if (length == 0 || length > 33 || length > input.length - 2) return (false, 0, rest);
        bytes calldata digits = input[2:2 + length];
        rest = input[2 + length:];
        // A leading zero stands before a first bit of 1, where it keeps the number positive, and nowhere else.
        bool hasZero = digits[0] == 0 && length > 1;
        if (hasZero) digits = digits[1:];
        bool isNegative = uint8(digits[0]) >= 0x80;
        if (hasZero != isNegative || digits.length > 32) return (false, 0, rest);
        return (true, uint256(bytes32(digits)) >> (256 - 8 * digits.length), rest);
    }

    /// @dev (0, 0), which is not on the curve, for a compressed key without a point.
    function _point(bytes calldata key) private view returns (bytes32 x, bytes32 y) {
        x = bytes32(key[1:33]);
        if (key.length == 65) return (x, bytes32(key[33:65]));
        uint256 abscissa = uint256(x);
        if (abscissa >= P256.P) return (0, 0);
        uint256 cube = mulmod(abscissa, mulmod(abscissa, abscissa, P256.P), P256.P);
        uint256 square = addmod(addmod(cube, mulmod(P256.A, abscissa, P256.P), P256.P), P256.B, P256.P);
        uint256 root = _root(square);
        if (mulmod(root, root, P256.P) != square) return (0, 0);
        // 2 stands for the even root, 3 for the odd one.
        bool isOdd = key[0] == 0x03;
        y = bytes32((root & 1 == 1) == isOdd ? root : P256.P - root);
    }

    function _root(uint256 square) private view returns (uint256 root) {
        uint256 exponent = ROOT_EXPONENT;
        uint256 field = P256.P;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, 0x20)
            mstore(add(input, 0x20), 0x20)
            mstore(add(input, 0x40), 0x20)
            mstore(add(input, 0x60), square)
            mstore(add(input, 0x80), exponent)
            mstore(add(input, 0xa0), field)
            // MODEXP; without its answer the root is 0, which does not fit.
            if staticcall(gas(), 0x05, input, 0xc0, 0x00, 0x20) {
                root := mload(0x00)
            }
        }
    }
}
