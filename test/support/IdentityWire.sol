// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Wire} from "./Wire.sol";

/// @notice Writes identity updates as libxmtp does: what has its default is left out.
library IdentityWire {
    function bytesOrNothing(uint256 number, bytes memory value) internal pure returns (bytes memory) {
        return value.length == 0 ? value : Wire.bytesField(number, value);
    }

    function uintOrNothing(uint256 number, uint256 value) internal pure returns (bytes memory) {
        return value == 0 ? bytes("") : Wire.scalar(number, value);
    }

    // IdentityAction.

    function create(
        bytes memory identifier,
        uint256 nonce,
        bytes memory signature,
        uint256 kind
    ) internal pure returns (bytes memory) {
        bytes memory head = bytes.concat(bytesOrNothing(1, identifier), uintOrNothing(2, nonce));
        return Wire.bytesField(1, bytes.concat(head, Wire.bytesField(3, signature), uintOrNothing(4, kind)));
    }

    function add(
        bytes memory member,
        bytes memory signature,
        bytes memory consent
    ) internal pure returns (bytes memory) {
        bytes memory head = bytes.concat(Wire.bytesField(1, member), Wire.bytesField(2, signature));
        return Wire.bytesField(2, bytes.concat(head, Wire.bytesField(3, consent)));
    }

    function revoke(bytes memory member, bytes memory signature) internal pure returns (bytes memory) {
        return Wire.bytesField(3, bytes.concat(Wire.bytesField(1, member), Wire.bytesField(2, signature)));
    }

    function changeRecovery(
        bytes memory identifier,
        bytes memory signature,
        uint256 kind
    ) internal pure returns (bytes memory) {
        bytes memory head = bytes.concat(bytesOrNothing(1, identifier), Wire.bytesField(2, signature));
        return Wire.bytesField(4, bytes.concat(head, uintOrNothing(3, kind)));
    }

    // Signature.

    function walletSignature(bytes memory raw) internal pure returns (bytes memory) {
        return Wire.bytesField(1, bytesOrNothing(1, raw));
    }

    function accountSignature(
        bytes memory accountId,
        uint256 blockNumber,
        bytes memory raw
    ) internal pure returns (bytes memory) {
        bytes memory head = bytes.concat(bytesOrNothing(1, accountId), uintOrNothing(2, blockNumber));
        return Wire.bytesField(2, bytes.concat(head, bytesOrNothing(3, raw)));
    }

    function installationSignature(bytes memory raw, bytes memory key) internal pure returns (bytes memory) {
        return Wire.bytesField(3, bytes.concat(bytesOrNothing(1, raw), bytesOrNothing(2, key)));
    }

    function passkeySignature(
        bytes memory key,
        bytes memory der,
        bytes memory authenticatorData,
        bytes memory clientData
    ) internal pure returns (bytes memory) {
        bytes memory head = bytes.concat(bytesOrNothing(1, key), bytesOrNothing(2, der));
        return
            Wire.bytesField(5, bytes.concat(head, bytesOrNothing(3, authenticatorData), bytesOrNothing(4, clientData)));
    }

    // IdentityUpdate and what is around it.

    function update(
        bytes[] memory actions,
        uint256 timestampNs,
        bytes memory named
    ) internal pure returns (bytes memory out) {
        for (uint256 i = 0; i < actions.length; i++) out = bytes.concat(out, Wire.bytesField(1, actions[i]));
        return bytes.concat(out, uintOrNothing(2, timestampNs), bytesOrNothing(3, named));
    }

    function envelope(bytes memory topic, bytes memory update_) internal pure returns (bytes memory) {
        return bytes.concat(Wire.bytesField(1, bytesOrNothing(2, topic)), Wire.bytesField(5, update_));
    }
}
