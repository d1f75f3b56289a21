// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Public keys of secp256k1 in their uncompressed form, `0x04 | x 32 | y 32`.
library Secp256k1 {
    /// @notice The largest s of a signature with s in the lower half.
    uint256 internal constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;

    /// @notice Whether the bytes are a point of the curve in the 65-byte form.
    function isPublicKey(bytes calldata key) internal pure returns (bool) {
        if (key.length != 65 || key[0] != 0x04) return false;
        uint256 x = uint256(bytes32(key[1:33]));
        uint256 y = uint256(bytes32(key[33:65]));
        if (x >= FIELD || y >= FIELD) return false;
        uint256 right = addmod(mulmod(x, mulmod(x, x, FIELD), FIELD), 7, FIELD);
        return mulmod(y, y, FIELD) == right;
    }

    /// @notice The address of a 65-byte key.
    function addressOf(bytes calldata key) internal pure returns (address) {
        return address(uint160(uint256(keccak256(key[1:65]))));
    }
}
