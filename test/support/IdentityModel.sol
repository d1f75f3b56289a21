// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Action, ActionKind, Member, MemberKind, Signer} from "../../contracts/types/Identity.sol";

/**
 * @notice Inboxes as libxmtp keeps them, and not as the registry does: lists of members that know who added them, searched
 * from the start, and a revocation that goes through all of them. It refuses with `IdentityModelRefuses`.
 */
contract IdentityModel {
    error IdentityModelRefuses();
    error IdentityModelKnows(uint64 sequenceId);

    struct Entry {
        Member member;
        Member addedBy;
        bool joinedAsAccount;
    }

    struct Inbox {
        bool isCreated;
        Member recovery;
        Entry[] entries;
        mapping(bytes32 signatureHash => bool) isSeen;
        bytes32[] updates;
    }

    struct Link {
        Member member;
        bytes32 inboxId;
    }

    struct Text {
        bytes32 inboxId;
        bytes32 hash;
    }

    mapping(bytes32 inboxId => Inbox) private _inboxes;
    Link[] private _links;
    /// The text of the update with id 1 comes first.
    Text[] private _texts;

    function enter(
        bytes32 inboxId,
        bytes32 text,
        Action[] memory actions,
        bytes32 envelopeHash
    ) external returns (uint64) {
        uint64 known = sequenceIdOf(inboxId, text);
        if (known != 0) revert IdentityModelKnows(known);
        Inbox storage inbox = _inboxes[inboxId];
        // Whether signatures are new is asked of the inbox as it was before.
        for (uint256 i = 0; i < actions.length; i++) {
            _require(!inbox.isSeen[actions[i].signer.signatureHash]);
            if (actions[i].kind == ActionKind.Add) _require(!inbox.isSeen[actions[i].consent.signatureHash]);
        }
        for (uint256 i = 0; i < actions.length; i++) _apply(inboxId, actions[i]);
        for (uint256 i = 0; i < actions.length; i++) {
            inbox.isSeen[actions[i].signer.signatureHash] = true;
            if (actions[i].kind == ActionKind.Add) inbox.isSeen[actions[i].consent.signatureHash] = true;
        }
        _require(inbox.isCreated && installationCount(inboxId) <= 10);
        inbox.updates.push(envelopeHash);
        _texts.push(Text(inboxId, text));
        return uint64(_texts.length);
    }

    function _apply(bytes32 inboxId, Action memory action) private {
        Inbox storage inbox = _inboxes[inboxId];
        Member memory signer = action.signer.member;
        if (action.kind == ActionKind.CreateInbox) {
            _require(!inbox.isCreated && _same(signer, action.subject));
            _require(action.subject.kind == MemberKind.Wallet || action.subject.kind == MemberKind.Passkey);
            inbox.isCreated = true;
            inbox.recovery = signer;
            _put(inboxId, Entry(signer, Member(MemberKind.None, 0), action.signer.isAccount));
            return;
        }
        _require(inbox.isCreated);
        // Who is a member signs as it joined, whatever it signs.
        (bool isMember_, uint256 place) = _find(inboxId, signer);
        if (isMember_) _require(inbox.entries[place].joinedAsAccount == action.signer.isAccount);
        if (action.kind == ActionKind.Add) {
            _require(_same(action.consent.member, action.subject) && !_same(action.subject, signer));
            (bool isThere, ) = _find(inboxId, action.subject);
            _require(!isThere);
            _require(isMember_ || _same(signer, inbox.recovery));
            _require(action.subject.kind != MemberKind.None);
            _require(signer.kind != MemberKind.Installation || action.subject.kind != MemberKind.Installation);
            _put(inboxId, Entry(action.subject, signer, action.consent.isAccount));
            return;
        }
        _require(_same(signer, inbox.recovery));
        if (action.kind == ActionKind.Revoke) {
            _drop(inboxId, action.subject);
            _dropInstallationsOf(inboxId, action.subject);
        } else {
            _require(action.subject.kind == MemberKind.Wallet || action.subject.kind == MemberKind.Passkey);
            inbox.recovery = action.subject;
        }
    }

    function _put(bytes32 inboxId, Entry memory entry) private {
        _drop(inboxId, entry.member);
        _inboxes[inboxId].entries.push(entry);
        _links.push(Link(entry.member, inboxId));
    }

    function _drop(bytes32 inboxId, Member memory member) private {
        (bool found, uint256 place) = _find(inboxId, member);
        if (found) _dropAt(inboxId, place);
    }

    function _dropAt(bytes32 inboxId, uint256 place) private {
        Entry[] storage entries = _inboxes[inboxId].entries;
        entries[place] = entries[entries.length - 1];
        entries.pop();
    }

    function _dropInstallationsOf(bytes32 inboxId, Member memory adder) private {
        Entry[] storage entries = _inboxes[inboxId].entries;
        for (uint256 i = entries.length; i > 0; i--) {
            Entry memory entry = entries[i - 1];
            if (entry.member.kind != MemberKind.Installation || !_same(entry.addedBy, adder)) continue;
            _dropAt(inboxId, i - 1);
        }
    }

    function _find(bytes32 inboxId, Member memory member) private view returns (bool, uint256) {
        Entry[] storage entries = _inboxes[inboxId].entries;
        for (uint256 i = 0; i < entries.length; i++) if (_same(entries[i].member, member)) return (true, i);
        return (false, 0);
    }

    function _same(Member memory a, Member memory b) private pure returns (bool) {
        return keccak256(abi.encode(a)) == keccak256(abi.encode(b));
    }

    function _require(bool holds) private pure {
        if (!holds) revert IdentityModelRefuses();
    }

    function isMember(bytes32 inboxId, Member memory member) public view returns (bool found) {
        (found, ) = _find(inboxId, member);
    }

    function joinedAsAccount(bytes32 inboxId, Member memory member) external view returns (bool) {
        (bool found, uint256 place) = _find(inboxId, member);
        return found && _inboxes[inboxId].entries[place].joinedAsAccount;
    }

    /// The members of an inbox, in no order.
    function entriesOf(bytes32 inboxId) external view returns (Entry[] memory) {
        return _inboxes[inboxId].entries;
    }

    function recoveryOf(bytes32 inboxId) external view returns (Member memory) {
        return _inboxes[inboxId].recovery;
    }

    function installationCount(bytes32 inboxId) public view returns (uint256 count) {
        Entry[] storage entries = _inboxes[inboxId].entries;
        for (uint256 i = 0; i < entries.length; i++) if (entries[i].member.kind == MemberKind.Installation) count++;
    }

    function inboxOf(Member memory member) external view returns (bytes32) {
        if (member.kind == MemberKind.Installation) return 0;
        for (uint256 i = _links.length; i > 0; i--) {
            if (!_same(_links[i - 1].member, member)) continue;
            bytes32 inboxId = _links[i - 1].inboxId;
            return isMember(inboxId, member) ? inboxId : bytes32(0);
        }
        return 0;
    }

    function logOf(bytes32 inboxId) external view returns (uint64, bytes32 head) {
        bytes32[] storage updates = _inboxes[inboxId].updates;
        for (uint64 i = 0; i < updates.length; i++) head = keccak256(abi.encode(head, i + 1, updates[i]));
        return (uint64(updates.length), head);
    }

    function sequenceIdOf(bytes32 inboxId, bytes32 text) public view returns (uint64) {
        for (uint64 i = 0; i < _texts.length; i++) {
            if (_texts[i].inboxId == inboxId && _texts[i].hash == text) return i + 1;
        }
        return 0;
    }

    function lastSequenceId() external view returns (uint64) {
        return uint64(_texts.length);
    }
}
