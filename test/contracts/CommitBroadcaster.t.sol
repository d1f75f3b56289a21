// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommitBroadcaster} from "../../contracts/CommitBroadcaster.sol";
import {ICommitBroadcaster} from "../../contracts/interfaces/ICommitBroadcaster.sol";
import {IPausableEntries} from "../../contracts/interfaces/IPausableEntries.sol";
import {GroupMessageReader} from "../../contracts/libraries/GroupMessageReader.sol";
import {MlsFraming} from "../../contracts/libraries/MlsFraming.sol";
import {Logs} from "../support/Logs.sol";
import {Refusals} from "../support/Refusals.sol";
import {within} from "../support/Vm.sol";
import {Wire} from "../support/Wire.sol";

/// @notice What enters the log of commits, and every reason why something does not. The test is the authority.
contract CommitBroadcasterTest is Refusals, Logs {
    bytes16 private constant GROUP = 0x0102030405060708090a0b0c0d0e0f10;
    bytes16 private constant OTHER = 0xff02030405060708090a0b0c0d0e0f10;
    uint256 private constant PUBLIC = 1;
    uint256 private constant PRIVATE = 2;
    uint256 private constant PROPOSAL = 2;
    uint256 private constant COMMIT = 3;

    CommitBroadcaster private _commits;

    function setUp() public {
        _commits = new CommitBroadcaster(address(this));
    }

    /// AccessManager's question.
    function canCall(address, address, bytes4) external pure returns (bool, uint32) {
        return (true, 0);
    }

    function _state() internal view override returns (bytes32) {
        return keccak256(abi.encode(_commits.lastSequenceId(), _commits.entriesPausedUntil()));
    }

    // --- Messages ----------------------------------------------------------------------------------------------------

    function _vector(bytes memory content) private pure returns (bytes memory) {
        uint256 length = content.length;
        if (length < 1 << 6) return bytes.concat(bytes1(uint8(length)), content);
        if (length < 1 << 14) return bytes.concat(bytes2(uint16(length | (1 << 14))), content);
        return bytes.concat(bytes4(uint32(length | (2 << 30))), content);
    }

    function _head(uint256 wireFormat) private pure returns (bytes memory) {
        return bytes.concat(bytes2(uint16(1)), bytes2(uint16(wireFormat)), _vector(bytes.concat(GROUP)), bytes8(0));
    }

    function _private(uint256 contentType) private pure returns (bytes memory) {
        return bytes.concat(_head(PRIVATE), bytes1(uint8(contentType)));
    }

    function _public(uint256 sender, bytes memory authenticated, uint256 kind) private pure returns (bytes memory) {
        bytes memory index = sender == 1 || sender == 2 ? bytes(hex"00000007") : bytes("");
        bytes memory head = bytes.concat(_head(PUBLIC), bytes1(uint8(sender)), index);
        return bytes.concat(head, authenticated, bytes1(uint8(kind)));
    }

    function _topic(bytes16 group) private pure returns (bytes memory) {
        return Wire.bytesField(2, bytes.concat(bytes1(0), group));
    }

    /// depends_on, as real commits carry it.
    function _dependsOn() private pure returns (bytes memory) {
        bytes memory first = Wire.bytesField(1, bytes.concat(Wire.scalar(1, 100), Wire.scalar(2, 12_345)));
        bytes memory second = Wire.bytesField(1, bytes.concat(Wire.scalar(1, 0), Wire.scalar(2, type(uint64).max)));
        return Wire.bytesField(3, bytes.concat(first, second));
    }

    function _aad() private pure returns (bytes memory) {
        return Wire.bytesField(1, bytes.concat(_topic(GROUP), _dependsOn()));
    }

    function _v1(bytes memory mls) private pure returns (bytes memory) {
        return bytes.concat(Wire.bytesField(1, mls), Wire.bytesField(2, new bytes(32)), Wire.scalar(3, 1));
    }

    function _payload(bytes memory mls) private pure returns (bytes memory) {
        return Wire.bytesField(2, Wire.bytesField(1, _v1(mls)));
    }

    function _envelope(bytes memory mls) private pure returns (bytes memory) {
        return bytes.concat(_aad(), _payload(mls));
    }

    /// With what no reader knows, so that it is long enough.
    function _padded(bytes memory envelope) private pure returns (bytes memory) {
        return bytes.concat(envelope, Wire.bytesField(100, new bytes(78)));
    }

    function _commit(uint256 n) private pure returns (bytes memory) {
        return _envelope(bytes.concat(_private(COMMIT), bytes32(n)));
    }

    /// A commit of exactly this size.
    function _commitOf(uint256 size) private pure returns (bytes memory envelope) {
        // Every length around the padding takes up to two bytes more than without any.
        for (uint256 padding = size - 65; envelope.length < size; padding++) {
            bytes memory mls = bytes.concat(_private(COMMIT), new bytes(padding));
            bytes memory payload = Wire.bytesField(2, Wire.bytesField(1, Wire.bytesField(1, mls)));
            envelope = bytes.concat(Wire.bytesField(1, _topic(GROUP)), payload);
        }
        assert(envelope.length == size);
    }

    // --- What is taken -----------------------------------------------------------------------------------------------

    function _takes(bytes memory envelope) private {
        uint64 next = _commits.lastSequenceId() + 1;
        _listen();
        _commits.addMessage(GROUP, envelope);
        bytes memory topics = bytes.concat(bytes32(GROUP), bytes32(uint256(next)));
        _heard(address(_commits), _log(ICommitBroadcaster.MessageSent.selector, topics, abi.encode(envelope)));
        assert(_commits.lastSequenceId() == next);
        assert(_commits.sequenceIdOf(GROUP, keccak256(envelope)) == next);
        bytes4 selector = ICommitBroadcaster.CommitBroadcasterAlreadySequenced.selector;
        _refuses(envelope, abi.encodeWithSelector(selector, next));
    }

    function test_commitsAndProposalsAreNumberedFromOne() public {
        _takes(_padded(_envelope(_private(COMMIT))));
        _takes(_padded(_envelope(_private(PROPOSAL))));
        for (uint256 sender = 1; sender <= 4; sender++) {
            _takes(_padded(_envelope(_public(sender, _vector(""), PROPOSAL))));
            _takes(_padded(_envelope(_public(sender, _vector("data"), COMMIT))));
        }
        assert(_commits.lastSequenceId() == 10);
    }

    function test_theSameMessageIsAnotherOneInAnotherGroup() public {
        bytes memory envelope = _commit(1);
        _takes(envelope);
        assert(_commits.sequenceIdOf(OTHER, keccak256(envelope)) == 0);
        bytes memory expected = abi.encodeWithSelector(
            ICommitBroadcaster.CommitBroadcasterOtherTopic.selector,
            OTHER,
            bytes.concat(bytes1(0), GROUP)
        );
        _refusesFor(OTHER, envelope, expected);
    }

    function test_sizesAre78To262144() public {
        _takes(_commitOf(78));
        _takes(_commitOf(262_144));
        bytes4 selector = ICommitBroadcaster.CommitBroadcasterPayloadSizeOutOfBounds.selector;
        uint256[3] memory sizes = [uint256(0), 77, 262_145];
        for (uint256 i = 0; i < sizes.length; i++) {
            bytes memory envelope = sizes[i] == 0 ? bytes("") : _commitOf(sizes[i]);
            _refuses(envelope, abi.encodeWithSelector(selector, sizes[i], 78, 262_144));
        }
    }

    /// Any order, longer varints, unknown fields of every shape but groups.
    function test_readsWhatEveryDecoderReads() public {
        bytes memory mls = bytes.concat(_private(COMMIT), new bytes(40));
        _takes(bytes.concat(_payload(mls), Wire.bytesField(1, bytes.concat(_dependsOn(), _topic(GROUP)))));
        bytes memory unknown = bytes.concat(
            Wire.scalar(9, type(uint64).max),
            Wire.bytesField(10, "more"),
            bytes.concat(Wire.tag(11, 1), bytes8(0)),
            bytes.concat(Wire.tag((1 << 29) - 1, 5), bytes4(0))
        );
        bytes memory v1 = bytes.concat(unknown, _v1(mls), unknown);
        bytes memory input = bytes.concat(unknown, Wire.bytesField(1, v1), unknown);
        bytes memory aad = bytes.concat(unknown, _topic(GROUP), Wire.scalar(1, 5), unknown);
        _takes(bytes.concat(unknown, Wire.bytesField(1, aad), unknown, Wire.bytesField(2, input), unknown));
        bytes memory topic = bytes.concat(Wire.tag(2, 2), Wire.varint(17, 9), bytes1(0), GROUP);
        bytes memory long = bytes.concat(Wire.varint(10, 8), Wire.varint(topic.length, 3), topic);
        _takes(bytes.concat(long, _payload(mls)));
    }

    function test_vectorsAsLongAsTheyLike() public {
        uint256[5] memory lengths = [uint256(0), 63, 64, 16_383, 16_384];
        for (uint256 i = 0; i < lengths.length; i++) {
            _takes(_padded(_envelope(_public(1, _vector(new bytes(lengths[i])), COMMIT))));
        }
    }

    // --- What is not -------------------------------------------------------------------------------------------------

    function _refuses(bytes memory envelope, bytes memory expected) private {
        _refusesFor(GROUP, envelope, expected);
    }

    function _refusesFor(bytes16 group, bytes memory envelope, bytes memory expected) private {
        bytes memory call = abi.encodeCall(ICommitBroadcaster.addMessage, (group, envelope));
        _refuses(address(_commits), address(this), call, expected);
    }

    function _refusesMls(bytes memory mls, MlsFraming.Malformation reason) private {
        _refuses(_padded(_envelope(mls)), abi.encodeWithSelector(MlsFraming.MlsFramingMalformed.selector, reason));
    }

    function _refusesFields(bytes memory envelope, GroupMessageReader.Malformation reason) private {
        bytes4 selector = GroupMessageReader.GroupMessageReaderMalformed.selector;
        // In front of it, because what is truncated has to stand last.
        bytes memory padded = bytes.concat(Wire.bytesField(100, new bytes(78)), envelope);
        _refuses(padded, abi.encodeWithSelector(selector, reason));
    }

    function test_applicationMessagesBelongToANode() public {
        bytes memory expected = abi.encodeWithSelector(ICommitBroadcaster.CommitBroadcasterNotOrdered.selector, 1);
        _refuses(_padded(_envelope(_private(1))), expected);
        _refuses(_padded(_envelope(_public(1, _vector(""), 1))), expected);
    }

    function test_framingOfEveryOtherKindIsRefused() public {
        uint256[3] memory contentTypes = [uint256(0), 4, 255];
        for (uint256 i = 0; i < 3; i++) {
            _refusesMls(_private(contentTypes[i]), MlsFraming.Malformation.ContentType);
            _refusesMls(_public(3, _vector(""), contentTypes[i]), MlsFraming.Malformation.ContentType);
        }
        uint16[4] memory wireFormats = [0, 3, 4, type(uint16).max];
        for (uint256 i = 0; i < 4; i++) {
            bytes memory head = bytes.concat(bytes2(uint16(1)), bytes2(wireFormats[i]));
            _refusesMls(bytes.concat(head, new bytes(60)), MlsFraming.Malformation.WireFormat);
        }
        uint16[3] memory versions = [0, 2, 0x0101];
        for (uint256 i = 0; i < 3; i++) {
            _refusesMls(bytes.concat(bytes2(versions[i]), new bytes(60)), MlsFraming.Malformation.Version);
        }
        uint256[3] memory senders = [uint256(0), 5, 255];
        for (uint256 i = 0; i < 3; i++) {
            _refusesMls(_public(senders[i], _vector(""), COMMIT), MlsFraming.Malformation.Sender);
        }
    }

    function test_otherGroupsAreRefused() public {
        bytes4 selector = ICommitBroadcaster.CommitBroadcasterOtherGroup.selector;
        bytes[6] memory ids = [
            bytes.concat(OTHER),
            bytes.concat(GROUP, bytes1(0)),
            bytes.concat(bytes15(GROUP)),
            bytes(""),
            new bytes(64),
            new bytes(16_384)
        ];
        for (uint256 i = 0; i < ids.length; i++) {
            bytes memory mls = bytes.concat(hex"00010002", _vector(ids[i]), bytes8(0), bytes1(0x03));
            bytes memory named = ids[i].length > 64 ? new bytes(64) : ids[i];
            _refuses(_padded(_envelope(mls)), abi.encodeWithSelector(selector, GROUP, named));
        }
    }

    function test_otherTopicsAreRefused() public {
        bytes4 selector = ICommitBroadcaster.CommitBroadcasterOtherTopic.selector;
        bytes[6] memory topics = [
            bytes(""),
            bytes.concat(bytes1(0), OTHER),
            bytes.concat(bytes1(0x01), GROUP),
            bytes.concat(GROUP),
            bytes.concat(bytes1(0), GROUP, bytes1(0)),
            new bytes(300)
        ];
        for (uint256 i = 0; i < topics.length; i++) {
            bytes memory aad = Wire.bytesField(1, Wire.bytesField(2, topics[i]));
            bytes memory named = topics[i].length > 64 ? new bytes(64) : topics[i];
            bytes memory envelope = _padded(bytes.concat(aad, _payload(_private(COMMIT))));
            _refuses(envelope, abi.encodeWithSelector(selector, GROUP, named));
        }
    }

    /// Lengths in more bytes than they need, for the group id and for the authenticated data.
    function test_vectorLengthsAreMinimal() public {
        bytes[6] memory lengths = [
            bytes(hex"4010"),
            hex"403f",
            hex"80000010",
            hex"80003fff",
            hex"c000000000000010",
            hex"ff"
        ];
        for (uint256 i = 0; i < lengths.length; i++) {
            bytes memory rest = bytes.concat(GROUP, new bytes(16_400));
            _refusesMls(bytes.concat(hex"00010002", lengths[i], rest), MlsFraming.Malformation.VectorLength);
            bytes memory mls = bytes.concat(_head(PUBLIC), hex"03", lengths[i], new bytes(16_400));
            _refusesMls(mls, MlsFraming.Malformation.VectorLength);
        }
    }

    function test_everyTruncationOfTheFramingIsRefused() public {
        bytes[2] memory messages = [_private(COMMIT), _public(2, _vector(new bytes(70)), COMMIT)];
        for (uint256 k = 0; k < messages.length; k++) {
            for (uint256 n = 0; n < messages[k].length; n++) {
                _refusesMls(_prefix(messages[k], n), MlsFraming.Malformation.Truncated);
            }
            _takes(_padded(_envelope(messages[k])));
        }
    }

    function test_everyTruncationOfTheEnvelopeIsRefused() public {
        bytes memory padding = Wire.bytesField(100, new bytes(78));
        bytes[2] memory envelopes = [
            _envelope(_private(COMMIT)),
            bytes.concat(_payload(_public(1, _vector("x"), PROPOSAL)), _aad())
        ];
        for (uint256 k = 0; k < envelopes.length; k++) {
            uint256 whole = 0;
            for (uint256 n = 0; n < envelopes[k].length; n++) {
                bytes memory envelope = bytes.concat(padding, _prefix(envelopes[k], n));
                (bool taken, bytes memory answer) = _try(envelope);
                assert(!taken && bytes4(answer) == GroupMessageReader.GroupMessageReaderMalformed.selector);
                // Between two fields nothing is cut off, but something is missing.
                if (uint8(answer[35]) == uint8(GroupMessageReader.Malformation.Missing)) whole++;
                else assert(uint8(answer[35]) == uint8(GroupMessageReader.Malformation.Truncated));
            }
            assert(whole == 2);
            _takes(bytes.concat(padding, envelopes[k]));
        }
    }

    function _prefix(bytes memory value, uint256 length) private pure returns (bytes memory out) {
        out = new bytes(length);
        for (uint256 i = 0; i < length; i++) out[i] = value[i];
    }

    function test_knownFieldsStandOnce() public {
        GroupMessageReader.Malformation reason = GroupMessageReader.Malformation.Repeated;
        bytes memory mls = _private(COMMIT);
        bytes memory payload = _payload(mls);
        _refusesFields(bytes.concat(_aad(), _aad(), payload), reason);
        _refusesFields(bytes.concat(_aad(), payload, payload), reason);
        _refusesFields(bytes.concat(Wire.bytesField(1, bytes.concat(_topic(OTHER), _topic(GROUP))), payload), reason);
        bytes memory twice = bytes.concat(_topic(GROUP), _dependsOn(), _dependsOn());
        _refusesFields(bytes.concat(Wire.bytesField(1, twice), payload), reason);
        bytes memory v1 = Wire.bytesField(1, _v1(mls));
        _refusesFields(bytes.concat(_aad(), Wire.bytesField(2, bytes.concat(v1, v1))), reason);
        bytes[3] memory again = [Wire.bytesField(1, mls), Wire.bytesField(2, ""), Wire.scalar(3, 0)];
        for (uint256 i = 0; i < 3; i++) {
            v1 = Wire.bytesField(1, bytes.concat(_v1(mls), again[i]));
            _refusesFields(bytes.concat(_aad(), Wire.bytesField(2, v1)), reason);
        }
        for (uint256 i = 1; i <= 2; i++) {
            bytes memory entry = bytes.concat(Wire.scalar(1, 5), Wire.scalar(2, 5), Wire.scalar(i, 6));
            _refusesFields(bytes.concat(_withEntry(entry), payload), reason);
        }
    }

    function _withEntry(bytes memory entry) private pure returns (bytes memory) {
        bytes memory dependsOn = Wire.bytesField(3, Wire.bytesField(1, entry));
        return Wire.bytesField(1, bytes.concat(_topic(GROUP), dependsOn));
    }

    function test_knownFieldsHaveTheirOwnWireType() public {
        GroupMessageReader.Malformation reason = GroupMessageReader.Malformation.WireType;
        bytes memory mls = _private(COMMIT);
        bytes memory payload = _payload(mls);
        for (uint256 wireType = 0; wireType < 8; wireType++) {
            if (wireType != 2) {
                bytes memory aad = bytes.concat(_topic(GROUP), _other(3, wireType));
                _refusesFields(bytes.concat(_other(1, wireType), payload), reason);
                _refusesFields(bytes.concat(_aad(), _other(2, wireType)), reason);
                _refusesFields(bytes.concat(Wire.bytesField(1, _other(2, wireType)), payload), reason);
                _refusesFields(bytes.concat(Wire.bytesField(1, aad), payload), reason);
                aad = bytes.concat(_topic(GROUP), Wire.bytesField(3, _other(1, wireType)));
                _refusesFields(bytes.concat(Wire.bytesField(1, aad), payload), reason);
                _refusesFields(bytes.concat(_aad(), Wire.bytesField(2, _other(1, wireType))), reason);
                _refusesFields(_withV1(bytes.concat(_other(1, wireType))), reason);
                _refusesFields(_withV1(bytes.concat(Wire.bytesField(1, mls), _other(2, wireType))), reason);
            }
            if (wireType != 0) {
                _refusesFields(_withV1(bytes.concat(Wire.bytesField(1, mls), _other(3, wireType))), reason);
                _refusesFields(bytes.concat(_withEntry(_other(1, wireType)), payload), reason);
                _refusesFields(bytes.concat(_withEntry(_other(2, wireType)), payload), reason);
            }
            // Unknown fields: groups, and what does not exist.
            if (wireType == 3 || wireType == 4 || wireType > 5) {
                _refusesFields(bytes.concat(_aad(), payload, _other(9, wireType)), reason);
                _refusesFields(bytes.concat(Wire.bytesField(1, _other(9, wireType)), payload), reason);
                _refusesFields(_withV1(_other(9, wireType)), reason);
            }
        }
    }

    function _other(uint256 number, uint256 wireType) private pure returns (bytes memory) {
        return bytes.concat(Wire.tag(number, wireType), wireType == 0 ? bytes(hex"01") : new bytes(8));
    }

    function _withV1(bytes memory v1) private pure returns (bytes memory) {
        return bytes.concat(_aad(), Wire.bytesField(2, Wire.bytesField(1, v1)));
    }

    function test_otherPayloadsAreRefused() public {
        bytes memory payload = _payload(_private(COMMIT));
        for (uint256 number = 3; number <= 7; number++) {
            GroupMessageReader.Malformation reason = GroupMessageReader.Malformation.OtherPayload;
            bytes memory other = Wire.bytesField(number, "");
            _refusesFields(bytes.concat(_aad(), other), reason);
            _refusesFields(bytes.concat(_aad(), other, payload), reason);
            _refusesFields(bytes.concat(_aad(), payload, other), reason);
            _refusesFields(bytes.concat(_aad(), payload, Wire.scalar(number, 1)), reason);
        }
        _takes(_padded(bytes.concat(_aad(), payload, Wire.bytesField(8, ""))));
    }

    function test_nothingMayBeMissing() public {
        GroupMessageReader.Malformation reason = GroupMessageReader.Malformation.Missing;
        bytes memory payload = _payload(_private(COMMIT));
        _refusesFields("", reason);
        _refusesFields(_aad(), reason);
        _refusesFields(payload, reason);
        _refusesFields(bytes.concat(Wire.bytesField(1, ""), payload), reason);
        _refusesFields(bytes.concat(Wire.bytesField(1, _dependsOn()), payload), reason);
        _refusesFields(bytes.concat(_aad(), Wire.bytesField(2, "")), reason);
        _refusesFields(_withV1(""), reason);
        _refusesFields(_withV1(Wire.bytesField(2, "hmac")), reason);
    }

    function test_numbersThatAreNoneAreRefused() public {
        bytes memory whole = bytes.concat(_aad(), _payload(_private(COMMIT)));
        GroupMessageReader.Malformation number = GroupMessageReader.Malformation.FieldNumber;
        _refusesFields(bytes.concat(whole, hex"00"), number);
        _refusesFields(bytes.concat(whole, Wire.scalar(1 << 29, 1)), number);
        // A decoder that cuts tags to 32 bits would read another topic here.
        _refusesFields(bytes.concat(whole, Wire.bytesField((1 << 29) + 1, _topic(OTHER))), number);
        GroupMessageReader.Malformation long = GroupMessageReader.Malformation.VarintTooLong;
        _refusesFields(bytes.concat(whole, Wire.tag(9, 0), hex"ffffffffffffffffff02"), long);
        _refusesFields(bytes.concat(whole, Wire.tag(9, 0), hex"8080808080808080808000"), long);
        GroupMessageReader.Malformation truncated = GroupMessageReader.Malformation.Truncated;
        _refusesFields(bytes.concat(whole, Wire.tag(9, 2), hex"ffffffffffffffffff01"), truncated);
        _refusesFields(bytes.concat(whole, Wire.tag(9, 2), Wire.varint((1 << 32) + 1), hex"00"), truncated);
        _refusesFields(bytes.concat(whole, Wire.tag(9, 1), bytes7(0)), truncated);
        _refusesFields(bytes.concat(whole, Wire.tag(9, 5), bytes3(0)), truncated);
        bytes memory entry = bytes.concat(Wire.scalar(1, 5), Wire.scalar(3, 5));
        bytes memory payload = _payload(_private(COMMIT));
        _refusesFields(bytes.concat(_withEntry(entry), payload), GroupMessageReader.Malformation.UnknownInEntry);
        // A field that reaches out of its message, though not out of the envelope.
        bytes memory aad = bytes.concat(Wire.tag(1, 2), Wire.varint(18), _topic(GROUP));
        _refusesFields(bytes.concat(aad, payload), truncated);
    }

    function test_aPauseClosesBothEntries() public {
        _commits.pauseEntries(1 days);
        bytes memory expected = abi.encodeWithSelector(
            IPausableEntries.PausableEntriesPaused.selector,
            block.timestamp + 1 days,
            block.timestamp
        );
        _refuses(_commit(1), expected);
        bytes memory call = abi.encodeCall(ICommitBroadcaster.addMessages, (new bytes16[](0), new bytes[](0)));
        _refuses(address(_commits), address(this), call, expected);
    }

    // --- Batches -----------------------------------------------------------------------------------------------------

    function _batch(uint256 length) private pure returns (bytes16[] memory groups, bytes[] memory envelopes) {
        groups = new bytes16[](length);
        envelopes = new bytes[](length);
        for (uint256 i = 0; i < length; i++) {
            groups[i] = GROUP;
            envelopes[i] = _commit(i);
        }
    }

    function _sent(bytes memory envelope, uint256 sequenceId) private pure returns (bytes memory) {
        bytes memory topics = bytes.concat(bytes32(GROUP), bytes32(sequenceId));
        return _log(ICommitBroadcaster.MessageSent.selector, topics, abi.encode(envelope));
    }

    function test_aRefusedItemStopsNoOther() public {
        bytes[4] memory bad = [bytes("short"), _commit(0), new bytes(100), _padded(_envelope(_private(1)))];
        for (uint256 at = 0; at < 6; at++) {
            setUp();
            (bytes16[] memory groups, bytes[] memory envelopes) = _batch(6);
            envelopes[at] = bad[at % bad.length];
            if (at % bad.length == 1) groups[at] = OTHER;
            (, bytes memory reason) = _tryFor(groups[at], envelopes[at]);
            assert(reason.length >= 4 && reason.length <= 256);
            bytes memory expected;
            uint64 sequenceId = 0;
            for (uint256 i = 0; i < 6; i++) {
                if (i != at) {
                    expected = bytes.concat(expected, _sent(envelopes[i], ++sequenceId));
                    continue;
                }
                bytes memory topics = bytes.concat(bytes32(groups[i]), bytes32(i));
                bytes memory log = _log(ICommitBroadcaster.MessageRefused.selector, topics, abi.encode(reason));
                expected = bytes.concat(expected, log);
            }
            _listen();
            uint64[] memory ids = _commits.addMessages(groups, envelopes);
            _heard(address(_commits), expected);
            for (uint256 i = 0; i < 6; i++)
                assert(
                    ids[i] ==
                        (
                            i == at
                                ? 0
                                : i < at
                                    ? i + 1
                                    : i
                        )
                );
            assert(_commits.lastSequenceId() == 5);
        }
    }

    function test_whatIsSequencedAlreadyHasItsIdAndNoEvent() public {
        _commits.addMessage(GROUP, _commit(7));
        (bytes16[] memory groups, bytes[] memory envelopes) = _batch(3);
        envelopes[0] = _commit(7);
        envelopes[2] = envelopes[1];
        _listen();
        uint64[] memory ids = _commits.addMessages(groups, envelopes);
        _heard(address(_commits), _sent(envelopes[1], 2));
        assert(ids[0] == 1 && ids[1] == 2 && ids[2] == 2);
    }

    function test_errorsOfABatchFitInto256Bytes() public {
        bytes[2] memory long = [
            bytes.concat(Wire.bytesField(1, Wire.bytesField(2, new bytes(9_000))), _payload(_private(COMMIT))),
            _padded(_envelope(bytes.concat(hex"00010002", _vector(new bytes(9_000)), bytes8(0), bytes1(0x03))))
        ];
        for (uint256 i = 0; i < 2; i++) {
            (bool taken, bytes memory answer) = _try(long[i]);
            assert(!taken && answer.length == 4 + 32 + 32 + 32 + 64);
        }
    }

    function test_aBatchHasUpTo64Items() public {
        (bytes16[] memory groups, bytes[] memory envelopes) = _batch(64);
        uint64[] memory ids = _commits.addMessages(groups, envelopes);
        for (uint256 i = 0; i < 64; i++) assert(ids[i] == i + 1);
        assert(_commits.addMessages(new bytes16[](0), new bytes[](0)).length == 0);

        (groups, envelopes) = _batch(65);
        bytes4 tooLong = ICommitBroadcaster.CommitBroadcasterBatchTooLong.selector;
        _refusesBatch(groups, envelopes, abi.encodeWithSelector(tooLong, 65, 64));
        bytes4 lengths = ICommitBroadcaster.CommitBroadcasterBatchLengths.selector;
        _refusesBatch(new bytes16[](1), envelopes, abi.encodeWithSelector(lengths, 1, 65));
        _refusesBatch(new bytes16[](1), new bytes[](0), abi.encodeWithSelector(lengths, 1, 0));
    }

    function _refusesBatch(bytes16[] memory groups, bytes[] memory envelopes, bytes memory expected) private {
        bytes memory call = abi.encodeCall(ICommitBroadcaster.addMessages, (groups, envelopes));
        _refuses(address(_commits), address(this), call, expected);
    }

    /// However little gas there is, nothing is passed over for it.
    function test_tooLittleGasSequencesEverythingOrNothing() public {
        (bytes16[] memory groups, bytes[] memory envelopes) = _batch(3);
        bytes memory call = abi.encodeCall(ICommitBroadcaster.addMessages, (groups, envelopes));
        bool wasNamed = false;
        for (uint256 gas = 20_000; ; gas += 500) {
            // solhint-disable-next-line avoid-low-level-calls
            (bool taken, bytes memory answer) = address(_commits).call{gas: gas}(call);
            if (taken) break;
            assert(_commits.lastSequenceId() == 0);
            wasNamed = wasNamed || bytes4(answer) == ICommitBroadcaster.CommitBroadcasterOutOfGas.selector;
            assert(gas < 1_000_000);
        }
        assert(wasNamed && _commits.lastSequenceId() == 3);
    }

    // --- Anything ----------------------------------------------------------------------------------------------------

    function _try(bytes memory envelope) private returns (bool, bytes memory) {
        return _tryFor(GROUP, envelope);
    }

    function _tryFor(bytes16 group, bytes memory envelope) private returns (bool, bytes memory) {
        // solhint-disable-next-line avoid-low-level-calls
        return address(_commits).call(abi.encodeCall(ICommitBroadcaster.addMessage, (group, envelope)));
    }

    /// Taken or refused for a reason that has a name, at a bounded price.
    function _decides(bytes memory envelope) private {
        uint256 before = gasleft();
        (bool taken, bytes memory answer) = _try(envelope);
        assert(before - gasleft() < 150_000 + 800 * envelope.length);
        if (taken) return;
        bytes4 name = bytes4(answer);
        assert(
            name == GroupMessageReader.GroupMessageReaderMalformed.selector ||
                name == MlsFraming.MlsFramingMalformed.selector ||
                name == ICommitBroadcaster.CommitBroadcasterPayloadSizeOutOfBounds.selector ||
                name == ICommitBroadcaster.CommitBroadcasterOtherTopic.selector ||
                name == ICommitBroadcaster.CommitBroadcasterOtherGroup.selector ||
                name == ICommitBroadcaster.CommitBroadcasterNotOrdered.selector
        );
    }

    function testFuzz_randomBytes(bytes calldata random) public {
        _decides(random);
        _decides(bytes.concat(new bytes(0), random, Wire.bytesField(100, new bytes(78))));
    }

    function testFuzz_randomFraming(bytes calldata random) public {
        _decides(_padded(_envelope(random)));
        _decides(_padded(_envelope(bytes.concat(_head(PUBLIC), random))));
        _decides(_padded(_withV1(random)));
    }

    function testFuzz_changedBytes(uint256 at, uint8 change, uint256 at2, uint8 change2, bool isPublic) public {
        bytes memory envelope = _padded(_envelope(isPublic ? _public(1, _vector("x"), COMMIT) : _private(COMMIT)));
        envelope[within(at, 0, envelope.length - 1)] ^= bytes1(change);
        envelope[within(at2, 0, envelope.length - 1)] ^= bytes1(change2);
        _decides(envelope);
    }

    /// The bytes that cost most: nothing but fields.
    function test_theWorstBytesCost800GasEach() public {
        bytes[3] memory units = [bytes(hex"4801"), hex"0a00", hex"4a00"];
        for (uint256 k = 0; k < units.length; k++) {
            bytes memory fields = units[k];
            while (fields.length < 16_000) fields = bytes.concat(fields, fields);
            bytes memory aad = Wire.bytesField(1, bytes.concat(_topic(GROUP), Wire.bytesField(3, fields)));
            bytes memory envelope = bytes.concat(aad, _payload(_private(1)));
            uint256 before = gasleft();
            (bool taken, bytes memory answer) = _try(envelope);
            uint256 gas = before - gasleft();
            assert(!taken && bytes4(answer) == ICommitBroadcaster.CommitBroadcasterNotOrdered.selector);
            assert(gas < 800 * envelope.length);
        }
    }
}
