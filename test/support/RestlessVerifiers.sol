// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {Action} from "../../contracts/types/Identity.sol";

/// @notice A verifier that writes while it reads.
contract WritingVerifier {
    uint256 public asked;

    function verify(bytes32, bytes calldata) external returns (bytes32, Action[] memory actions) {
        asked++;
        return (keccak256(abi.encode(asked)), actions);
    }
}

/// @notice A verifier that enters an update of its own while it reads another.
contract ReenteringVerifier {
    function verify(
        bytes32 inboxId,
        bytes calldata clientEnvelope
    ) external returns (bytes32, Action[] memory actions) {
        IIdentityRegistry(msg.sender).addIdentityUpdate(inboxId, clientEnvelope);
        return (keccak256(clientEnvelope), actions);
    }
}
