// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {IIdentityVerifier} from "../../contracts/interfaces/IIdentityVerifier.sol";
import {IdentityWorld} from "../support/IdentityWorld.sol";

/// @notice Many updates at once: each stands for itself.
contract IdentityRegistryBatch is IdentityWorld {
    bytes32[] private _inboxIds;
    bytes[] private _envelopes;
    /// What the batch logs.
    bytes private _expected;

    function setUp() public {
        _enter(_create(_wallet(1)));
    }

    /// An update that is going to enter, or, with a failure, to be refused by the verifier.
    function _push(bytes32 inboxId, bytes memory envelope) private {
        _inboxIds.push(inboxId);
        _envelopes.push(envelope);
    }

    function _enters(uint64 sequenceId) private {
        uint256 i = _inboxIds.length - 1;
        bytes32 selector = IIdentityRegistry.IdentityUpdateCreated.selector;
        _expects(_log(selector, abi.encode(_inboxIds[i], sequenceId), abi.encode(_envelopes[i])));
    }

    function _isRefused(bytes memory reason) private {
        uint256 i = _inboxIds.length - 1;
        bytes32 selector = IIdentityRegistry.IdentityUpdateRefused.selector;
        _expects(_log(selector, abi.encode(_inboxIds[i], i), abi.encode(reason)));
    }

    function _expects(bytes memory log) private {
        _expected = bytes.concat(_expected, log);
    }

    function _failing(bytes memory failure) private returns (bytes memory) {
        return abi.encode(_text(), _list(_add(_wallet(1), _wallet(2))), failure);
    }

    function _addAll() private returns (uint64[] memory sequenceIds) {
        _listen();
        sequenceIds = registry.addIdentityUpdates(_inboxIds, _envelopes);
        _heard(address(registry), _expected);
        assert(sequenceIds.length == _inboxIds.length);
        delete _inboxIds;
        delete _envelopes;
        _expected = "";
    }

    function test_aBatchIsAsItsUpdatesOneByOne() public {
        bytes32 text = _text();
        _push(OTHER, _envelope(_create(_wallet(2))));
        _enters(2);
        _push(INBOX, _envelope(text, _list(_add(_wallet(1), _installation(1)))));
        _enters(3);
        _push(OTHER, _envelope(_add(_wallet(2), _wallet(1))));
        _enters(4);
        uint64[] memory sequenceIds = _addAll();
        for (uint64 i = 0; i < 3; i++) assert(sequenceIds[i] == i + 2);
        assert(registry.lastSequenceId() == 4 && registry.sequenceIdOf(INBOX, text) == 3);
        assert(registry.inboxOf(_wallet(1)) == OTHER && registry.installationCount(INBOX) == 1);
        assert(_addAll().length == 0);
    }

    /// Whichever is bad is refused with its reason, and the others enter with ids without a gap.
    function test_aBadUpdateStopsNoOther() public {
        for (uint256 bad = 0; bad < 4; bad++) {
            uint64 last = registry.lastSequenceId();
            bytes memory reason = abi.encodeWithSelector(
                IIdentityRegistry.IdentityRegistryNotAMember.selector,
                1,
                _wallet(9)
            );
            for (uint256 i = 0; i < 4; i++) {
                if (i == bad) {
                    // Its first action holds; what that wrote goes too.
                    _push(
                        INBOX,
                        _envelope(_text(), _list(_add(_wallet(1), _passkey(1)), _add(_wallet(9), _wallet(8))))
                    );
                    _isRefused(reason);
                } else {
                    _push(INBOX, _envelope(_add(_wallet(1), _wallet(2 + 4 * bad + i + 10))));
                    _enters(++last);
                }
            }
            uint64[] memory sequenceIds = _addAll();
            for (uint256 i = 0; i < 4; i++) assert((sequenceIds[i] == 0) == (i == bad));
            assert(registry.lastSequenceId() == last && !_isMember(_passkey(1)));
        }
    }

    function test_whatIsKnownGetsItsIdAndNoEvent() public {
        bytes memory known = _envelope(_add(_wallet(1), _wallet(2)));
        registry.addIdentityUpdate(INBOX, known);
        bytes memory fresh = _envelope(_add(_wallet(1), _wallet(3)));
        _push(INBOX, known);
        _push(INBOX, fresh);
        _enters(3);
        // Once more in the same batch.
        _push(INBOX, fresh);
        _push(INBOX, known);
        uint64[] memory sequenceIds = _addAll();
        assert(sequenceIds[0] == 2 && sequenceIds[1] == 3 && sequenceIds[2] == 3 && sequenceIds[3] == 2);
        assert(registry.lastSequenceId() == 3);
    }

    /// Case 41: however much comes back, 256 bytes of it are kept, and what looks like a known id is read as one only when
    /// it is all there is.
    function test_case41_aReasonIsBounded() public {
        bytes memory known = abi.encodeWithSelector(IIdentityRegistry.IdentityRegistryAlreadySequenced.selector, 7);
        bytes memory other = abi.encodeWithSelector(IIdentityRegistry.IdentityRegistryAddsItself.selector, 7);
        bytes[6] memory failures = [
            _long(100_000),
            _long(257),
            _long(256),
            _long(1),
            bytes.concat(known, bytes1(0)),
            other
        ];
        for (uint256 i = 0; i < failures.length; i++) {
            _push(INBOX, _failing(failures[i]));
            _isRefused(failures[i].length > 256 ? _long(256) : failures[i]);
        }
        _push(INBOX, _failing(known));
        uint64[] memory sequenceIds = _addAll();
        for (uint256 i = 0; i < failures.length; i++) assert(sequenceIds[i] == 0);
        assert(sequenceIds[6] == 7);
    }

    function _long(uint256 length) private pure returns (bytes memory reason) {
        reason = new bytes(length);
        for (uint256 i = 0; i < length && i < 300; i++) reason[i] = bytes1(uint8(i + 1));
    }

    /// Bytes out of bounds are refused like others.
    function test_nonsenseInABatchIsRefused() public {
        _push(INBOX, new bytes(77));
        bytes4 selector = IIdentityRegistry.IdentityRegistryPayloadSizeOutOfBounds.selector;
        _isRefused(abi.encodeWithSelector(selector, 77, 78, 262_144));
        _push(keccak256("unknown"), _envelope(_add(_wallet(1), _wallet(2))));
        _isRefused(
            abi.encodeWithSelector(IIdentityRegistry.IdentityRegistryInboxUnknown.selector, keccak256("unknown"))
        );
        uint64[] memory sequenceIds = _addAll();
        for (uint256 i = 0; i < 2; i++) assert(sequenceIds[i] == 0);
        assert(registry.lastSequenceId() == 1);
    }

    /// What ran out of gas is not refused: an error without data, or an account that was not given what it is due.
    function test_aBatchThatRunsOutOfGasReverts() public {
        bytes memory gas = abi.encodeWithSelector(IIdentityVerifier.IdentityVerifierAccountGas.selector, address(1));
        // The stub fails without a word at what it cannot decode.
        bytes[2] memory envelopes = [new bytes(78), _failing(gas)];
        for (uint256 i = 0; i < 2; i++) {
            delete _inboxIds;
            delete _envelopes;
            _push(keccak256("new"), _envelope(_create(_wallet(7))));
            _push(INBOX, envelopes[i]);
            bytes memory call = abi.encodeCall(registry.addIdentityUpdates, (_inboxIds, _envelopes));
            bytes memory outOfGas = abi.encodeWithSelector(IIdentityRegistry.IdentityRegistryOutOfGas.selector, 1);
            _refuses(address(registry), address(this), call, outOfGas);
        }
    }

    function test_sixtyFourUpdatesAtOnce() public {
        for (uint64 i = 0; i < 64; i++) {
            bytes32 inboxId = keccak256(abi.encode(i));
            _push(inboxId, _envelope(_create(_wallet(i))));
            _enters(2 + i);
        }
        uint64[] memory sequenceIds = _addAll();
        for (uint64 i = 0; i < 64; i++) assert(sequenceIds[i] == 2 + i);
        assert(registry.lastSequenceId() == 65);
    }
}
