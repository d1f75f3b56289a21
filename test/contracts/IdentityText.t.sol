// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IdentityText} from "../../contracts/libraries/IdentityText.sol";
import {ActionKind, MemberKind} from "../../contracts/types/Identity.sol";

/// @notice Texts byte for byte, and times against a calendar that counts days.
contract IdentityTextTest {
    uint256 private constant DAY = 86_400;
    /// The last second below 2^63 ns.
    uint256 private constant LAST = uint256(type(uint64).max >> 1) / 1e9;
    bytes32 private constant INBOX = 0x00000000000000000000000000000000000000000000000000000000000beef0;
    bytes private constant WALLET = "0x00112233445566778899aabbccddeeff01239afe";
    bytes private constant KEY = "02ab";
    bytes private constant OPENING =
        "XMTP : Authenticate to inbox\n\nInbox ID: "
        "00000000000000000000000000000000000000000000000000000000000beef0\nCurrent time: ";

    function _is(bytes memory value, bytes memory expected) private pure {
        assert(keccak256(value) == keccak256(expected));
    }

    // Lines.

    function test_lines() public pure {
        for (uint256 i = 0; i < 4; i++) {
            MemberKind kind = MemberKind(i);
            _is(
                IdentityText.line(ActionKind.CreateInbox, kind, WALLET),
                "- Create inbox\n  (Owner: 0x00112233445566778899aabbccddeeff01239afe)"
            );
            _is(
                IdentityText.line(ActionKind.ChangeRecovery, kind, WALLET),
                "- Change inbox recovery address\n  (Address: 0x00112233445566778899aabbccddeeff01239afe)"
            );
        }
        _is(
            IdentityText.line(ActionKind.Add, MemberKind.Installation, KEY),
            "- Grant messaging access to app\n  (ID: 02ab)"
        );
        _is(
            IdentityText.line(ActionKind.Add, MemberKind.Wallet, WALLET),
            "- Link address to inbox\n  (Address: 0x00112233445566778899aabbccddeeff01239afe)"
        );
        _is(IdentityText.line(ActionKind.Add, MemberKind.Passkey, KEY), "- Link passkey to inbox\n  (Passkey: 02ab)");
        _is(
            IdentityText.line(ActionKind.Revoke, MemberKind.Installation, KEY),
            "- Revoke messaging access from app\n  (ID: 02ab)"
        );
        _is(
            IdentityText.line(ActionKind.Revoke, MemberKind.Wallet, WALLET),
            "- Unlink address from inbox\n  (Address: 0x00112233445566778899aabbccddeeff01239afe)"
        );
        _is(
            IdentityText.line(ActionKind.Revoke, MemberKind.Passkey, KEY),
            "- Unlink passkey from inbox\n  (Passkey: 02ab)"
        );
    }

    // Texts.

    function test_aTextOfOneAction() public pure {
        bytes[] memory lines = new bytes[](1);
        lines[0] = IdentityText.line(ActionKind.Add, MemberKind.Installation, KEY);
        _is(
            IdentityText.text(INBOX, 1_795_169_457, lines),
            bytes.concat(
                OPENING,
                "2026-11-20T10:10:57Z\n\n",
                "- Grant messaging access to app\n  (ID: 02ab)\n",
                "\nFor more info: https://xmtp.org/signatures"
            )
        );
    }

    function test_aTextOfThreeActionsAndOfNone() public pure {
        bytes[] memory lines = new bytes[](3);
        lines[0] = IdentityText.line(ActionKind.CreateInbox, MemberKind.Wallet, WALLET);
        lines[1] = IdentityText.line(ActionKind.Revoke, MemberKind.Passkey, KEY);
        lines[2] = IdentityText.line(ActionKind.ChangeRecovery, MemberKind.Passkey, KEY);
        bytes memory footer = "\nFor more info: https://xmtp.org/signatures";
        _is(
            IdentityText.text(INBOX, 0, lines),
            bytes.concat(
                OPENING,
                "1970-01-01T00:00:00Z\n\n",
                "- Create inbox\n  (Owner: 0x00112233445566778899aabbccddeeff01239afe)\n",
                "- Unlink passkey from inbox\n  (Passkey: 02ab)\n",
                "- Change inbox recovery address\n  (Address: 02ab)\n",
                footer
            )
        );
        _is(IdentityText.text(INBOX, 0, new bytes[](0)), bytes.concat(OPENING, "1970-01-01T00:00:00Z\n\n", footer));
    }

    /// Lines of any length stand one after the other.
    function testFuzz_lines(bytes32 inboxId, bytes memory first, bytes memory second) public pure {
        bytes[] memory lines = new bytes[](2);
        (lines[0], lines[1]) = (first, second);
        bytes memory whole = IdentityText.text(inboxId, 0, lines);
        bytes memory digits = new bytes(64);
        for (uint256 i = 0; i < 64; i++) {
            digits[i] = bytes("0123456789abcdef")[(uint256(inboxId) >> (4 * (63 - i))) & 15];
        }
        bytes memory header = bytes.concat("XMTP : Authenticate to inbox\n\nInbox ID: ", digits);
        header = bytes.concat(header, "\nCurrent time: 1970-01-01T00:00:00Z\n\n");
        bytes memory body = bytes.concat(first, "\n", second, "\n");
        _is(whole, bytes.concat(header, body, "\nFor more info: https://xmtp.org/signatures"));
    }

    // Times.

    function test_times() public pure {
        _is(IdentityText.rfc3339(0), "1970-01-01T00:00:00Z");
        _is(IdentityText.rfc3339(59), "1970-01-01T00:00:59Z");
        _is(IdentityText.rfc3339(3_599), "1970-01-01T00:59:59Z");
        _is(IdentityText.rfc3339(DAY - 1), "1970-01-01T23:59:59Z");
        _is(IdentityText.rfc3339(DAY), "1970-01-02T00:00:00Z");
        _is(IdentityText.rfc3339(68_169_599), "1972-02-28T23:59:59Z");
        _is(IdentityText.rfc3339(68_169_600), "1972-02-29T00:00:00Z");
        _is(IdentityText.rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        _is(IdentityText.rfc3339(951_868_800), "2000-03-01T00:00:00Z");
        _is(IdentityText.rfc3339(1_735_603_199), "2024-12-30T23:59:59Z");
        _is(IdentityText.rfc3339(1_735_689_599), "2024-12-31T23:59:59Z");
        _is(IdentityText.rfc3339(1_735_689_600), "2025-01-01T00:00:00Z");
        _is(IdentityText.rfc3339(1_795_169_457), "2026-11-20T10:10:57Z");
        _is(IdentityText.rfc3339(4_107_542_399), "2100-02-28T23:59:59Z");
        _is(IdentityText.rfc3339(4_107_542_400), "2100-03-01T00:00:00Z");
        _is(IdentityText.rfc3339(LAST), "2262-04-11T23:47:16Z");
    }

    /// The first and the last second of every month to 2262.
    function test_everyMonth() public pure {
        uint256 timestamp = 0;
        for (uint256 year = 1970; year < 2262; year++) {
            for (uint256 month = 1; month <= 12; month++) {
                bytes memory start = bytes.concat(_padded(year, 4), "-", _padded(month, 2), "-");
                _is(IdentityText.rfc3339(timestamp), bytes.concat(start, "01T00:00:00Z"));
                uint256 count = _daysOf(year, month);
                timestamp += count * DAY;
                _is(IdentityText.rfc3339(timestamp - 1), bytes.concat(start, _padded(count, 2), "T23:59:59Z"));
            }
        }
    }

    function testFuzz_anyTime(uint64 seed) public pure {
        uint256 timestamp = seed % (LAST + 1);
        (uint256 count, uint256 rest) = (timestamp / DAY, timestamp % DAY);
        uint256 year = 1970;
        for (; count >= 365 + _leap(year); year++) count -= 365 + _leap(year);
        uint256 month = 1;
        for (; count >= _daysOf(year, month); month++) count -= _daysOf(year, month);
        bytes memory date = bytes.concat(_padded(year, 4), "-", _padded(month, 2), "-", _padded(count + 1, 2));
        bytes memory time = bytes.concat(_padded(rest / 3_600, 2), ":", _padded((rest / 60) % 60, 2), ":");
        _is(IdentityText.rfc3339(timestamp), bytes.concat(date, "T", time, _padded(rest % 60, 2), "Z"));
    }

    function _leap(uint256 year) private pure returns (uint256) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 1 : 0;
    }

    function _daysOf(uint256 year, uint256 month) private pure returns (uint256) {
        if (month == 2) return 28 + _leap(year);
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    }

    function _padded(uint256 value, uint256 width) private pure returns (bytes memory digits) {
        digits = new bytes(width);
        for (uint256 i = width; i > 0; i--) {
            digits[i - 1] = bytes("0123456789")[value % 10];
            value /= 10;
        }
    }
}
