// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice BLS signatures on BLS12-381 with the precompiles of EIP-2537: keys in G2, signatures in G1. Points of ours
/// have coordinates of 48 bytes; the precompiles' have 64.
/// @dev A precompile that fails, or that is not there and so returns nothing, makes every function revert. ADD does not
/// check subgroups and PAIRING does: keys are safe to add once each has passed `verify`.
library Bls12381 {
    /// @notice Bytes of a key, `x.c0 | x.c1 | y.c0 | y.c1`.
    uint256 internal constant KEY_LENGTH = 192;
    /// @notice Bytes of a signature, `x | y`.
    uint256 internal constant SIGNATURE_LENGTH = 96;

    error Bls12381KeyLength(uint256 length);
    error Bls12381SignatureLength(uint256 length);
    /// @notice The precompile at this address refused its input, or does not exist.
    error Bls12381PrecompileFailed(address precompile);

    address private constant MODEXP = address(0x05);
    address private constant G1_ADD = address(0x0b);
    address private constant G2_ADD = address(0x0d);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_TO_G1 = address(0x10);

    /// @dev What EIP-2537 asks, and as much again: a precompile that refuses its input burns all that it was given.
    uint256 private constant ADD_GAS = 1_200;
    uint256 private constant MAP_GAS = 11_000;
    uint256 private constant PAIRING_GAS = 205_800;
    uint256 private constant MODEXP_GAS = 20_000;

    /// @dev The field's modulus, in its upper 16 bytes and the lower 32.
    uint256 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    /// @dev The generator of G2 with y negated, as the precompiles write it.
    bytes private constant NEGATED_G2 =
        hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bcb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa"
        hex"0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed";

    /// @notice Whether `signature` is `key`'s over `digest`. False for the point at infinity as key or signature.
    /// @dev Reverts for what is no point of the curve or not in the subgroup.
    function verify(
        bytes32 digest,
        bytes memory domain,
        bytes memory signature,
        bytes memory key
    ) internal view returns (bool) {
        _requireKey(key);
        if (signature.length != SIGNATURE_LENGTH) revert Bls12381SignatureLength(signature.length);
        if (_isZero(key) || _isZero(signature)) return false;
        bytes memory input = bytes.concat(
            hashToG1(digest, domain),
            _widened(key, 0, 4),
            _widened(signature, 0, 2),
            NEGATED_G2
        );
        return abi.decode(_call(PAIRING, PAIRING_GAS, input, 32), (uint256)) == 1;
    }

    /// @notice The sum of keys written one after the other; `sum` may be empty, which counts as infinity.
    function addKeys(bytes memory sum, bytes memory keys) internal view returns (bytes memory) {
        return _addKeys(sum, keys, false);
    }

    /// @notice `sum` less the keys written one after the other.
    function subtractKeys(bytes memory sum, bytes memory keys) internal view returns (bytes memory) {
        return _addKeys(sum, keys, true);
    }

    function _addKeys(bytes memory sum, bytes memory keys, bool negated) private view returns (bytes memory) {
        if (sum.length != 0) _requireKey(sum);
        if (keys.length % KEY_LENGTH != 0) revert Bls12381KeyLength(keys.length);
        bytes memory input = new bytes(512);
        if (sum.length != 0) _widen(sum, 0, 4, input, 0);
        for (uint256 at = 0; at < keys.length; at += KEY_LENGTH) {
            _widen(keys, at, 4, input, 256);
            if (negated) _negate(input, 256);
            _callInPlace(G2_ADD, ADD_GAS, input, 256);
        }
        return _narrowed(input);
    }

    function _requireKey(bytes memory key) private pure {
        if (key.length != KEY_LENGTH) revert Bls12381KeyLength(key.length);
    }

    /// @dev Negates the y of the G2 point at `offset`: each of its two parts, where that is not zero.
    function _negate(bytes memory points, uint256 offset) private pure {
        for (uint256 part = 128; part < 256; part += 64) {
            assembly ("memory-safe") {
                let at := add(add(points, 0x20), add(offset, part))
                let high := mload(at)
                let low := mload(add(at, 0x20))
                if or(high, low) {
                    mstore(at, sub(sub(P_HIGH, high), gt(low, P_LOW)))
                    mstore(add(at, 0x20), sub(P_LOW, low))
                }
            }
        }
    }

    /// @notice RFC 9380's hash_to_curve, suite BLS12381G1_XMD:SHA-256_SSWU_RO_, as the precompiles write points.
    function hashToG1(bytes32 message, bytes memory domain) internal view returns (bytes memory point) {
        bytes memory uniform = _expand(message, domain);
        bytes memory first = _map(uniform, 0);
        bytes memory second = _map(uniform, 64);
        return _call(G1_ADD, ADD_GAS, bytes.concat(first, second), 128);
    }

    /// @dev expand_message_xmd with SHA-256 to 128 bytes.
    function _expand(bytes32 message, bytes memory domain) private pure returns (bytes memory) {
        bytes memory suffix = abi.encodePacked(domain, uint8(domain.length));
        bytes32 b0 = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(128), uint8(0), suffix));
        bytes32 b1 = sha256(abi.encodePacked(b0, uint8(1), suffix));
        bytes32 b2 = sha256(abi.encodePacked(b0 ^ b1, uint8(2), suffix));
        bytes32 b3 = sha256(abi.encodePacked(b0 ^ b2, uint8(3), suffix));
        bytes32 b4 = sha256(abi.encodePacked(b0 ^ b3, uint8(4), suffix));
        return abi.encodePacked(b1, b2, b3, b4);
    }

    /// @dev The 64 bytes at `offset`, modulo the field's modulus, mapped to the curve.
    function _map(bytes memory uniform, uint256 offset) private view returns (bytes memory) {
        bytes32 high;
        bytes32 low;
        assembly ("memory-safe") {
            let at := add(add(uniform, 0x20), offset)
            high := mload(at)
            low := mload(add(at, 0x20))
        }
        bytes memory input = abi.encodePacked(abi.encode(64, 1, 64, high, low), uint8(1), abi.encode(P_HIGH, P_LOW));
        return _call(MAP_TO_G1, MAP_GAS, _call(MODEXP, MODEXP_GAS, input, 64), 128);
    }

    /// @dev `count` coordinates of 48 bytes from `from`, each written in 64.
    function _widened(bytes memory point, uint256 from, uint256 count) private pure returns (bytes memory wide) {
        wide = new bytes(count * 64);
        _widen(point, from, count, wide, 0);
    }

    function _widen(bytes memory point, uint256 from, uint256 count, bytes memory wide, uint256 to) private pure {
        assembly ("memory-safe") {
            let source := add(add(point, 0x20), from)
            let target := add(add(wide, 0x20), to)
            for {
                let end := add(target, mul(count, 0x40))
            } lt(target, end) {
                target := add(target, 0x40)
                source := add(source, 0x30)
            } {
                mstore(target, shr(128, mload(source)))
                mstore(add(target, 0x20), mload(add(source, 0x10)))
            }
        }
    }

    /// @dev The G2 point at the beginning, in coordinates of 48 bytes.
    function _narrowed(bytes memory wide) private pure returns (bytes memory point) {
        point = new bytes(KEY_LENGTH);
        assembly ("memory-safe") {
            for {
                let i := 0
            } lt(i, 4) {
                i := add(i, 1)
            } {
                mcopy(add(add(point, 0x20), mul(i, 0x30)), add(add(wide, 0x30), mul(i, 0x40)), 0x30)
            }
        }
    }

    function _isZero(bytes memory data) private pure returns (bool) {
        uint256 any;
        for (uint256 i = 0; i < data.length; i += 32) {
            assembly ("memory-safe") {
                any := or(any, mload(add(add(data, 0x20), i)))
            }
        }
        return any == 0;
    }

    function _call(
        address precompile,
        uint256 gasLimit,
        bytes memory input,
        uint256 length
    ) private view returns (bytes memory output) {
        output = new bytes(length);
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gasLimit, precompile, add(input, 0x20), mload(input), add(output, 0x20), length)
            ok := and(ok, eq(returndatasize(), length))
        }
        if (!ok) revert Bls12381PrecompileFailed(precompile);
    }

    /// @dev Writes the answer over the beginning of the input.
    function _callInPlace(address precompile, uint256 gasLimit, bytes memory input, uint256 length) private view {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gasLimit, precompile, add(input, 0x20), mload(input), add(input, 0x20), length)
            ok := and(ok, eq(returndatasize(), length))
        }
        if (!ok) revert Bls12381PrecompileFailed(precompile);
    }
}
