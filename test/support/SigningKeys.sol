// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Public keys of secp256k1 from small secrets: there is no cheat code for them that both engines have.
library SigningKeys {
    uint256 internal constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    uint256 private constant X = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;
    uint256 private constant Y = 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8;

    /// @notice `0x04 | x | y` of a secret above zero.
    function keyOf(uint256 secret) internal view returns (bytes memory) {
        (uint256 x, uint256 y) = (X, Y);
        uint256 bit = 255;
        while ((secret >> bit) == 0) bit--;
        while (bit > 0) {
            bit--;
            (x, y) = _doubled(x, y);
            if ((secret >> bit) & 1 == 1) (x, y) = _added(x, y);
        }
        return abi.encodePacked(bytes1(0x04), x, y);
    }

    function _doubled(uint256 x, uint256 y) private view returns (uint256, uint256) {
        uint256 slope = mulmod(mulmod(3, mulmod(x, x, FIELD), FIELD), _inverse(addmod(y, y, FIELD)), FIELD);
        return _third(slope, x, y, x);
    }

    function _added(uint256 x, uint256 y) private view returns (uint256, uint256) {
        uint256 slope = mulmod(addmod(y, FIELD - Y, FIELD), _inverse(addmod(x, FIELD - X, FIELD)), FIELD);
        return _third(slope, x, y, X);
    }

    function _third(uint256 slope, uint256 x, uint256 y, uint256 other) private pure returns (uint256 u, uint256 v) {
        u = addmod(mulmod(slope, slope, FIELD), FIELD - addmod(x, other, FIELD), FIELD);
        v = addmod(mulmod(slope, addmod(x, FIELD - u, FIELD), FIELD), FIELD - y, FIELD);
    }

    function _inverse(uint256 value) private view returns (uint256) {
        bytes memory input = abi.encode(32, 32, 32, value, FIELD - 2, FIELD);
        // solhint-disable-next-line avoid-low-level-calls
        (bool ok, bytes memory answer) = address(0x05).staticcall(input);
        assert(ok);
        return abi.decode(answer, (uint256));
    }
}
