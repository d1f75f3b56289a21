// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @notice Reads packed vouchers from calldata and recovers who signed them.
 *
 * A row is 80 bytes: `fees 8 | stamps 8 | r 32 | vs 32` (EIP-2098). Assembly, because this is the inner loop of the
 * one transaction that everybody's carriage is paid by. The hash inputs are laid out once, at a fixed place in memory
 * so that no address has to be computed, and per row only what differs is written again:
 *
 * | at    | what                         | changes per row |
 * |-------|------------------------------|-----------------|
 * | 0x400 | signer                       | yes             |
 * | 0x420 | slot of the channels         |                 |
 * | 0x440 | digest, v, r, s              | yes             |
 * | 0x4c0 | typehash                     |                 |
 * | 0x4e0 | fees, stamps                 | yes             |
 * | 0x520 | 0x1901 in two bytes, domain  |                 |
 * | 0x542 | hash of the voucher          | yes             |
 */
library VoucherRows {
    uint256 internal constant ROW = 80;
    // keccak256("Voucher(uint64 fees,uint64 stamps)")
    bytes32 internal constant VOUCHER_TYPEHASH = 0x4e0f9c86668b1a7e25a280466fc8bfd11e82b00be782ab3abbe6ff27b87166f6;
    // One above half of the order of secp256k1. An s from here on is the same signature written differently.
    uint256 private constant HIGH_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1;
    uint256 private constant S_MASK = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;

    error VoucherRowsMemoryTaken(uint256 freePointer);

    /// @notice Takes the memory that `recover` works in and lays out what does not change.
    /// @param channelsSlot Where the mapping from key to channel lives: a signer is hashed where it is written.
    function prepare(bytes32 domainSeparator, uint256 channelsSlot) internal pure {
        bytes32 typehash = VOUCHER_TYPEHASH;
        uint256 freePointer;
        assembly ("memory-safe") {
            freePointer := mload(0x40)
        }
        if (freePointer > 0x400) revert VoucherRowsMemoryTaken(freePointer);
        assembly ("memory-safe") {
            mstore(0x40, 0x580)
            mstore(0x420, channelsSlot)
            mstore(0x4c0, typehash)
            mstore(0x520, shl(240, 0x1901))
            mstore(0x522, domainSeparator)
        }
    }

    /**
     * @notice Reads the row at an absolute calldata offset.
     * @return fees Cumulative fees.
     * @return stamps Cumulative stamp ceiling.
     * @return channelSlot Where the channel of the key that signed it lives; the channel of the zero address, which
     * nobody can fund, for a signature that is none or not in its canonical form.
     */
    function recover(uint256 offset) internal view returns (uint256 fees, uint256 stamps, uint256 channelSlot) {
        uint256 highS = HIGH_S;
        uint256 sMask = S_MASK;
        assembly ("memory-safe") {
            stamps := calldataload(offset)
            fees := shr(192, stamps)
            stamps := and(shr(128, stamps), 0xffffffffffffffff)
            mstore(0x4e0, fees)
            mstore(0x500, stamps)
            mstore(0x542, keccak256(0x4c0, 0x60))
            mstore(0x440, keccak256(0x520, 0x42))

            let vs := calldataload(add(offset, 48))
            let s := and(vs, sMask)
            mstore(0x460, add(27, shr(255, vs)))
            mstore(0x480, calldataload(add(offset, 16)))
            // A high s becomes 0, which is no signature: cheaper than a branch.
            mstore(0x4a0, mul(s, lt(s, highS)))
            // The precompile writes nothing for an invalid signature, so the word it would write is cleared first.
            mstore(0x400, 0)
            pop(staticcall(gas(), 1, 0x440, 0x80, 0x400, 0x20))
            channelSlot := keccak256(0x400, 0x40)
        }
    }

    /// @notice Whose key signed the row that was read last.
    function signer() internal pure returns (address key) {
        assembly ("memory-safe") {
            key := mload(0x400)
        }
    }
}
