// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CanonicalProto} from "../../contracts/libraries/CanonicalProto.sol";
import {CanonicalProtoHarness} from "../support/CanonicalProtoHarness.sol";
import {Wire} from "../support/Wire.sol";

/// @notice Every field in its one canonical form, every flaw by its name, and nothing else whatever the bytes.
contract CanonicalProtoTest {
    uint256 private constant MOST = type(uint64).max;

    CanonicalProtoHarness private _harness = new CanonicalProtoHarness();

    // What is taken.

    function _takesUint(uint256 number, uint64 value, bytes memory rest) private view {
        (uint64 taken, bytes memory left) = _harness.takeUint(bytes.concat(Wire.scalar(number, value), rest), number);
        assert(taken == value && keccak256(left) == keccak256(rest));
    }

    function _takesBytes(uint256 number, bytes memory value, bytes memory rest) private view {
        bytes memory input = bytes.concat(Wire.bytesField(number, value), rest);
        assert(_harness.nextField(input) == number);
        (bytes memory taken, bytes memory left) = _harness.takeMessage(input, number);
        assert(keccak256(taken) == keccak256(value) && keccak256(left) == keccak256(rest));
        if (value.length > 0) {
            (taken, left) = _harness.takeBytes(input, number);
            assert(keccak256(taken) == keccak256(value) && keccak256(left) == keccak256(rest));
        }
        if (rest.length == 0) assert(keccak256(_harness.onlyMessage(input, number)) == keccak256(value));
        else _refuses(abi.encodeCall(_harness.onlyMessage, (input, number)), CanonicalProto.Flaw.UnexpectedField);
    }

    function _refuses(bytes memory call, CanonicalProto.Flaw flaw) private view {
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, bytes memory answer) = address(_harness).staticcall(call);
        bytes4 selector = CanonicalProto.CanonicalProtoFlaw.selector;
        assert(!taken && keccak256(answer) == keccak256(abi.encodeWithSelector(selector, flaw)));
    }

    /// As a number of field 1, and as the length of field 1.
    function _refusesVarint(bytes memory varint, CanonicalProto.Flaw flaw) private view {
        _refuses(abi.encodeCall(_harness.takeUint, (bytes.concat(hex"08", varint), 1)), flaw);
        _refusesLength(varint, flaw);
    }

    function _refusesLength(bytes memory varint, CanonicalProto.Flaw flaw) private view {
        bytes memory input = bytes.concat(hex"0a", varint);
        _refuses(abi.encodeCall(_harness.takeBytes, (input, 1)), flaw);
        _refuses(abi.encodeCall(_harness.takeMessage, (input, 1)), flaw);
        _refuses(abi.encodeCall(_harness.onlyMessage, (input, 1)), flaw);
    }

    // Numbers.

    function test_numbersOfEveryLength() public view {
        for (uint256 number = 1; number < 16; number++) {
            for (uint256 bits = 0; bits <= 63; bits++) {
                _takesUint(number, uint64(1 << bits), "");
                _takesUint(number, uint64((1 << bits) | 1), hex"08");
            }
            _takesUint(number, uint64(MOST), "");
        }
        // The first and the last of each length in bytes.
        for (uint256 bits = 7; bits <= 63; bits += 7) {
            _takesUint(1, uint64((1 << bits) - 1), hex"00");
            _takesUint(1, uint64(1 << bits), hex"ff");
        }
    }

    function testFuzz_numbersRoundTrip(uint8 number, uint64 value, uint8 shift, bytes memory rest) public view {
        value >>= shift % 64;
        _takesUint((number % 15) + 1, value == 0 ? 1 : value, rest);
    }

    function test_varintsThatAreTooLarge() public view {
        CanonicalProto.Flaw flaw = CanonicalProto.Flaw.Varint;
        // 2^64, and what the tenth byte says beyond it.
        _refusesVarint(hex"80808080808080808002", flaw);
        _refusesVarint(hex"ffffffffffffffffff02", flaw);
        _refusesVarint(hex"ffffffffffffffffff7f", flaw);
        // An eleventh byte, whether it is there or not.
        _refusesVarint(hex"ffffffffffffffffffff", flaw);
        _refusesVarint(hex"ffffffffffffffffff81", flaw);
        _refusesVarint(hex"ffffffffffffffffffff01", flaw);
        _refusesVarint(hex"8080808080808080808001", flaw);
    }

    function test_varintsThatAreNotMinimal() public view {
        for (uint256 padding = 1; padding < 10; padding++) {
            _refusesVarint(Wire.varint(0, padding), CanonicalProto.Flaw.Varint);
            _refusesVarint(Wire.varint(1, padding), CanonicalProto.Flaw.Varint);
        }
        _refusesVarint(Wire.varint(1 << 56, 1), CanonicalProto.Flaw.Varint);
    }

    function test_varintsThatEndEarly() public view {
        bytes memory varint = Wire.varint(MOST);
        for (uint256 length = 0; length < 10; length++) {
            _refusesVarint(_cut(varint, length), CanonicalProto.Flaw.Truncated);
        }
    }

    function test_aZeroThatIsWritten() public view {
        _refuses(abi.encodeCall(_harness.takeUint, (hex"0800", 1)), CanonicalProto.Flaw.DefaultValue);
        _refuses(abi.encodeCall(_harness.takeUint, (hex"08000801", 1)), CanonicalProto.Flaw.DefaultValue);
        _refuses(abi.encodeCall(_harness.takeBytes, (hex"0a00", 1)), CanonicalProto.Flaw.DefaultValue);
        _refuses(abi.encodeCall(_harness.takeBytes, (hex"0a000801", 1)), CanonicalProto.Flaw.DefaultValue);
        // A message may be empty.
        _takesBytes(1, "", "");
        _takesBytes(15, "", hex"00");
    }

    // Lengths.

    function test_lengthsAtTheEndAndOnePast() public view {
        uint256[7] memory lengths = [uint256(1), 2, 127, 128, 129, 16_383, 16_384];
        for (uint256 i = 0; i < lengths.length; i++) {
            bytes memory input = Wire.bytesField(1, _filled(lengths[i]));
            _takesBytes(1, _filled(lengths[i]), "");
            _takesBytes(1, _filled(lengths[i]), hex"0a");
            bytes memory cut = _cut(input, input.length - 1);
            _refuses(abi.encodeCall(_harness.takeBytes, (cut, 1)), CanonicalProto.Flaw.Truncated);
            _refuses(abi.encodeCall(_harness.takeMessage, (cut, 1)), CanonicalProto.Flaw.Truncated);
        }
        _refusesLength(hex"01", CanonicalProto.Flaw.Truncated);
        _refusesLength(Wire.varint(MOST), CanonicalProto.Flaw.Truncated);
        _refusesLength(bytes.concat(Wire.varint(1 << 32), new bytes(100)), CanonicalProto.Flaw.Truncated);
    }

    function testFuzz_bytesRoundTrip(uint8 number, bytes memory value, bytes memory rest) public view {
        _takesBytes((number % 15) + 1, value, rest);
    }

    // Fields.

    function test_whatIsAbsentIsAZeroAndNothingIsTaken() public view {
        bytes[4] memory inputs = [bytes(""), Wire.scalar(2, 5), Wire.bytesField(3, "x"), hex"ff"];
        for (uint256 i = 0; i < inputs.length; i++) {
            (uint64 value, bytes memory rest) = _harness.takeUint(inputs[i], 1);
            assert(value == 0 && keccak256(rest) == keccak256(inputs[i]));
            bytes memory taken;
            (taken, rest) = _harness.takeBytes(inputs[i], 1);
            assert(taken.length == 0 && keccak256(rest) == keccak256(inputs[i]));
            _refuses(abi.encodeCall(_harness.takeMessage, (inputs[i], 1)), CanonicalProto.Flaw.MissingField);
            _refuses(abi.encodeCall(_harness.onlyMessage, (inputs[i], 1)), CanonicalProto.Flaw.MissingField);
        }
    }

    /// What follows calldata's end or a message's is no field of it.
    function test_aMessageEndsWhereItEnds() public view {
        (bytes memory inner, bytes memory rest) = _harness.takeInner(hex"0a000801");
        assert(inner.length == 0 && keccak256(rest) == keccak256(hex"0801"));
        (inner, rest) = _harness.takeInner(hex"0a000a01aa");
        assert(inner.length == 0 && keccak256(rest) == keccak256(hex"0a01aa"));
        (inner, rest) = _harness.takeInner(hex"0a030a01aa0801");
        assert(keccak256(inner) == keccak256(hex"aa") && keccak256(rest) == keccak256(hex"0801"));
        _refuses(abi.encodeCall(_harness.takeInner, (hex"0a020a010801")), CanonicalProto.Flaw.Truncated);
        _refuses(abi.encodeCall(_harness.takeInner, (hex"0a010a000801")), CanonicalProto.Flaw.Truncated);
        _refuses(abi.encodeCall(_harness.takeInner, (hex"0a040a01aa08010a")), CanonicalProto.Flaw.UnexpectedField);
    }

    function test_everyWireTypeButTheRightOneIsAnotherField() public view {
        for (uint256 number = 1; number < 16; number++) {
            for (uint256 wireType = 0; wireType < 8; wireType++) {
                bytes memory input = bytes.concat(Wire.tag(number, wireType), hex"01aa");
                assert(_harness.nextField(input) == number);
                (uint64 value, bytes memory rest) = _harness.takeUint(input, number);
                assert(value == (wireType == 0 ? 1 : 0) && rest.length == (wireType == 0 ? 1 : 3));
                bytes memory taken;
                (taken, rest) = _harness.takeBytes(input, number);
                assert(taken.length == (wireType == 2 ? 1 : 0) && rest.length == (wireType == 2 ? 0 : 3));
                if (wireType == 2) continue;
                _refuses(abi.encodeCall(_harness.takeMessage, (input, number)), CanonicalProto.Flaw.MissingField);
            }
        }
    }

    function test_theEndIsTheEnd() public view {
        assert(_harness.nextField("") == 0 && _harness.requireEnd(""));
        for (uint256 octet = 0; octet < 256; octet++) {
            bytes memory input = abi.encodePacked(uint8(octet));
            assert(_harness.nextField(input) == octet / 8);
            _refuses(abi.encodeCall(_harness.requireEnd, (input)), CanonicalProto.Flaw.UnexpectedField);
        }
    }

    /// A message `{number 1, bytes 2, message 3, number 4}`: in this order, each once, and nothing else.
    function test_fieldsRepeatedUnknownOrOutOfOrder() public view {
        bytes[4] memory fields = [
            Wire.scalar(1, 7),
            Wire.bytesField(2, "b"),
            Wire.bytesField(3, ""),
            Wire.scalar(4, 9)
        ];
        _harness.takeAll(bytes.concat(fields[0], fields[1], fields[2], fields[3]));
        _harness.takeAll(fields[2]);
        for (uint256 i = 0; i < 4; i++) {
            bytes memory twice = bytes.concat(fields[0], i == 0 ? fields[0] : bytes(""), fields[1]);
            twice = bytes.concat(twice, i == 1 ? fields[1] : bytes(""), fields[2], i == 2 ? fields[2] : bytes(""));
            twice = bytes.concat(twice, fields[3], i == 3 ? fields[3] : bytes(""));
            // Where a message has to come, another field is a missing one.
            bool isBefore = i < 2;
            _refuses(
                abi.encodeCall(_harness.takeAll, (twice)),
                isBefore ? CanonicalProto.Flaw.MissingField : CanonicalProto.Flaw.UnexpectedField
            );
        }
        bytes memory swapped = bytes.concat(fields[1], fields[0], fields[2]);
        _refuses(abi.encodeCall(_harness.takeAll, (swapped)), CanonicalProto.Flaw.MissingField);
        swapped = bytes.concat(fields[3], fields[2]);
        _refuses(abi.encodeCall(_harness.takeAll, (swapped)), CanonicalProto.Flaw.MissingField);
        bytes[5] memory unknown = [
            Wire.scalar(5, 1),
            Wire.bytesField(6, ""),
            Wire.group(7, ""),
            Wire.scalar(16, 1),
            hex"00"
        ];
        for (uint256 i = 0; i < unknown.length; i++) {
            bytes memory input = bytes.concat(fields[2], unknown[i]);
            _refuses(abi.encodeCall(_harness.takeAll, (input)), CanonicalProto.Flaw.UnexpectedField);
        }
    }

    // Whatever the bytes.

    /// Random bytes after a right tag say what a naive reader says.
    function testFuzz_numbersAndLengthsAsANaiveReaderHasThem(bytes memory input, uint256 salt) public view {
        for (uint256 i = 0; i < input.length && i < 256; i++) {
            // Long runs of continued bytes, and a zero now and then.
            if ((salt >> i) & 1 == 1) input[i] |= 0x80;
            if ((salt >> (255 - i)) & 7 == 1) input[i] &= 0x80;
        }
        (uint256 value, uint256 next, bool isGood, CanonicalProto.Flaw flaw) = _naive(input);
        bytes memory call = abi.encodeCall(_harness.takeUint, (bytes.concat(hex"08", input), 1));
        if (!isGood) {
            _refuses(call, flaw);
            return _refusesLength(input, flaw);
        }
        if (value == 0) _refuses(call, CanonicalProto.Flaw.DefaultValue);
        else {
            (uint64 taken, bytes memory rest) = _harness.takeUint(bytes.concat(hex"08", input), 1);
            assert(taken == value && rest.length == input.length - next);
        }
        if (value > input.length - next) return _refusesLength(input, CanonicalProto.Flaw.Truncated);
        (bytes memory message, bytes memory left) = _harness.takeMessage(bytes.concat(hex"0a", input), 1);
        assert(message.length == value && left.length == input.length - next - value);
    }

    /// Random messages: their fields or one typed error, for little gas.
    function testFuzz_randomBytesNeverPanic(bytes memory input, uint8 number) public view {
        bytes[5] memory calls = [
            abi.encodeCall(_harness.takeUint, (input, number % 16)),
            abi.encodeCall(_harness.takeBytes, (input, number % 16)),
            abi.encodeCall(_harness.onlyMessage, (input, number % 16)),
            abi.encodeCall(_harness.takeInner, (input)),
            abi.encodeCall(_harness.takeAll, (input))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            uint256 before = gasleft();
            // solhint-disable-next-line avoid-low-level-calls
            (bool taken, bytes memory answer) = address(_harness).staticcall(calls[i]);
            assert(before - gasleft() < 60_000 + 200 * input.length);
            if (taken) continue;
            assert(answer.length == 36 && bytes4(answer) == CanonicalProto.CanonicalProtoFlaw.selector);
            assert(uint256(bytes32(_tail(answer))) <= uint256(CanonicalProto.Flaw.MissingField));
        }
    }

    /// The value, where it ends, whether it is right, and what is wrong with it.
    function _naive(
        bytes memory input
    ) private pure returns (uint256 value, uint256 next, bool isGood, CanonicalProto.Flaw flaw) {
        while (next < input.length && next < 10 && uint8(input[next]) > 127) next++;
        if (next == 10) return (0, 0, false, CanonicalProto.Flaw.Varint);
        if (next == input.length) return (0, 0, false, CanonicalProto.Flaw.Truncated);
        next++;
        for (uint256 i = next; i > 0; i--) value = value * 128 + (uint8(input[i - 1]) % 128);
        isGood = value < 1 << 64 && Wire.varint(value).length == next;
        flaw = CanonicalProto.Flaw.Varint;
    }

    function _tail(bytes memory answer) private pure returns (bytes memory tail) {
        tail = new bytes(32);
        for (uint256 i = 0; i < 32; i++) tail[i] = answer[i + 4];
    }

    function _cut(bytes memory input, uint256 length) private pure returns (bytes memory cut) {
        cut = bytes.concat(input);
        assembly ("memory-safe") {
            mstore(cut, length)
        }
    }

    function _filled(uint256 length) private pure returns (bytes memory value) {
        value = new bytes(length);
        value[0] = 0x11;
        value[length - 1] = 0x99;
    }
}
