// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @notice P-256 signatures for tests, from secrets that everybody knows: the nonce is 1, so that r is the x of the base
 * point and s the digest plus r times the secret.
 */
library P256Signer {
    uint256 internal constant N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 internal constant P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff;
    /// @notice The base point's x, and r of every signature.
    uint256 internal constant R = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296;

    /// @notice The public key of 1, 2 or 3, from noble: `p256.Point.BASE.multiply(secret).toHex(false)`.
    function keyOf(uint256 secret) internal pure returns (bytes memory) {
        bytes memory one =
            hex"046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
            hex"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        bytes memory two =
            hex"047cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978"
            hex"07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1";
        bytes memory three =
            hex"045ecbe4d1a6330a44c8f7ef951d4bf165e6c6b721efada985fb41661bc6e7fd6c"
            hex"8734640c4998ff7e374b06ce1a64a2ecd82ab036384fb83d9a79b127a27d5032";
        return
            secret == 1
                ? one
                : secret == 2
                    ? two
                    : three;
    }

    function compressed(bytes memory key) internal pure returns (bytes memory) {
        bytes32 x;
        assembly ("memory-safe") {
            x := mload(add(key, 0x21))
        }
        return bytes.concat(bytes1(2 + (uint8(key[64]) & 1)), x);
    }

    function sign(uint256 secret, bytes32 digest) internal pure returns (uint256 s) {
        return addmod(uint256(digest), mulmod(R, secret, N), N);
    }

    /// @notice DER of two positive integers, as short as it goes.
    function der(uint256 r, uint256 s) internal pure returns (bytes memory) {
        bytes memory both = bytes.concat(integer(r), integer(s));
        return bytes.concat(hex"30", bytes1(uint8(both.length)), both);
    }

    function integer(uint256 value) internal pure returns (bytes memory out) {
        for (; out.length == 0 || value > 0; value >>= 8) out = bytes.concat(bytes1(uint8(value)), out);
        if (uint8(out[0]) > 127) out = bytes.concat(hex"00", out);
        return bytes.concat(hex"02", bytes1(uint8(out.length)), out);
    }
}
