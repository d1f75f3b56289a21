// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VoucherRows} from "../../contracts/libraries/VoucherRows.sol";

contract VoucherRowsTest {
    uint256 private constant SCRATCH = 0x400;

    /// Takes memory up to an address before the library does.
    function prepareBehind(uint256 freePointer) external pure returns (uint256 next) {
        assembly ("memory-safe") {
            mstore(0x40, freePointer)
        }
        VoucherRows.prepare(bytes32("domain"), 1);
        assembly ("memory-safe") {
            next := mload(0x40)
        }
    }

    /// The library writes at fixed addresses, so what is there already must not be overwritten unnoticed.
    function test_memoryThatIsTakenIsNotOverwritten() public view {
        assert(this.prepareBehind(0x80) == 0x580);
        assert(this.prepareBehind(SCRATCH) == 0x580);
        try this.prepareBehind(SCRATCH + 0x20) returns (uint256) {
            assert(false);
        } catch (bytes memory answer) {
            bytes4 selector = VoucherRows.VoucherRowsMemoryTaken.selector;
            assert(keccak256(answer) == keccak256(abi.encodeWithSelector(selector, SCRATCH + 0x20)));
        }
    }
}
