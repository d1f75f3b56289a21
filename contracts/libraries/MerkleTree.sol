// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @notice The trees of reports: `leaf = keccak256(0x00 | tag | abi.encode(index, fields))`,
 * `node = keccak256(0x01 | left | right)`, an odd node goes up as it is, and
 * `root = keccak256(0x02 | tag | uint64 count | uint128 total | top)`; an empty tree has count 0 and top 0.
 *
 * A leaf's hash has its index and tag, a root its count and tag: a node is never taken for a leaf, nor a leaf or a tree
 * for another's. Leaves ascend strictly by key, so two with neighbouring indices prove that nothing is between them.
 */
library MerkleTree {
    /// @notice Per originator its range.
    uint8 internal constant LOGS = 1;
    /// @notice The envelopes of a range.
    uint8 internal constant RANGE = 2;
    /// @notice Per channel what it used.
    uint8 internal constant USAGE = 3;
    /// @notice Per channel what it owes for stamps.
    uint8 internal constant CHARGES = 4;
    /// @notice Per account what it gets of a report's pot.
    uint8 internal constant PAYOUTS = 5;

    /// @param index Of the leaf.
    /// @param count Of all leaves.
    /// @param total Of the amounts of all leaves; 0 where leaves carry none.
    /// @param siblings The hashes beside its way up, from below.
    struct Path {
        uint64 index;
        uint64 count;
        uint128 total;
        bytes32[] siblings;
    }

    /// @param fields `abi.encode` of the leaf's fields.
    function leaf(uint8 tag, uint256 index, bytes memory fields) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(0), tag, index, fields));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            // Beyond what is allocated: nothing is kept of it.
            let free := mload(0x40)
            mstore8(free, 1)
            mstore(add(free, 0x01), left)
            mstore(add(free, 0x21), right)
            hash := keccak256(free, 0x41)
        }
    }

    function root(uint8 tag, uint64 count, uint128 total, bytes32 top) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(2), tag, count, total, top));
    }

    function emptyRoot(uint8 tag) internal pure returns (bytes32) {
        return root(tag, 0, 0, 0);
    }

    /// @notice The root of a tree whose leaves are all there. Uses up `hashes`.
    function rootOf(uint8 tag, uint128 total, bytes32[] memory hashes) internal pure returns (bytes32) {
        uint256 count = hashes.length;
        uint256 width = count;
        while (width > 1) {
            for (uint256 i = 0; i < width; i += 2) {
                hashes[i / 2] = i + 1 < width ? node(hashes[i], hashes[i + 1]) : hashes[i];
            }
            width = (width + 1) / 2;
        }
        return root(tag, uint64(count), total, count == 0 ? bytes32(0) : hashes[0]);
    }

    /// @notice Whether a leaf's hash stands where its path says in the tree under `expected`. False for a path of another
    /// shape than a tree of that many leaves has.
    function isUnder(bytes32 expected, uint8 tag, bytes32 hash, Path memory path) internal pure returns (bool) {
        (uint256 at, uint256 width) = (path.index, path.count);
        if (at >= width) return false;
        uint256 used;
        for (; width > 1; (at, width) = (at / 2, (width + 1) / 2)) {
            if (at % 2 == 0 && at + 1 == width) continue;
            if (used == path.siblings.length) return false;
            bytes32 sibling = path.siblings[used++];
            hash = at % 2 == 0 ? node(hash, sibling) : node(sibling, hash);
        }
        return used == path.siblings.length && root(tag, path.count, path.total, hash) == expected;
    }
}
