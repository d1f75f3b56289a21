// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIdentityVerifier} from "../../contracts/interfaces/IIdentityVerifier.sol";
import {CanonicalProto} from "../../contracts/libraries/CanonicalProto.sol";
import {IdentityUpdates} from "../support/IdentityUpdates.sol";
import {IdentityWire} from "../support/IdentityWire.sol";
import {P256Signer} from "../support/P256Signer.sol";
import {vm} from "../support/Vm.sol";
import {Wire} from "../support/Wire.sol";

/// @notice Every refusal of the verifier, with its error's arguments.
contract IdentityVerifierReverts is IdentityUpdates {
    /// Wallet 1 creates its inbox: what is spoilt below.
    Actor private _owner;
    Update private _good;
    bytes private _named;

    function setUp() public {
        vm.roll(BLOCK);
        _owner = _wallet(1);
        Update memory good = _update(_wallet(1), _list(_create(_wallet(1))));
        (_good.inboxId, _good.nonce, _good.timestampNs) = (good.inboxId, good.nonce, good.timestampNs);
        _good.plans.push(good.plans[0]);
        bytes memory inbox = _identifier(Actor(_passkey(1, true).kind, false, 0, abi.encode(good.inboxId)));
        _named = inbox;
        _takes(good);
    }

    function _list(bytes memory action) private pure returns (bytes[] memory list) {
        list = new bytes[](1);
        list[0] = action;
    }

    function _goodAction() private view returns (bytes memory) {
        return _action(_good.plans[0], 1, _text(_good));
    }

    function _refusesEnvelope(bytes memory envelope, bytes memory expected) private view {
        _refuses(_good.inboxId, envelope, expected);
    }

    function _refusesAction(bytes memory action, bytes memory expected) private view {
        _refuses(_good.inboxId, _envelope(_good, action), expected);
    }

    /// In the place of the wallet's.
    function _refusesSignature(bytes memory signature, bytes memory expected) private view {
        _refusesAction(IdentityWire.create(_identifier(_owner), 1, signature, 1), expected);
    }

    // Envelopes.

    function test_anEnvelopeOfAnotherInbox() public view {
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierOtherInbox.selector);
        bytes memory update = IdentityWire.update(_list(_goodAction()), NOON, _named);
        bytes32 inboxId = _good.inboxId;
        bytes[8] memory topics = [
            bytes(""),
            bytes.concat(hex"02", bytes31(inboxId)),
            bytes.concat(hex"02", inboxId, hex"00"),
            bytes.concat(hex"01", inboxId),
            bytes.concat(hex"03", inboxId),
            bytes.concat(hex"00", inboxId),
            bytes.concat(hex"02", bytes32(uint256(inboxId) ^ 1)),
            bytes.concat(hex"02", bytes32(uint256(inboxId) ^ (1 << 255)))
        ];
        for (uint256 i = 0; i < topics.length; i++) {
            _refusesEnvelope(IdentityWire.envelope(topics[i], update), expected);
        }
        _refuses(keccak256("other"), _envelope(_good), expected);
        // The other inbox's topic, and still this inbox's update.
        bytes32 other = _inboxOf(_owner, 1) ^ bytes32(uint256(1));
        _refuses(other, IdentityWire.envelope(bytes.concat(hex"02", other), update), _derived(inboxId));
    }

    function _derived(bytes32 derived) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IIdentityVerifier.IdentityVerifierInboxId.selector, derived);
    }

    function test_anUpdateThatNamesAnotherInbox() public view {
        bytes memory topic = bytes.concat(hex"02", _good.inboxId);
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierOtherInbox.selector);
        bytes memory other = bytes.concat(_named);
        other[63] = other[63] == "0" ? bytes1("1") : bytes1("0");
        bytes memory upper = bytes.concat(_named);
        for (uint256 i = 0; i < 64; i++) if (upper[i] > "9") upper[i] ^= 0x20;
        assert(keccak256(upper) != keccak256(_named));
        bytes[5] memory names = [bytes(""), other, upper, bytes.concat("0x", _named), bytes.concat(_named, "0")];
        for (uint256 i = 0; i < names.length; i++) {
            bytes memory update = IdentityWire.update(_list(_goodAction()), NOON, names[i]);
            _refusesEnvelope(IdentityWire.envelope(topic, update), expected);
        }
    }

    // Updates.

    function test_noActionAnd65() public view {
        bytes4 selector = IIdentityVerifier.IdentityVerifierActionCount.selector;
        _refusesEnvelope(_envelope(_good, new bytes[](0)), abi.encodeWithSelector(selector, 0, 64));
        bytes memory expected = abi.encodeWithSelector(selector, 65, 64);
        // Counted before anything in them is read.
        _refusesEnvelope(_envelope(_good, new bytes[](65)), expected);
        _refusesEnvelope(_envelope(_good, new bytes[](100)), expected);
        _refusesEnvelope(_envelope(_good, new bytes[](64)), _flaw(CanonicalProto.Flaw.UnexpectedField));
        bytes[] memory actions = new bytes[](65);
        for (uint256 i = 0; i < 65; i++) actions[i] = _goodAction();
        _refusesEnvelope(_envelope(_good, actions), expected);
    }

    function test_aTimePast2To63() public {
        bytes4 selector = IIdentityVerifier.IdentityVerifierTime.selector;
        uint64[3] memory times = [uint64(1) << 63, (uint64(1) << 63) + 1, type(uint64).max];
        for (uint256 i = 0; i < 3; i++) {
            _good.timestampNs = times[i];
            _refuses(_good, abi.encodeWithSelector(selector, times[i]));
        }
        _good.timestampNs = (1 << 63) - 1;
        _takes(_good);
    }

    function test_anIdThatDoesNotFollow() public {
        bytes32 derived = _good.inboxId;
        bytes memory text = _text(_good);
        bytes memory signature = _sign(_owner, text);
        bytes memory action = IdentityWire.create(_identifier(_owner), 2, signature, 1);
        _refusesAction(action, _derived(_inboxOf(_owner, 2)));
        action = IdentityWire.create(_identifier(_owner), 0, signature, 1);
        _refusesAction(action, _derived(_inboxOf(_owner, 0)));
        action = IdentityWire.create(_identifier(_wallet(2)), 1, signature, 1);
        _refusesAction(action, _derived(_inboxOf(_wallet(2), 1)));
        _good.inboxId = keccak256("another");
        _refuses(_good, _derived(derived));
    }

    // Actions.

    function test_actionsThatAreNone() public view {
        bytes memory unexpected = _flaw(CanonicalProto.Flaw.UnexpectedField);
        bytes memory missing = _flaw(CanonicalProto.Flaw.MissingField);
        _refusesAction("", unexpected);
        _refusesAction(Wire.bytesField(5, ""), unexpected);
        _refusesAction(Wire.bytesField(15, ""), unexpected);
        _refusesAction(hex"0200", unexpected);
        for (uint256 kind = 1; kind < 5; kind++) {
            // A number, and two of them.
            _refusesAction(Wire.scalar(kind, 1), missing);
            _refusesAction(bytes.concat(_goodAction(), Wire.bytesField(kind, "")), unexpected);
            // Nothing in it: no signature, no member.
            _refusesAction(Wire.bytesField(kind, ""), missing);
        }
    }

    function test_membersThatAreNone() public view {
        bytes[4] memory members = [bytes(""), Wire.scalar(1, 1), Wire.scalar(3, 1), Wire.scalar(4, 1)];
        for (uint256 i = 0; i < 4; i++) _refusesMember(members[i], _flaw(CanonicalProto.Flaw.MissingField));
        bytes memory both = bytes.concat(_memberWire(_owner), _memberWire(_installation(1)));
        bytes memory wallet = _memberWire(_owner);
        bytes memory unexpected = _flaw(CanonicalProto.Flaw.UnexpectedField);
        bytes[5] memory others = [
            Wire.bytesField(4, wallet),
            Wire.bytesField(15, ""),
            hex"0200",
            both,
            bytes.concat(wallet, wallet)
        ];
        for (uint256 i = 0; i < 5; i++) _refusesMember(others[i], unexpected);
        bytes memory key = Wire.bytesField(1, _passkey(1, true).key);
        // A relying party, which nobody signs.
        _refusesMember(Wire.bytesField(3, bytes.concat(key, Wire.bytesField(2, "me"))), unexpected);
    }

    function test_membersWithAnotherIdentifier() public view {
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierIdentifier.selector);
        bytes memory upper = _identifier(_owner);
        upper[1] = "X";
        bytes[9] memory members = [
            Wire.bytesField(1, upper),
            Wire.bytesField(1, ""),
            Wire.bytesField(1, _owner.key),
            Wire.bytesField(2, ""),
            Wire.bytesField(2, new bytes(31)),
            Wire.bytesField(2, _identifier(_installation(1))),
            Wire.bytesField(3, ""),
            Wire.bytesField(3, Wire.bytesField(1, _identifier(_passkey(1, true)))),
            Wire.bytesField(3, Wire.bytesField(1, new bytes(33)))
        ];
        for (uint256 i = 0; i < members.length; i++) _refusesMember(members[i], expected);
    }

    /// As whom to add and as whom to revoke.
    function _refusesMember(bytes memory member, bytes memory expected) private view {
        bytes memory signature = _sign(_owner, _text(_good));
        _refusesAction(IdentityWire.add(member, signature, signature), expected);
        _refusesAction(IdentityWire.revoke(member, signature), expected);
    }

    function test_rootsWithAnotherIdentifier() public view {
        bytes memory key = _identifier(_passkey(1, true));
        bytes memory wallet = _identifier(_owner);
        _refusesRoot(wallet, 0);
        _refusesRoot(wallet, 2);
        _refusesRoot(wallet, 3);
        _refusesRoot(wallet, type(uint64).max);
        _refusesRoot(key, 0);
        _refusesRoot(key, 1);
        _refusesRoot("", 1);
        _refusesRoot("", 2);
        _refusesRoot(_installation(1).key, 0);
        _refusesRoot(_identifier(_installation(1)), 0);
    }

    /// As an owner and as a new recovery identifier.
    function _refusesRoot(bytes memory identifier, uint256 kind) private view {
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierIdentifier.selector);
        bytes memory signature = _sign(_owner, _text(_good));
        _refusesAction(IdentityWire.create(identifier, 1, signature, kind), expected);
        _refusesAction(IdentityWire.changeRecovery(identifier, signature, kind), expected);
    }

    // Signatures.

    function test_signaturesThatAreNone() public view {
        bytes memory unexpected = _flaw(CanonicalProto.Flaw.UnexpectedField);
        bytes memory good = _sign(_owner, _text(_good));
        _refusesSignature("", _flaw(CanonicalProto.Flaw.MissingField));
        _refusesSignature(Wire.scalar(1, 1), _flaw(CanonicalProto.Flaw.MissingField));
        _refusesSignature(Wire.bytesField(6, ""), unexpected);
        _refusesSignature(Wire.bytesField(15, ""), unexpected);
        _refusesSignature(hex"0200", unexpected);
        _refusesSignature(bytes.concat(good, good), unexpected);
    }

    function test_legacySignatures() public view {
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierLegacySignature.selector);
        _refusesSignature(Wire.bytesField(4, ""), expected);
        _refusesSignature(Wire.bytesField(4, Wire.bytesField(1, "key")), expected);
    }

    /// In the place of every signature that an action has.
    function test_aBadSignatureInEveryPlace() public view {
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierLegacySignature.selector);
        (bytes memory bad, bytes memory member) = (Wire.bytesField(4, ""), _memberWire(_owner));
        bytes memory good = _sign(_owner, _text(_good));
        _refusesSignature(bad, expected);
        _refusesAction(IdentityWire.add(member, bad, good), expected);
        _refusesAction(IdentityWire.add(member, good, bad), expected);
        _refusesAction(IdentityWire.revoke(member, bad), expected);
        _refusesAction(IdentityWire.changeRecovery(_identifier(_owner), bad, 1), expected);
        // Behind actions that are good.
        bytes[] memory actions = new bytes[](3);
        (actions[0], actions[1]) = (_goodAction(), _goodAction());
        actions[2] = IdentityWire.revoke(member, bad);
        _refusesEnvelope(_envelope(_good, actions), expected);
        // No consent, and one where none belongs.
        bytes memory fields = bytes.concat(Wire.bytesField(1, member), Wire.bytesField(2, good));
        _refusesAction(Wire.bytesField(2, fields), _flaw(CanonicalProto.Flaw.MissingField));
        fields = bytes.concat(fields, Wire.bytesField(3, good));
        _refusesAction(Wire.bytesField(3, fields), _flaw(CanonicalProto.Flaw.UnexpectedField));
        fields = bytes.concat(fields, Wire.bytesField(4, good));
        _refusesAction(Wire.bytesField(2, fields), _flaw(CanonicalProto.Flaw.UnexpectedField));
    }

    function test_walletSignatures() public view {
        bytes32 digest = _digestOf(_text(_good));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_owner.secret, digest);
        bytes32 other = bytes32(ORDER - uint256(s));
        bytes[15] memory all = [
            bytes(""),
            abi.encodePacked(r, s),
            abi.encodePacked(r, s, v, uint8(0)),
            abi.encodePacked(r, s, uint8(0)),
            abi.encodePacked(r, s, uint8(1)),
            abi.encodePacked(r, s, uint8(26)),
            abi.encodePacked(r, s, uint8(29)),
            abi.encodePacked(r, s, uint8(255)),
            // The other s, with its v, and the first s that is too high.
            abi.encodePacked(r, other, v == 27 ? 28 : 27),
            abi.encodePacked(r, other, v),
            abi.encodePacked(r, ORDER / 2 + 1, v),
            // No signature at all.
            abi.encodePacked(bytes32(0), s, v),
            abi.encodePacked(r, bytes32(0), v),
            abi.encodePacked(bytes32(ORDER), s, v),
            abi.encodePacked(uint256(5), s, v)
        ];
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierWalletSignature.selector);
        for (uint256 i = 0; i < all.length; i++) _refusesSignature(IdentityWire.walletSignature(all[i]), expected);
    }

    function test_installationSignatures() public view {
        bytes memory key = _installation(1).key;
        bytes memory raw = _raw(_installation(1), _text(_good));
        bytes4 selector = IIdentityVerifier.IdentityVerifierInstallationSignature.selector;
        bytes[6] memory all = [
            bytes(""),
            bytes.concat(raw, hex"00"),
            bytes.concat(bytes32(raw), bytes31(0)),
            abi.encode(bytes32(raw), bytes32(0)),
            abi.encode(bytes32(0), keccak256(_text(_good))),
            _raw(_installation(1), "another text")
        ];
        for (uint256 i = 0; i < all.length; i++) {
            bytes memory signature = IdentityWire.installationSignature(all[i], key);
            _refusesSignature(signature, abi.encodeWithSelector(selector, key));
        }
        // Another's.
        key = _installation(2).key;
        _refusesSignature(IdentityWire.installationSignature(raw, key), abi.encodeWithSelector(selector, key));
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierIdentifier.selector);
        _refusesSignature(IdentityWire.installationSignature(raw, ""), expected);
        _refusesSignature(IdentityWire.installationSignature(raw, bytes.concat(bytes31(key))), expected);
        _refusesSignature(IdentityWire.installationSignature(raw, bytes.concat(key, hex"00")), expected);
    }

    // Passkeys.

    function _passkeySignature(
        bytes memory key,
        uint256 s,
        bytes memory clientData
    ) private pure returns (bytes memory) {
        bytes memory der = P256Signer.der(P256Signer.R, s);
        return IdentityWire.passkeySignature(key, der, AUTHENTICATOR, clientData);
    }

    function test_passkeySignatures() public view {
        Actor memory passkey = _passkey(1, true);
        (bytes memory key, bytes memory text) = (passkey.key, _text(_good));
        bytes memory clientData = _clientData(text);
        uint256 s = abi.decode(_raw(passkey, text), (uint256));
        bytes memory der = P256Signer.der(P256Signer.R, s);
        bytes memory expected = abi.encodeWithSelector(
            IIdentityVerifier.IdentityVerifierPasskeySignature.selector,
            key
        );
        bytes[7] memory all = [
            _passkeySignature(key, s ^ 1, clientData),
            _passkeySignature(key, 0, clientData),
            _passkeySignature(key, P256Signer.N, clientData),
            IdentityWire.passkeySignature(key, "", AUTHENTICATOR, clientData),
            IdentityWire.passkeySignature(key, bytes.concat(der, hex"00"), AUTHENTICATOR, clientData),
            // What the authenticator says of itself is signed.
            IdentityWire.passkeySignature(key, der, bytes.concat(AUTHENTICATOR, hex"00"), clientData),
            IdentityWire.passkeySignature(key, der, "", clientData)
        ];
        for (uint256 i = 0; i < all.length; i++) _refusesSignature(all[i], expected);
        key = _passkey(2, true).key;
        expected = abi.encodeWithSelector(IIdentityVerifier.IdentityVerifierPasskeySignature.selector, key);
        _refusesSignature(_passkeySignature(key, s, clientData), expected);
        // And so is all of the client data.
        key = passkey.key;
        clientData[clientData.length - 25] = "E";
        expected = abi.encodeWithSelector(IIdentityVerifier.IdentityVerifierPasskeySignature.selector, key);
        _refusesSignature(_passkeySignature(key, s, clientData), expected);
    }

    function test_passkeysThatAreNone() public view {
        bytes memory text = _text(_good);
        bytes memory key = _passkey(1, true).key;
        uint256 s = abi.decode(_raw(_passkey(1, true), text), (uint256));
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierIdentifier.selector);
        bytes[4] memory keys = [bytes(""), new bytes(33), bytes.concat(key, hex"00"), P256Signer.keyOf(1)];
        keys[3][0] = 0x02;
        for (uint256 i = 0; i < 4; i++) _refusesSignature(_passkeySignature(keys[i], s, _clientData(text)), expected);
        // No point of the curve: its signature does not hold.
        key = abi.encodePacked(uint8(2), uint256(1));
        expected = abi.encodeWithSelector(IIdentityVerifier.IdentityVerifierPasskeySignature.selector, key);
        _refusesSignature(_passkeySignature(key, s, _clientData(text)), expected);
    }

    function test_clientDataOfAnotherText() public view {
        bytes memory text = _text(_good);
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierClientData.selector);
        bytes memory key = _passkey(1, true).key;
        uint256 s = abi.decode(_raw(_passkey(1, true), text), (uint256));
        _refusesSignature(_passkeySignature(key, s, ""), expected);
        _refusesSignature(_passkeySignature(key, s, _clientData("another text")), expected);
        _refusesSignature(_passkeySignature(key, s, bytes.concat(_clientData(text), " ")), expected);
        // Before its key is looked at.
        _refusesSignature(_passkeySignature("", s, ""), expected);
    }

    // Accounts.

    function _refusesAccount(bytes memory accountId, uint256 blockNumber, bytes memory expected) private view {
        bytes memory raw = _raw(_owner, _text(_good));
        _refusesSignature(IdentityWire.accountSignature(accountId, blockNumber, raw), expected);
    }

    function test_accountIds() public {
        Actor memory account = _account(1);
        bytes memory good = _accountId(account);
        bytes memory wallet = _identifier(account);
        bytes memory upper = bytes.concat(good);
        upper[0] = "E";
        bytes[11] memory ids = [
            bytes(""),
            wallet,
            bytes.concat("eip155:", wallet),
            bytes.concat("eip155:1:", wallet),
            bytes.concat("eip155:31338:", wallet),
            bytes.concat("eip155:031337:", wallet),
            bytes.concat("eip155:31337", wallet, ":"),
            bytes.concat(good, "0"),
            bytes.concat("eip155:31337:", bytes32(wallet), bytes9("123456789")),
            bytes.concat(" ", good),
            upper
        ];
        assert(block.chainid == 31337);
        bytes4 selector = IIdentityVerifier.IdentityVerifierAccountId.selector;
        for (uint256 i = 0; i < ids.length; i++) {
            _refusesAccount(ids[i], BLOCK - 1, abi.encodeWithSelector(selector, ids[i]));
        }
        vm.chainId(31338);
        _refusesAccount(good, BLOCK - 1, abi.encodeWithSelector(selector, good));
        vm.chainId(31337);
        bytes memory expected = _error(IIdentityVerifier.IdentityVerifierIdentifier.selector);
        bytes memory spelt = bytes.concat(good);
        spelt[14] = "X";
        _refusesAccount(spelt, BLOCK - 1, expected);
        spelt[14] = "x";
        spelt[15] = "A";
        _refusesAccount(spelt, BLOCK - 1, expected);
    }

    function test_blocksThatAreTooOldOrToCome() public {
        bytes memory id = _accountId(_account(1));
        _refusesBlock(id, BLOCK, BLOCK - 1_801);
        _refusesBlock(id, BLOCK, 0);
        _refusesBlock(id, BLOCK, BLOCK);
        _refusesBlock(id, BLOCK, BLOCK + 1);
        _refusesBlock(id, BLOCK, type(uint64).max);
        _refusesBlock(id, 1_801, 0);
        _refusesBlock(id, 1_801, 1_801);
        _refusesBlock(id, 1_800, 1_800);
        _refusesBlock(id, 1, 1);
    }

    function _refusesBlock(bytes memory id, uint256 now_, uint256 asked) private {
        vm.roll(now_);
        uint256 least = now_ > 1_800 ? now_ - 1_800 : 0;
        bytes4 selector = IIdentityVerifier.IdentityVerifierAccountBlock.selector;
        _refusesAccount(id, asked, abi.encodeWithSelector(selector, asked, least, now_ - 1));
    }

    function test_accountsThatDoNotSign() public {
        bytes4 selector = IIdentityVerifier.IdentityVerifierAccountSignature.selector;
        Actor[3] memory all = [_account(2), _wallet(1), _wallet(7)];
        for (uint256 i = 0; i < 3; i++) {
            bytes memory expected = abi.encodeWithSelector(selector, address(bytes20(all[i].key)));
            _refusesAccount(_accountId(all[i]), BLOCK - 1, expected);
        }
        bytes memory none = IdentityWire.accountSignature(_accountId(all[0]), BLOCK - 1, "");
        _refusesSignature(none, abi.encodeWithSelector(selector, address(bytes20(all[0].key))));
        // Precompiles.
        for (uint160 i = 1; i <= 0x0a; i++) {
            Actor memory precompile = all[0];
            precompile.key = abi.encodePacked(address(i));
            _refusesAccount(_accountId(precompile), BLOCK - 1, abi.encodeWithSelector(selector, address(i)));
        }
    }

    /// With less than an account is due its no is no answer.
    function test_accountsThatAreNotGivenTheirGas() public {
        Actor memory stranger = _account(2);
        bytes memory raw = _raw(_owner, _text(_good));
        bytes memory signature = IdentityWire.accountSignature(_accountId(stranger), BLOCK - 1, raw);
        bytes memory action = IdentityWire.create(_identifier(_owner), 1, signature, 1);
        try verifier.verify{gas: 2_000_000}(_good.inboxId, _envelope(_good, action)) {
            assert(false);
        } catch (bytes memory reason) {
            bytes4 selector = IIdentityVerifier.IdentityVerifierAccountGas.selector;
            assert(keccak256(reason) == keccak256(abi.encodeWithSelector(selector, address(bytes20(stranger.key)))));
        }
    }
}
