// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {PausableEntries} from "./base/PausableEntries.sol";
import {IIdentityRegistry} from "./interfaces/IIdentityRegistry.sol";
import {IIdentityVerifier} from "./interfaces/IIdentityVerifier.sol";
import {Membership} from "./libraries/Membership.sol";
import {PayloadSize} from "./libraries/PayloadSize.sol";
import {Action, ActionKind, Member, MemberKind, Signer} from "./types/Identity.sol";

/// @title IdentityRegistry: the log of identity updates and who belongs to an inbox.
/// @notice See IIdentityRegistry.
contract IdentityRegistry is IIdentityRegistry, PausableEntries {
    using Membership for Membership.Inbox;

    uint256 private constant MOST_INSTALLATIONS = 10;
    uint256 private constant MOST_UPDATES = 64;
    uint256 private constant MOST_REASON_BYTES = 256;
    uint256 private constant NOTICE = 14 days;

    // One slot: announced 160 | announcedFrom 40 | lastSequenceId 56
    IIdentityVerifier private _announced;
    uint40 private _announcedFrom;
    uint56 private _lastSequenceId;
    /// In force until `_announcedFrom`.
    IIdentityVerifier private _previous;

    mapping(bytes32 inboxId => Membership.Inbox) private _inboxes;
    /// Where wallets and passkeys joined last.
    mapping(MemberKind kind => mapping(bytes32 key => bytes32 inboxId)) private _links;

    /// @param authority_ The AccessManager and `verifier_` the first verifier, none of which need exist yet.
    constructor(address authority_, address verifier_) PausableEntries(authority_) {
        _announce(verifier_, block.timestamp);
    }

    // ------------------------------------------------------------------------------------------------- the log

    /// @inheritdoc IIdentityRegistry
    function addIdentityUpdate(bytes32 inboxId, bytes calldata clientEnvelope) external whenEntriesOpen {
        if (!PayloadSize.isAllowed(clientEnvelope.length)) {
            revert IdentityRegistryPayloadSizeOutOfBounds(clientEnvelope.length, PayloadSize.LEAST, PayloadSize.MOST);
        }
        (bytes32 textHash, Action[] memory actions) = verifier().verify(inboxId, clientEnvelope);
        Membership.Inbox storage inbox = _inboxes[inboxId];
        uint64 known = inbox.texts[textHash];
        if (known != 0) revert IdentityRegistryAlreadySequenced(known);

        uint64 sequenceId = ++_lastSequenceId;
        inbox.texts[textHash] = sequenceId;
        _applyAll(inboxId, actions, sequenceId);
        uint64 count = ++inbox.count;
        inbox.head = keccak256(abi.encode(inbox.head, count, keccak256(clientEnvelope)));
        emit IdentityUpdateCreated(inboxId, clientEnvelope, sequenceId);
    }

    /// @inheritdoc IIdentityRegistry
    function addIdentityUpdates(
        bytes32[] calldata inboxIds,
        bytes[] calldata clientEnvelopes
    ) external whenEntriesOpen returns (uint64[] memory sequenceIds) {
        uint256 length = inboxIds.length;
        if (length != clientEnvelopes.length) revert IdentityRegistryBatchLengths(length, clientEnvelopes.length);
        if (length > MOST_UPDATES) revert IdentityRegistryBatchTooLong(length, MOST_UPDATES);
        sequenceIds = new uint64[](length);
        for (uint256 i = 0; i < length; i++) {
            bytes memory data = abi.encodeCall(this.addIdentityUpdate, (inboxIds[i], clientEnvelopes[i]));
            (bool added, bytes memory reason) = _tryThis(data);
            if (!added && _ranOutOfGas(reason)) revert IdentityRegistryOutOfGas(i);
            sequenceIds[i] = added ? _lastSequenceId : _knownId(reason);
            if (sequenceIds[i] == 0) emit IdentityUpdateRefused(inboxIds[i], i, reason);
        }
    }

    /// @dev Calls this contract, so that what one update wrote can be undone alone, and copies no more than the reason's
    /// beginning.
    function _tryThis(bytes memory data) private returns (bool done, bytes memory reason) {
        done = LowLevelCall.callNoReturn(address(this), data);
        reason = new bytes(Math.min(LowLevelCall.returnDataSize(), MOST_REASON_BYTES));
        assembly ("memory-safe") {
            returndatacopy(add(reason, 0x20), 0, mload(reason))
        }
    }

    /// @dev Every refusal has a name; only running out of gas has none, or the one that an account's verifier gives it.
    function _ranOutOfGas(bytes memory reason) private pure returns (bool) {
        return reason.length == 0 || bytes4(reason) == IIdentityVerifier.IdentityVerifierAccountGas.selector;
    }

    /// @return The sequence id of an update that is in the log already; 0 when it was refused for something else.
    function _knownId(bytes memory reason) private pure returns (uint64) {
        if (reason.length != 36 || bytes4(reason) != IdentityRegistryAlreadySequenced.selector) return 0;
        uint256 word;
        assembly ("memory-safe") {
            word := mload(add(reason, 0x24))
        }
        return uint64(word);
    }

    // ------------------------------------------------------------------------------------------------- rules

    function _applyAll(bytes32 inboxId, Action[] memory actions, uint64 sequenceId) private {
        Membership.Inbox storage inbox = _inboxes[inboxId];
        bool creates = actions.length > 0 && actions[0].kind == ActionKind.CreateInbox;
        if (!creates && !inbox.exists()) revert IdentityRegistryInboxUnknown(inboxId);
        for (uint256 i = 0; i < actions.length; i++) _apply(inboxId, i, actions[i], sequenceId);
        if (inbox.installations > MOST_INSTALLATIONS) {
            revert IdentityRegistryTooManyInstallations(inbox.installations, MOST_INSTALLATIONS);
        }
    }

    function _apply(bytes32 inboxId, uint256 index, Action memory action, uint64 sequenceId) private {
        Membership.Inbox storage inbox = _inboxes[inboxId];
        _useSignature(inbox, index, action.signer, sequenceId);
        if (action.kind == ActionKind.CreateInbox) {
            _create(inboxId, index, action);
        } else if (action.kind == ActionKind.Add) {
            _useSignature(inbox, index, action.consent, sequenceId);
            _add(inboxId, index, action);
        } else {
            _requireRecovery(inbox, index, action.signer);
            if (action.kind == ActionKind.Revoke) {
                inbox.remove(action.subject);
            } else {
                _requireOwnerKind(index, action.subject);
                inbox.setRecovery(action.subject);
            }
        }
    }

    /// @dev A signature counts in one update of an inbox, there for as many actions as it was made for.
    function _useSignature(
        Membership.Inbox storage inbox,
        uint256 index,
        Signer memory signer,
        uint64 sequenceId
    ) private {
        uint64 usedIn = inbox.signatures[signer.signatureHash];
        if (usedIn == sequenceId) return;
        if (usedIn != 0) revert IdentityRegistrySignatureUsed(index, usedIn);
        inbox.signatures[signer.signatureHash] = sequenceId;
    }

    function _create(bytes32 inboxId, uint256 index, Action memory action) private {
        Membership.Inbox storage inbox = _inboxes[inboxId];
        if (inbox.exists()) revert IdentityRegistryInboxExists(inboxId);
        Member memory owner = action.subject;
        _requireOwnerKind(index, owner);
        _requireSigned(index, action.signer, owner);
        inbox.setRecovery(owner);
        _addOwner(inboxId, owner, action.signer.isAccount);
    }

    function _add(bytes32 inboxId, uint256 index, Action memory action) private {
        Membership.Inbox storage inbox = _inboxes[inboxId];
        (Member memory subject, Member memory adder) = (action.subject, action.signer.member);
        _requireSigned(index, action.consent, subject);
        if (Membership.isSame(subject, adder)) revert IdentityRegistryAddsItself(index);
        // libxmtp 1.11 lets it join again, later versions refuse that.
        (bool isMemberAlready, ) = inbox.standing(subject);
        if (isMemberAlready) revert IdentityRegistryAlreadyMember(index, subject);
        if (!_requireSignsAsItJoined(inbox, index, action.signer) && !Membership.isSame(adder, inbox.recovery())) {
            revert IdentityRegistryNotAMember(index, adder);
        }
        if (subject.kind != MemberKind.Installation) {
            _requireOwnerKind(index, subject);
            _addOwner(inboxId, subject, action.consent.isAccount);
        } else {
            if (adder.kind == MemberKind.Installation) revert IdentityRegistryInstallationAddsInstallation(index);
            inbox.addInstallation(subject.key, adder, action.consent.isAccount);
        }
    }

    function _addOwner(bytes32 inboxId, Member memory owner, bool asAccount) private {
        _inboxes[inboxId].addOwner(owner, asAccount);
        _links[owner.kind][owner.key] = inboxId;
    }

    function _requireOwnerKind(uint256 index, Member memory subject) private pure {
        if (!Membership.isOwnerKind(subject.kind)) revert IdentityRegistryKindNotAllowed(index, subject.kind);
    }

    function _requireSigned(uint256 index, Signer memory signer, Member memory subject) private pure {
        if (!Membership.isSame(signer.member, subject)) {
            revert IdentityRegistryNotTheSubject(index, signer.member, subject);
        }
    }

    function _requireRecovery(Membership.Inbox storage inbox, uint256 index, Signer memory signer) private view {
        Member memory recovery = inbox.recovery();
        if (!Membership.isSame(signer.member, recovery)) {
            revert IdentityRegistryNotTheRecovery(index, signer.member, recovery);
        }
        _requireSignsAsItJoined(inbox, index, signer);
    }

    /// @return isLive Whether the signer is a member. The recovery identifier need not be one, and then signs either way.
    function _requireSignsAsItJoined(
        Membership.Inbox storage inbox,
        uint256 index,
        Signer memory signer
    ) private view returns (bool isLive) {
        bool joinedAsAccount;
        (isLive, joinedAsAccount) = inbox.standing(signer.member);
        if (isLive && joinedAsAccount != signer.isAccount) {
            revert IdentityRegistrySignsOtherwise(index, signer.member, joinedAsAccount);
        }
    }

    // ------------------------------------------------------------------------------------------------- the verifier

    /// @inheritdoc IIdentityRegistry
    function announceVerifier(address next) external restricted {
        if (next.code.length == 0) revert IdentityRegistryVerifierWithoutCode(next);
        _previous = verifier();
        _announce(next, block.timestamp + NOTICE);
    }

    function _announce(address verifier_, uint256 from) private {
        _announced = IIdentityVerifier(verifier_);
        _announcedFrom = uint40(from);
        emit VerifierAnnounced(verifier_, from);
    }

    /// @inheritdoc IIdentityRegistry
    function verifier() public view returns (IIdentityVerifier) {
        return block.timestamp < _announcedFrom ? _previous : _announced;
    }

    /// @inheritdoc IIdentityRegistry
    function announcedVerifier() external view returns (IIdentityVerifier announced, uint256 from) {
        return (_announced, _announcedFrom);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IIdentityRegistry
    function inboxOf(Member calldata member) external view returns (bytes32 inboxId) {
        inboxId = _links[member.kind][member.key];
        if (!isMember(inboxId, member)) inboxId = 0;
    }

    /// @inheritdoc IIdentityRegistry
    function isMember(bytes32 inboxId, Member calldata member) public view returns (bool isLive) {
        (isLive, ) = _inboxes[inboxId].standing(member);
    }

    /// @inheritdoc IIdentityRegistry
    function recoveryOf(bytes32 inboxId) external view returns (Member memory) {
        return _inboxes[inboxId].recovery();
    }

    /// @inheritdoc IIdentityRegistry
    function installationCount(bytes32 inboxId) external view returns (uint256) {
        return _inboxes[inboxId].installations;
    }

    /// @inheritdoc IIdentityRegistry
    function logOf(bytes32 inboxId) external view returns (uint64 count, bytes32 head) {
        Membership.Inbox storage inbox = _inboxes[inboxId];
        return (inbox.count, inbox.head);
    }

    /// @inheritdoc IIdentityRegistry
    function sequenceIdOf(bytes32 inboxId, bytes32 textHash) external view returns (uint64) {
        return _inboxes[inboxId].texts[textHash];
    }

    /// @inheritdoc IIdentityRegistry
    function lastSequenceId() external view returns (uint64) {
        return _lastSequenceId;
    }
}
