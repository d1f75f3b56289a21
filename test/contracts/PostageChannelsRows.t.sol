// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../support/Vm.sol";
import {ChannelRefusals} from "./PostageChannelsReverts.t.sol";

/// @notice Signatures that are none, between and among rows that are good.
contract PostageChannelsRows is ChannelRefusals {
    /// One above half of the order of secp256k1.
    uint256 private constant HIGH_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1;

    function setUp() public {
        vm.warp(START);
        _start();
        _fund();
    }

    function _settle(bytes memory rows) private returns (uint64 collected) {
        vm.prank(SETTLER);
        (collected, ) = channels.settle(rows);
    }

    /// A row that nobody signed is not taken for one of the signer before it.
    function test_aRowWithoutASignerIsNobodys() public {
        bytes memory nobodys = abi.encodePacked(uint64(9e6), uint64(9e6), bytes32(0), bytes32(0));
        assert(_settle(bytes.concat(_row(0, 2e6, 0), nobodys, nobodys)) == 1e6);
        assert(channels.getChannel(payer).feesSpent == 2e6 && channels.getChannel(payer).stampsSigned == 2e6);
        _state();
    }

    /// A signature has one form: with the lower of its two values of s. Whose the other form is does not matter.
    function test_aHighSIsNoSignature() public {
        bytes32 digest = channels.voucherDigest(1e6, 0);
        // The x of the generator: any s makes it somebody's signature.
        bytes32 r = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;
        for (uint256 s = HIGH_S - 1; s < HIGH_S + 2; s++) {
            for (uint8 parity = 0; parity < 2; parity++) {
                address signer = ecrecover(digest, 27 + parity, r, bytes32(s));
                channels.deposit(signer, 1e6);
                bytes32 vs = bytes32(s | (uint256(parity) << 255));
                uint256 collected = _settle(abi.encodePacked(uint64(1e6), uint64(0), r, vs));
                assert(collected == (s < HIGH_S ? 1e6 : 0));
            }
        }
    }

    /// More rows than the library's own memory has room for: 40 rows, 1,440 bytes of changes.
    function test_manyRowsKeepTheirPlaces() public {
        bytes memory rows;
        for (uint64 i = 1; i <= 40; i++) rows = bytes.concat(rows, _row(0, 1e6 + i, 2e6 + i));
        assert(_settle(rows) == 40);
        // Below 200 units a bounty of 50 bps is nothing for a row, and not for their sum either.
        assert(channels.creditOf(SETTLER) == 5_000 && channels.getChannel(payer).stampsSigned == 2e6 + 40);
        _state();
    }
}
