// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NodeWorld} from "../support/NodeWorld.sol";
import {vm} from "../support/Vm.sol";

/// @notice The most seats there can be, all of them displaced in one epoch: everything still fits a transaction.
contract NodesFullHouse is NodeWorld {
    uint256 private constant FULL = 90;
    /// Three quarters of what EIP-7825 lets a transaction use: here most slots were touched before.
    uint256 private constant MOST_GAS = 12_582_912;
    address private constant OWNER = address(0xF011);

    function _measured(address target, address caller, bytes memory call) private returns (uint256 used) {
        vm.prank(caller);
        uint256 before = gasleft();
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, ) = target.call(call);
        used = before - gasleft();
        assert(taken);
    }

    function _takes(uint32 nodeId) private returns (uint256) {
        return _measured(address(seats), OWNER, abi.encodeCall(seats.takeSeat, (nodeId)));
    }

    function _rollsOver() private returns (uint256) {
        return _measured(address(seats), OWNER, abi.encodeCall(seats.rollOver, ()));
    }

    function test_everySeatDisplacedAtOnceBricksNothing() public {
        seats.setMaxSeats(FULL);
        for (uint256 i = 1; i <= 2 * FULL; i++) {
            uint32 nodeId = _register(OWNER, i, 1_000 + i);
            if (i > FULL) _stake(nodeId, MINIMUM / 10 + (2 * FULL - i));
        }
        vm.warp(START + EPOCH);
        assert(_rollsOver() < MOST_GAS && seats.getVersion(1).seats == FULL);
        uint256 dearest;
        for (uint256 i = FULL + 1; i <= 2 * FULL; i++) {
            uint256 used = _takes(uint32(100 * i));
            if (used > dearest) dearest = used;
        }
        assert(dearest < MOST_GAS / 4);
        (uint32[] memory nodeIds, ) = seats.seatedNodes();
        assert(nodeIds.length == 2 * FULL && registry.getAllNodes().length == 2 * FULL);
        for (uint256 i = 0; i < nodeIds.length; i++) assert(nodeIds[i] == 100 * (i + 1));
        // The displaced still serve, and stake has changed: a version of theirs.
        vm.warp(START + 2 * EPOCH);
        assert(_rollsOver() < MOST_GAS);
        assert(seats.getVersion(2).seats == FULL && seats.blobOf(2).length == 192 + 208 * FULL);
        // The weakest of the full house is convicted and leaves.
        uint256 caseId = _reportWrongTarget(STRANGER, 2 * FULL, uint32(200 * FULL), 1);
        vm.warp(block.timestamp + 7 days);
        bytes memory execute = abi.encodeCall(faultProofs.execute, (caseId));
        assert(_measured(address(faultProofs), STRANGER, execute) < MOST_GAS / 4);
        assert(seats.seatMinimumOf(uint32(200 * FULL)) == 0);
        assert(_measured(address(registry), OWNER, abi.encodeCall(registry.exit, (uint32(200 * FULL)))) < MOST_GAS / 4);
    }

    /// Rolled over for the first time when the leavers are many: the longest list that is sorted.
    function test_theLongestListIsSortedInATransaction() public {
        seats.setMaxSeats(FULL);
        for (uint256 i = 1; i <= 2 * FULL; i++) {
            uint32 nodeId = _register(OWNER, i, 1_000 + i);
            if (i > FULL) _stake(nodeId, MINIMUM / 10 + (2 * FULL - i));
        }
        vm.warp(START + EPOCH);
        // In descending order, which is the worst for the sort.
        for (uint256 i = 2 * FULL; i > FULL; i--) _takes(uint32(100 * i));
        assert(_rollsOver() < MOST_GAS && seats.getVersion(1).seats == FULL);
        uint32[] memory jailed = new uint32[](FULL);
        for (uint256 i = 0; i < FULL; i++) jailed[i] = uint32(100 * (2 * FULL - i));
        bytes memory jail = abi.encodeCall(seats.jail, (jailed));
        assert(_measured(address(seats), address(this), jail) < MOST_GAS);
    }
}
