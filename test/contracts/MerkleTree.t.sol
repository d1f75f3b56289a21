// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {ReportLeaves} from "../../contracts/libraries/ReportLeaves.sol";
import {within} from "../support/Vm.sol";

/// @notice Case 31: what is in a tree is shown to be, and nothing else is.
contract MerkleTreeTest {
    uint8 private constant TAG = MerkleTree.PAYOUTS;
    uint256 private constant MOST = 40;
    uint128 private constant TOTAL = 77;

    function _leaves(uint256 seed, uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) leaves[i] = MerkleTree.leaf(TAG, i, abi.encode(seed, i));
    }

    /// The slow way, from the top down: the left part has as many leaves as the largest power of two below all of them.
    function _top(bytes32[] memory leaves, uint256 from, uint256 to) private pure returns (bytes32) {
        if (to - from == 1) return leaves[from];
        uint256 left = 1;
        while (2 * left < to - from) left *= 2;
        return keccak256(bytes.concat(hex"01", _top(leaves, from, from + left), _top(leaves, from + left, to)));
    }

    function _rootOf(bytes32[] memory leaves) private pure returns (bytes32) {
        bytes32 top = leaves.length == 0 ? bytes32(0) : _top(leaves, 0, leaves.length);
        return keccak256(abi.encodePacked(hex"02", TAG, uint64(leaves.length), TOTAL, top));
    }

    function _path(bytes32[] memory leaves, uint256 index) private pure returns (MerkleTree.Path memory) {
        bytes32[] memory siblings = new bytes32[](8);
        uint256 used = _collect(leaves, 0, leaves.length, index, siblings);
        assembly ("memory-safe") {
            mstore(siblings, used)
        }
        return MerkleTree.Path(uint64(index), uint64(leaves.length), TOTAL, siblings);
    }

    function _collect(
        bytes32[] memory leaves,
        uint256 from,
        uint256 to,
        uint256 index,
        bytes32[] memory siblings
    ) private pure returns (uint256 used) {
        if (to - from == 1) return 0;
        uint256 left = 1;
        while (2 * left < to - from) left *= 2;
        bool isLeft = index < from + left;
        used =
            isLeft
                ? _collect(leaves, from, from + left, index, siblings)
                : _collect(leaves, from + left, to, index, siblings);
        siblings[used++] = isLeft ? _top(leaves, from + left, to) : _top(leaves, from, from + left);
    }

    function _isUnder(bytes32 root, bytes32 leaf, MerkleTree.Path memory path) private pure returns (bool) {
        return MerkleTree.isUnder(root, TAG, leaf, path);
    }

    function testFuzz_everyLeafIsUnderItsRootAndNoOtherIs(uint256 seed, uint256 count, uint256 at) public pure {
        count = within(count, 1, MOST);
        at %= count;
        bytes32[] memory leaves = _leaves(seed, count);
        bytes32 root = _rootOf(leaves);
        MerkleTree.Path memory path = _path(leaves, at);
        bytes32 leaf = leaves[at];
        assert(_isUnder(root, leaf, path));
        assert(!_isUnder(root ^ bytes32(uint256(1)), leaf, path));
        assert(!_isUnder(root, leaf ^ bytes32(uint256(1)), path));
        assert(!MerkleTree.isUnder(root, MerkleTree.CHARGES, leaf, path));
        uint64 other = uint64(within(seed >> 128, 0, count + 2));
        if (other == at) other++;
        uint64[3] memory indices = [uint64(at) ^ 1, uint64(at) + 1, other];
        for (uint256 i = 0; i < indices.length; i++) {
            path.index = indices[i];
            assert(!_isUnder(root, leaf, path));
        }
        path.index = uint64(at);
        other = uint64(within(seed >> 192, 0, 2 * count + 2));
        if (other == count) other++;
        uint64[3] memory counts = [uint64(count) - 1, uint64(count) + 1, other];
        for (uint256 i = 0; i < counts.length; i++) {
            path.count = counts[i];
            assert(!_isUnder(root, leaf, path));
        }
        (path.count, path.total) = (uint64(count), TOTAL + 1);
        assert(!_isUnder(root, leaf, path));
        path.total = TOTAL;
        _siblingsCount(root, leaf, path);
        // Uses up the leaves.
        assert(MerkleTree.rootOf(TAG, TOTAL, leaves) == root);
    }

    /// One too few, one too many, one that is another.
    function _siblingsCount(bytes32 root, bytes32 leaf, MerkleTree.Path memory path) private pure {
        bytes32[] memory siblings = path.siblings;
        for (uint256 i = 0; i < siblings.length; i++) {
            siblings[i] ^= bytes32(uint256(1) << 255);
            assert(!_isUnder(root, leaf, path));
            siblings[i] ^= bytes32(uint256(1) << 255);
        }
        bytes32[] memory more = new bytes32[](siblings.length + 1);
        for (uint256 i = 0; i < siblings.length; i++) more[i] = siblings[i];
        path.siblings = more;
        assert(!_isUnder(root, leaf, path));
        if (siblings.length == 0) return;
        bytes32[] memory fewer = new bytes32[](siblings.length - 1);
        for (uint256 i = 0; i < fewer.length; i++) fewer[i] = siblings[i];
        path.siblings = fewer;
        assert(!_isUnder(root, leaf, path));
    }

    /// Every size, every leaf: trees that are no powers of two have paths of different lengths.
    function test_everySizeHasItsRoot() public pure {
        for (uint256 count = 0; count <= 17; count++) {
            bytes32[] memory leaves = _leaves(count, count);
            bytes32 root = _rootOf(leaves);
            for (uint256 i = 0; i < count; i++) assert(_isUnder(root, leaves[i], _path(leaves, i)));
            assert(MerkleTree.rootOf(TAG, TOTAL, leaves) == root);
        }
        assert(
            MerkleTree.emptyRoot(TAG) == keccak256(abi.encodePacked(hex"02", TAG, uint64(0), uint128(0), bytes32(0)))
        );
    }

    /// Case 31: an empty tree has no leaf, a tree of one leaf no siblings, and a node is no leaf.
    function test_case31_aNodeIsNoLeaf() public pure {
        bytes32[] memory none = new bytes32[](0);
        MerkleTree.Path memory path = MerkleTree.Path(0, 0, TOTAL, none);
        assert(!_isUnder(_rootOf(none), 0, path));
        bytes32[] memory one = _leaves(1, 1);
        path.count = 1;
        assert(_isUnder(_rootOf(one), one[0], path));
        assert(!_isUnder(_rootOf(one), 0, path));
        // The inner node of a tree of four, shown as a leaf of a tree of two.
        bytes32[] memory four = _leaves(4, 4);
        bytes32 root = _rootOf(four);
        bytes32[] memory beside = new bytes32[](1);
        beside[0] = MerkleTree.node(four[2], four[3]);
        path = MerkleTree.Path(0, 2, TOTAL, beside);
        assert(!_isUnder(root, MerkleTree.node(four[0], four[1]), path));
        path.count = 4;
        assert(!_isUnder(root, MerkleTree.node(four[0], four[1]), path));
        // 64 bytes of fields that look like two hashes are hashed as a leaf.
        bytes memory fields = abi.encode(four[0], four[1]);
        assert(MerkleTree.leaf(TAG, 0, fields) != MerkleTree.node(four[0], four[1]));
        assert(MerkleTree.leaf(TAG, 0, fields) == keccak256(bytes.concat(hex"00", bytes1(TAG), bytes32(0), fields)));
    }

    /// Kinds of leaves have tags and widths of their own.
    function test_leavesAreHashedByKind() public pure {
        bytes memory head = bytes.concat(hex"0001", bytes32(uint256(7)));
        bytes32 root = keccak256("root");
        ReportLeaves.Range memory range = ReportLeaves.Range(1, 2, 3, 4, 5, 6, root);
        bytes memory fields = bytes.concat(abi.encode(1, 2, 3), abi.encode(4, 5, 6, root));
        assert(ReportLeaves.ofRange(7, range) == keccak256(bytes.concat(head, fields)));
        head[1] = 0x02;
        assert(ReportLeaves.ofEntry(7, 9, root) == keccak256(bytes.concat(head, abi.encode(9, root))));
        head[1] = 0x03;
        address who = address(0xABCD);
        assert(ReportLeaves.ofUsage(7, who, 8, 9) == keccak256(bytes.concat(head, abi.encode(who, 8, 9))));
        head[1] = 0x04;
        assert(ReportLeaves.ofCharge(7, who, 8) == keccak256(bytes.concat(head, abi.encode(who, 8))));
        head[1] = 0x05;
        assert(ReportLeaves.ofPayout(7, who, 8) == keccak256(bytes.concat(head, abi.encode(who, 8))));
    }

    /// Nothing that is allocated is written over by a node.
    function test_aNodeLeavesMemoryAsItIs() public pure {
        bytes32[] memory list = new bytes32[](2);
        (list[0], list[1]) = (keccak256("a"), keccak256("b"));
        bytes32 node = MerkleTree.node(list[0], list[1]);
        assert(node == keccak256(bytes.concat(hex"01", keccak256("a"), keccak256("b"))));
        assert(list[0] == keccak256("a") && list[1] == keccak256("b") && list.length == 2);
    }
}
