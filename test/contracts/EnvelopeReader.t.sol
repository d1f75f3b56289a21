// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EnvelopeReader} from "../../contracts/libraries/EnvelopeReader.sol";
import {EnvelopeReaderHarness} from "../support/EnvelopeReaderHarness.sol";
import {Wire} from "../support/Wire.sol";

/// @notice Every shape that protobuf has on the wire, read as Go reads it, and every malformation by its name.
contract EnvelopeReaderTest {
    EnvelopeReaderHarness private _harness = new EnvelopeReaderHarness();
    bytes private constant PAYER = "payer";

    function _read(bytes memory envelope) private view returns (EnvelopeReader.OriginatorEnvelope memory) {
        return _harness.read(envelope);
    }

    /// What every envelope below has to say, whatever stands around it.
    function _says(bytes memory envelope) private view {
        EnvelopeReader.OriginatorEnvelope memory fields = _read(envelope);
        assert(fields.originatorNodeId == 100 && fields.sequenceId == 7 && fields.originatorNs == 9);
        assert(fields.payerEnvelopeHash == keccak256(PAYER) && fields.payerEnvelopeLength == PAYER.length);
    }

    function _envelope() private pure returns (bytes memory) {
        bytes memory head = bytes.concat(Wire.scalar(1, 100), Wire.scalar(2, 7), Wire.scalar(3, 9));
        return bytes.concat(head, Wire.bytesField(4, PAYER));
    }

    function _refuses(bytes memory envelope, EnvelopeReader.Malformation reason) private view {
        _refusesCall(abi.encodeCall(_harness.read, (envelope)), reason);
        // Inside a payer envelope the same bytes spoil the target, and nothing else.
        bytes memory outer = Wire.bytesField(4, envelope);
        assert(_read(outer).payerEnvelopeHash == keccak256(envelope));
        _refusesCall(abi.encodeCall(_harness.readTarget, (outer)), reason);
        // As they do inside the payer's signature.
        outer = Wire.bytesField(4, bytes.concat(Wire.scalar(3, 100), Wire.bytesField(2, envelope)));
        _refusesCall(abi.encodeCall(_harness.readTarget, (outer)), reason);
    }

    function _refusesCall(bytes memory call, EnvelopeReader.Malformation reason) private view {
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, bytes memory answer) = address(_harness).staticcall(call);
        bytes4 selector = EnvelopeReader.EnvelopeReaderMalformed.selector;
        assert(!taken && keccak256(answer) == keccak256(abi.encodeWithSelector(selector, reason)));
    }

    function test_nothingIsZerosAndTheHashOfNothing() public view {
        EnvelopeReader.OriginatorEnvelope memory fields = _read("");
        assert(fields.originatorNodeId == 0 && fields.sequenceId == 0 && fields.originatorNs == 0);
        assert(fields.payerEnvelopeHash == keccak256("") && fields.payerEnvelopeLength == 0);
        assert(_harness.readTarget("") == 0);
    }

    /// Any value of each width, in any number of bytes up to ten.
    function testFuzz_numbersAreCutToTheirWidth(uint64 value, uint64 other, uint8 padding) public view {
        uint256 room = 10 - Wire.varint(value).length;
        bytes memory padded = Wire.varint(value, padding % (room + 1));
        EnvelopeReader.OriginatorEnvelope memory fields = _read(
            bytes.concat(
                Wire.scalar(1, other),
                bytes.concat(Wire.tag(2, 0), padded),
                bytes.concat(Wire.tag(3, 0), padded),
                bytes.concat(Wire.tag(1, 0), padded)
            )
        );
        assert(fields.originatorNodeId == uint32(value) && fields.sequenceId == value);
        assert(fields.originatorNs == int64(value));
        assert(_harness.readTarget(Wire.bytesField(4, bytes.concat(Wire.tag(3, 0), padded))) == uint32(value));
    }

    function test_theLastOfARepeatedFieldWins() public view {
        _says(bytes.concat(Wire.originatorEnvelope(1, 2, 3, "decoy"), _envelope()));
        bytes memory target = bytes.concat(Wire.scalar(3, 1), Wire.bytesField(2, Wire.scalar(3, 5)), Wire.scalar(3, 2));
        assert(_harness.readTarget(Wire.bytesField(4, target)) == 2);
        assert(_read(bytes.concat(_envelope(), Wire.bytesField(4, ""))).payerEnvelopeHash == keccak256(""));
    }

    function test_unknownFieldsOfEveryShapeAreSkipped() public view {
        bytes[9] memory unknown = [
            Wire.scalar(9, type(uint64).max),
            bytes.concat(Wire.tag(9, 1), new bytes(8)),
            Wire.bytesField(9, new bytes(300)),
            Wire.bytesField(9, ""),
            Wire.group(9, ""),
            Wire.group(9, bytes.concat(Wire.scalar(1, 5), Wire.bytesField(4, "x"), Wire.group(9, Wire.scalar(2, 1)))),
            bytes.concat(Wire.tag(9, 5), new bytes(4)),
            Wire.scalar(2 ** 29 - 1, 1),
            // Inside a group Go takes larger numbers.
            Wire.group(
                9,
                bytes.concat(Wire.scalar(2 ** 31 - 1, 1), Wire.tag(9, 1), new bytes(8), Wire.tag(9, 5), new bytes(4))
            )
        ];
        for (uint256 i = 0; i < unknown.length; i++) {
            _says(bytes.concat(unknown[i], _envelope()));
            _says(bytes.concat(_envelope(), unknown[i]));
            bytes memory payer = bytes.concat(Wire.scalar(3, 8), unknown[i], Wire.bytesField(2, unknown[i]));
            assert(_harness.readTarget(Wire.bytesField(4, payer)) == 8);
        }
    }

    function test_knownFieldsOfAnotherShapeAreSkipped() public view {
        for (uint256 number = 1; number <= 4; number++) {
            bytes memory odd = bytes.concat(
                bytes.concat(Wire.tag(number, 1), new bytes(8)),
                bytes.concat(Wire.tag(number, 5), new bytes(4)),
                Wire.group(number, Wire.scalar(number, 1)),
                number == 4 ? Wire.scalar(4, 1) : Wire.bytesField(number, "x")
            );
            _says(bytes.concat(_envelope(), odd));
            bytes memory payer = bytes.concat(Wire.scalar(3, 8), number == 2 ? Wire.scalar(2, 1) : odd);
            if (number == 1 || number == 2) assert(_harness.readTarget(Wire.bytesField(4, payer)) == 8);
        }
    }

    function test_whatEndsTooEarlyIsTruncated() public view {
        EnvelopeReader.Malformation truncated = EnvelopeReader.Malformation.Truncated;
        bytes[10] memory refused = [
            bytes(hex"80"),
            bytes(hex"08"),
            bytes(hex"0880"),
            bytes(hex"22"),
            bytes(hex"220200"),
            bytes(hex"4a0200"),
            bytes.concat(Wire.tag(9, 1), new bytes(7)),
            bytes.concat(Wire.tag(9, 5), new bytes(3)),
            Wire.tag(9, 3),
            bytes.concat(Wire.tag(4, 2), Wire.varint(type(uint64).max))
        ];
        for (uint256 i = 0; i < refused.length; i++) {
            _refuses(refused[i], truncated);
            _refusesCall(abi.encodeCall(_harness.read, (bytes.concat(_envelope(), refused[i]))), truncated);
        }
    }

    function test_aVarintHasTenBytesAnd64BitsAtMost() public view {
        EnvelopeReader.Malformation tooLong = EnvelopeReader.Malformation.VarintTooLong;
        _refuses(bytes.concat(Wire.tag(1, 0), hex"80808080808080808002"), tooLong);
        _refuses(bytes.concat(Wire.tag(1, 0), hex"8080808080808080808000"), tooLong);
        _refuses(hex"ffffffffffffffffff7f", tooLong);
        assert(_read(bytes.concat(Wire.tag(2, 0), hex"ffffffffffffffffff01")).sequenceId == type(uint64).max);
    }

    function test_fieldNumbersHaveBounds() public view {
        EnvelopeReader.Malformation number = EnvelopeReader.Malformation.FieldNumber;
        _refuses(Wire.scalar(0, 1), number);
        _refuses(Wire.scalar(2 ** 29, 1), number);
        _refuses(Wire.group(9, Wire.scalar(0, 1)), number);
        _refuses(Wire.group(9, Wire.scalar(2 ** 31, 1)), number);
    }

    function test_wireTypesThatAreNoneAndEndsWithoutABeginning() public view {
        _refuses(Wire.tag(9, 6), EnvelopeReader.Malformation.WireType);
        _refuses(Wire.tag(9, 7), EnvelopeReader.Malformation.WireType);
        _refuses(Wire.group(9, Wire.tag(9, 6)), EnvelopeReader.Malformation.WireType);
        _refuses(Wire.tag(9, 4), EnvelopeReader.Malformation.EndGroup);
        _refuses(bytes.concat(Wire.tag(9, 3), Wire.tag(8, 4)), EnvelopeReader.Malformation.EndGroup);
        bytes memory crossed = bytes.concat(Wire.tag(8, 3), Wire.tag(9, 3), Wire.tag(8, 4), Wire.tag(9, 4));
        _refuses(crossed, EnvelopeReader.Malformation.EndGroup);
    }

    /// Go's limit: 10,001 levels are read, one more is not.
    function test_groupsNestAsDeepAsGoReadsThem() public view {
        (bytes memory open, bytes memory close) = (new bytes(10_001), new bytes(10_001));
        for (uint256 i = 0; i < 10_001; i++) (open[i], close[i]) = (bytes1(0x4b), bytes1(0x4c));
        _says(bytes.concat(open, close, _envelope()));
        bytes memory deeper = bytes.concat(open, hex"4b4c", close, _envelope());
        _refusesCall(abi.encodeCall(_harness.read, (deeper)), EnvelopeReader.Malformation.GroupsTooDeep);
    }

    /// Whatever the bytes are, they are read or refused by name; nothing else happens.
    function testFuzz_anyBytesAreReadOrRefusedByName(bytes calldata data) public view {
        try _harness.readTarget(data) {} catch (bytes memory answer) {
            assert(answer.length == 36 && bytes4(answer) == EnvelopeReader.EnvelopeReaderMalformed.selector);
        }
    }
}
