// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// JSON is full of double quotes.
// solhint-disable quotes

import {Base64} from "solady/src/utils/Base64.sol";
import {LibString} from "solady/src/utils/LibString.sol";

import {IdentityVerifier} from "../../contracts/IdentityVerifier.sol";
import {IIdentityVerifier} from "../../contracts/interfaces/IIdentityVerifier.sol";
import {CanonicalProto} from "../../contracts/libraries/CanonicalProto.sol";
import {IdentityText} from "../../contracts/libraries/IdentityText.sol";
import {Action, ActionKind, Member, MemberKind, Signer} from "../../contracts/types/Identity.sol";
import {Ed25519Stub} from "./Ed25519Stub.sol";
import {IdentityWire} from "./IdentityWire.sol";
import {P256Signer} from "./P256Signer.sol";
import {SmartAccount} from "./SmartAccount.sol";
import {vm} from "./Vm.sol";
import {Wire} from "./Wire.sol";

/// @notice Updates as real clients write them, by actors who sign them, and what the verifier has to say of them.
abstract contract IdentityUpdates {
    /// `key` is an address, an Ed25519 key or a P-256 key; `secret` signs, for an account its owner's.
    struct Actor {
        MemberKind kind;
        bool isAccount;
        uint256 secret;
        bytes key;
    }

    struct Plan {
        ActionKind kind;
        Actor subject;
        Actor signer;
        Actor consent;
    }

    struct Update {
        bytes32 inboxId;
        uint64 nonce;
        uint64 timestampNs;
        Plan[] plans;
    }

    uint64 internal constant NOON = 1_795_169_457_000_000_000;
    uint256 internal constant BLOCK = 5_000;
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    /// What an authenticator says of itself.
    bytes internal constant AUTHENTICATOR = hex"aabbccddeeff0011223344556677889905000000ff";

    Ed25519Stub internal ed25519 = new Ed25519Stub(0);
    IdentityVerifier internal verifier = new IdentityVerifier(ed25519);
    mapping(uint256 secret => address) private _accounts;

    // Actors.

    function _wallet(uint256 n) internal pure returns (Actor memory) {
        uint256 secret = uint256(keccak256(abi.encode("wallet", n))) >> 8;
        return Actor(MemberKind.Wallet, false, secret, abi.encodePacked(vm.addr(secret)));
    }

    function _account(uint256 n) internal returns (Actor memory account) {
        account = _wallet(n);
        if (_accounts[n] == address(0)) _accounts[n] = address(new SmartAccount(vm.addr(account.secret)));
        account.key = abi.encodePacked(_accounts[n]);
        account.isAccount = true;
    }

    function _installation(uint256 n) internal pure returns (Actor memory) {
        return Actor(MemberKind.Installation, false, 0, abi.encode(keccak256(abi.encode("installation", n))));
    }

    /// @notice 1 to 3.
    function _passkey(uint256 secret, bool isCompressed) internal pure returns (Actor memory) {
        bytes memory key = P256Signer.keyOf(secret);
        return Actor(MemberKind.Passkey, false, secret, isCompressed ? P256Signer.compressed(key) : key);
    }

    function _nobody() internal pure returns (Actor memory actor) {}

    /// As libxmtp writes it in texts.
    function _identifier(Actor memory actor) internal pure returns (bytes memory) {
        bytes memory digits = bytes(LibString.toHexStringNoPrefix(actor.key));
        return actor.kind == MemberKind.Wallet ? bytes.concat("0x", digits) : digits;
    }

    function _member(Actor memory actor) internal pure returns (Member memory member) {
        member.kind = actor.kind;
        if (actor.kind == MemberKind.Wallet) member.key = bytes32(uint256(uint160(bytes20(actor.key))));
        if (actor.kind == MemberKind.Installation) member.key = bytes32(actor.key);
        if (actor.kind == MemberKind.Passkey) member.key = keccak256(actor.key);
    }

    function _rootKind(Actor memory actor) internal pure returns (uint256) {
        return
            actor.kind == MemberKind.Wallet
                ? 1
                : actor.kind == MemberKind.Passkey
                    ? 2
                    : 0;
    }

    /// A MemberIdentifier.
    function _memberWire(Actor memory actor) internal pure returns (bytes memory) {
        if (actor.kind == MemberKind.Wallet) return Wire.bytesField(1, _identifier(actor));
        if (actor.kind == MemberKind.Installation) return Wire.bytesField(2, actor.key);
        return Wire.bytesField(3, Wire.bytesField(1, actor.key));
    }

    // Signatures.

    function _digestOf(bytes memory text) internal pure returns (bytes32) {
        bytes memory length = bytes(LibString.toString(text.length));
        return keccak256(bytes.concat("\x19Ethereum Signed Message:\n", length, text));
    }

    function _clientData(bytes memory text) internal pure returns (bytes memory) {
        bytes memory challenge = bytes(Base64.encode(text, true, true));
        return
            bytes.concat(
                '{"type":"webauthn.get","challenge":"',
                challenge,
                '","origin":"https://postage.example","crossOrigin":false}'
            );
    }

    /// What the signature itself is, in bytes; a passkey's s.
    function _raw(Actor memory actor, bytes memory text) internal view returns (bytes memory) {
        if (actor.kind == MemberKind.Wallet) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(actor.secret, _digestOf(text));
            return abi.encodePacked(r, s, v);
        }
        if (actor.kind == MemberKind.Installation) return ed25519.rawOf(bytes32(actor.key), text);
        bytes memory signed = bytes.concat(AUTHENTICATOR, sha256(_clientData(text)));
        return abi.encode(P256Signer.sign(actor.secret, sha256(signed)));
    }

    /// A Signature.
    function _sign(Actor memory actor, bytes memory text) internal view returns (bytes memory) {
        if (actor.kind == MemberKind.None) return "";
        bytes memory raw = _raw(actor, text);
        if (actor.isAccount) return IdentityWire.accountSignature(_accountId(actor), block.number - 1, raw);
        if (actor.kind == MemberKind.Wallet) return IdentityWire.walletSignature(raw);
        if (actor.kind == MemberKind.Installation) return IdentityWire.installationSignature(raw, actor.key);
        bytes memory der = P256Signer.der(P256Signer.R, abi.decode(raw, (uint256)));
        return IdentityWire.passkeySignature(actor.key, der, AUTHENTICATOR, _clientData(text));
    }

    function _accountId(Actor memory actor) internal view returns (bytes memory) {
        return bytes.concat("eip155:", bytes(LibString.toString(block.chainid)), ":", _identifier(actor));
    }

    function _signer(Actor memory actor, bytes memory text) internal view returns (Signer memory signer) {
        if (actor.kind == MemberKind.None) return signer;
        bytes memory raw = _raw(actor, text);
        if (actor.kind == MemberKind.Passkey) {
            uint256 s = abi.decode(raw, (uint256));
            raw = abi.encode(P256Signer.R, s > P256Signer.N / 2 ? P256Signer.N - s : s);
        }
        return Signer(_member(actor), actor.isAccount, keccak256(raw));
    }

    // Updates.

    function _inboxOf(Actor memory owner, uint256 nonce) internal pure returns (bytes32) {
        return sha256(bytes.concat(_identifier(owner), bytes(LibString.toString(nonce))));
    }

    /// Of an inbox that `owner` creates with a nonce of 1.
    function _update(Actor memory owner, Plan[] memory plans) internal pure returns (Update memory) {
        return Update(_inboxOf(owner, 1), 1, NOON, plans);
    }

    function _create(Actor memory owner) internal pure returns (Plan memory) {
        return Plan(ActionKind.CreateInbox, owner, owner, _nobody());
    }

    function _add(Actor memory signer, Actor memory subject) internal pure returns (Plan memory) {
        return Plan(ActionKind.Add, subject, signer, subject);
    }

    function _revoke(Actor memory signer, Actor memory subject) internal pure returns (Plan memory) {
        return Plan(ActionKind.Revoke, subject, signer, _nobody());
    }

    function _change(Actor memory signer, Actor memory subject) internal pure returns (Plan memory) {
        return Plan(ActionKind.ChangeRecovery, subject, signer, _nobody());
    }

    function _list(Plan memory a) internal pure returns (Plan[] memory list) {
        list = new Plan[](1);
        list[0] = a;
    }

    function _list(Plan memory a, Plan memory b) internal pure returns (Plan[] memory list) {
        list = new Plan[](2);
        (list[0], list[1]) = (a, b);
    }

    function _list(Plan memory a, Plan memory b, Plan memory c) internal pure returns (Plan[] memory list) {
        list = new Plan[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    function _text(Update memory update) internal pure returns (bytes memory) {
        bytes[] memory lines = new bytes[](update.plans.length);
        for (uint256 i = 0; i < lines.length; i++) {
            Actor memory subject = update.plans[i].subject;
            lines[i] = IdentityText.line(update.plans[i].kind, subject.kind, _identifier(subject));
        }
        return IdentityText.text(update.inboxId, update.timestampNs / 1e9, lines);
    }

    /// An IdentityAction.
    function _action(Plan memory plan, uint64 nonce, bytes memory text) internal view returns (bytes memory) {
        bytes memory signature = _sign(plan.signer, text);
        if (plan.kind == ActionKind.Add) {
            return IdentityWire.add(_memberWire(plan.subject), signature, _sign(plan.consent, text));
        }
        if (plan.kind == ActionKind.Revoke) return IdentityWire.revoke(_memberWire(plan.subject), signature);
        (bytes memory identifier, uint256 kind) = (_identifier(plan.subject), _rootKind(plan.subject));
        if (plan.kind == ActionKind.CreateInbox) return IdentityWire.create(identifier, nonce, signature, kind);
        return IdentityWire.changeRecovery(identifier, signature, kind);
    }

    function _envelope(Update memory update) internal view returns (bytes memory) {
        bytes memory text = _text(update);
        bytes[] memory actions = new bytes[](update.plans.length);
        for (uint256 i = 0; i < actions.length; i++) actions[i] = _action(update.plans[i], update.nonce, text);
        return _envelope(update, actions);
    }

    /// An update whose actions are others.
    function _envelope(Update memory update, bytes[] memory actions) internal pure returns (bytes memory) {
        bytes memory named = bytes(LibString.toHexStringNoPrefix(uint256(update.inboxId), 32));
        bytes memory topic = bytes.concat(hex"02", update.inboxId);
        return IdentityWire.envelope(topic, IdentityWire.update(actions, update.timestampNs, named));
    }

    /// An update whose only action is another.
    function _envelope(Update memory update, bytes memory action) internal pure returns (bytes memory) {
        bytes[] memory actions = new bytes[](1);
        actions[0] = action;
        return _envelope(update, actions);
    }

    // Verdicts.

    function _verdictOf(Update memory update) internal view returns (bytes memory) {
        bytes memory text = _text(update);
        Action[] memory actions = new Action[](update.plans.length);
        for (uint256 i = 0; i < actions.length; i++) {
            Plan memory plan = update.plans[i];
            (Signer memory signer, Signer memory consent) = (_signer(plan.signer, text), _signer(plan.consent, text));
            actions[i] = Action(plan.kind, _member(plan.subject), signer, consent);
        }
        return abi.encode(_digestOf(text), actions);
    }

    function _ask(bytes32 inboxId, bytes memory envelope) internal view returns (bool taken, bytes memory answer) {
        bytes memory call = abi.encodeCall(verifier.verify, (inboxId, envelope));
        // solhint-disable-next-line avoid-low-level-calls
        return address(verifier).staticcall(call);
    }

    function _takes(Update memory update) internal view {
        _takes(update, _envelope(update));
    }

    function _takes(Update memory update, bytes memory envelope) internal view {
        (bool taken, bytes memory answer) = _ask(update.inboxId, envelope);
        assert(taken && keccak256(answer) == keccak256(_verdictOf(update)));
    }

    error IdentityUpdatesOtherAnswer(bool taken, bytes answer, bytes expected);

    function _refuses(bytes32 inboxId, bytes memory envelope, bytes memory expected) internal view {
        (bool taken, bytes memory answer) = _ask(inboxId, envelope);
        if (!taken && keccak256(answer) == keccak256(expected)) return;
        revert IdentityUpdatesOtherAnswer(taken, answer, expected);
    }

    function _refuses(Update memory update, bytes memory expected) internal view {
        _refuses(update.inboxId, _envelope(update), expected);
    }

    function _flaw(CanonicalProto.Flaw flaw) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(CanonicalProto.CanonicalProtoFlaw.selector, flaw);
    }

    function _error(bytes4 selector) internal pure returns (bytes memory) {
        return bytes.concat(selector);
    }

    /// Any error that the interface or the format has, and no panic.
    function _isTyped(bytes memory answer) internal pure returns (bool) {
        bytes4[14] memory all = [
            CanonicalProto.CanonicalProtoFlaw.selector,
            IIdentityVerifier.IdentityVerifierOtherInbox.selector,
            IIdentityVerifier.IdentityVerifierInboxId.selector,
            IIdentityVerifier.IdentityVerifierActionCount.selector,
            IIdentityVerifier.IdentityVerifierTime.selector,
            IIdentityVerifier.IdentityVerifierIdentifier.selector,
            IIdentityVerifier.IdentityVerifierWalletSignature.selector,
            IIdentityVerifier.IdentityVerifierInstallationSignature.selector,
            IIdentityVerifier.IdentityVerifierPasskeySignature.selector,
            IIdentityVerifier.IdentityVerifierClientData.selector,
            IIdentityVerifier.IdentityVerifierAccountId.selector,
            IIdentityVerifier.IdentityVerifierAccountSignature.selector,
            IIdentityVerifier.IdentityVerifierAccountBlock.selector,
            IIdentityVerifier.IdentityVerifierLegacySignature.selector
        ];
        for (uint256 i = 0; i < all.length; i++) if (bytes4(answer) == all[i]) return true;
        return false;
    }
}
