// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NodeWorld} from "./NodeWorld.sol";
import {Refusals} from "./Refusals.sol";
import {vm} from "./Vm.sol";

/// @notice Two nodes with a seat, 100 of ALICE and 200 of BOB; whatever is refused leaves everything as it was.
abstract contract WorldRefusals is NodeWorld, Refusals {
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    /// Secrets of the nodes' signing and attestation keys.
    uint256 internal constant ALICE_SIGNS = 0xA1;
    uint256 internal constant ALICE_ATTESTS = 0xA2;
    uint256 internal constant BOB_SIGNS = 0xB1;
    uint256 internal constant BOB_ATTESTS = 0xB2;
    uint32 internal constant NODE = 100;
    uint32 internal constant OTHER = 200;

    function _enterBoth() internal {
        assert(_register(ALICE, ALICE_SIGNS, ALICE_ATTESTS) == NODE);
        assert(_register(BOB, BOB_SIGNS, BOB_ATTESTS) == OTHER);
    }

    function _state() internal view override returns (bytes32 state) {
        state = keccak256(
            abi.encode(
                registry.lastNodeId(),
                staking.totalStaked(),
                staking.totalUnbonding(),
                staking.totalCredited(),
                token.balanceOf(address(staking)),
                staking.minimumStake(),
                staking.unbondingSeconds(),
                seats.maxSeats(),
                seats.admission(),
                faultProofs.appealSeconds()
            )
        );
        for (uint32 nodeId = NODE; nodeId <= registry.lastNodeId(); nodeId += 100) {
            state = keccak256(abi.encode(state, _nodeState(nodeId), _seatState(nodeId)));
        }
        for (uint256 caseId = 1; caseId <= 3; caseId++) {
            state = keccak256(abi.encode(state, faultProofs.getCase(caseId)));
        }
    }

    function _nodeState(uint32 nodeId) private view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    registry.ownerOf(nodeId),
                    registry.phaseOf(nodeId),
                    registry.getNode(nodeId),
                    registry.attestationKeyOf(nodeId),
                    staking.stakeOf(nodeId),
                    staking.unbondingsOf(nodeId),
                    staking.isFrozen(nodeId),
                    staking.getVotes(registry.ownerOf(nodeId)),
                    faultProofs.equivocationsOf(nodeId)
                )
            );
    }

    function _seatState(uint32 nodeId) private view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    seats.payoutOf(nodeId),
                    seats.seatMinimumOf(nodeId),
                    seats.isAdmitted(nodeId),
                    seats.isSuspended(nodeId),
                    seats.jailedUntil(nodeId),
                    seats.stretchesOf(nodeId, 0, 100)
                )
            );
    }

    function _accepts(address target, address caller, bytes memory call) internal {
        vm.prank(caller);
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, ) = target.call(call);
        assert(taken);
    }
}
