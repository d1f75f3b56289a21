// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Accounts in bytecode: what Solidity would not return.
library RawAccount {
    bytes4 internal constant MAGIC = 0x1626ba7e;

    /// @notice Returns the first `length` bytes of `word` and zeros, or reverts with them.
    function answers(bytes32 word, uint32 length, bool reverts) internal pure returns (bytes memory) {
        // PUSH32 word PUSH0 MSTORE PUSH4 length PUSH0 RETURN|REVERT
        bytes1 end = reverts ? bytes1(0xfd) : bytes1(0xf3);
        return bytes.concat(hex"7f", word, hex"5f5263", bytes4(length), hex"5f", end);
    }

    /// @notice Says yes when it is called with exactly this gas, otherwise nothing.
    function counts(uint32 gas_) internal pure returns (bytes memory) {
        // GAS PUSH4 gas - 2 EQ PUSH1 yes JUMPI STOP yes: JUMPDEST PUSH32 magic PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
        return bytes.concat(hex"5a63", bytes4(gas_ - 2), hex"14600b57005b7f", bytes32(MAGIC), hex"5f5260205ff3");
    }

    /// @notice Says yes when it is asked exactly this.
    function expects(bytes memory question) internal pure returns (bytes memory) {
        // CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 KECCAK256 PUSH32 hash EQ PUSH1 yes JUMPI STOP
        bytes memory head = bytes.concat(hex"365f5f37365f207f", keccak256(question), hex"14602d57005b7f");
        return bytes.concat(head, bytes32(MAGIC), hex"5f5260205ff3");
    }
}
