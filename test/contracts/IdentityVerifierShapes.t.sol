// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CanonicalProto} from "../../contracts/libraries/CanonicalProto.sol";
import {IdentityUpdates} from "../support/IdentityUpdates.sol";
import {vm} from "../support/Vm.sol";
import {Wire} from "../support/Wire.sol";

/// @notice An update with every message that there is, and each of them in every other shape.
contract IdentityVerifierShapes is IdentityUpdates {
    enum Kind {
        Leaf,
        Envelope,
        Aad,
        Update,
        Action,
        Create,
        Add,
        Revoke,
        Change,
        Member,
        Passkey,
        Signature,
        Fields
    }

    enum Shape {
        Appended,
        Prepended,
        Dropped,
        Repeated,
        Swapped,
        Emptied,
        Renumbered,
        Retyped
    }

    /// Which message is changed, counted from the outside inwards and from the front to the back, and how.
    struct Change {
        uint256 message;
        Shape shape;
        /// The field that is changed.
        uint256 field;
        bytes unknown;
        uint256 seen;
        bool isDone;
    }

    uint256 private constant MESSAGES = 31;
    uint256 private constant MOST_FIELDS = 7;

    bytes32 private _inboxId;
    bytes private _all;
    bytes32 private _textHash;

    /// Passkeys sign the last, so that no other text passes.
    function setUp() public {
        vm.roll(BLOCK);
        Plan[] memory plans = new Plan[](5);
        plans[0] = _create(_wallet(1));
        plans[1] = _add(_account(2), _installation(1));
        plans[2] = _revoke(_wallet(1), _wallet(3));
        plans[3] = _change(_account(2), _passkey(1, false));
        plans[4] = _add(_wallet(1), _passkey(1, true));
        Update memory update = _update(_wallet(1), plans);
        _inboxId = update.inboxId;
        _all = _envelope(update);
        _textHash = _digestOf(_text(update));
        _takes(update);
    }

    // The walk.

    function _kindIn(Kind kind, uint256 number) private pure returns (Kind) {
        if (kind == Kind.Envelope) return number == 1 ? Kind.Aad : Kind.Update;
        if (kind == Kind.Update) return number == 1 ? Kind.Action : Kind.Leaf;
        if (kind == Kind.Action) return Kind(uint256(Kind.Create) + number - 1);
        if (kind == Kind.Create) return number == 3 ? Kind.Signature : Kind.Leaf;
        if (kind == Kind.Change) return number == 2 ? Kind.Signature : Kind.Leaf;
        if (kind == Kind.Add || kind == Kind.Revoke) return number == 1 ? Kind.Member : Kind.Signature;
        if (kind == Kind.Member) return number == 3 ? Kind.Passkey : Kind.Leaf;
        return kind == Kind.Signature ? Kind.Fields : Kind.Leaf;
    }

    /// A message, written again with the change in it or below it.
    function _changed(bytes memory message, Kind kind, Change memory change) private pure returns (bytes memory out) {
        bytes[] memory fields = _split(message);
        bool isHere = change.seen++ == change.message;
        for (uint256 i = 0; i < fields.length; i++) {
            Kind inner = _kindIn(kind, uint8(fields[i][0]) >> 3);
            if (inner != Kind.Leaf) {
                bytes memory value = _changed(_valueOf(fields[i]), inner, change);
                fields[i] = bytes.concat(fields[i][0], Wire.varint(value.length), value);
            }
        }
        if (isHere) return _reshaped(fields, change);
        for (uint256 i = 0; i < fields.length; i++) out = bytes.concat(out, fields[i]);
    }

    function _reshaped(bytes[] memory fields, Change memory change) private pure returns (bytes memory out) {
        (uint256 chosen, Shape shape) = (change.field, change.shape);
        change.isDone = shape == Shape.Appended || shape == Shape.Prepended || chosen < fields.length;
        if (shape == Shape.Swapped) {
            change.isDone = chosen + 1 < fields.length;
            if (change.isDone) (fields[chosen], fields[chosen + 1]) = (fields[chosen + 1], fields[chosen]);
        }
        if (shape == Shape.Prepended) out = change.unknown;
        for (uint256 i = 0; i < fields.length; i++) {
            bytes memory field = fields[i];
            if (i == chosen && shape == Shape.Dropped) continue;
            if (i == chosen && shape == Shape.Repeated) field = bytes.concat(field, field);
            if (i == chosen && shape == Shape.Emptied) field = bytes.concat(field[0], hex"00");
            if (i == chosen && shape == Shape.Renumbered) field[0] = bytes1(uint8(field[0]) ^ 0x48);
            if (i == chosen && shape == Shape.Retyped) field[0] = bytes1(uint8(field[0]) ^ 0x02);
            out = bytes.concat(out, field);
        }
        if (shape == Shape.Appended) out = bytes.concat(out, change.unknown);
    }

    function _split(bytes memory message) private pure returns (bytes[] memory fields) {
        uint256 count = 0;
        for (uint256 i = 0; i < message.length; i = _next(message, i)) count++;
        fields = new bytes[](count);
        uint256 start = 0;
        for (uint256 i = 0; i < count; i++) {
            uint256 end = _next(message, start);
            fields[i] = _part(message, start, end);
            start = end;
        }
    }

    function _next(bytes memory message, uint256 start) private pure returns (uint256 end) {
        uint256 value = 0;
        end = start + 1;
        for (uint256 i = 0; i == 0 || uint8(message[end - 1]) > 127; i++) {
            value |= uint256(uint8(message[end++]) & 0x7f) << (7 * i);
        }
        if (uint8(message[start]) & 7 == 2) end += value;
    }

    function _valueOf(bytes memory field) private pure returns (bytes memory) {
        uint256 start = 1;
        while (uint8(field[start]) > 127) start++;
        return _part(field, start + 1, field.length);
    }

    function _part(bytes memory all, uint256 from, uint256 to) private pure returns (bytes memory part) {
        part = new bytes(to - from);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(all, 0x20), from), mload(part))
        }
    }

    /// The answer to the update with a change, when there is something to change. A call of its own, for memory's sake.
    function answerTo(Change memory change) external view returns (bool isDone, bytes memory answer) {
        bytes memory envelope = _changed(_all, Kind.Envelope, change);
        assert(change.seen == MESSAGES);
        if (!change.isDone) return (false, "");
        bool taken;
        (taken, answer) = _ask(_inboxId, envelope);
        assert(!taken && _isTyped(answer));
        isDone = true;
    }

    function _answerTo(
        uint256 message,
        Shape shape,
        uint256 field,
        bytes memory unknown
    ) private view returns (bool isDone, bytes memory answer) {
        return this.answerTo(Change(message, shape, field, unknown, 0, false));
    }

    // The tests.

    function test_theWalkChangesNothing() public view {
        Change memory change = Change(type(uint256).max, Shape.Appended, 0, "", 0, false);
        assert(keccak256(_changed(_all, Kind.Envelope, change)) == keccak256(_all));
        assert(change.seen == MESSAGES && !change.isDone);
    }

    /// Case 43: in every message an unknown field of every shape is refused for what it is.
    function test_case43_unknownFieldsInEveryMessage() public view {
        bytes[5] memory unknown = [
            Wire.scalar(14, 1),
            Wire.bytesField(15, "unknown"),
            Wire.group(13, ""),
            bytes.concat(Wire.tag(12, 5), bytes4(0)),
            Wire.scalar(16, 1)
        ];
        bytes memory expected = _flaw(CanonicalProto.Flaw.UnexpectedField);
        for (uint256 message = 0; message < MESSAGES; message++) {
            for (uint256 i = 0; i < unknown.length; i++) {
                (bool isDone, bytes memory answer) = _answerTo(message, Shape.Appended, 0, unknown[i]);
                assert(isDone && keccak256(answer) == keccak256(expected));
                (isDone, ) = _answerTo(message, Shape.Prepended, 0, unknown[i]);
                assert(isDone);
            }
        }
    }

    function test_case43_fieldsLeftOut() public view {
        _everyField(Shape.Dropped);
    }

    function test_case43_fieldsThatComeTwice() public view {
        _everyField(Shape.Repeated);
    }

    function test_case43_fieldsInAnotherOrder() public view {
        _everyField(Shape.Swapped);
    }

    function test_case43_fieldsThatAreEmpty() public view {
        _everyField(Shape.Emptied);
    }

    function test_case43_fieldsWithAnotherNumber() public view {
        _everyField(Shape.Renumbered);
    }

    function test_case43_fieldsOfAnotherType() public view {
        _everyField(Shape.Retyped);
    }

    function _everyField(Shape shape) private view {
        uint256 done = 0;
        for (uint256 message = 0; message < MESSAGES; message++) {
            for (uint256 field = 0; field < MOST_FIELDS; field++) {
                (bool isDone, ) = _answerTo(message, shape, field, "");
                if (isDone) done++;
            }
        }
        assert(done >= MESSAGES - 12);
    }

    // Whatever the bytes.

    /// Case 43: random bytes, and random bytes in the place of a part.
    function testFuzz_case43_randomBytes(bytes memory envelope) public view {
        (bool taken, bytes memory answer) = _ask(_inboxId, envelope);
        assert(!taken && _isTyped(answer));
    }

    /// Cases 40a and 43: whatever bit changes, no other text passes. A wallet's signature with a bit changed may be that of
    /// a wallet that nobody has.
    function testFuzz_case40a_anyByteChanged(uint256 salt) public view {
        bytes memory envelope = _all;
        uint256 place = salt % envelope.length;
        envelope[place] ^= bytes1(uint8(1 << ((salt >> 64) % 8)));
        (bool taken, bytes memory answer) = _ask(_inboxId, envelope);
        if (!taken) assert(_isTyped(answer));
        else assert(bytes32(answer) == _textHash);
    }

    function testFuzz_case43_cutOff(uint256 salt) public view {
        (bool taken, bytes memory answer) = _ask(_inboxId, _part(_all, 0, salt % _all.length));
        assert(!taken && _isTyped(answer));
    }
}
