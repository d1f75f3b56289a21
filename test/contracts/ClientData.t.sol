// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// JSON is full of double quotes.
// solhint-disable quotes

import {ClientData} from "../../contracts/libraries/ClientData.sol";

/// @notice What browsers write is taken; everything else is taken only if a scanner of another make takes it.
contract ClientDataTest {
    bytes private constant TEXT = "XMTP : Authenticate to inbox?>~";
    /// base64url without padding, by Node: Buffer.from(TEXT).toString("base64url").
    bytes private constant CHALLENGE = "WE1UUCA6IEF1dGhlbnRpY2F0ZSB0byBpbmJveD8-fg";
    bytes private constant OPENING = '{"type":"webauthn.get","challenge":"WE1UUCA6IEF1dGhlbnRpY2F0ZSB0byBpbmJveD8-fg"';

    function asksFor(bytes calldata json, bytes memory text) external pure returns (bool) {
        return ClientData.asksFor(json, text);
    }

    /// What follows the challenge and its comma.
    function _takes(bytes memory rest) private view {
        assert(_asks(bytes.concat(OPENING, ",", rest)));
    }

    function _refuses(bytes memory rest) private view {
        assert(!_asks(bytes.concat(OPENING, ",", rest)));
    }

    function _asks(bytes memory json) private view returns (bool isAsked) {
        isAsked = this.asksFor(json, TEXT);
        assert(isAsked == _scan(json, OPENING));
    }

    /// The scanner: one pass with a state, over all that follows the challenge.
    enum State {
        Comma,
        Name,
        InName,
        Colon,
        Value,
        InString,
        Escaped,
        AfterValue,
        End,
        Bad
    }

    struct Scan {
        State state;
        uint256 members;
        bytes name;
        /// What is left of true or false.
        bytes word;
    }

    function _scan(bytes memory json, bytes memory opening) private pure returns (bool) {
        if (json.length < opening.length) return false;
        for (uint256 i = 0; i < opening.length; i++) if (json[i] != opening[i]) return false;
        Scan memory scan;
        for (uint256 i = opening.length; i < json.length; i++) _step(scan, json[i]);
        return scan.state == State.End && scan.members > 0;
    }

    function _step(Scan memory scan, bytes1 c) private pure {
        State state = scan.state;
        if (scan.word.length > 0) {
            if (c != scan.word[0]) scan.state = State.Bad;
            scan.word = _tail(scan.word);
        } else if (state == State.Comma) {
            scan.state = c == "," ? State.Name : State.Bad;
        } else if (state == State.Name) {
            scan.name = "";
            scan.state = c == '"' ? State.InName : State.Bad;
        } else if (state == State.InName) {
            _stepName(scan, c);
        } else if (state == State.Colon) {
            scan.state = c == ":" ? State.Value : State.Bad;
        } else if (state == State.Value) {
            _stepValue(scan, c);
        } else if (state == State.InString) {
            if (c == '"') scan.state = State.AfterValue;
            else if (c == "\\") scan.state = State.Escaped;
            else if (!_isPrintable(c)) scan.state = State.Bad;
        } else if (state == State.Escaped) {
            scan.state = _isOneOf(c, '"\\/bfnrt') ? State.InString : State.Bad;
        } else if (state == State.AfterValue) {
            scan.members++;
            scan.state =
                c == ","
                    ? State.Name
                    : c == "}"
                        ? State.End
                        : State.Bad;
        } else {
            scan.state = State.Bad;
        }
    }

    function _stepName(Scan memory scan, bytes1 c) private pure {
        if (c != '"') {
            scan.name = bytes.concat(scan.name, c);
            if (c == "\\" || !_isPrintable(c)) scan.state = State.Bad;
            return;
        }
        bool isOrigin = _equal(scan.name, "origin");
        bool isGood = scan.members == 0 ? isOrigin : !isOrigin;
        if (_equal(scan.name, "type") || _equal(scan.name, "challenge")) isGood = false;
        scan.state = isGood ? State.Colon : State.Bad;
    }

    /// The origin is a string.
    function _stepValue(Scan memory scan, bytes1 c) private pure {
        bool isWord = scan.members > 0 && (c == "t" || c == "f");
        if (isWord) scan.word = c == "t" ? bytes("rue") : bytes("alse");
        scan.state =
            c == '"'
                ? State.InString
                : isWord
                    ? State.AfterValue
                    : State.Bad;
    }

    function _isPrintable(bytes1 c) private pure returns (bool) {
        return uint8(c) > 31 && uint8(c) < 127;
    }

    function _isOneOf(bytes1 c, bytes memory all) private pure returns (bool isOne) {
        for (uint256 i = 0; i < all.length; i++) isOne = isOne || all[i] == c;
    }

    function _equal(bytes memory a, bytes memory b) private pure returns (bool) {
        return keccak256(a) == keccak256(b);
    }

    function _tail(bytes memory word) private pure returns (bytes memory tail) {
        tail = new bytes(word.length - 1);
        for (uint256 i = 0; i < tail.length; i++) tail[i] = word[i + 1];
    }

    // What is taken.

    function test_theChallengeIsTheTextInBase64Url() public view {
        assert(_equal(OPENING, bytes.concat('{"type":"webauthn.get","challenge":"', CHALLENGE, '"')));
        _takes('"origin":"https://postage.example","crossOrigin":false}');
        assert(!this.asksFor(bytes.concat(OPENING, ',"origin":""}'), "XMTP : Authenticate to inbox?>"));
        assert(!this.asksFor(bytes.concat(OPENING, ',"origin":""}'), bytes.concat(TEXT, "~")));
        assert(this.asksFor('{"type":"webauthn.get","challenge":"","origin":""}', ""));
        // By Node: bytes 00 to 02 fb ff fe.
        assert(this.asksFor('{"type":"webauthn.get","challenge":"AAEC-__-","origin":""}', hex"000102fbfffe"));
        assert(!this.asksFor('{"type":"webauthn.get","challenge":"AAEC+//+","origin":""}', hex"000102fbfffe"));
        assert(!this.asksFor('{"type":"webauthn.get","challenge":"AA==","origin":""}', hex"00"));
        assert(this.asksFor('{"type":"webauthn.get","challenge":"AA","origin":""}', hex"00"));
    }

    function test_whatBrowsersWrite() public view {
        bytes[12] memory all = [
            bytes('"origin":"https://postage.example"}'),
            '"origin":""}',
            '"origin":"https://a.example:8443","crossOrigin":true}',
            '"origin":"android:apk-key-hash:a\\/b","androidPackageName":"com.android.chrome"}',
            '"origin":"https://a.example","crossOrigin":false,"other_keys_can_be_added_here":"do not compare"}',
            '"origin":"a","topOrigin":"https://b.example","crossOrigin":true}',
            '"origin":"\\"\\\\\\/\\b\\f\\n\\r\\t"}',
            '"origin":"\\\\","x":"\\\\"}',
            '"origin":"{}[],:\'","":"","a":true,"b":false}',
            '"origin":"a","Type":"","types":"","typ":"","origins":"","challenge ":""}',
            '"origin":" ~"," ~":" ~"}',
            '"origin":"a","truefalse":true,"a":"true","b":"false"}'
        ];
        for (uint256 i = 0; i < all.length; i++) _takes(all[i]);
    }

    // What is not.

    function test_anOpeningThatIsAnother() public view {
        bytes memory json = bytes.concat(OPENING, ',"origin":"a"}');
        assert(_asks(json));
        for (uint256 i = 0; i < json.length; i++) {
            bytes memory changed = bytes.concat(json);
            changed[i] ^= 0x20;
            // Inside the origin the other case of a letter is another origin, of which this says nothing.
            assert(_asks(changed) == (i == OPENING.length + 11));
            assembly ("memory-safe") {
                mstore(changed, i)
            }
            assert(!_asks(changed));
        }
        assert(!_asks(bytes.concat(" ", json)) && !_asks(bytes.concat(json, " ")) && !_asks(""));
        assert(!_asks(bytes.concat(OPENING, ', "origin":"a"}')));
        assert(!_asks(bytes.concat(OPENING, ',"crossOrigin":false,"origin":"a"}')));
        assert(!_asks(bytes.concat(OPENING, "}")));
    }

    function test_endings() public view {
        bytes[14] memory all = [
            bytes('"origin":"a"'),
            '"origin":"a',
            '"origin":"a\\',
            '"origin":"a\\"}',
            '"origin":"',
            '"origin":',
            '"origin":"a"}}',
            '"origin":"a"} ',
            '"origin":"a"]',
            '"origin":"a",}',
            '"origin":"a",',
            '"origin":"a";"b":true}',
            '"origin":"a""b":true}',
            '"origin":"a","b":true'
        ];
        for (uint256 i = 0; i < all.length; i++) _refuses(all[i]);
    }

    function test_membersAndValues() public view {
        bytes[31] memory all = [
            bytes('"origin":a"}'),
            '"origin":true}',
            '"origin":false}',
            '"origin":null}',
            '"origin":{}}',
            '"origin":"a","b"}',
            '"origin":"a","b"',
            '"origin":"a","b":}',
            '"origin":"a","b":',
            '"origin":"a","b" :true}',
            '"origin":"a","b": true}',
            '"origin":"a", "b":true}',
            '"origin":"a","b":true }',
            '"origin":"a","b":1}',
            '"origin":"a","b":null}',
            '"origin":"a","b":[]}',
            '"origin":"a","b":{}}',
            '"origin":"a","b":tru}',
            '"origin":"a","b":tru',
            '"origin":"a","b":fals}',
            '"origin":"a","b":fals',
            '"origin":"a","b":True}',
            '"origin":"a","b":truefalse}',
            '"origin":"a","b":true"c":true}',
            '"origin":"a","b":"c}',
            '"origin":"a",b":true}',
            '"origin":"a",":true}',
            '"origin":"a","b;true}',
            '"origin":"a","b";true}',
            '"origin":"a",,"b":true}',
            '"origin":"a",:true}'
        ];
        for (uint256 i = 0; i < all.length; i++) _refuses(all[i]);
    }

    /// One reading only: the three names come once, and no name is spelled with escapes.
    function test_namesThatComeAgain() public view {
        bytes[12] memory all = [
            bytes('"origin":"a","type":"webauthn.create"}'),
            '"origin":"a","challenge":"AA"}',
            '"origin":"a","origin":"b"}',
            '"origin":"a","type":true}',
            '"origin":"a","challenge":false}',
            '"origin":"a","b":true,"origin":"c"}',
            '"origin":"a","b":"c","type":"d"}',
            '"origin":"a","b":"c","challenge":"d","e":true}',
            '"origin":"a","\\u0074ype":"b"}',
            '"origin":"a","t\\ype":"b"}',
            '"origin":"a","\\"":"b"}',
            '"origin":"a","b\\\\":"c"}'
        ];
        for (uint256 i = 0; i < all.length; i++) _refuses(all[i]);
    }

    /// Every byte in an origin, behind a backslash, in a name and in a value.
    function test_everyByte() public view {
        for (uint256 i = 0; i < 256; i++) {
            bytes1 c = bytes1(uint8(i));
            bool isPlain = _isPrintable(c) && c != '"' && c != "\\";
            assert(_asks(bytes.concat(OPENING, ',"origin":"a', c, 'c"}')) == isPlain);
            assert(_asks(bytes.concat(OPENING, ',"origin":"\\', c, 'b"}')) == _isOneOf(c, '"\\/bfnrt'));
            assert(_asks(bytes.concat(OPENING, ',"origin":"a","b', c, 'c":true}')) == isPlain);
            assert(_asks(bytes.concat(OPENING, ',"origin":"a","b":"', c, '"}')) == isPlain);
            assert(_asks(bytes.concat(OPENING, ',"origin":"a","b":"\\', c, '"}')) == _isOneOf(c, '"\\/bfnrt'));
        }
    }

    /// Good client data with some bytes changed, put in or left out.
    function testFuzz_changedClientData(uint256 salt) public view {
        bytes[5] memory rests = [
            bytes('"origin":"https://a.b","crossOrigin":false}'),
            '"origin":"a\\/b","c":"d","e":true}',
            '"origin":"","type1":"\\\\\\"","f":false,"":""}',
            '"origin":"a\\\\","b":true}',
            '"origin":"a","types":true,"origim":"b"}'
        ];
        bytes memory rest = rests[salt % 5];
        salt >>= 8;
        uint256 changes = 1 + (salt % 3);
        salt >>= 8;
        for (; changes > 0; changes--) {
            rest = _changed(rest, salt);
            salt >>= 48;
        }
        _asks(bytes.concat(OPENING, ",", rest));
    }

    function _changed(bytes memory rest, uint256 salt) private pure returns (bytes memory changed) {
        bytes memory alphabet = '"""\\\\,,::{}truefalsetypeorigin /bn \x1f\x20\x7e\x7f';
        uint256 at = (salt >> 16) % (rest.length + 1);
        bytes memory piece = bytes.concat(alphabet[(salt >> 32) % alphabet.length]);
        uint256 from = at;
        // Put in, put in its place, left out, or two bytes from elsewhere put in.
        if (salt % 4 == 2) piece = "";
        if (salt % 4 == 3 && rest.length > 1) piece = _part(rest, (salt >> 40) % (rest.length - 1), 2);
        if ((salt % 4 == 1 || salt % 4 == 2) && from < rest.length) from++;
        changed = bytes.concat(_part(rest, 0, at), piece, _part(rest, from, rest.length - from));
    }

    function _part(bytes memory all, uint256 from, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; i++) part[i] = all[from + i];
    }
}
