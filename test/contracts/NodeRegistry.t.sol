// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IPausableEntries} from "../../contracts/interfaces/IPausableEntries.sol";
import {INodeRegistry} from "../../contracts/interfaces/INodeRegistry.sol";
import {WorldRefusals} from "../support/WorldRefusals.sol";
import {vm} from "../support/Vm.sol";

/// @notice A node's life: registered, transferred, left; each refusal with its error and nothing changed.
contract NodeRegistryTest is WorldRefusals {
    function setUp() public {
        _enterBoth();
    }

    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(registry), caller, call, bytes.concat(selector, arguments));
    }

    function _address(string memory httpAddress) private pure returns (bytes memory) {
        return abi.encodeCall(INodeRegistry.setHttpAddress, (NODE, httpAddress));
    }

    function _transfer(address from, address to) private pure returns (bytes memory) {
        return abi.encodeWithSignature("transferFrom(address,address,uint256)", from, to, NODE);
    }

    // Registering.

    function test_aNodeIsWhatItsOwnerRegistered() public view {
        INodeRegistry.Node memory node = registry.getNode(NODE);
        assert(node.signer == vm.addr(ALICE_SIGNS) && !node.isCanonical);
        assert(keccak256(bytes(node.httpAddress)) == keccak256("https://node.example"));
        assert(registry.ownerOf(NODE) == ALICE && registry.isLive(NODE) && registry.lastNodeId() == OTHER);
        assert(registry.phaseOf(NODE) == INodeRegistry.Phase.Live);
        assert(registry.phaseOf(300) == INodeRegistry.Phase.Unknown && !registry.isLive(300));
        assert(staking.stakeOf(NODE) == MINIMUM && seats.payoutOf(NODE) == ALICE);
        assert(registry.epochSeconds() == EPOCH);
        assert(address(registry.seats()) == address(seats) && address(registry.staking()) == address(staking));
    }

    function test_allNodesAreThoseWithASeatAndCanonicalFromTheNextEpoch() public {
        INodeRegistry.NodeWithId[] memory nodes = registry.getAllNodes();
        assert(nodes.length == 2 && !nodes[0].node.isCanonical);
        vm.warp(START + EPOCH);
        nodes = registry.getAllNodes();
        assert(nodes[0].nodeId == NODE && nodes[1].nodeId == OTHER);
        assert(nodes[0].node.isCanonical && registry.isCanonical(NODE) && !registry.isCanonical(300));
    }

    /// Case 28: what every client reads is short, printable and has a scheme.
    function test_case28_anAddressIsShortPrintableAndHasAScheme() public {
        string[9] memory refused = [
            "",
            "http://",
            "https://",
            "ftp://node.example",
            "HTTP://node.example",
            "http://a b",
            "http://\x7f",
            unicode"https://nöde",
            string(bytes.concat("http://", new bytes(10_240)))
        ];
        bytes4 selector = INodeRegistry.NodeRegistryHttpAddressInvalid.selector;
        for (uint256 i = 0; i < refused.length; i++) {
            _refuses(ALICE, _address(refused[i]), selector, abi.encode(bytes(refused[i]).length, 200));
            INodeRegistry.Registration memory registration = _registration(ALICE, 0xC1, 0xC2);
            registration.httpAddress = refused[i];
            bytes memory register = abi.encodeCall(INodeRegistry.register, (registration));
            _refuses(ALICE, register, selector, abi.encode(bytes(refused[i]).length, 200));
        }
    }

    function test_case28_theLongestAndTheShortestAddress() public {
        bytes memory long = bytes.concat("https://", new bytes(192));
        for (uint256 i = 8; i < long.length; i++) long[i] = i % 2 == 0 ? bytes1(0x21) : bytes1(0x7e);
        _accepts(address(registry), ALICE, _address(string(long)));
        assert(keccak256(bytes(registry.getNode(NODE).httpAddress)) == keccak256(long));
        _accepts(address(registry), ALICE, _address("http://a"));
        _accepts(address(registry), ALICE, _address("https://a"));
        bytes4 selector = INodeRegistry.NodeRegistryHttpAddressInvalid.selector;
        _refuses(ALICE, _address(string(bytes.concat(long, "a"))), selector, abi.encode(201, 200));
    }

    function test_idsEndWhereStockNodesCannotFollow() public {
        // lastNodeId alone in its slot.
        uint256 slot = 0;
        while (uint256(vm.load(address(registry), bytes32(slot))) != OTHER) slot++;
        uint256 last = (uint256(2 ** 31 - 1) / 100) * 100;
        vm.store(address(registry), bytes32(slot), bytes32(last - 100));
        assert(_register(ALICE, 0xC1, 0xC2) == last);
        _fund(ALICE, MINIMUM);
        bytes memory register = abi.encodeCall(INodeRegistry.register, (_registration(ALICE, 0xC3, 0xC4)));
        vm.prank(ALICE);
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, bytes memory answer) = address(registry).call(register);
        bytes4 selector = INodeRegistry.NodeRegistryTooManyNodes.selector;
        assert(!taken && keccak256(answer) == keccak256(abi.encodeWithSelector(selector, last + 100)));
    }

    function test_aPauseStopsRegisteringAndNoWayOut() public {
        registry.pauseEntries(1 days);
        bytes memory register = abi.encodeCall(INodeRegistry.register, (_registration(ALICE, 0xC1, 0xC2)));
        bytes4 selector = IPausableEntries.PausableEntriesPaused.selector;
        _refuses(ALICE, register, selector, abi.encode(START + 1 days, START));
        vm.prank(ALICE);
        registry.exit(NODE);
    }

    // Owners.

    function test_onlyTheOwnerActsForANode() public {
        bytes4 selector = INodeRegistry.NodeRegistryNotOwner.selector;
        bytes[5] memory calls = [
            _address("http://a"),
            abi.encodeCall(INodeRegistry.setPayout, (NODE, BOB)),
            abi.encodeCall(INodeRegistry.exit, (NODE)),
            abi.encodeWithSignature("rotateSigningKey(uint32,bytes,bytes)", NODE, "", ""),
            abi.encodeWithSignature("rotateAttestationKey(uint32,bytes,bytes)", NODE, "", "")
        ];
        for (uint256 i = 0; i < calls.length; i++) _refuses(BOB, calls[i], selector, abi.encode(BOB, NODE));
        _accepts(address(registry), ALICE, _transfer(ALICE, BOB));
        for (uint256 i = 0; i < calls.length; i++) _refuses(ALICE, calls[i], selector, abi.encode(ALICE, NODE));
    }

    function test_aTransferTakesPayoutVotesAndStakeAlong() public {
        vm.prank(ALICE);
        registry.setPayout(NODE, STRANGER);
        assert(seats.payoutOf(NODE) == STRANGER);
        // To oneself it changes nothing.
        _accepts(address(registry), ALICE, _transfer(ALICE, ALICE));
        assert(seats.payoutOf(NODE) == STRANGER && staking.getVotes(ALICE) == MINIMUM);
        _accepts(address(registry), ALICE, _transfer(ALICE, BOB));
        assert(seats.payoutOf(NODE) == BOB);
        assert(staking.getVotes(ALICE) == 0 && staking.getVotes(BOB) == 2 * MINIMUM);
        bytes memory back = _transfer(BOB, ALICE);
        bytes4 selector = IERC721Errors.ERC721InsufficientApproval.selector;
        _refuses(ALICE, back, selector, abi.encode(ALICE, NODE));
        selector = IERC721Errors.ERC721InvalidReceiver.selector;
        _refuses(BOB, _transfer(BOB, address(0)), selector, abi.encode(address(0)));
    }

    function test_aFrozenNodeIsNotTransferredAndMayLeave() public {
        uint256 caseId = _reportEquivocation(STRANGER, ALICE_SIGNS, NODE, 7);
        bytes4 selector = INodeRegistry.NodeRegistryFrozen.selector;
        _refuses(ALICE, _transfer(ALICE, BOB), selector, abi.encode(NODE));
        _refuses(ALICE, _transfer(ALICE, ALICE), selector, abi.encode(NODE));
        vm.prank(ALICE);
        registry.exit(NODE);
        _refuses(ALICE, _transfer(ALICE, BOB), selector, abi.encode(NODE));
        vm.warp(block.timestamp + 7 days);
        faultProofs.execute(caseId);
        _accepts(address(registry), ALICE, _transfer(ALICE, BOB));
        assert(registry.ownerOf(NODE) == BOB && seats.payoutOf(NODE) == BOB);
    }

    // Leaving.

    function test_aNodeLeavesWhereTheNextEpochBegins() public {
        vm.warp(START + EPOCH + 1);
        vm.prank(ALICE);
        registry.exit(NODE);
        assert(registry.phaseOf(NODE) == INodeRegistry.Phase.Leaving && !registry.isLive(NODE));
        assert(registry.isCanonical(NODE) && registry.nodeOf(vm.addr(ALICE_SIGNS)) == NODE);
        (bool known, uint64 retiredAt, uint64 takenUntil) = registry.keyOf(NODE, vm.addr(ALICE_SIGNS));
        assert(known && retiredAt == START + 2 * EPOCH && takenUntil == retiredAt + 14 days);
        assert(staking.stakeOf(NODE) == 0 && staking.slashableOf(NODE) == MINIMUM);
        assert(registry.getAllNodes().length == 2 && registry.getAllNodes()[0].nodeId == NODE);
        _refusesTheLive(INodeRegistry.Phase.Leaving);
        vm.warp(START + 2 * EPOCH - 1);
        assert(registry.phaseOf(NODE) == INodeRegistry.Phase.Leaving && registry.isCanonical(NODE));
        vm.warp(START + 2 * EPOCH);
        assert(registry.phaseOf(NODE) == INodeRegistry.Phase.Left && !registry.isCanonical(NODE));
        assert(registry.nodeOf(vm.addr(ALICE_SIGNS)) == 0 && registry.ownerOf(NODE) == ALICE);
        assert(registry.getNode(NODE).signer == vm.addr(ALICE_SIGNS));
        _refusesTheLive(INodeRegistry.Phase.Left);
        vm.prank(ALICE);
        registry.setPayout(NODE, BOB);
        assert(seats.payoutOf(NODE) == BOB && registry.getAllNodes().length == 1);
    }

    function _refusesTheLive(INodeRegistry.Phase phase) private {
        bytes4 selector = INodeRegistry.NodeRegistryNotLive.selector;
        bytes[3] memory calls = [
            abi.encodeCall(INodeRegistry.exit, (NODE)),
            abi.encodeWithSignature("rotateSigningKey(uint32,bytes,bytes)", NODE, "", ""),
            abi.encodeWithSignature("rotateAttestationKey(uint32,bytes,bytes)", NODE, "", "")
        ];
        for (uint256 i = 0; i < calls.length; i++) _refuses(ALICE, calls[i], selector, abi.encode(NODE, phase));
    }

    /// A total slash leaves nothing to release, and the node leaves all the same.
    function test_case23_aNodeWithoutStakeLeaves() public {
        vm.prank(address(faultProofs));
        staking.slash(NODE, 10_000, 0, BOB);
        assert(staking.stakeOf(NODE) == 0 && seats.seatMinimumOf(NODE) == 0);
        vm.prank(ALICE);
        registry.exit(NODE);
        assert(staking.unbondingsOf(NODE).length == 0);
    }

    function test_nobodyIsToldAboutAnUnknownNode() public {
        bytes4 selector = INodeRegistry.NodeRegistryUnknownNode.selector;
        _refuses(ALICE, abi.encodeCall(INodeRegistry.getNode, (300)), selector, abi.encode(300));
        selector = INodeRegistry.NodeRegistryNotOwner.selector;
        _refuses(ALICE, abi.encodeCall(INodeRegistry.exit, (300)), selector, abi.encode(ALICE, 300));
    }
}
