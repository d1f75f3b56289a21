// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {IdentityRegistry} from "../../contracts/IdentityRegistry.sol";
import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {IPausableEntries} from "../../contracts/interfaces/IPausableEntries.sol";
import {Action, ActionKind, Member, MemberKind} from "../../contracts/types/Identity.sol";
import {IdentityWorld} from "../support/IdentityWorld.sol";
import {ReenteringVerifier, WritingVerifier} from "../support/RestlessVerifiers.sol";
import {vm} from "../support/Vm.sol";

/// @notice Every refusal of IdentityRegistry, with its error's arguments and nothing changed.
contract IdentityRegistryReverts is IdentityWorld {
    uint256 private constant START = 1_800_000_000;
    address private constant STRANGER = address(0x57A);

    /// Wallet 1 owns the inbox. Members: wallet 1, wallet 2 as an account, passkey 1, installations 1 (of wallet 1) and 2
    /// (of passkey 1). Texts and signatures of the first update are kept.
    Action private _first;
    bytes32 private _firstText;

    function setUp() public {
        vm.warp(START);
        registry = new IdentityRegistry(address(this), address(verifier));
        _first = _create(_wallet(1));
        _firstText = _text();
        _enter(INBOX, _firstText, _list(_first));
        Action memory account = _add(_wallet(1), _wallet(2));
        account.consent.isAccount = true;
        _enter(INBOX, _list(account, _add(_wallet(1), _passkey(1))));
        _enter(INBOX, _list(_add(_wallet(1), _installation(1)), _add(_passkey(1), _installation(2))));
    }

    function _refusesCall(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(registry), caller, call, bytes.concat(selector, arguments));
    }

    // Envelopes and texts.

    function test_an77And262145BytesAreOutOfBounds() public {
        verifier.setAnswer(_envelope(_text(), _list(_add(_wallet(1), _installation(3)))));
        bytes4 selector = IIdentityRegistry.IdentityRegistryPayloadSizeOutOfBounds.selector;
        uint256[3] memory sizes = [uint256(0), 77, 262_145];
        for (uint256 i = 0; i < sizes.length; i++) {
            bytes memory call = _call(INBOX, new bytes(sizes[i]));
            _refusesCall(STRANGER, call, selector, abi.encode(sizes[i], 78, 262_144));
        }
    }

    /// Case 40: whatever else the envelope says, its text is in the log.
    function test_case40_aTextEntersOnce() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryAlreadySequenced.selector;
        Action[3] memory actions = [_first, _create(_wallet(3)), _add(_wallet(3), _wallet(3))];
        for (uint256 i = 0; i < actions.length; i++) {
            bytes memory call = _call(INBOX, _envelope(_firstText, _list(actions[i])));
            _refusesCall(STRANGER, call, selector, abi.encode(1));
        }
        bytes32 text = _text();
        uint64 sequenceId = _enter(INBOX, text, _list(_add(_wallet(1), _installation(3))));
        _refusesCall(STRANGER, _call(INBOX, _envelope(text, new Action[](0))), selector, abi.encode(sequenceId));
    }

    /// What the verifier says is what the sender hears.
    function test_whatTheVerifierRefusesIsRefusedForItsReason() public {
        bytes memory failure = abi.encodeWithSignature("IdentityVerifierSomething(uint256)", 7);
        bytes memory call = _call(INBOX, abi.encode(_text(), _list(_add(_wallet(1), _wallet(3))), failure));
        _refuses(address(registry), STRANGER, call, failure);
    }

    /// Case 41: a verifier and the accounts that it asks can neither write nor come back.
    function test_case41_aVerifierWritesNothing() public {
        address[3] memory verifiers = [
            address(new WritingVerifier()),
            address(new ReenteringVerifier()),
            address(0xE0)
        ];
        bytes memory envelope = _envelope(_add(_wallet(1), _wallet(3)));
        for (uint256 i = 0; i < verifiers.length; i++) {
            IdentityRegistry other = new IdentityRegistry(address(this), verifiers[i]);
            // solhint-disable-next-line avoid-low-level-calls
            (bool taken, ) = address(other).call{gas: 3_000_000}(_call(INBOX, envelope));
            assert(!taken && other.lastSequenceId() == 0);
        }
        assert(WritingVerifier(verifiers[0]).asked() == 0);
    }

    // Signatures.

    /// Case 40: signatures of earlier updates, whoever's and wherever they stood, count no more.
    function test_case40_aSignatureOfAnEarlierUpdateCountsNoMore() public {
        Action memory add = _add(_wallet(1), _installation(3));
        uint64 sequenceId = _enter(INBOX, _list(add));
        bytes4 selector = IIdentityRegistry.IdentityRegistrySignatureUsed.selector;
        Action memory replay = _add(_wallet(1), _installation(3));
        replay.signer = add.signer;
        _refuses(replay, selector, abi.encode(0, sequenceId));
        replay = _add(_wallet(1), _installation(3));
        replay.consent = add.consent;
        _refuses(replay, selector, abi.encode(0, sequenceId));
        replay = _add(_wallet(1), _installation(4));
        replay.consent.signatureHash = add.signer.signatureHash;
        _refuses(replay, selector, abi.encode(0, sequenceId));
        Action[2] memory others = [_revoke(_wallet(1), _installation(3)), _change(_wallet(1), _wallet(3))];
        for (uint256 i = 0; i < 2; i++) {
            others[i].signer.signatureHash = _first.signer.signatureHash;
            _refuses(INBOX, _list(_add(_wallet(1), _wallet(4)), others[i]), selector, abi.encode(1, 1));
        }
        // The installation that was revoked does not come back by its old signatures.
        _enter(_revoke(_wallet(1), _installation(3)));
        _refuses(add, selector, abi.encode(0, sequenceId));
    }

    /// What was in an update that was refused is as good as new.
    function test_aRefusedUpdateUsesNothingUp() public {
        Action memory add = _add(_wallet(1), _wallet(3));
        bytes4 selector = IIdentityRegistry.IdentityRegistryAddsItself.selector;
        _refuses(INBOX, _list(add, _add(_wallet(1), _wallet(1))), selector, abi.encode(1));
        _enter(add);
    }

    // Creating.

    function test_anInboxIsCreatedOnce() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryInboxExists.selector;
        _refuses(_create(_wallet(1)), selector, abi.encode(INBOX));
        _refuses(_create(_wallet(3)), selector, abi.encode(INBOX));
        _refuses(INBOX, _list(_add(_wallet(1), _wallet(3)), _create(_wallet(1))), selector, abi.encode(INBOX));
        _refuses(OTHER, _list(_create(_wallet(3)), _create(_wallet(3))), selector, abi.encode(OTHER));
        // Nobody being left creates it no second time.
        _enter(_revoke(_wallet(1), _wallet(1)));
        _refuses(_create(_wallet(1)), selector, abi.encode(INBOX));
    }

    function test_theFirstActionOfAnInboxCreatesIt() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryInboxUnknown.selector;
        Action[4] memory actions = [
            _add(_wallet(1), _wallet(3)),
            _revoke(_nobody(), _wallet(1)),
            _change(_nobody(), _wallet(1)),
            _add(_nobody(), _wallet(1))
        ];
        for (uint256 i = 0; i < actions.length; i++) {
            _refuses(OTHER, _list(actions[i]), selector, abi.encode(OTHER));
            _refuses(OTHER, _list(actions[i], _create(_wallet(1))), selector, abi.encode(OTHER));
        }
        _refuses(OTHER, new Action[](0), selector, abi.encode(OTHER));
    }

    function test_theOwnerOfAnInboxSignsItself() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryNotTheSubject.selector;
        Action memory create = _create(_wallet(3));
        Member[2] memory signers = [_wallet(4), Member(MemberKind.Passkey, _wallet(3).key)];
        for (uint256 i = 0; i < signers.length; i++) {
            create.signer = _signs(signers[i]);
            _refuses(OTHER, _list(create), selector, abi.encode(0, signers[i], _wallet(3)));
        }
    }

    function test_onlyWalletsAndPasskeysOwnAndRecover() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryKindNotAllowed.selector;
        Member[2] memory others = [_installation(1), _nobody()];
        for (uint256 i = 0; i < others.length; i++) {
            _refuses(OTHER, _list(_create(others[i])), selector, abi.encode(0, others[i].kind));
            _refuses(_change(_wallet(1), others[i]), selector, abi.encode(0, others[i].kind));
        }
        _refuses(_add(_wallet(1), _nobody()), selector, abi.encode(0, MemberKind.None));
    }

    // Adding.

    function test_theNewMemberSignsItself() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryNotTheSubject.selector;
        Member[3] memory subjects = [_wallet(3), _passkey(3), _installation(3)];
        for (uint256 i = 0; i < 3; i++) {
            Action memory add = _add(_wallet(1), subjects[i]);
            add.consent = _signs(subjects[(i + 1) % 3]);
            Action[] memory actions = _list(_add(_wallet(1), _wallet(4)), add);
            _refuses(INBOX, actions, selector, abi.encode(1, subjects[(i + 1) % 3], subjects[i]));
            add.consent = _unsigned();
            _refuses(add, selector, abi.encode(0, _nobody(), subjects[i]));
        }
    }

    function test_nobodyAddsItself() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryAddsItself.selector;
        Member[4] memory members = [_wallet(1), _passkey(1), _installation(1), _wallet(3)];
        for (uint256 i = 0; i < 4; i++) _refuses(_add(members[i], members[i]), selector, abi.encode(0));
    }

    /// Case 40: strangers, revoked members, and members of another inbox add nobody.
    function test_case40_onlyMembersAdd() public {
        _enter(OTHER, _list(_create(_wallet(5)), _add(_wallet(5), _installation(5))));
        _enter(_revoke(_wallet(1), _passkey(1)));
        bytes4 selector = IIdentityRegistry.IdentityRegistryNotAMember.selector;
        Member[8] memory strangers = [
            _wallet(3),
            _passkey(3),
            _installation(3),
            _wallet(5),
            _installation(5),
            _passkey(1),
            _installation(2),
            Member(MemberKind.Passkey, _wallet(1).key)
        ];
        for (uint256 i = 0; i < strangers.length; i++) {
            _refuses(_add(strangers[i], _wallet(6)), selector, abi.encode(0, strangers[i]));
        }
        _refuses(_add(_nobody(), _wallet(6)), selector, abi.encode(0, _nobody()));
        // The owner that passed recovery on and was revoked is a stranger.
        _enter(INBOX, _list(_change(_wallet(1), _wallet(6)), _revoke(_wallet(6), _wallet(1))));
        _refuses(_add(_wallet(1), _wallet(7)), selector, abi.encode(0, _wallet(1)));
    }

    /// Case 40: also one that is there already.
    function test_case40_anInstallationAddsNoInstallation() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryInstallationAddsInstallation.selector;
        _refuses(_add(_installation(1), _installation(3)), selector, abi.encode(0));
        _refuses(
            INBOX,
            _list(_add(_installation(1), _wallet(30)), _add(_installation(1), _installation(20))),
            selector,
            abi.encode(1)
        );
    }

    /// Later versions of libxmtp refuse it; who was revoked may join again.
    function test_nobodyJoinsWhoIsAMember() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryAlreadyMember.selector;
        Member[3] memory members = [_wallet(2), _passkey(1), _installation(1)];
        for (uint256 i = 0; i < 3; i++) _refuses(_add(_wallet(1), members[i]), selector, abi.encode(0, members[i]));
        Action memory add = _add(_wallet(1), _wallet(31));
        _refuses(INBOX, _list(add, _add(_passkey(1), _wallet(31))), selector, abi.encode(1, _wallet(31)));
        for (uint256 i = 0; i < 3; i++) {
            _enter(INBOX, _list(_revoke(_wallet(1), members[i]), _add(_wallet(1), members[i])));
        }
    }

    function test_aMemberSignsAsItJoined() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistrySignsOtherwise.selector;
        _refuses(_add(_wallet(2), _wallet(3)), selector, abi.encode(0, _wallet(2), true));
        Member[3] memory withKeys = [_wallet(1), _passkey(1), _installation(1)];
        for (uint256 i = 0; i < 3; i++) {
            Action memory add = _add(withKeys[i], _wallet(3));
            add.signer.isAccount = true;
            _refuses(add, selector, abi.encode(0, withKeys[i], false));
        }
        Action[2] memory others = [_revoke(_wallet(1), _wallet(2)), _change(_wallet(1), _wallet(2))];
        for (uint256 i = 0; i < 2; i++) {
            others[i].signer.isAccount = true;
            _refuses(INBOX, _list(_add(_wallet(1), _wallet(3)), others[i]), selector, abi.encode(1, _wallet(1), false));
        }
        _enter(_change(_wallet(1), _wallet(2)));
        _refuses(_revoke(_wallet(2), _wallet(1)), selector, abi.encode(0, _wallet(2), true));
        // A verifier that says so of an installation is held to it.
        Action memory odd = _add(_wallet(1), _installation(3));
        odd.consent.isAccount = true;
        _enter(odd);
        _refuses(_add(_installation(3), _wallet(3)), selector, abi.encode(0, _installation(3), true));
    }

    // Revoking and recovery.

    function test_onlyTheRecoveryIdentifierRevokesAndPassesOn() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryNotTheRecovery.selector;
        Member[6] memory others = [
            _passkey(1),
            _installation(1),
            _wallet(3),
            _nobody(),
            Member(MemberKind.Passkey, _wallet(1).key),
            _wallet(2)
        ];
        for (uint256 i = 0; i < others.length; i++) {
            bytes memory arguments = abi.encode(0, others[i], _wallet(1));
            _refuses(_revoke(others[i], others[i]), selector, arguments);
            _refuses(_change(others[i], others[i]), selector, arguments);
        }
        _enter(_change(_wallet(1), _passkey(3)));
        _refuses(_revoke(_wallet(1), _wallet(1)), selector, abi.encode(0, _wallet(1), _passkey(3)));
        _refuses(_change(_passkey(1), _wallet(1)), selector, abi.encode(0, _passkey(1), _passkey(3)));
        _enter(_change(_passkey(3), _wallet(3)));
        _refuses(_change(_passkey(3), _wallet(1)), selector, abi.encode(0, _passkey(3), _wallet(3)));
        Action[] memory actions = _list(_change(_wallet(3), _wallet(4)), _revoke(_wallet(3), _wallet(1)));
        _refuses(INBOX, actions, selector, abi.encode(1, _wallet(3), _wallet(4)));
    }

    // Ten installations.

    function test_case40_anEleventhInstallationIsRefused() public {
        for (uint256 i = 3; i <= 10; i++) _enter(_add(i % 2 == 0 ? _passkey(1) : _wallet(1), _installation(i)));
        bytes4 selector = IIdentityRegistry.IdentityRegistryTooManyInstallations.selector;
        _refuses(_add(_wallet(1), _installation(11)), selector, abi.encode(11, 10));
        Action[] memory actions = new Action[](3);
        for (uint256 i = 0; i < 2; i++) actions[i] = _add(_wallet(1), _installation(11 + i));
        actions[2] = _revoke(_wallet(1), _installation(3));
        _refuses(INBOX, actions, selector, abi.encode(11, 10));
        actions[1] = _add(_wallet(1), _wallet(11));
        _enter(INBOX, actions);
        assert(registry.installationCount(INBOX) == 10);
    }

    // The verifier and the pause.

    function test_onlyTheAuthorityAnnouncesAndOnlyContracts() public {
        bytes memory announce = abi.encodeCall(IIdentityRegistry.announceVerifier, (address(verifier)));
        bytes4 selector = IAccessManaged.AccessManagedUnauthorized.selector;
        _refusesCall(STRANGER, announce, selector, abi.encode(STRANGER));
        selector = IIdentityRegistry.IdentityRegistryVerifierWithoutCode.selector;
        address[2] memory empty = [STRANGER, address(0)];
        for (uint256 i = 0; i < 2; i++) {
            announce = abi.encodeCall(IIdentityRegistry.announceVerifier, (empty[i]));
            _refusesCall(address(this), announce, selector, abi.encode(empty[i]));
        }
    }

    /// I17: both entries close, the announcement of a verifier does not.
    function test_I17_noUpdateEntersWhilePaused() public {
        registry.pauseEntries(1 days);
        bytes memory envelope = _envelope(_add(_wallet(1), _wallet(3)));
        bytes32[] memory inboxIds = new bytes32[](1);
        bytes[] memory envelopes = new bytes[](1);
        (inboxIds[0], envelopes[0]) = (INBOX, envelope);
        bytes[3] memory calls = [
            _call(INBOX, envelope),
            abi.encodeCall(IIdentityRegistry.addIdentityUpdates, (inboxIds, envelopes)),
            abi.encodeCall(IIdentityRegistry.addIdentityUpdates, (new bytes32[](0), new bytes[](0)))
        ];
        bytes4 selector = IPausableEntries.PausableEntriesPaused.selector;
        vm.warp(START + 1 days - 1);
        for (uint256 i = 0; i < calls.length; i++) {
            _refusesCall(STRANGER, calls[i], selector, abi.encode(START + 1 days, START + 1 days - 1));
        }
        registry.announceVerifier(address(verifier));
        vm.warp(START + 1 days);
        registry.addIdentityUpdate(INBOX, envelope);
        assert(_isMember(_wallet(3)));
    }

    // Batches.

    function test_aBatchHasAnInboxForEachUpdateAndAtMost64() public {
        bytes4 selector = IIdentityRegistry.IdentityRegistryBatchLengths.selector;
        for (uint256 i = 0; i < 2; i++) {
            bytes32[] memory inboxIds = new bytes32[](1 + i);
            bytes[] memory envelopes = new bytes[](2 - i);
            bytes memory call = abi.encodeCall(IIdentityRegistry.addIdentityUpdates, (inboxIds, envelopes));
            _refusesCall(STRANGER, call, selector, abi.encode(1 + i, 2 - i));
        }
        bytes memory long = abi.encodeCall(IIdentityRegistry.addIdentityUpdates, (new bytes32[](65), new bytes[](65)));
        selector = IIdentityRegistry.IdentityRegistryBatchTooLong.selector;
        _refusesCall(STRANGER, long, selector, abi.encode(65, 64));
    }
}
