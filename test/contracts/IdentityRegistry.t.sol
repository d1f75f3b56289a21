// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IdentityRegistry} from "../../contracts/IdentityRegistry.sol";
import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {IIdentityVerifier} from "../../contracts/interfaces/IIdentityVerifier.sol";
import {Action, Member, MemberKind} from "../../contracts/types/Identity.sol";
import {IdentityVerifierStub} from "../support/IdentityVerifierStub.sol";
import {IdentityWorld} from "../support/IdentityWorld.sol";
import {vm} from "../support/Vm.sol";

/// @notice What an update does to an inbox, what stands in its log, who reads it and how batches go.
contract IdentityRegistryTest is IdentityWorld {
    uint256 private constant START = 1_800_000_000;

    function setUp() public {
        vm.warp(START);
        registry = new IdentityRegistry(address(this), address(verifier));
    }

    function _createInbox() private {
        _enter(_create(_wallet(1)));
    }

    // The log.

    function test_I18_sequenceIdsHaveNoGapsOverAllInboxes() public {
        assert(registry.lastSequenceId() == 0);
        assert(_enter(INBOX, _list(_create(_wallet(1)))) == 1);
        assert(_enter(OTHER, _list(_create(_wallet(2)))) == 2);
        assert(_enter(INBOX, _list(_add(_wallet(1), _installation(1)))) == 3);
        (uint64 count, ) = registry.logOf(INBOX);
        assert(count == 2);
        (count, ) = registry.logOf(OTHER);
        assert(count == 1);
        (count, ) = registry.logOf(keccak256("nobody's"));
        assert(count == 0);
    }

    /// One text stands for itself per inbox: another inbox may have the same one.
    function test_aTextCountsPerInbox() public {
        bytes32 text = _text();
        _enter(INBOX, text, _list(_create(_wallet(1))));
        _enter(OTHER, text, _list(_create(_wallet(2))));
        assert(registry.sequenceIdOf(INBOX, text) == 1 && registry.sequenceIdOf(OTHER, text) == 2);
        assert(registry.sequenceIdOf(INBOX, _text()) == 0);
    }

    function test_envelopesOf78To262144BytesAreTaken() public {
        verifier.setAnswer(_envelope(_text(), _list(_create(_wallet(1)))));
        registry.addIdentityUpdate(INBOX, new bytes(78));
        verifier.setAnswer(_envelope(_text(), _list(_add(_wallet(1), _installation(1)))));
        registry.addIdentityUpdate(INBOX, new bytes(262_144));
        assert(registry.lastSequenceId() == 2);
    }

    function test_anyoneSubmitsForAnyone() public {
        vm.prank(address(0x57A));
        registry.addIdentityUpdate(INBOX, _envelope(_create(_wallet(1))));
        assert(_isMember(_wallet(1)));
    }

    // Creating.

    function test_aWalletCreatesAnInbox() public {
        assert(_isRecovery(_nobody()));
        _createInbox();
        assert(_isMember(_wallet(1)) && _isRecovery(_wallet(1)));
        assert(registry.inboxOf(_wallet(1)) == INBOX && registry.installationCount(INBOX) == 0);
        // A key is a member of the kind that joined, and of the inbox that it joined.
        assert(!_isMember(Member(MemberKind.Passkey, _wallet(1).key)));
        assert(!_isMember(Member(MemberKind.Installation, _wallet(1).key)));
        assert(!_isMember(Member(MemberKind.None, _wallet(1).key)));
        assert(!registry.isMember(OTHER, _wallet(1)) && registry.recoveryOf(OTHER).kind == MemberKind.None);
    }

    function test_aPasskeyCreatesAnInboxAndRecoversIt() public {
        _enter(_create(_passkey(1)));
        assert(_isMember(_passkey(1)) && _isRecovery(_passkey(1)) && registry.inboxOf(_passkey(1)) == INBOX);
        _enter(INBOX, _list(_add(_passkey(1), _installation(1)), _add(_passkey(1), _installation(2))));
        _enter(_add(_passkey(1), _wallet(1)));
        _enter(_add(_wallet(1), _installation(3)));
        assert(registry.installationCount(INBOX) == 3);
        _enter(_revoke(_passkey(1), _installation(2)));
        assert(registry.installationCount(INBOX) == 2 && !_isMember(_installation(2)));
        _enter(_revoke(_passkey(1), _passkey(1)));
        assert(!_isMember(_installation(1)) && _isMember(_installation(3)) && !_isMember(_passkey(1)));
        assert(_isRecovery(_passkey(1)) && registry.installationCount(INBOX) == 1);
    }

    /// As real clients register: one wallet signature in both actions.
    function test_oneSignatureServesAWholeRegistration() public {
        Action memory create = _create(_wallet(1));
        Action memory add = _add(_wallet(1), _installation(1));
        add.signer = create.signer;
        _enter(INBOX, _list(create, add));
        assert(_isMember(_wallet(1)) && _isMember(_installation(1)) && registry.installationCount(INBOX) == 1);
        // The same signature counts in another inbox.
        _enter(OTHER, _list(create, add));
        assert(registry.inboxOf(_wallet(1)) == OTHER && registry.installationCount(OTHER) == 1);
    }

    // Adding.

    function test_everyMemberAddsWalletsAndPasskeys() public {
        _createInbox();
        _enter(_add(_wallet(1), _passkey(1)));
        _enter(_add(_passkey(1), _installation(1)));
        _enter(_add(_installation(1), _wallet(2)));
        _enter(_add(_installation(1), _passkey(2)));
        _enter(_add(_wallet(2), _installation(2)));
        assert(_isMember(_passkey(1)) && _isMember(_wallet(2)) && _isMember(_passkey(2)));
        assert(registry.installationCount(INBOX) == 2);
        assert(registry.inboxOf(_installation(1)) == 0);
        assert(registry.inboxOf(_passkey(1)) == INBOX && registry.inboxOf(_wallet(2)) == INBOX);
        // What an installation added stays when it goes.
        _enter(_revoke(_wallet(1), _installation(1)));
        assert(_isMember(_wallet(2)) && _isMember(_passkey(2)) && registry.installationCount(INBOX) == 1);
    }

    function test_theRecoveryIdentifierAddsWithoutBeingAMember() public {
        _createInbox();
        _enter(_change(_wallet(1), _wallet(9)));
        _enter(_add(_wallet(9), _installation(1)));
        _enter(_add(_wallet(1), _installation(2)));
        // No member, so it may sign with a key or as an account.
        Action memory add = _add(_wallet(9), _installation(3));
        add.signer.isAccount = true;
        _enter(add);
        assert(!_isMember(_wallet(9)) && registry.inboxOf(_wallet(9)) == 0);
        assert(registry.installationCount(INBOX) == 3);
        _enter(_revoke(_wallet(9), _wallet(9)));
        assert(!_isMember(_installation(1)) && _isMember(_installation(2)) && !_isMember(_installation(3)));
        assert(registry.installationCount(INBOX) == 1 && _isRecovery(_wallet(9)));
    }

    function test_whatARecoveryIdentifierAddedIsItsAlsoOnceItJoined() public {
        _createInbox();
        _enter(_change(_wallet(1), _passkey(9)));
        _enter(_add(_passkey(9), _installation(1)));
        _enter(_add(_passkey(9), _wallet(2)));
        _enter(_add(_wallet(2), _passkey(9)));
        _enter(_revoke(_passkey(9), _passkey(9)));
        assert(!_isMember(_installation(1)) && _isMember(_wallet(2)) && registry.installationCount(INBOX) == 0);
    }

    /// Of an installation that joins again, the new adder decides.
    function test_anInstallationFollowsWhoAddedItLast() public {
        _createInbox();
        _enter(_add(_wallet(1), _wallet(2)));
        _enter(_add(_wallet(1), _installation(1)));
        _enter(INBOX, _list(_revoke(_wallet(1), _installation(1)), _add(_wallet(2), _installation(1))));
        assert(registry.installationCount(INBOX) == 1);
        _enter(_revoke(_wallet(1), _wallet(1)));
        assert(_isMember(_installation(1)) && registry.installationCount(INBOX) == 1);
        _enter(_revoke(_wallet(1), _wallet(2)));
        assert(!_isMember(_installation(1)) && registry.installationCount(INBOX) == 0);
    }

    function test_anInstallationFollowsFromAPasskeyToAWalletAndBack() public {
        _createInbox();
        _enter(_add(_wallet(1), _passkey(1)));
        Member[3] memory adders = [_passkey(1), _wallet(1), _passkey(1)];
        for (uint256 i = 0; i < 3; i++) {
            _enter(INBOX, _list(_revoke(_wallet(1), _installation(1)), _add(adders[i], _installation(1))));
        }
        _enter(_add(_wallet(1), _installation(2)));
        _enter(_revoke(_wallet(1), _wallet(1)));
        assert(_isMember(_installation(1)) && !_isMember(_installation(2)));
        _enter(_revoke(_wallet(1), _passkey(1)));
        assert(registry.installationCount(INBOX) == 0 && !_isMember(_installation(1)));
    }

    function test_whoJoinsAgainSignsAsItJoinedLast() public {
        _createInbox();
        Action memory again = _add(_wallet(1), _wallet(2));
        _enter(again);
        _enter(_revoke(_wallet(1), _wallet(2)));
        again = _add(_wallet(1), _wallet(2));
        again.consent.isAccount = true;
        _enter(again);
        again = _add(_wallet(2), _installation(1));
        again.signer.isAccount = true;
        _enter(again);
        assert(_isMember(_installation(1)));
    }

    function test_anAccountCreatesAndGoesOnSigningAsOne() public {
        Action memory create = _create(_wallet(1));
        create.signer = _signsAsAccount(_wallet(1));
        _enter(create);
        Action[3] memory actions = [
            _add(_wallet(1), _installation(1)),
            _revoke(_wallet(1), _installation(1)),
            _change(_wallet(1), _wallet(2))
        ];
        for (uint256 i = 0; i < 3; i++) {
            actions[i].signer.isAccount = true;
            _enter(actions[i]);
        }
        assert(_isRecovery(_wallet(2)));
    }

    // Revoking.

    function test_aRevokedWalletTakesItsInstallationsAlongAndNothingElse() public {
        _createInbox();
        _enter(_add(_wallet(1), _wallet(2)));
        _enter(_add(_wallet(2), _wallet(3)));
        _enter(_add(_wallet(2), _passkey(1)));
        _enter(INBOX, _list(_add(_wallet(2), _installation(1)), _add(_wallet(2), _installation(2))));
        _enter(INBOX, _list(_add(_wallet(3), _installation(3)), _add(_wallet(1), _installation(4))));
        _enter(_revoke(_wallet(1), _wallet(2)));
        assert(!_isMember(_wallet(2)) && !_isMember(_installation(1)) && !_isMember(_installation(2)));
        assert(_isMember(_wallet(3)) && _isMember(_passkey(1)));
        assert(_isMember(_installation(3)) && _isMember(_installation(4)));
        assert(registry.installationCount(INBOX) == 2 && registry.inboxOf(_wallet(2)) == 0);
    }

    function test_aWalletThatJoinsAgainRevivesNothing() public {
        _createInbox();
        for (uint256 round = 0; round < 3; round++) {
            _enter(_add(_wallet(1), _wallet(2)));
            assert(_isMember(_wallet(2)) && registry.installationCount(INBOX) == 0);
            for (uint256 i = 1; i <= 2; i++) assert(!_isMember(_installation(i)));
            // The first joins anew, of the second only the dead record stays.
            _enter(_add(_wallet(2), _installation(1)));
            if (round == 0) _enter(_add(_wallet(2), _installation(2)));
            assert(_isMember(_installation(1)) && registry.installationCount(INBOX) == (round == 0 ? 2 : 1));
            _enter(_revoke(_wallet(1), _wallet(2)));
        }
    }

    /// A dead installation joins again with another adder: nobody's count falls for it.
    function test_aDeadInstallationJoinsAgain() public {
        _createInbox();
        _enter(_add(_wallet(1), _wallet(2)));
        _enter(_add(_wallet(2), _installation(1)));
        _enter(_revoke(_wallet(1), _wallet(2)));
        _enter(_revoke(_wallet(1), _installation(1)));
        assert(registry.installationCount(INBOX) == 0);
        _enter(_add(_wallet(1), _installation(1)));
        _enter(_add(_wallet(1), _wallet(2)));
        _enter(_add(_wallet(2), _installation(2)));
        assert(registry.installationCount(INBOX) == 2);
        _enter(_revoke(_wallet(1), _wallet(2)));
        assert(_isMember(_installation(1)) && registry.installationCount(INBOX) == 1);
    }

    function test_aRevokedInstallationIsNotSubtractedAgain() public {
        _createInbox();
        _enter(_add(_wallet(1), _wallet(2)));
        _enter(_add(_wallet(1), _installation(3)));
        for (uint256 i = 1; i <= 2; i++) _enter(_add(_wallet(2), _installation(i)));
        for (uint256 i = 0; i < 2; i++) _enter(_revoke(_wallet(1), _installation(1)));
        assert(registry.installationCount(INBOX) == 2 && !_isMember(_installation(1)));
        _enter(_revoke(_wallet(1), _wallet(2)));
        assert(registry.installationCount(INBOX) == 1 && _isMember(_installation(3)));
        _enter(_revoke(_wallet(1), _wallet(1)));
        assert(registry.installationCount(INBOX) == 0);
    }

    function test_whoIsNoMemberIsRevokedWithoutEffect() public {
        _createInbox();
        Member[4] memory strangers = [_wallet(7), _passkey(7), _installation(7), _nobody()];
        for (uint256 i = 0; i < strangers.length; i++) {
            _enter(_revoke(_wallet(1), strangers[i]));
            assert(!_isMember(strangers[i]));
        }
        assert(_isMember(_wallet(1)) && registry.installationCount(INBOX) == 0);
    }

    // Recovery.

    function test_recoveryPassesOnBetweenWalletsAndPasskeys() public {
        _createInbox();
        Member[5] memory holders = [_wallet(1), _wallet(2), _passkey(1), _passkey(2), _wallet(1)];
        for (uint256 i = 1; i < holders.length; i++) {
            _enter(_change(holders[i - 1], holders[i]));
            assert(_isRecovery(holders[i]));
            _enter(_revoke(holders[i], _installation(i)));
        }
        assert(_isMember(_wallet(1)) && !_isMember(_wallet(2)) && !_isMember(_passkey(1)));
    }

    function test_anUpdateThatPassesRecoveryOnGoesOnWithTheNewOne() public {
        _createInbox();
        _enter(INBOX, _list(_change(_wallet(1), _passkey(1)), _revoke(_passkey(1), _wallet(1))));
        assert(!_isMember(_wallet(1)) && _isRecovery(_passkey(1)));
        // Nobody is left, and the recovery identifier brings somebody back.
        _enter(_add(_passkey(1), _wallet(2)));
        assert(_isMember(_wallet(2)));
    }

    // Ten installations.

    /// Case 40: they are counted after the last action.
    function test_case40_tenInstallationsAfterTheLastAction() public {
        _createInbox();
        Action[] memory actions = new Action[](10);
        for (uint256 i = 0; i < 10; i++) actions[i] = _add(_wallet(1), _installation(i));
        _enter(INBOX, actions);
        assert(registry.installationCount(INBOX) == 10);
        actions = new Action[](60);
        for (uint256 i = 0; i < 30; i++) actions[i] = _add(_wallet(1), _installation(10 + i));
        for (uint256 i = 0; i < 30; i++) actions[30 + i] = _revoke(_wallet(1), _installation(i));
        _enter(INBOX, actions);
        assert(registry.installationCount(INBOX) == 10);
        for (uint256 i = 0; i < 40; i++) assert(_isMember(_installation(i)) == (i >= 30));
    }

    // Links.

    function test_theLatestLinkOfAWalletIsItsInbox() public {
        _createInbox();
        _enter(OTHER, _list(_create(_wallet(2))));
        _enter(OTHER, _list(_add(_wallet(2), _wallet(1))));
        assert(registry.inboxOf(_wallet(1)) == OTHER);
        assert(registry.isMember(OTHER, _wallet(1)) && registry.isMember(INBOX, _wallet(1)));
        // Joining again is a link.
        _enter(_add(_wallet(1), _passkey(1)));
        _enter(INBOX, _list(_revoke(_wallet(1), _wallet(1)), _add(_passkey(1), _wallet(1))));
        assert(registry.inboxOf(_wallet(1)) == INBOX);
        // It left the inbox that it was linked to last: the one before does not come back.
        _enter(_revoke(_wallet(1), _wallet(1)));
        assert(registry.inboxOf(_wallet(1)) == 0 && registry.isMember(OTHER, _wallet(1)));
    }

    // The verifier.

    function test_aVerifierReadsFourteenDaysAfterItsAnnouncement() public {
        address first = address(verifier);
        _checkAnnounced(first, first, START);
        IdentityVerifierStub second = new IdentityVerifierStub();
        second.setAnswer(_envelope(_text(), _list(_create(_passkey(1)))));
        _listen();
        registry.announceVerifier(address(second));
        bytes32 selector = IIdentityRegistry.VerifierAnnounced.selector;
        _heard(address(registry), _log(selector, abi.encode(second), abi.encode(START + 14 days)));
        vm.warp(START + 13 days);
        _checkAnnounced(first, address(second), START + 14 days);
        vm.warp(START + 14 days - 1);
        _checkAnnounced(first, address(second), START + 14 days);
        _createInbox();
        vm.warp(START + 14 days);
        _checkAnnounced(address(second), address(second), START + 14 days);
        registry.addIdentityUpdate(OTHER, new bytes(100));
        assert(registry.inboxOf(_passkey(1)) == OTHER);
    }

    function test_theLastAnnouncementCounts() public {
        address first = address(verifier);
        (address second, address third) = (address(new IdentityVerifierStub()), address(new IdentityVerifierStub()));
        registry.announceVerifier(second);
        vm.warp(START + 10 days);
        registry.announceVerifier(third);
        _checkAnnounced(first, third, START + 24 days);
        vm.warp(START + 14 days);
        _checkAnnounced(first, third, START + 24 days);
        vm.warp(START + 24 days);
        _checkAnnounced(third, third, START + 24 days);
        registry.announceVerifier(second);
        _checkAnnounced(third, second, START + 38 days);
    }

    function test_announcingTheVerifierInForceTakesTheOthersBack() public {
        address first = address(verifier);
        registry.announceVerifier(address(new IdentityVerifierStub()));
        vm.warp(START + 14 days - 1);
        registry.announceVerifier(first);
        _checkAnnounced(first, first, START + 28 days - 1);
        vm.warp(START + 28 days);
        _checkAnnounced(first, first, START + 28 days - 1);
    }

    /// A reader of the logs knows every verifier, the first too.
    function test_theFirstVerifierIsAnnouncedAtDeployment() public {
        _listen();
        IdentityRegistry fresh = new IdentityRegistry(address(this), address(0xE1));
        bytes32 selector = IIdentityRegistry.VerifierAnnounced.selector;
        bytes memory authority = _log(IAccessManaged.AuthorityUpdated.selector, "", abi.encode(address(this)));
        bytes memory announced = _log(selector, abi.encode(address(0xE1)), abi.encode(START));
        _heard(address(fresh), bytes.concat(authority, announced));
        assert(address(fresh.verifier()) == address(0xE1) && fresh.authority() == address(this));
    }

    function _checkAnnounced(address inForce, address announced, uint256 from) private view {
        assert(address(registry.verifier()) == inForce);
        (IIdentityVerifier seen, uint256 seenFrom) = registry.announcedVerifier();
        assert(address(seen) == announced && seenFrom == from);
    }
}
