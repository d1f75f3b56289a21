// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {SmartAccount} from "../../contracts/libraries/SmartAccount.sol";
import {HostileAccount} from "../support/HostileAccount.sol";
import {RawAccount} from "../support/RawAccount.sol";
import {SmartAccount as OwnedAccount} from "../support/SmartAccount.sol";
import {vm} from "../support/Vm.sol";

/// @notice Whatever an account does, the question has one answer and a bound.
contract SmartAccountTest {
    address private constant ACCOUNT = address(0xACC0);
    bytes32 private constant DIGEST = keccak256("digest");
    uint256 private constant SECRET = 0x5ec;

    HostileAccount private _hostile = new HostileAccount();

    function hasSigned(address account, bytes memory signature) external view returns (bool) {
        return SmartAccount.ask(account, DIGEST, signature) == SmartAccount.Answer.Yes;
    }

    function ask(address account) external view returns (SmartAccount.Answer) {
        return SmartAccount.ask(account, DIGEST, "signature");
    }

    /// One after the other, in one memory.
    function haveSigned(address[] calldata accounts) external view returns (bool[] memory answers) {
        answers = new bool[](accounts.length);
        for (uint256 i = 0; i < accounts.length; i++) {
            answers[i] = SmartAccount.ask(accounts[i], DIGEST, "signature") == SmartAccount.Answer.Yes;
        }
    }

    function _answers(bytes memory code) private returns (bool) {
        vm.etch(ACCOUNT, code);
        return this.hasSigned(ACCOUNT, "signature");
    }

    function _behaves(HostileAccount.Manner manner, uint256 mostGas) private returns (bool hasSigned_) {
        _hostile.behave(manner);
        uint256 before = gasleft();
        hasSigned_ = this.hasSigned(address(_hostile), "signature");
        assert(before - gasleft() <= mostGas);
    }

    function test_anAccountThatAKeySignsFor() public {
        OwnedAccount account = new OwnedAccount(vm.addr(SECRET));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SECRET, DIGEST);
        assert(this.hasSigned(address(account), abi.encodePacked(r, s, v)));
        (v, r, s) = vm.sign(SECRET + 1, DIGEST);
        assert(!this.hasSigned(address(account), abi.encodePacked(r, s, v)));
        (v, r, s) = vm.sign(SECRET, keccak256("other"));
        assert(!this.hasSigned(address(account), abi.encodePacked(r, s, v)));
        assert(!this.hasSigned(address(account), ""));
    }

    function testFuzz_theQuestionIsERC1271s(bytes calldata signature) public {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (DIGEST, signature));
        vm.etch(ACCOUNT, RawAccount.expects(question));
        assert(this.hasSigned(ACCOUNT, signature));
        assert(!this.hasSigned(ACCOUNT, bytes.concat(signature, hex"00")));
    }

    function test_answers() public {
        bytes32 magic = bytes32(RawAccount.MAGIC);
        assert(_answers(RawAccount.answers(magic, 32, false)));
        uint32[6] memory lengths = [uint32(0), 4, 20, 31, 33, 1_000];
        for (uint256 i = 0; i < 6; i++) assert(!_answers(RawAccount.answers(magic, lengths[i], false)));
        assert(!_answers(RawAccount.answers(magic, 32, true)));
        assert(!_answers(RawAccount.answers(magic | bytes32(uint256(1)), 32, false)));
        assert(!_answers(RawAccount.answers(magic | bytes32(uint256(1) << 223), 32, false)));
        assert(!_answers(RawAccount.answers(magic >> 224, 32, false)));
        assert(!_answers(RawAccount.answers(bytes32(uint256(1)), 32, false)));
        assert(!_answers(RawAccount.answers(0, 32, false)));
    }

    /// What an account before it left in memory is no answer.
    function test_nobodyAnswersForTheNext() public {
        vm.etch(ACCOUNT, RawAccount.answers(bytes32(RawAccount.MAGIC), 32, false));
        address[] memory accounts = new address[](6);
        address other = address(0xACC1);
        vm.etch(other, RawAccount.answers(bytes32(RawAccount.MAGIC), 31, false));
        address[6] memory asked = [ACCOUNT, address(0xE0A), ACCOUNT, other, ACCOUNT, address(0x01)];
        for (uint256 i = 0; i < 6; i++) accounts[i] = asked[i];
        bool[] memory answers = this.haveSigned(accounts);
        for (uint256 i = 0; i < 6; i++) assert(answers[i] == (i % 2 == 0));
    }

    function test_whatHasNoCodeSaysNo() public view {
        assert(!this.hasSigned(address(0xE0A), "signature"));
        assert(!this.hasSigned(address(0), "signature"));
        assert(!this.hasSigned(vm.addr(SECRET), "signature"));
    }

    /// Their answers are no magic value, and what fails there takes its gas.
    function test_precompilesSayNo() public view {
        for (uint160 i = 1; i <= 0x11; i++) {
            uint256 before = gasleft();
            assert(!this.hasSigned(address(i), "signature"));
            assert(before - gasleft() < 3_100_000);
        }
        assert(!this.hasSigned(address(0x100), "signature"));
    }

    /// Case 41.
    function test_case41_accountsThatMisbehave() public {
        assert(_behaves(HostileAccount.Manner.Agrees, 50_000));
        assert(!_behaves(HostileAccount.Manner.Reverts, 50_000));
        assert(!_behaves(HostileAccount.Manner.BurnsGas, 3_050_000));
        // Its first word says yes.
        assert(!_behaves(HostileAccount.Manner.ReturnsMegabyte, 3_050_000));
        assert(!_behaves(HostileAccount.Manner.ReturnsLittle, 50_000));
        assert(!_behaves(HostileAccount.Manner.ReturnsDirtyWord, 50_000));
        // What it writes or enters fails and takes its gas.
        _hostile.prepare(IIdentityRegistry(address(new OwnedAccount(address(1)))), 0, "");
        assert(!_behaves(HostileAccount.Manner.ReEnters, 3_050_000));
        assert(!_behaves(HostileAccount.Manner.Selfish, 3_050_000));
        assert(_hostile.manner() == HostileAccount.Manner.Selfish);
    }

    function test_anAccountHasThreeMillionGas() public {
        assert(_answers(RawAccount.counts(3_000_000)));
        assert(!_answers(RawAccount.counts(3_000_001)) && !_answers(RawAccount.counts(2_999_999)));
        assert(SmartAccount.MOST_GAS == 3_000_000);
        // Solidity's own overhead is not in the way: with less than it asks for it gets less.
        vm.etch(ACCOUNT, RawAccount.counts(3_000_000));
        assert(!this.hasSigned{gas: 2_000_000}(ACCOUNT, "signature"));
    }

    /// A no counts when the account was given all the gas that it is due; a yes always does.
    function test_aNoForLackOfGasIsNone() public {
        vm.etch(ACCOUNT, RawAccount.answers(0, 32, false));
        // 3,010,000 after the 64th part that stays behind is what it takes, and some for the question.
        assert(this.ask{gas: 3_100_000}(ACCOUNT) == SmartAccount.Answer.No);
        assert(this.ask{gas: 3_050_000}(ACCOUNT) == SmartAccount.Answer.NoForLackOfGas);
        assert(this.ask{gas: 100_000}(ACCOUNT) == SmartAccount.Answer.NoForLackOfGas);
        vm.etch(ACCOUNT, RawAccount.answers(bytes32(RawAccount.MAGIC), 32, false));
        assert(this.ask{gas: 100_000}(ACCOUNT) == SmartAccount.Answer.Yes);
    }
}
