// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IdentityRegistry} from "../../contracts/IdentityRegistry.sol";
import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {Action, ActionKind, Member, MemberKind, Signer} from "../../contracts/types/Identity.sol";
import {IdentityModel} from "../support/IdentityModel.sol";
import {IdentityVerifierStub} from "../support/IdentityVerifierStub.sol";

/// @notice Enters the same random updates, good and bad, into the registry and into a plain model of libxmtp's rules.
contract IdentityHandler {
    bytes32[2] internal inboxIds = [keccak256("inbox"), keccak256("other inbox")];
    uint256 internal constant OWNERS = 5;
    uint256 internal constant MEMBERS = OWNERS + 13;

    IdentityVerifierStub public verifier = new IdentityVerifierStub();
    IdentityRegistry public registry = new IdentityRegistry(address(this), address(verifier));
    IdentityModel public model = new IdentityModel();

    /// One of the two took what the other one did not, or numbered it otherwise.
    bool public differs;
    uint256 public taken;
    uint256 public refused;
    /// How often an inbox had ten installations, and an installation died with its adder.
    uint256 public fullHouses;
    uint256 public deaths;

    uint256 private _random;
    uint256 private _made;

    // Random updates, most of which hold.

    /// A number below `n`.
    function _below(uint256 n) private returns (uint256) {
        _random = uint256(keccak256(abi.encode(_random)));
        return _random % n;
    }

    /// True once in `n`.
    function _rarely(uint256 n) private returns (bool) {
        return _below(n) == 0;
    }

    function memberAt(uint256 i) public pure returns (Member memory) {
        if (i < 3) return Member(MemberKind.Wallet, bytes32(i + 1));
        // The keys of wallets again: kinds must not be mixed up.
        if (i < OWNERS) return Member(MemberKind.Passkey, bytes32(i - 2));
        if (i < MEMBERS) return Member(MemberKind.Installation, bytes32(i - OWNERS + 1));
        return Member(MemberKind.None, bytes32(uint256(1)));
    }

    function _anybody() private returns (Member memory) {
        return memberAt(_rarely(40) ? MEMBERS : _below(MEMBERS));
    }

    function _anyOwner() private returns (Member memory) {
        return _rarely(40) ? _anybody() : memberAt(_below(OWNERS));
    }

    /// Mostly one that may act: a member, or the recovery identifier.
    function _anySigner(bytes32 inboxId) private returns (Member memory) {
        IdentityModel.Entry[] memory entries = model.entriesOf(inboxId);
        if (entries.length == 0 || _rarely(30)) return _anybody();
        return _rarely(3) ? model.recoveryOf(inboxId) : entries[_below(entries.length)].member;
    }

    function _signature(bytes32 inboxId, Member memory member) private returns (Signer memory) {
        bool isAccount = model.isMember(inboxId, member) ? model.joinedAsAccount(inboxId, member) : _rarely(4);
        if (_rarely(40)) isAccount = !isAccount;
        return Signer(member, isAccount, _rarely(60) ? keccak256(abi.encode(_below(8))) : _new());
    }

    function _new() private returns (bytes32) {
        return keccak256(abi.encode("new", ++_made));
    }

    function _anyAction(bytes32 inboxId) private returns (Action memory action) {
        if (model.recoveryOf(inboxId).kind == MemberKind.None ? !_rarely(20) : _rarely(40)) {
            Member memory owner = _anyOwner();
            return Action(ActionKind.CreateInbox, owner, _signature(inboxId, owner), action.consent);
        }
        uint256 kind = _below(12);
        if (kind < 8) return _anyAdd(inboxId);
        Member memory recovery = _rarely(15) ? _anySigner(inboxId) : model.recoveryOf(inboxId);
        if (kind < 11) {
            IdentityModel.Entry[] memory entries = model.entriesOf(inboxId);
            Member memory subject =
                entries.length == 0 || _rarely(4) ? _anybody() : entries[_below(entries.length)].member;
            return Action(ActionKind.Revoke, subject, _signature(inboxId, recovery), action.consent);
        }
        return Action(ActionKind.ChangeRecovery, _anyOwner(), _signature(inboxId, recovery), action.consent);
    }

    function _anyAdd(bytes32 inboxId) private returns (Action memory) {
        Member memory signer = _anySigner(inboxId);
        bool addsOwner = signer.kind == MemberKind.Installation ? !_rarely(20) : _rarely(4);
        Member memory subject = addsOwner ? memberAt(_below(OWNERS)) : memberAt(OWNERS + _below(MEMBERS - OWNERS));
        if (_rarely(40)) subject = _anybody();
        Member memory consenting = _rarely(40) ? _anybody() : subject;
        Signer memory consent = Signer(consenting, addsOwner && _rarely(4), _new());
        if (_rarely(60)) consent.signatureHash = keccak256(abi.encode(_below(8)));
        return Action(ActionKind.Add, subject, _signature(inboxId, signer), consent);
    }

    struct Update {
        bytes32 inboxId;
        bytes32 text;
        Action[] actions;
        bytes envelope;
    }

    function _anyUpdate(uint256 most) private returns (Update memory update) {
        update.inboxId = inboxIds[_rarely(4) ? 1 : 0];
        update.text = _rarely(30) ? keccak256(abi.encode("text", _below(8))) : _new();
        update.actions = new Action[](_rarely(50) ? 0 : 1 + _below(most));
        for (uint256 i = 0; i < update.actions.length; i++) {
            update.actions[i] = _anyAction(update.inboxId);
            // Real clients sign once for all of an update's actions.
            if (i > 0 && _rarely(2)) update.actions[i].signer = update.actions[i - 1].signer;
        }
        update.envelope = abi.encode(update.text, update.actions, bytes(""));
    }

    // Entries.

    function enterOne(uint256 seed) public {
        _random = seed;
        _enter(_anyUpdate(_rarely(3) ? 3 : 1));
    }

    /// Several installations at once, up to ten and beyond.
    function enterCrowd(uint256 seed) public {
        _random = seed;
        Update memory update;
        update.inboxId = inboxIds[_below(2)];
        update.text = _new();
        Member memory adder = _rarely(2) ? model.recoveryOf(update.inboxId) : _anySigner(update.inboxId);
        update.actions = new Action[](1 + _below(9));
        // The next ones that are no members, and now and then one that is.
        uint256 next = _below(MEMBERS - OWNERS);
        for (uint256 i = 0; i < update.actions.length; i++) {
            Member memory subject = memberAt(OWNERS + (next++ % (MEMBERS - OWNERS)));
            for (uint256 tries = 0; tries < MEMBERS && !_rarely(40); tries++) {
                if (!model.isMember(update.inboxId, subject)) break;
                subject = memberAt(OWNERS + (next++ % (MEMBERS - OWNERS)));
            }
            Signer memory consent = Signer(subject, false, _new());
            update.actions[i] = Action(ActionKind.Add, subject, _signature(update.inboxId, adder), consent);
        }
        update.envelope = abi.encode(update.text, update.actions, bytes(""));
        _enter(update);
    }

    function enterMany(uint256 seed) public {
        _random = seed;
        Update[] memory updates = new Update[](1 + _below(3));
        bytes32[] memory ids = new bytes32[](updates.length);
        bytes[] memory envelopes = new bytes[](updates.length);
        for (uint256 i = 0; i < updates.length; i++) {
            updates[i] = _anyUpdate(2);
            (ids[i], envelopes[i]) = (updates[i].inboxId, updates[i].envelope);
        }
        uint64[] memory sequenceIds = registry.addIdentityUpdates(ids, envelopes);
        for (uint256 i = 0; i < updates.length; i++) {
            (, uint64 expected) = _enterModel(updates[i]);
            if (sequenceIds[i] != expected) differs = true;
        }
    }

    function _enter(Update memory update) private {
        (bool isTaken, uint64 sequenceId) = _enterModel(update);
        try registry.addIdentityUpdate(update.inboxId, update.envelope) {
            if (!isTaken || registry.lastSequenceId() != sequenceId) differs = true;
        } catch (bytes memory reason) {
            bytes4 selector = IIdentityRegistry.IdentityRegistryAlreadySequenced.selector;
            bool isKnown = keccak256(reason) == keccak256(abi.encodeWithSelector(selector, sequenceId));
            if (isTaken || isKnown != (sequenceId != 0)) differs = true;
        }
    }

    /// @return isTaken Whether it entered.
    /// @return sequenceId Its id, also when it had one before.
    function _enterModel(Update memory update) private returns (bool isTaken, uint64 sequenceId) {
        IdentityModel.Entry[] memory before = model.entriesOf(update.inboxId);
        try model.enter(update.inboxId, update.text, update.actions, keccak256(update.envelope)) returns (uint64 id) {
            taken++;
            _countEvents(update, before);
            return (true, id);
        } catch (bytes memory reason) {
            refused++;
            if (bytes4(reason) != IdentityModel.IdentityModelKnows.selector) return (false, 0);
            return (false, model.sequenceIdOf(update.inboxId, update.text));
        }
    }

    function _countEvents(Update memory update, IdentityModel.Entry[] memory before) private {
        if (model.installationCount(update.inboxId) == 10) fullHouses++;
        if (update.actions.length != 1 || update.actions[0].kind != ActionKind.Revoke) return;
        if (update.actions[0].subject.kind == MemberKind.Installation) return;
        uint256 installations;
        for (uint256 i = 0; i < before.length; i++) {
            if (before[i].member.kind == MemberKind.Installation) installations++;
        }
        if (model.installationCount(update.inboxId) < installations) deaths++;
    }

    // What must be the same.

    function agrees() public view returns (bool) {
        if (differs || registry.lastSequenceId() != model.lastSequenceId()) return false;
        for (uint256 i = 0; i < inboxIds.length; i++) if (!_agreesOn(inboxIds[i])) return false;
        for (uint256 i = 0; i <= MEMBERS; i++) {
            if (registry.inboxOf(memberAt(i)) != model.inboxOf(memberAt(i))) return false;
        }
        return true;
    }

    function _agreesOn(bytes32 inboxId) private view returns (bool) {
        (uint64 count, bytes32 head) = registry.logOf(inboxId);
        (uint64 modelCount, bytes32 modelHead) = model.logOf(inboxId);
        if (count != modelCount || head != modelHead) return false;
        uint256 installations = registry.installationCount(inboxId);
        if (installations != model.installationCount(inboxId) || installations > 10) return false;
        bytes32 recovery = keccak256(abi.encode(registry.recoveryOf(inboxId)));
        if (recovery != keccak256(abi.encode(model.recoveryOf(inboxId)))) return false;
        for (uint256 i = 0; i <= MEMBERS; i++) {
            if (registry.isMember(inboxId, memberAt(i)) != model.isMember(inboxId, memberAt(i))) return false;
        }
        return true;
    }
}

contract IdentityRegistryInvariants {
    IdentityHandler private _handler;

    function setUp() public {
        _handler = new IdentityHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_I18_theRegistryTakesAndKeepsWhatLibxmtpDoes() public view {
        assert(_handler.agrees());
    }
}

contract IdentityRegistryModelTest is IdentityHandler {
    function testFuzz_I18_randomUpdatesEndAsInTheModel(uint256 seed) public {
        for (uint256 i = 0; i < 8; i++) {
            enterOne(uint256(keccak256(abi.encode(seed, i))));
            if (i % 3 == 1) enterCrowd(uint256(keccak256(abi.encode(i, seed))));
            assert(!differs);
        }
        enterMany(seed);
        assert(agrees());
    }

    /// Of what is compared at random, enough holds, enough does not, and the rare things happen.
    function test_randomUpdatesReachWhatMatters() public {
        for (uint256 i = 0; i < 300; i++) {
            enterOne(uint256(keccak256(abi.encode(i))));
            if (i % 5 == 0) enterCrowd(i);
        }
        assert(agrees());
        assert(taken > 127 && refused > 100 && fullHouses >= 5 && deaths >= 5);
    }
}
