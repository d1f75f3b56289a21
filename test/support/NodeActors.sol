// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INodeRegistry} from "../../contracts/interfaces/INodeRegistry.sol";
import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {NodeWorld} from "./NodeWorld.sol";
import {vm, within} from "./Vm.sol";

/**
 * @notice Three owners do with real nodes and their stake whatever comes up, with few keys and seats, so that they get
 * in each other's way. Books are kept of what has to come of it; the first thing that came out otherwise is named in
 * `broken`.
 */
abstract contract NodeActors is NodeWorld {
    uint256 public constant OWNERS = 3;
    uint256 internal constant MOST_NODES = 6;
    /// Fewer keys than nodes.
    uint256 public constant KEYS = 5;

    struct KeyUse {
        bool known;
        uint256 takenUntil;
    }

    struct NodeBook {
        uint256 owner;
        uint256 signer;
        uint256 attester;
        /// When it has left; zero while it is live.
        uint256 leftAt;
        /// What was put in, less what was paid out and slashed.
        uint256 stake;
        /// Cases neither executed nor closed.
        uint256 cases;
    }

    string public broken;
    uint256 public nodes;
    mapping(uint32 nodeId => NodeBook) internal _books;
    mapping(uint32 nodeId => mapping(uint256 secret => KeyUse)) internal _uses;
    mapping(uint256 owner => mapping(uint256 secret => bytes)) private _proofs;

    constructor() {
        token.delegate(address(this));
        for (uint256 i = 0; i < OWNERS; i++) {
            vm.prank(ownerAt(i));
            token.delegate(ownerAt(i));
            // What takes long is done once, before the histories begin.
            for (uint256 k = 0; k < KEYS; k++) _proof(i, _attesterAt(k));
        }
        for (uint256 k = 0; k < KEYS; k++) _signingKey(signerAt(k));
        for (uint256 i = 0; i < 3; i++) register(i, i, i);
    }

    function ownerAt(uint256 i) public pure returns (address) {
        return address(uint160(0xACE0 + (i % OWNERS)));
    }

    function book(uint32 nodeId) external view returns (NodeBook memory) {
        return _books[nodeId];
    }

    function signerAt(uint256 i) public pure returns (uint256) {
        return 0xA0 + (i % KEYS);
    }

    function _attesterAt(uint256 i) private pure returns (uint256) {
        return 0xB0 + (i % KEYS);
    }

    function _nodeAt(uint256 i) internal view returns (uint32) {
        return uint32(100 * (1 + (i % nodes)));
    }

    function _expect(bool holds, string memory what) internal {
        if (!holds && bytes(broken).length == 0) broken = what;
    }

    function _owner(uint32 nodeId) private view returns (address) {
        return ownerAt(_books[nodeId].owner);
    }

    function _hasLeft(uint32 nodeId) internal view returns (bool) {
        uint256 leftAt = _books[nodeId].leftAt;
        return leftAt != 0 && block.timestamp >= leftAt;
    }

    function _isFree(uint256 signer, uint256 attester) private view returns (bool) {
        for (uint32 nodeId = 100; nodeId <= 100 * nodes; nodeId += 100) {
            if (_hasLeft(nodeId)) continue;
            if (_books[nodeId].signer == signer || _books[nodeId].attester == attester) return false;
        }
        return true;
    }

    function _proof(uint256 owner, uint256 attester) private returns (bytes memory proof) {
        proof = _proofs[owner % OWNERS][attester];
        if (proof.length > 0) return proof;
        proof = _attestationProof(ownerAt(owner), attester);
        _proofs[owner % OWNERS][attester] = proof;
    }

    // ------------------------------------------------------------------------------------------------- nodes

    function register(uint256 owner, uint256 signerSeed, uint256 attesterSeed) public {
        if (nodes == MOST_NODES) return;
        (uint256 signer, uint256 attester) = (signerAt(signerSeed), _attesterAt(attesterSeed));
        INodeRegistry.Registration memory registration = INodeRegistry.Registration(
            _signingKey(signer),
            _signingProof(ownerAt(owner), signer),
            _attestationKey(attester),
            _proof(owner, attester),
            "https://node.example",
            ownerAt(owner)
        );
        _fund(ownerAt(owner), staking.minimumStake());
        bool may = _isFree(signer, attester);
        vm.prank(ownerAt(owner));
        try registry.register(registration) returns (uint32 nodeId) {
            _expect(may, "a key of two nodes");
            nodes++;
            _expect(nodeId == 100 * nodes, "an id");
            _books[nodeId] = NodeBook(owner % OWNERS, signer, attester, 0, staking.minimumStake(), 0);
            _uses[nodeId][signer] = KeyUse(true, 0);
        } catch {
            _expect(!may, "a free key refused");
        }
    }

    function rotateSigner(uint256 i, uint256 signerSeed) public {
        (uint32 nodeId, uint256 signer) = (_nodeAt(i), signerAt(signerSeed));
        NodeBook storage node = _books[nodeId];
        bool may = node.leftAt == 0 && _isFree(signer, 0);
        bytes memory proof = _signingProof(ownerAt(node.owner), signer);
        bytes memory key = _signingKey(signer);
        vm.prank(ownerAt(node.owner));
        try registry.rotateSigningKey(nodeId, key, proof) {
            _expect(may, "a signing key of two nodes");
            _uses[nodeId][node.signer].takenUntil = block.timestamp + staking.unbondingSeconds();
            _uses[nodeId][signer] = KeyUse(true, 0);
            node.signer = signer;
        } catch {
            _expect(!may, "a free signing key refused");
        }
    }

    function rotateAttester(uint256 i, uint256 attesterSeed) public {
        (uint32 nodeId, uint256 attester) = (_nodeAt(i), _attesterAt(attesterSeed));
        NodeBook storage node = _books[nodeId];
        bool may = node.leftAt == 0 && _isFree(0, attester);
        bytes memory proof = _proof(node.owner, attester);
        bytes memory key = _attestationKey(attester);
        vm.prank(ownerAt(node.owner));
        try registry.rotateAttestationKey(nodeId, key, proof) {
            _expect(may, "an attestation key of two nodes");
            node.attester = attester;
        } catch {
            _expect(!may, "a free attestation key refused");
        }
    }

    function exit(uint256 i) public {
        // Otherwise nobody stays long.
        if (i % 3 != 0) return;
        uint32 nodeId = _nodeAt(i / 3);
        NodeBook storage node = _books[nodeId];
        vm.prank(ownerAt(node.owner));
        try registry.exit(nodeId) {
            _expect(node.leftAt == 0, "left twice");
            node.leftAt = (block.timestamp / EPOCH + 1) * EPOCH;
            _uses[nodeId][node.signer].takenUntil = node.leftAt + staking.unbondingSeconds();
        } catch {
            _expect(node.leftAt != 0, "kept from leaving");
        }
    }

    function transfer(uint256 i, uint256 to) public {
        uint32 nodeId = _nodeAt(i);
        NodeBook storage node = _books[nodeId];
        vm.prank(ownerAt(node.owner));
        try registry.transferFrom(ownerAt(node.owner), ownerAt(to), nodeId) {
            _expect(node.cases == 0, "a frozen node transferred");
            node.owner = to % OWNERS;
        } catch {
            _expect(node.cases > 0, "a free node not transferred");
        }
    }

    // ------------------------------------------------------------------------------------------------- stake

    function stake(uint256 i, uint256 amount) public {
        uint32 nodeId = _nodeAt(i);
        amount = within(amount, 1, MINIMUM);
        _fund(_owner(nodeId), amount);
        vm.prank(_owner(nodeId));
        try staking.stake(nodeId, amount) {
            _expect(_books[nodeId].leftAt == 0, "staked for one that leaves");
            _books[nodeId].stake += amount;
        } catch {
            _expect(_books[nodeId].leftAt != 0, "stake refused");
        }
    }

    function unstake(uint256 i, uint256 amount) public {
        uint32 nodeId = _nodeAt(i);
        uint256 staked = staking.stakeOf(nodeId);
        vm.prank(_owner(nodeId));
        try staking.unstake(nodeId, within(amount, 1, MINIMUM)) {
            uint256 price = seats.seatMinimumOf(nodeId);
            uint256 least = price > 0 ? price : staking.minimumStake();
            _expect(staking.stakeOf(nodeId) >= least, "unstaked below what the seat or the node needs");
        } catch {
            _expect(staking.stakeOf(nodeId) == staked, "half unstaked");
        }
    }

    function withdraw(uint256 i) public {
        uint32 nodeId = _nodeAt(i);
        uint256 ready;
        INodeStaking.Unbonding[] memory list = staking.unbondingsOf(nodeId);
        for (uint256 k = 0; k < list.length; k++) if (list[k].readyAt <= block.timestamp) ready += list[k].amount;
        address owner = _owner(nodeId);
        vm.prank(owner);
        try staking.withdrawStake(nodeId, owner) returns (uint256 paid) {
            _expect(_books[nodeId].cases == 0, "paid while frozen");
            _expect(paid == ready, "paid too early or too little");
            _books[nodeId].stake -= paid;
        } catch {
            _expect(ready == 0 || _books[nodeId].cases > 0, "stake kept");
        }
    }

    function withdrawCredit(uint256 i) public {
        address owner = ownerAt(i);
        if (staking.creditOf(owner) == 0) return;
        uint256 before = token.balanceOf(owner);
        vm.prank(owner);
        uint256 paid = staking.withdrawCredit(owner);
        _expect(token.balanceOf(owner) == before + paid && staking.creditOf(owner) == 0, "credit");
    }

    function takeSeat(uint256 i) public {
        uint32 nodeId = _nodeAt(i);
        NodeBook storage node = _books[nodeId];
        (uint256 needed, uint32 weakest) = seats.seatPrice();
        bool may = node.leftAt == 0 && node.cases == 0 && seats.seatMinimumOf(nodeId) == 0;
        may = may && staking.stakeOf(nodeId) >= needed;
        vm.prank(ownerAt(node.owner));
        try seats.takeSeat(nodeId) {
            _expect(may && seats.seatMinimumOf(nodeId) == needed, "a seat for nothing");
            _expect(weakest == 0 || seats.seatMinimumOf(weakest) == 0, "a seat too many");
        } catch {
            _expect(!may, "a seat refused");
        }
    }
}
