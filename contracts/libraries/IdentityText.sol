// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DateTimeLib} from "solady/src/utils/DateTimeLib.sol";
import {LibString} from "solady/src/utils/LibString.sol";

import {ActionKind, MemberKind} from "../types/Identity.sol";

/// @notice The one text that is signed for all actions of an update, byte for byte as libxmtp builds it.
library IdentityText {
    /// @notice What an action says. `identifier` as libxmtp writes it: a lowercase address with 0x, or a key in lowercase
    /// hex without.
    function line(ActionKind action, MemberKind kind, bytes memory identifier) internal pure returns (bytes memory) {
        if (action == ActionKind.CreateInbox) return bytes.concat("- Create inbox\n  (Owner: ", identifier, ")");
        if (action == ActionKind.Add) return bytes.concat(_add(kind), identifier, ")");
        if (action == ActionKind.Revoke) return bytes.concat(_revoke(kind), identifier, ")");
        return bytes.concat("- Change inbox recovery address\n  (Address: ", identifier, ")");
    }

    function _add(MemberKind kind) private pure returns (bytes memory) {
        if (kind == MemberKind.Installation) return "- Grant messaging access to app\n  (ID: ";
        if (kind == MemberKind.Wallet) return "- Link address to inbox\n  (Address: ";
        return "- Link passkey to inbox\n  (Passkey: ";
    }

    function _revoke(MemberKind kind) private pure returns (bytes memory) {
        if (kind == MemberKind.Installation) return "- Revoke messaging access from app\n  (ID: ";
        if (kind == MemberKind.Wallet) return "- Unlink address from inbox\n  (Address: ";
        return "- Unlink passkey from inbox\n  (Passkey: ";
    }

    /// @notice The whole text.
    function text(bytes32 inboxId, uint256 timestamp, bytes[] memory lines) internal pure returns (bytes memory whole) {
        bytes memory header = bytes.concat(
            "XMTP : Authenticate to inbox\n\nInbox ID: ",
            bytes(LibString.toHexStringNoPrefix(uint256(inboxId), 32)),
            "\nCurrent time: ",
            rfc3339(timestamp),
            "\n\n"
        );
        bytes memory footer = "\nFor more info: https://xmtp.org/signatures";
        uint256 length = header.length + footer.length;
        for (uint256 i = 0; i < lines.length; i++) {
            length += lines[i].length + 1;
        }
        whole = new bytes(length);
        uint256 at = _put(whole, 0, header);
        for (uint256 i = 0; i < lines.length; i++) {
            at = _put(whole, at, lines[i]);
            whole[at++] = "\n";
        }
        _put(whole, at, footer);
    }

    /// @notice A time in whole seconds, as 2026-11-20T10:10:57Z.
    function rfc3339(uint256 timestamp) internal pure returns (bytes memory) {
        (uint256 year, uint256 month, uint256 day, uint256 hour, uint256 minute, uint256 second) = DateTimeLib
            .timestampToDateTime(timestamp);
        bytes memory date = bytes.concat(bytes(LibString.toString(year)), "-", _two(month), "-", _two(day));
        return bytes.concat(date, "T", _two(hour), ":", _two(minute), ":", _two(second), "Z");
    }

    function _two(uint256 value) private pure returns (bytes2) {
        return bytes2(uint16(((value / 10 + 48) << 8) | ((value % 10) + 48)));
    }

    /// @dev Copies `part` into `whole`, which has room for it, and returns where it ends.
    function _put(bytes memory whole, uint256 at, bytes memory part) private pure returns (uint256) {
        assembly ("memory-safe") {
            mcopy(add(add(whole, 0x20), at), add(part, 0x20), mload(part))
        }
        return at + part.length;
    }
}
