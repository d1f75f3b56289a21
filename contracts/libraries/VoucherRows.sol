// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @notice Reads packed vouchers from calldata and recovers who signed them.
 *
 * A row is 80 bytes: `fees 8 | stamps 8 | r 32 | vs 32` (EIP-2098). Assembly, because this is the inner loop of the
 * one transaction that everybody's carriage is paid by: the hash inputs are laid out once and only what differs
 * between rows is written again, which Solidity's encoder would not do.
 */
library VoucherRows {
    uint256 internal constant ROW = 80;
    // keccak256("Voucher(uint64 fees,uint64 stamps)")
    bytes32 internal constant VOUCHER_TYPEHASH = 0x4e0f9c86668b1a7e25a280466fc8bfd11e82b00be782ab3abbe6ff27b87166f6;
    // Half of the order of secp256k1. An s above it is the same signature written differently.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Lays out the constant parts of the hash inputs; returns the memory that `recover` works in.
    /// @dev `typehash 32 | fees 32 | stamps 32 | 0x1901 2 | domain 32 | struct hash 32 | pad 30 | digest | v | r | s`
    function prepare(bytes32 domainSeparator) internal pure returns (uint256 workspace) {
        bytes32 typehash = VOUCHER_TYPEHASH;
        assembly ("memory-safe") {
            workspace := mload(0x40)
            mstore(0x40, add(workspace, 0x160))
            mstore(workspace, typehash)
            mstore(add(workspace, 0x60), shl(240, 0x1901))
            mstore(add(workspace, 0x62), domainSeparator)
        }
    }

    /**
     * @notice Reads the row at an absolute calldata offset.
     * @return fees Cumulative fees.
     * @return stamps Cumulative stamp ceiling.
     * @return signer Whose key signed it; zero for a signature that is none or not in its canonical form.
     */
    function recover(
        uint256 workspace,
        uint256 offset
    ) internal view returns (uint64 fees, uint64 stamps, address signer) {
        uint256 halfOrder = HALF_ORDER;
        assembly ("memory-safe") {
            fees := shr(192, calldataload(offset))
            stamps := shr(192, calldataload(add(offset, 8)))
            mstore(add(workspace, 0x20), fees)
            mstore(add(workspace, 0x40), stamps)
            mstore(add(workspace, 0x82), keccak256(workspace, 0x60))
            mstore(add(workspace, 0xc0), keccak256(add(workspace, 0x60), 0x42))

            let vs := calldataload(add(offset, 48))
            let s := shr(1, shl(1, vs))
            mstore(add(workspace, 0xe0), add(27, shr(255, vs)))
            mstore(add(workspace, 0x100), calldataload(add(offset, 16)))
            mstore(add(workspace, 0x120), s)
            // The precompile writes nothing for an invalid signature, so the word it would write is cleared first.
            mstore(0, 0)
            if iszero(gt(s, halfOrder)) {
                pop(staticcall(gas(), 1, add(workspace, 0xc0), 0x80, 0, 0x20))
            }
            signer := mload(0)
        }
    }
}
