// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAttestedLogs} from "../../contracts/interfaces/IFaultProofs.sol";
import {IKeyHistory} from "../../contracts/interfaces/INodeKeys.sol";
import {NodeOwnersStub} from "./NodeOwnersStub.sol";

/// @notice Registry, reports and authority at once, saying what a test sets.
contract FaultPeersStub is NodeOwnersStub, IKeyHistory, IAttestedLogs {
    struct Key {
        bool known;
        uint64 retiredAt;
    }

    mapping(uint32 nodeId => mapping(address signer => Key)) public keyOf;
    bytes32 public contradicting;

    function setKey(uint32 nodeId, address signer, uint64 retiredAt) external {
        keyOf[nodeId][signer] = Key(true, retiredAt);
    }

    function setContradicting(bytes32 report) external {
        contradicting = report;
    }

    function contradicts(bytes32 report, uint32, uint64, bytes32, bytes calldata) external view returns (bool) {
        return report == contradicting;
    }

    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == ownerOf[0], 0);
    }
}
