// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {LibString} from "solady/src/utils/LibString.sol";

import {IEd25519Verifier} from "./interfaces/IEd25519Verifier.sol";
import {IIdentityVerifier} from "./interfaces/IIdentityVerifier.sol";
import {CanonicalProto} from "./libraries/CanonicalProto.sol";
import {ClientData} from "./libraries/ClientData.sol";
import {Identifiers} from "./libraries/Identifiers.sol";
import {IdentityText} from "./libraries/IdentityText.sol";
import {PasskeySignature} from "./libraries/PasskeySignature.sol";
import {Secp256k1} from "./libraries/Secp256k1.sol";
import {SmartAccount} from "./libraries/SmartAccount.sol";
import {Action, ActionKind, Member, MemberKind, Signer} from "./types/Identity.sol";

/// @title IdentityVerifier: libxmtp's format and its signatures.
/// @notice See IIdentityVerifier. Without state and without an owner.
/// @dev Twice over the actions: the text that is signed needs all of them, and only then signatures can be checked.
/// Field numbers are those of xmtp.identity.associations and xmtp.xmtpv4.envelopes.
contract IdentityVerifier is IIdentityVerifier {
    using CanonicalProto for bytes;

    /// @dev Of one update; a real one has one or two.
    uint256 private constant MOST_ACTIONS = 64;
    uint256 private constant MOST_ACCOUNT_BLOCKS = 1_800;
    bytes1 private constant IDENTITY_UPDATE_TOPIC = 0x02;
    uint64 private constant NS_PER_SECOND = 1e9;

    /// @dev What all signatures of an update are over, and those that were checked already: in a registration the wallet's
    /// stands twice.
    struct Checks {
        bytes text;
        bytes32 digest;
        uint256 count;
        bytes32[] hashes;
        Signer[] signers;
    }

    /// @notice Who checks the signatures of installations. Immutable.
    IEd25519Verifier public immutable ed25519Verifier;

    constructor(IEd25519Verifier ed25519Verifier_) {
        ed25519Verifier = ed25519Verifier_;
    }

    /// @inheritdoc IIdentityVerifier
    function verify(
        bytes32 inboxId,
        bytes calldata clientEnvelope
    ) external view returns (bytes32 textHash, Action[] memory actions) {
        bytes calldata update = _update(inboxId, clientEnvelope);
        bytes memory text;
        (actions, text) = _readText(inboxId, update);
        textHash = MessageHashUtils.toEthSignedMessageHash(text);
        _checkSignatures(_checks(text, textHash, 2 * actions.length), update, actions);
    }

    /// @dev The IdentityUpdate in the ClientEnvelope `{aad 1 {target_topic 2}, identity_update 5}`.
    function _update(bytes32 inboxId, bytes calldata clientEnvelope) private pure returns (bytes calldata update) {
        (bytes calldata aad, bytes calldata rest) = clientEnvelope.takeMessage(1);
        bytes calldata topic;
        (topic, aad) = aad.takeBytes(2);
        aad.requireEnd();
        bool isOurs = topic.length == 33 && topic[0] == IDENTITY_UPDATE_TOPIC && bytes32(topic[1:]) == inboxId;
        if (!isOurs) revert IdentityVerifierOtherInbox();
        return rest.onlyMessage(5);
    }

    /// @dev How many actions (field 1) an update begins with.
    function _count(bytes calldata rest) private pure returns (uint256 count) {
        while (rest.nextField() == 1) {
            (, rest) = rest.takeMessage(1);
            count++;
            if (count > MOST_ACTIONS) revert IdentityVerifierActionCount(count, MOST_ACTIONS);
        }
        if (count == 0) revert IdentityVerifierActionCount(0, MOST_ACTIONS);
    }

    /// @dev What follows the actions, `client_timestamp_ns 2, inbox_id 3`, as seconds.
    function _time(bytes32 inboxId, bytes calldata rest) private pure returns (uint256) {
        uint64 timestampNs;
        bytes calldata named;
        (timestampNs, rest) = rest.takeUint(2);
        (named, rest) = rest.takeBytes(3);
        rest.requireEnd();
        if (timestampNs > uint64(type(int64).max)) revert IdentityVerifierTime(timestampNs);
        bytes memory expected = bytes(LibString.toHexStringNoPrefix(uint256(inboxId), 32));
        if (keccak256(named) != keccak256(expected)) revert IdentityVerifierOtherInbox();
        return timestampNs / NS_PER_SECOND;
    }

    /// @dev Kind and subject of every action, and the text that they give.
    function _readText(
        bytes32 inboxId,
        bytes calldata rest
    ) private pure returns (Action[] memory actions, bytes memory text) {
        uint256 count = _count(rest);
        actions = new Action[](count);
        bytes[] memory lines = new bytes[](count);
        bytes calldata action;
        for (uint256 i = 0; i < count; i++) {
            (action, rest) = rest.takeMessage(1);
            lines[i] = _readSubject(inboxId, action, actions[i]);
        }
        text = IdentityText.text(inboxId, _time(inboxId, rest), lines);
    }

    /// @dev Reads kind and subject of an IdentityAction into `action` and gives its line of the text.
    function _readSubject(
        bytes32 inboxId,
        bytes calldata input,
        Action memory action
    ) private pure returns (bytes memory) {
        (action.kind, input) = _kindOf(input);
        bytes memory identifier;
        if (action.kind == ActionKind.CreateInbox) {
            (action.subject, identifier) = _readOwner(inboxId, input);
        } else if (action.kind == ActionKind.ChangeRecovery) {
            (action.subject, identifier) = _readRecovery(input);
        } else {
            (input, ) = input.takeMessage(1);
            (action.subject, identifier) = _readMember(input);
        }
        return IdentityText.line(action.kind, action.subject.kind, identifier);
    }

    /// @dev The choice in an IdentityAction, numbered like ActionKind from 1 on.
    function _kindOf(bytes calldata input) private pure returns (ActionKind kind, bytes calldata fields) {
        uint256 number = input.nextField();
        if (number == 0 || number > uint256(ActionKind.ChangeRecovery) + 1) {
            revert CanonicalProto.CanonicalProtoFlaw(CanonicalProto.Flaw.UnexpectedField);
        }
        return (ActionKind(number - 1), input.onlyMessage(number));
    }

    /// @dev CreateInbox `{initial_identifier 1, nonce 2, initial_identifier_signature 3, initial_identifier_kind 4}`.
    function _readOwner(
        bytes32 inboxId,
        bytes calldata input
    ) private pure returns (Member memory owner, bytes memory identifier) {
        uint64 nonce;
        uint64 kind;
        (identifier, nonce, kind, owner) = _readOwnerFields(input);
        bytes32 derived = sha256(bytes.concat(identifier, bytes(LibString.toString(nonce))));
        if (derived != inboxId) revert IdentityVerifierInboxId(derived);
    }

    function _readOwnerFields(
        bytes calldata input
    ) private pure returns (bytes memory identifier, uint64 nonce, uint64 kind, Member memory owner) {
        bytes calldata written;
        (written, input) = input.takeBytes(1);
        (nonce, input) = input.takeUint(2);
        (, input) = input.takeMessage(3);
        (kind, input) = input.takeUint(4);
        input.requireEnd();
        return (written, nonce, kind, Identifiers.ofRoot(written, kind));
    }

    /// @dev ChangeRecoveryAddress `{new_recovery_identifier 1, existing_recovery_identifier_signature 2,
    /// new_recovery_identifier_kind 3}`.
    function _readRecovery(
        bytes calldata input
    ) private pure returns (Member memory recovery, bytes memory identifier) {
        bytes calldata written;
        uint64 kind;
        (written, input) = input.takeBytes(1);
        (, input) = input.takeMessage(2);
        (kind, input) = input.takeUint(3);
        input.requireEnd();
        return (Identifiers.ofRoot(written, kind), written);
    }

    /// @dev The choice in a MemberIdentifier: `ethereum_address 1 | installation_public_key 2 | passkey 3 {key 1}`.
    function _readMember(bytes calldata input) private pure returns (Member memory member, bytes memory identifier) {
        uint256 number = input.nextField();
        bytes calldata value = input.onlyMessage(number);
        if (number == 1) return (Identifiers.ofWallet(value), value);
        if (number == 2) return (Identifiers.ofInstallation(value), Identifiers.toHex(value));
        if (number != 3) revert CanonicalProto.CanonicalProtoFlaw(CanonicalProto.Flaw.UnexpectedField);
        (value, input) = value.takeBytes(1);
        input.requireEnd();
        return (Identifiers.ofPasskey(value), Identifiers.toHex(value));
    }

    function _checks(bytes memory text, bytes32 digest, uint256 most) private pure returns (Checks memory checks) {
        checks.text = text;
        checks.digest = digest;
        checks.hashes = new bytes32[](most);
        checks.signers = new Signer[](most);
    }

    function _checkSignatures(Checks memory checks, bytes calldata rest, Action[] memory actions) private view {
        bytes calldata action;
        for (uint256 i = 0; i < actions.length; i++) {
            (action, rest) = rest.takeMessage(1);
            _checkAction(checks, action, actions[i]);
        }
    }

    /// @dev Fills in who signed. The fields before the signatures were read with the subject.
    function _checkAction(Checks memory checks, bytes calldata input, Action memory action) private view {
        bytes calldata signature;
        (, input) = _kindOf(input);
        if (action.kind == ActionKind.CreateInbox) {
            (, input) = input.takeBytes(1);
            (, input) = input.takeUint(2);
            (signature, ) = input.takeMessage(3);
            action.signer = _signer(checks, signature);
            return;
        }
        // The new recovery identifier, the member to add or to revoke.
        if (action.kind == ActionKind.ChangeRecovery) (, input) = input.takeBytes(1);
        else (, input) = input.takeMessage(1);
        (signature, input) = input.takeMessage(2);
        action.signer = _signer(checks, signature);
        if (action.kind == ActionKind.Add) {
            action.consent = _signer(checks, input.onlyMessage(3));
        } else if (action.kind == ActionKind.Revoke) {
            input.requireEnd();
        }
    }

    function _signer(Checks memory checks, bytes calldata signature) private view returns (Signer memory signer) {
        bytes32 hash = keccak256(signature);
        for (uint256 i = 0; i < checks.count; i++) {
            if (checks.hashes[i] == hash) return checks.signers[i];
        }
        signer = _checked(checks, signature);
        checks.hashes[checks.count] = hash;
        checks.signers[checks.count++] = signer;
    }

    /// @dev The choice in a Signature: `erc_191 1 | erc_6492 2 | installation_key 3 | delegated_erc_191 4 | passkey 5`.
    function _checked(Checks memory checks, bytes calldata signature) private view returns (Signer memory) {
        uint256 number = signature.nextField();
        bytes calldata fields = signature.onlyMessage(number);
        if (number == 1) return _wallet(checks.digest, fields);
        if (number == 2) return _account(checks.digest, fields);
        if (number == 3) return _installation(checks.text, fields);
        if (number == 5) return _passkey(checks.text, fields);
        if (number == 4) revert IdentityVerifierLegacySignature();
        revert CanonicalProto.CanonicalProtoFlaw(CanonicalProto.Flaw.UnexpectedField);
    }

    /// @dev RecoverableEcdsaSignature `{bytes 1}`.
    function _wallet(bytes32 digest, bytes calldata input) private pure returns (Signer memory) {
        bytes calldata raw;
        (raw, input) = input.takeBytes(1);
        input.requireEnd();
        if (raw.length != 65) revert IdentityVerifierWalletSignature();
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(raw), bytes32(raw[32:]), uint8(raw[64]));
        // One spelling of each signature: a relayed copy cannot differ.
        if (uint256(s) > Secp256k1.HALF_ORDER || (v != 27 && v != 28)) revert IdentityVerifierWalletSignature();
        address wallet = ecrecover(digest, v, r, s);
        if (wallet == address(0)) revert IdentityVerifierWalletSignature();
        return Signer(Member(MemberKind.Wallet, bytes32(uint256(uint160(wallet)))), false, keccak256(raw));
    }

    /// @dev RecoverableEd25519Signature `{bytes 1, public_key 2}`.
    function _installation(bytes memory text, bytes calldata input) private view returns (Signer memory) {
        bytes calldata raw;
        bytes calldata key;
        (raw, input) = input.takeBytes(1);
        (key, input) = input.takeBytes(2);
        input.requireEnd();
        Member memory installation = Identifiers.ofInstallation(key);
        bool holds =
            raw.length == 64 && ed25519Verifier.verify(installation.key, bytes32(raw), bytes32(raw[32:]), text);
        if (!holds) revert IdentityVerifierInstallationSignature(key);
        return Signer(installation, false, keccak256(raw));
    }

    /// @dev RecoverablePasskeySignature `{public_key 1, signature 2, authenticator_data 3, client_data_json 4}`.
    function _passkey(bytes memory text, bytes calldata input) private view returns (Signer memory) {
        bytes calldata key;
        bytes calldata der;
        bytes32 digest;
        (key, input) = input.takeBytes(1);
        (der, input) = input.takeBytes(2);
        digest = _assertionDigest(text, input);
        Member memory passkey = Identifiers.ofPasskey(key);
        (bool holds, bytes32 signatureHash) = PasskeySignature.verify(digest, der, key);
        if (!holds) revert IdentityVerifierPasskeySignature(key);
        return Signer(passkey, false, signatureHash);
    }

    /// @dev What the authenticator signed, if it was asked for the text.
    function _assertionDigest(bytes memory text, bytes calldata input) private pure returns (bytes32) {
        bytes calldata authenticatorData;
        bytes calldata clientData;
        (authenticatorData, input) = input.takeBytes(3);
        (clientData, input) = input.takeBytes(4);
        input.requireEnd();
        if (!ClientData.asksFor(clientData, text)) revert IdentityVerifierClientData();
        return sha256(bytes.concat(authenticatorData, sha256(clientData)));
    }

    /// @dev SmartContractWalletSignature `{account_id 1, block_number 2, signature 3}`.
    function _account(bytes32 digest, bytes calldata input) private view returns (Signer memory) {
        bytes calldata accountId;
        bytes calldata raw;
        uint64 blockNumber;
        (accountId, input) = input.takeBytes(1);
        (blockNumber, input) = input.takeUint(2);
        (raw, input) = input.takeBytes(3);
        input.requireEnd();
        address account = _accountOf(accountId);
        uint256 least = block.number > MOST_ACCOUNT_BLOCKS ? block.number - MOST_ACCOUNT_BLOCKS : 0;
        if (blockNumber < least || blockNumber >= block.number) {
            revert IdentityVerifierAccountBlock(blockNumber, least, block.number - 1);
        }
        SmartAccount.Answer answer = SmartAccount.ask(account, digest, raw);
        if (answer == SmartAccount.Answer.NoForLackOfGas) revert IdentityVerifierAccountGas(account);
        if (answer == SmartAccount.Answer.No) revert IdentityVerifierAccountSignature(account);
        return Signer(Member(MemberKind.Wallet, bytes32(uint256(uint160(account)))), true, keccak256(raw));
    }

    /// @dev The address in a CAIP-10 account id of this chain.
    function _accountOf(bytes calldata accountId) private view returns (address) {
        bytes memory chain = bytes.concat("eip155:", bytes(LibString.toString(block.chainid)), ":");
        bool isHere = accountId.length == chain.length + 42 && keccak256(accountId[:chain.length]) == keccak256(chain);
        if (!isHere) revert IdentityVerifierAccountId(accountId);
        return Identifiers.addressOf(accountId[chain.length:]);
    }
}
