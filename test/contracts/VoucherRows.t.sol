// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VoucherRows} from "../../contracts/libraries/VoucherRows.sol";
import {vm, within} from "../support/Vm.sol";

contract VoucherRowsTest {
    uint256 private constant SCRATCH = 0x400;
    bytes32 private constant DOMAIN = keccak256("domain");
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    struct Read {
        uint256 fees;
        uint256 stamps;
        uint256 slot;
        address signer;
    }

    /// Every row of a batch, as the library reads it.
    function read(bytes calldata rows, uint256 channelsSlot) external view returns (Read[] memory all) {
        uint256 offset;
        assembly ("memory-safe") {
            offset := rows.offset
        }
        VoucherRows.prepare(DOMAIN, channelsSlot);
        all = new Read[](rows.length / VoucherRows.ROW);
        for (uint256 i = 0; i < all.length; i++) {
            (uint256 fees, uint256 stamps, uint256 slot) = VoucherRows.recover(offset + i * VoucherRows.ROW);
            all[i] = Read(fees, stamps, slot, VoucherRows.signer());
        }
    }

    function _digest(uint64 fees, uint64 stamps) private pure returns (bytes32) {
        bytes32 content = keccak256(abi.encode(keccak256("Voucher(uint64 fees,uint64 stamps)"), fees, stamps));
        return keccak256(abi.encodePacked(hex"1901", DOMAIN, content));
    }

    /// The plain way: what the compiler makes of ecrecover and of a mapping's slot.
    function _expect(Read memory actual, uint64 fees, uint64 stamps, bytes32 r, uint256 vs, uint256 at) private pure {
        uint256 s = vs & (type(uint256).max >> 1);
        address signer;
        if (s <= ORDER / 2) signer = ecrecover(_digest(fees, stamps), uint8(27 + (vs >> 255)), r, bytes32(s));
        assert(actual.fees == fees && actual.stamps == stamps && actual.signer == signer);
        assert(actual.slot == uint256(keccak256(abi.encode(signer, at))));
    }

    /// Signed, noise, signed by another key: nothing of one row is left for the next.
    function testFuzz_rowsAreReadLikeEcrecover(
        uint64[3] calldata fees,
        uint64[3] calldata stamps,
        uint256 noise,
        uint256 channelsSlot
    ) public view {
        bytes32[3] memory r;
        uint256[3] memory vs;
        for (uint256 i = 0; i < 3; i++) {
            uint8 v;
            bytes32 s;
            (v, r[i], s) = vm.sign(within(noise >> i, 1, 1e18), _digest(fees[i], stamps[i]));
            vs[i] = uint256(s) | (uint256(v - 27) << 255);
        }
        // One bit, or all of it, or an s at the limit.
        if (noise % 4 == 0) r[1] = bytes32(uint256(r[1]) ^ (1 << ((noise >> 8) % 256)));
        if (noise % 4 == 1) vs[1] = uint256(keccak256(abi.encode(noise)));
        if (noise % 4 == 2) vs[1] = ORDER / 2 + ((noise >> 8) % 3);
        bytes memory rows;
        for (uint256 i = 0; i < 3; i++) rows = bytes.concat(rows, abi.encodePacked(fees[i], stamps[i], r[i], vs[i]));
        Read[] memory all = this.read(rows, channelsSlot);
        for (uint256 i = 0; i < 3; i++) _expect(all[i], fees[i], stamps[i], r[i], vs[i], channelsSlot);
        assert(
            all[0].signer == vm.addr(within(noise, 1, 1e18)) && all[2].signer == vm.addr(within(noise >> 2, 1, 1e18))
        );
    }

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
