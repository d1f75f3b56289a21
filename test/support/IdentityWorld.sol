// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IdentityRegistry} from "../../contracts/IdentityRegistry.sol";
import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {Action, ActionKind, Member, MemberKind, Signer} from "../../contracts/types/Identity.sol";
import {IdentityVerifierStub} from "./IdentityVerifierStub.sol";
import {Logs} from "./Logs.sol";
import {Refusals} from "./Refusals.sol";

/// @notice Updates that say what a test wants, and a registry that reads them. The test is the authority and the only
/// one it allows anything.
abstract contract IdentityWorld is Refusals, Logs {
    bytes32 internal constant INBOX = keccak256("inbox");
    bytes32 internal constant OTHER = keccak256("other inbox");
    /// What is watched when something is refused, 1 to this of each kind.
    uint256 internal constant WATCHED = 12;

    IdentityVerifierStub internal verifier = new IdentityVerifierStub();
    IdentityRegistry internal registry = new IdentityRegistry(address(this), address(verifier));
    /// Counts texts and signatures, so that each is new.
    uint256 private _made;

    /// AccessManager's question.
    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == address(this), 0);
    }

    // Members.

    function _wallet(uint256 i) internal pure returns (Member memory) {
        return Member(MemberKind.Wallet, bytes32(uint256(uint160(uint256(keccak256(abi.encode("wallet", i)))))));
    }

    function _passkey(uint256 i) internal pure returns (Member memory) {
        return Member(MemberKind.Passkey, keccak256(abi.encode("passkey", i)));
    }

    function _installation(uint256 i) internal pure returns (Member memory) {
        return Member(MemberKind.Installation, keccak256(abi.encode("installation", i)));
    }

    function _nobody() internal pure returns (Member memory) {
        return Member(MemberKind.None, 0);
    }

    // Actions.

    function _signs(Member memory member) internal returns (Signer memory) {
        return Signer(member, false, keccak256(abi.encode("signature", ++_made)));
    }

    function _signsAsAccount(Member memory member) internal returns (Signer memory signer) {
        signer = _signs(member);
        signer.isAccount = true;
    }

    function _unsigned() internal pure returns (Signer memory signer) {}

    function _create(Member memory owner) internal returns (Action memory) {
        return Action(ActionKind.CreateInbox, owner, _signs(owner), _unsigned());
    }

    function _add(Member memory adder, Member memory subject) internal returns (Action memory) {
        return Action(ActionKind.Add, subject, _signs(adder), _signs(subject));
    }

    function _revoke(Member memory signer, Member memory subject) internal returns (Action memory) {
        return Action(ActionKind.Revoke, subject, _signs(signer), _unsigned());
    }

    function _change(Member memory signer, Member memory subject) internal returns (Action memory) {
        return Action(ActionKind.ChangeRecovery, subject, _signs(signer), _unsigned());
    }

    function _list(Action memory a) internal pure returns (Action[] memory list) {
        list = new Action[](1);
        list[0] = a;
    }

    function _list(Action memory a, Action memory b) internal pure returns (Action[] memory list) {
        list = new Action[](2);
        (list[0], list[1]) = (a, b);
    }

    // Updates.

    function _text() internal returns (bytes32) {
        return keccak256(abi.encode("text", ++_made));
    }

    function _envelope(bytes32 text, Action[] memory actions) internal pure returns (bytes memory) {
        return abi.encode(text, actions, bytes(""));
    }

    function _envelope(Action memory action) internal returns (bytes memory) {
        return _envelope(_text(), _list(action));
    }

    function _call(bytes32 inboxId, bytes memory envelope) internal pure returns (bytes memory) {
        return abi.encodeCall(IIdentityRegistry.addIdentityUpdate, (inboxId, envelope));
    }

    /// @notice Enters an update, and checks its place in both orders, its text and its event.
    function _enter(bytes32 inboxId, bytes32 text, Action[] memory actions) internal returns (uint64 sequenceId) {
        bytes memory envelope = _envelope(text, actions);
        (uint64 count, bytes32 head) = registry.logOf(inboxId);
        sequenceId = registry.lastSequenceId() + 1;
        _listen();
        registry.addIdentityUpdate(inboxId, envelope);
        bytes32 selector = IIdentityRegistry.IdentityUpdateCreated.selector;
        _heard(address(registry), _log(selector, abi.encode(inboxId, sequenceId), abi.encode(envelope)));
        (uint64 countNow, bytes32 headNow) = registry.logOf(inboxId);
        assert(countNow == count + 1);
        assert(headNow == keccak256(abi.encode(head, countNow, keccak256(envelope))));
        assert(registry.lastSequenceId() == sequenceId);
        assert(registry.sequenceIdOf(inboxId, text) == sequenceId);
        assert(registry.installationCount(inboxId) <= 10);
    }

    function _enter(bytes32 inboxId, Action[] memory actions) internal returns (uint64) {
        return _enter(inboxId, _text(), actions);
    }

    function _enter(Action memory action) internal {
        _enter(INBOX, _list(action));
    }

    /// @notice An update is refused with this error, and nothing changes: also its text and its signatures stay new.
    function _refuses(bytes32 inboxId, Action[] memory actions, bytes4 selector, bytes memory arguments) internal {
        bytes32 text = _text();
        bytes memory call = _call(inboxId, _envelope(text, actions));
        _refuses(address(registry), address(this), call, bytes.concat(selector, arguments));
        assert(registry.sequenceIdOf(inboxId, text) == 0);
    }

    function _refuses(Action memory action, bytes4 selector, bytes memory arguments) internal {
        _refuses(INBOX, _list(action), selector, arguments);
    }

    function _isMember(Member memory member) internal view returns (bool) {
        return registry.isMember(INBOX, member);
    }

    function _isRecovery(Member memory member) internal view returns (bool) {
        return keccak256(abi.encode(registry.recoveryOf(INBOX))) == keccak256(abi.encode(member));
    }

    function _state() internal view override returns (bytes32 state) {
        state = keccak256(abi.encode(registry.lastSequenceId(), registry.verifier(), registry.entriesPausedUntil()));
        (, uint256 from) = registry.announcedVerifier();
        state = keccak256(abi.encode(state, from, _stateOf(INBOX), _stateOf(OTHER)));
        for (uint256 i = 1; i <= WATCHED; i++) {
            state = keccak256(abi.encode(state, registry.inboxOf(_wallet(i)), registry.inboxOf(_passkey(i))));
        }
    }

    function _stateOf(bytes32 inboxId) private view returns (bytes32 state) {
        (uint64 count, bytes32 head) = registry.logOf(inboxId);
        state = keccak256(abi.encode(count, head, registry.recoveryOf(inboxId), registry.installationCount(inboxId)));
        for (uint256 i = 1; i <= WATCHED; i++) {
            bool isWallet = registry.isMember(inboxId, _wallet(i));
            bool isPasskey = registry.isMember(inboxId, _passkey(i));
            state = keccak256(abi.encode(state, isWallet, isPasskey, registry.isMember(inboxId, _installation(i))));
        }
    }
}
