// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IdentityVerifier} from "../../contracts/IdentityVerifier.sol";
import {Action, ActionKind, MemberKind} from "../../contracts/types/Identity.sol";
import {Ed25519Stub} from "../support/Ed25519Stub.sol";
import {IdentityUpdates} from "../support/IdentityUpdates.sol";
import {IdentityWire} from "../support/IdentityWire.sol";
import {P256Signer} from "../support/P256Signer.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice What real clients sign is taken, and said as it is.
contract IdentityVerifierTest is IdentityUpdates {
    function setUp() public {
        vm.roll(BLOCK);
    }

    function test_whoChecksInstallations() public view {
        assert(address(verifier.ed25519Verifier()) == address(ed25519));
    }

    // One of each.

    /// Letter by letter, without the builder of texts.
    function test_aRegistration() public view {
        Actor memory owner = _wallet(1);
        Update memory update = _update(owner, _list(_create(owner), _add(owner, _installation(1))));
        _takes(update);
        bytes memory inbox = _identifier(Actor(MemberKind.Passkey, false, 0, abi.encode(update.inboxId)));
        bytes memory text = bytes.concat("XMTP : Authenticate to inbox\n\nInbox ID: ", inbox);
        text = bytes.concat(text, "\nCurrent time: 2026-11-20T10:10:57Z\n\n");
        text = bytes.concat(text, "- Create inbox\n  (Owner: ", _identifier(owner), ")\n");
        text = bytes.concat(text, "- Grant messaging access to app\n  (ID: ", _identifier(_installation(1)), ")\n");
        text = bytes.concat(text, "\nFor more info: https://xmtp.org/signatures");
        (bytes32 textHash, Action[] memory actions) = verifier.verify(update.inboxId, _envelope(update));
        assert(textHash == _digestOf(text) && actions.length == 2);
        assert(actions[0].kind == ActionKind.CreateInbox && actions[1].kind == ActionKind.Add);
        assert(actions[0].consent.member.kind == MemberKind.None);
        assert(actions[1].consent.member.key == bytes32(_installation(1).key));
    }

    function _everyone() private returns (Actor[] memory all) {
        all = new Actor[](5);
        all[0] = _wallet(1);
        all[1] = _account(2);
        all[2] = _installation(3);
        all[3] = _passkey(1, true);
        all[4] = _passkey(2, false);
    }

    /// Every kind adds, revokes and is added and revoked; roots are owners and recovery identifiers.
    function test_everyActionByAndOfEveryKind() public {
        Actor[] memory all = _everyone();
        for (uint256 i = 0; i < all.length; i++) {
            for (uint256 j = 0; j < all.length; j++) {
                _takes(_update(all[0], _list(_add(all[i], all[j]))));
                _takes(_update(all[0], _list(_revoke(all[i], all[j]))));
                if (_rootKind(all[j]) != 0) _takes(_update(all[0], _list(_change(all[i], all[j]))));
            }
            if (_rootKind(all[i]) != 0) _takes(_update(all[i], _list(_create(all[i]))));
        }
    }

    /// Whether signers may act is not the verifier's to say.
    function test_signersMayBeAnybody() public view {
        Plan memory create = _create(_wallet(1));
        create.signer = _installation(1);
        Plan memory add = _add(_wallet(2), _wallet(3));
        add.consent = _wallet(4);
        _takes(_update(_wallet(1), _list(create, add, create)));
    }

    // Numbers.

    /// Created by an installation, which the stub makes cheap.
    function _createCheaply() private pure returns (Plan[] memory) {
        Plan memory plan = _create(_passkey(1, true));
        plan.signer = _installation(1);
        return _list(plan);
    }

    function testFuzz_noncesAndTimes(uint64 nonce, uint64 timestampNs, uint8 shift) public view {
        nonce >>= shift % 64;
        _takes(Update(_inboxOf(_passkey(1, true), nonce), nonce, timestampNs >> 1, _createCheaply()));
    }

    function test_theFirstAndTheLastNonceAndTime() public view {
        Actor memory owner = _wallet(1);
        Plan[] memory plans = _list(_create(owner));
        _takes(Update(_inboxOf(owner, 0), 0, 0, plans));
        _takes(Update(_inboxOf(owner, type(uint64).max), type(uint64).max, type(uint64).max >> 1, plans));
    }

    /// Nobody signs the part of a time below a second.
    function testFuzz_thePartOfASecondIsNotSigned(uint32 part) public view {
        Update memory update = _update(_passkey(1, true), _createCheaply());
        bytes memory verdict = _verdictOf(update);
        bytes memory action = _action(update.plans[0], 1, _text(update));
        update.timestampNs = NOON + uint64(within(part, 0, 999_999_999));
        (bool taken, bytes memory answer) = _ask(update.inboxId, _envelope(update, action));
        assert(taken && keccak256(answer) == keccak256(verdict));
    }

    // Signatures.

    /// Case 42: the other s of a passkey is the same signature.
    function test_case42_bothSOfAPasskeyHaveOneHash() public view {
        Actor memory key = _passkey(3, true);
        Update memory update = _update(key, _list(_create(key)));
        bytes memory text = _text(update);
        uint256 s = abi.decode(_raw(key, text), (uint256));
        for (uint256 i = 0; i < 2; i++) {
            bytes memory der = P256Signer.der(P256Signer.R, i == 0 ? s : P256Signer.N - s);
            bytes memory signature = IdentityWire.passkeySignature(key.key, der, AUTHENTICATOR, _clientData(text));
            _takes(update, _envelope(update, IdentityWire.create(_identifier(key), 1, signature, 2)));
        }
    }

    /// The lowest and the highest number of a wallet's signature that is taken.
    function test_aWalletsSAtHalfTheOrder() public view {
        Actor memory owner = _wallet(1);
        Update memory update = _update(owner, _list(_create(owner)));
        bytes32 digest = _digestOf(_text(update));
        (, bytes32 r, ) = vm.sign(owner.secret, digest);
        uint256[2] memory halves = [uint256(1), ORDER / 2];
        for (uint8 v = 27; v < 29; v++) {
            for (uint256 i = 0; i < 2; i++) {
                bytes memory raw = abi.encodePacked(r, halves[i], v);
                bytes memory action = IdentityWire.create(_identifier(owner), 1, IdentityWire.walletSignature(raw), 1);
                (, Action[] memory actions) = verifier.verify(update.inboxId, _envelope(update, action));
                address wallet = ecrecover(digest, v, r, bytes32(halves[i]));
                assert(actions[0].signer.member.key == bytes32(uint256(uint160(wallet))));
                assert(actions[0].signer.signatureHash == keccak256(raw) && !actions[0].signer.isAccount);
            }
        }
    }

    /// What stands several times is checked once: the stub burns gas every time that it is asked.
    function test_aSignatureThatStandsAgainIsCheckedOnce() public {
        uint256 cost = 1_000_000;
        IdentityVerifier burning = new IdentityVerifier(new Ed25519Stub(cost));
        Plan[] memory plans = new Plan[](32);
        for (uint256 i = 0; i < 32; i++) plans[i] = _revoke(_installation(i % 3), _wallet(i));
        Update memory update = _update(_wallet(1), plans);
        bytes memory envelope = _envelope(update);
        uint256 before = gasleft();
        (bytes32 textHash, Action[] memory actions) = burning.verify(update.inboxId, envelope);
        uint256 used = before - gasleft();
        assert(used > 3 * cost && used < 5 * cost);
        assert(keccak256(abi.encode(textHash, actions)) == keccak256(_verdictOf(update)));
    }

    // Bounds.

    /// With 128 signatures that are all different.
    function test_64Actions() public view {
        Plan[] memory plans = new Plan[](64);
        for (uint256 i = 0; i < 64; i++) plans[i] = _add(_wallet(i), _installation(i));
        _takes(_update(_wallet(1), plans));
    }

    function test_theBlocksAtWhichAnAccountIsAsked() public {
        uint256[6] memory blocks = [uint256(1), 2, 1_800, 1_801, 1_802, 1e9];
        Actor memory account = _account(1);
        Update memory update = _update(account, _list(_create(account)));
        bytes memory text = _text(update);
        for (uint256 i = 0; i < blocks.length; i++) {
            vm.roll(blocks[i]);
            uint256 least = blocks[i] > 1_800 ? blocks[i] - 1_800 : 0;
            _takes(update, _asked(update, text, least));
            _takes(update, _asked(update, text, blocks[i] - 1));
            _takes(update, _asked(update, text, (least + blocks[i] - 1) / 2));
        }
    }

    function _asked(Update memory update, bytes memory text, uint256 number) private view returns (bytes memory) {
        Actor memory account = update.plans[0].signer;
        bytes memory signature = IdentityWire.accountSignature(_accountId(account), number, _raw(account, text));
        return _envelope(update, IdentityWire.create(_identifier(account), 1, signature, 1));
    }

    function test_anotherChain() public {
        vm.chainId(8453);
        Actor memory account = _account(1);
        assert(bytes(_accountId(account)).length == 54);
        _takes(_update(account, _list(_create(account), _add(account, _account(2)))));
    }

    // Whatever is said.

    /// Not among the 20,000 runs of `testFuzz_`: wallets take their time to sign.
    function testRandom_anyThreeActions(uint256 salt) public {
        Plan[] memory plans = new Plan[](1 + (salt % 3));
        for (uint256 i = 0; i < plans.length; i++) {
            salt >>= 16;
            plans[i] = _anyPlan(salt);
        }
        _takes(_update(_wallet(salt % 3), plans));
    }

    function _anyPlan(uint256 salt) private returns (Plan memory) {
        Actor memory subject = _anyone(salt >> 2, true);
        Actor memory signer = _anyone(salt >> 7, false);
        if (salt % 4 == 0) return _add(signer, subject);
        if (salt % 4 == 1) return _revoke(signer, subject);
        if (salt % 4 == 2) return _change(signer, _wallet(salt % 5));
        Plan memory plan = _add(signer, subject);
        plan.consent = _anyone(salt >> 12, false);
        return plan;
    }

    /// Passkeys sign in other tests: they take their time.
    function _anyone(uint256 salt, bool mayBePasskey) private returns (Actor memory) {
        if (salt % 4 == 0) return _account(1 + ((salt >> 2) % 2));
        if (salt % 4 == 1) return _installation((salt >> 2) % 4);
        if (salt % 4 == 2 && mayBePasskey) return _passkey(1 + ((salt >> 2) % 3), (salt >> 4) % 2 == 0);
        return _wallet((salt >> 2) % 4);
    }
}
