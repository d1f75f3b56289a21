// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Member, MemberKind} from "../types/Identity.sol";

/**
 * @notice Who belongs to an inbox, in few slots and without a loop. Its rules are the registry's.
 *
 * An installation is a member as long as whoever added it was not revoked since. So each wallet and passkey counts its
 * own revocations (`generation`), each installation remembers the generation that it was added under, and a revocation
 * takes all of a wallet's installations along by one more generation. `installationsAdded` says by how many the inbox's
 * number of installations falls then. Recovery identifiers that are no members add installations as well and have
 * the same record, which is not live.
 */
library Membership {
    /// A wallet or passkey, in one slot.
    struct Owner {
        bool isLive;
        bool joinedAsAccount;
        /// Of the installations of this generation, how many there are.
        uint8 installationsAdded;
        uint32 generation;
    }

    /// One slot, and another one when a passkey added it.
    struct Installation {
        /// `None` when there is no such installation.
        MemberKind adderKind;
        bool joinedAsAccount;
        uint32 adderGeneration;
        /// Says something only for an adder of its kind, like the key below.
        address adderWallet;
        bytes32 adderPasskey;
    }

    struct Inbox {
        // One slot: recoveryKind 8 | recoveryWallet 160 | count 64 | installations 8
        MemberKind recoveryKind;
        /// Says something only for a recovery identifier of its kind, like the key below.
        address recoveryWallet;
        uint64 count;
        uint8 installations;
        bytes32 head;
        bytes32 recoveryPasskey;
        mapping(MemberKind kind => mapping(bytes32 key => Owner)) owners;
        mapping(bytes32 key => Installation) installationOf;
        mapping(bytes32 textHash => uint64 sequenceId) texts;
        mapping(bytes32 signatureHash => uint64 sequenceId) signatures;
    }

    function isSame(Member memory a, Member memory b) internal pure returns (bool) {
        return a.kind == b.kind && a.key == b.key;
    }

    /// @notice Whether such a member owns and recovers inboxes and adds installations.
    function isOwnerKind(MemberKind kind) internal pure returns (bool) {
        return kind == MemberKind.Wallet || kind == MemberKind.Passkey;
    }

    function exists(Inbox storage inbox) internal view returns (bool) {
        return inbox.recoveryKind != MemberKind.None;
    }

    function recovery(Inbox storage inbox) internal view returns (Member memory) {
        MemberKind kind = inbox.recoveryKind;
        bytes32 key = kind == MemberKind.Passkey ? inbox.recoveryPasskey : _toKey(inbox.recoveryWallet);
        return Member(kind, key);
    }

    /// @param member A wallet or passkey.
    function setRecovery(Inbox storage inbox, Member memory member) internal {
        inbox.recoveryKind = member.kind;
        if (member.kind == MemberKind.Passkey) inbox.recoveryPasskey = member.key;
        else inbox.recoveryWallet = _toWallet(member.key);
    }

    /// @return isLive Whether it is a member.
    /// @return joinedAsAccount How it joined; says something for members only.
    function standing(
        Inbox storage inbox,
        Member memory member
    ) internal view returns (bool isLive, bool joinedAsAccount) {
        if (member.kind == MemberKind.Installation) {
            Installation storage installation = inbox.installationOf[member.key];
            return (_isLive(inbox, installation), installation.joinedAsAccount);
        }
        Owner storage owner = inbox.owners[member.kind][member.key];
        return (owner.isLive, owner.joinedAsAccount);
    }

    /// @notice A wallet or passkey joins, or joins again.
    function addOwner(Inbox storage inbox, Member memory member, bool asAccount) internal {
        Owner storage owner = inbox.owners[member.kind][member.key];
        owner.isLive = true;
        owner.joinedAsAccount = asAccount;
    }

    /// @notice An installation joins that is no member.
    /// @param adder A wallet or passkey.
    function addInstallation(Inbox storage inbox, bytes32 key, Member memory adder, bool asAccount) internal {
        Owner storage owner = inbox.owners[adder.kind][adder.key];
        owner.installationsAdded++;
        inbox.installations++;
        Installation storage installation = inbox.installationOf[key];
        installation.adderKind = adder.kind;
        installation.joinedAsAccount = asAccount;
        installation.adderGeneration = owner.generation;
        if (adder.kind == MemberKind.Passkey) installation.adderPasskey = adder.key;
        else installation.adderWallet = _toWallet(adder.key);
    }

    /// @notice Removes a member, if it is one, and the installations that it added, also if it is none.
    function remove(Inbox storage inbox, Member memory member) internal {
        if (member.kind == MemberKind.Installation) return _removeInstallation(inbox, member.key);
        Owner storage owner = inbox.owners[member.kind][member.key];
        inbox.installations -= owner.installationsAdded;
        owner.isLive = false;
        owner.installationsAdded = 0;
        owner.generation++;
    }

    function _removeInstallation(Inbox storage inbox, bytes32 key) private {
        Installation storage installation = inbox.installationOf[key];
        if (!_isLive(inbox, installation)) return;
        _adder(inbox, installation).installationsAdded--;
        inbox.installations--;
        installation.adderKind = MemberKind.None;
    }

    function _isLive(Inbox storage inbox, Installation storage installation) private view returns (bool) {
        if (installation.adderKind == MemberKind.None) return false;
        return _adder(inbox, installation).generation == installation.adderGeneration;
    }

    function _adder(Inbox storage inbox, Installation storage installation) private view returns (Owner storage) {
        MemberKind kind = installation.adderKind;
        bytes32 key = kind == MemberKind.Passkey ? installation.adderPasskey : _toKey(installation.adderWallet);
        return inbox.owners[kind][key];
    }

    /// @dev A wallet's key is an address, as `Member` says.
    function _toWallet(bytes32 key) private pure returns (address) {
        return address(uint160(uint256(key)));
    }

    function _toKey(address wallet) private pure returns (bytes32) {
        return bytes32(uint256(uint160(wallet)));
    }
}
