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

    address private constant SHA256 = address(0x02);
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

    /// @dev The generator of G2, as the precompiles write it.
    bytes private constant G2 =
        hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";

    /// @notice Whether `signature` is `key`'s over `digest`. False for the point at infinity as key or signature.
    /// @dev Reverts for what is no point of the curve or not in the subgroup.
    function verify(
        bytes32 digest,
        bytes memory domain,
        bytes memory signature,
        bytes memory key
    ) internal view returns (bool) {
        return verifyWithout(digest, domain, signature, key, "");
    }

    /// @notice As `verify`, of a sum of keys less those of `missing`, which are written one after the other.
    function verifyWithout(
        bytes32 digest,
        bytes memory domain,
        bytes memory signature,
        bytes memory sum,
        bytes memory missing
    ) internal view returns (bool) {
        if (signature.length != SIGNATURE_LENGTH) revert Bls12381SignatureLength(signature.length);
        bytes memory key = _negatedLess(sum, missing);
        if (_isZero(key, 256) || _isZero(signature, SIGNATURE_LENGTH)) return false;
        bytes memory wide = new bytes(128);
        _widen(signature, 0, 2, wide, 0);
        // e(hash, -key) * e(signature, G2) = 1
        bytes memory input = bytes.concat(hashToG1(digest, domain), key, wide, G2);
        _callInPlace(PAIRING, PAIRING_GAS, input, 32);
        return bytes32(input) == bytes32(uint256(1));
    }

    /// @dev The negative of a sum less some keys, as the precompiles write points: the sum is turned instead of each key.
    function _negatedLess(bytes memory sum, bytes memory missing) private view returns (bytes memory key) {
        if (sum.length != KEY_LENGTH) revert Bls12381KeyLength(sum.length);
        key = new bytes(512);
        _widen(sum, 0, 4, key, 0);
        _negate(key, 0);
        _addAll(key, missing, false);
        assembly ("memory-safe") {
            mstore(key, 256)
        }
    }

    /// @notice The sum of keys written one after the other; `sum` may be empty, which counts as infinity.
    function addKeys(bytes memory sum, bytes memory keys) internal view returns (bytes memory) {
        return _addKeys(sum, keys, false);
    }

    /// @notice `sum` less the keys written one after the other.
    function subtractKeys(bytes memory sum, bytes memory keys) internal view returns (bytes memory) {
        return _addKeys(sum, keys, true);
    }

    function _addKeys(bytes memory sum, bytes memory keys, bool isSubtracted) private view returns (bytes memory) {
        if (sum.length != 0 && sum.length != KEY_LENGTH) revert Bls12381KeyLength(sum.length);
        bytes memory wide = new bytes(512);
        if (sum.length != 0) _widen(sum, 0, 4, wide, 0);
        _addAll(wide, keys, isSubtracted);
        return _narrowed(wide);
    }

    /// @dev Adds keys to the point at the beginning of `wide`, which has room for another one behind it.
    function _addAll(bytes memory wide, bytes memory keys, bool isSubtracted) private view {
        if (keys.length % KEY_LENGTH != 0) revert Bls12381KeyLength(keys.length);
        for (uint256 at = 0; at < keys.length; at += KEY_LENGTH) {
            _widen(keys, at, 4, wide, 256);
            if (isSubtracted) _negate(wide, 256);
            _callInPlace(G2_ADD, ADD_GAS, wide, 256);
        }
    }

    /// @dev Negates the y of the G2 point at `offset`: each of its two parts that is not zero. The modulus, which is zero
    /// written in a way that precompiles refuse, stays as it is.
    function _negate(bytes memory points, uint256 offset) private pure {
        for (uint256 part = 128; part < 256; part += 64) {
            assembly ("memory-safe") {
                let at := add(add(points, 0x20), add(offset, part))
                let high := mload(at)
                let low := mload(add(at, 0x20))
                let negatedHigh := sub(sub(P_HIGH, high), gt(low, P_LOW))
                let negatedLow := sub(P_LOW, low)
                if and(iszero(iszero(or(high, low))), iszero(iszero(or(negatedHigh, negatedLow)))) {
                    mstore(at, negatedHigh)
                    mstore(add(at, 0x20), negatedLow)
                }
            }
        }
    }

    /// @notice RFC 9380's hash_to_curve, suite BLS12381G1_XMD:SHA-256_SSWU_RO_, as the precompiles write points.
    function hashToG1(bytes32 message, bytes memory domain) internal view returns (bytes memory point) {
        bytes memory uniform = _expand(message, domain);
        // MODEXP's input: three lengths, the base, the exponent 1, the modulus.
        bytes memory reduction = abi.encodePacked(abi.encode(64, 1, 64, 0, 0), uint8(1), abi.encode(P_HIGH, P_LOW));
        point = new bytes(256);
        _map(uniform, 0, reduction, point, 0);
        _map(uniform, 64, reduction, point, 128);
        _callInPlace(G1_ADD, ADD_GAS, point, 128);
        assembly ("memory-safe") {
            mstore(point, 128)
        }
    }

    /// @dev expand_message_xmd with SHA-256 to 128 bytes. One buffer for all of it: `zeros 64 | message 32 | length 2`
    /// is where the later blocks have `value 32` before `counter 1 | domain | its length 1`.
    function _expand(bytes32 message, bytes memory domain) private view returns (bytes memory uniform) {
        bytes memory block_ = abi.encodePacked(
            bytes32(0),
            bytes32(0),
            message,
            uint16(128),
            uint8(0),
            domain,
            uint8(domain.length)
        );
        uniform = new bytes(128);
        bool ok;
        assembly ("memory-safe") {
            let from := add(block_, 0x20)
            let length := mload(block_)
            ok := staticcall(gas(), 0x02, from, length, 0x00, 0x20)
            let first := mload(0x00)
            from := add(from, 66)
            length := sub(length, 66)
            let value := 0
            let to := add(uniform, 0x20)
            for {
                let i := 1
            } lt(i, 5) {
                i := add(i, 1)
            } {
                mstore(from, xor(first, value))
                mstore8(add(from, 0x20), i)
                ok := and(ok, staticcall(gas(), 0x02, from, length, to, 0x20))
                value := mload(to)
                to := add(to, 0x20)
            }
        }
        if (!ok) revert Bls12381PrecompileFailed(SHA256);
    }

    /// @dev The 64 bytes at `from`, modulo the field's modulus, mapped to the curve.
    function _map(
        bytes memory uniform,
        uint256 from,
        bytes memory reduction,
        bytes memory point,
        uint256 to
    ) private view {
        bool isReduced;
        bool isMapped;
        assembly ("memory-safe") {
            mcopy(add(reduction, 0x80), add(add(uniform, 0x20), from), 64)
            let at := add(add(point, 0x20), to)
            isReduced := staticcall(MODEXP_GAS, 0x05, add(reduction, 0x20), mload(reduction), at, 64)
            isReduced := and(isReduced, eq(returndatasize(), 64))
            isMapped := staticcall(MAP_GAS, 0x10, at, 64, at, 128)
            isMapped := and(isMapped, eq(returndatasize(), 128))
        }
        if (!isReduced) revert Bls12381PrecompileFailed(MODEXP);
        if (!isMapped) revert Bls12381PrecompileFailed(MAP_TO_G1);
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

    /// @dev Whether the first `length` bytes are zero; `length` is a multiple of 32.
    function _isZero(bytes memory data, uint256 length) private pure returns (bool) {
        uint256 any;
        for (uint256 i = 0; i < length; i += 32) {
            assembly ("memory-safe") {
                any := or(any, mload(add(add(data, 0x20), i)))
            }
        }
        return any == 0;
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
