// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BlsVerifier} from "../../contracts/BlsVerifier.sol";
import {FaultProofs} from "../../contracts/FaultProofs.sol";
import {NodeRegistry} from "../../contracts/NodeRegistry.sol";
import {NodeSeats} from "../../contracts/NodeSeats.sol";
import {NodeStaking} from "../../contracts/NodeStaking.sol";
import {PostageToken} from "../../contracts/governance/PostageToken.sol";
import {IAttestedLogs, IFaultProofs} from "../../contracts/interfaces/IFaultProofs.sol";
import {IKeyHistory} from "../../contracts/interfaces/INodeKeys.sol";
import {INodeRegistry} from "../../contracts/interfaces/INodeRegistry.sol";
import {INodeSeats, ISeatedNodes} from "../../contracts/interfaces/INodeSeats.sol";
import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {BlsSigner} from "./BlsSigner.sol";
import {allFor} from "./Genesis.sol";
import {SigningKeys} from "./SigningKeys.sol";
import {Wire} from "./Wire.sol";
import {vm} from "./Vm.sol";

/**
 * @notice The node contracts as they are deployed, wired together. This contract plays the parts that are not there:
 * authority, guardian, governor, distributor and reports.
 */
abstract contract NodeWorld is IAttestedLogs {
    uint256 internal constant START = 1_800_014_400;
    uint256 internal constant MINIMUM = 10_000e18;
    uint256 internal constant SUPPLY = 1_000_000_000e18;
    uint64 internal constant EPOCH = 12 hours;
    uint256 internal constant SEATS = 3;
    address internal constant TREASURY = address(0x7EA5);
    address internal constant STRANGER = address(0x57A);
    bytes32 internal constant SALT = bytes32(uint256(0x5A17));

    PostageToken public token;
    BlsVerifier public verifier;
    NodeStaking public staking;
    NodeRegistry public registry;
    NodeSeats public seats;
    FaultProofs public faultProofs;

    /// The report that contradicts whatever is asked about it.
    bytes32 internal constant FINAL_REPORT = bytes32(uint256(0xF17A1));
    mapping(uint256 secret => bytes) private _signingKeys;
    mapping(uint256 secret => bytes) private _attestationKeys;

    constructor() {
        vm.warp(START);
        address me = address(this);
        (address staking_, address registry_) = (_created(3), _created(4));
        (address seats_, address faultProofs_) = (_created(5), _created(6));
        token = new PostageToken(allFor(me, SUPPLY));
        verifier = new BlsVerifier();
        staking = new NodeStaking(token, registry_, seats_, faultProofs_, TREASURY, me, MINIMUM, 14 days);
        registry = new NodeRegistry(INodeSeats(seats_), INodeStaking(staking_), verifier, me, EPOCH);
        NodeSeats.Links memory links = NodeSeats.Links(
            ISeatedNodes(registry_),
            INodeStaking(staking_),
            verifier,
            me,
            me,
            me
        );
        seats = new NodeSeats(links, EPOCH, SEATS, INodeSeats.Admission.Open);
        faultProofs = new FaultProofs(staking, IKeyHistory(registry_), this, me, me, me, 7 days);
        assert(address(staking) == staking_ && address(registry) == registry_);
        assert(address(seats) == seats_ && address(faultProofs) == faultProofs_);
    }

    /// The n-th contract that this one creates.
    function _created(uint8 n) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), n)))));
    }

    function _wait(uint256 seconds_) internal virtual {
        vm.warp(block.timestamp + seconds_);
    }

    /// AccessManager's question: this contract may do everything, and nobody else anything.
    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == address(this), 0);
    }

    function contradicts(bytes32 report, uint32, uint64, bytes32, bytes calldata) external pure returns (bool) {
        return report == FINAL_REPORT;
    }

    // ------------------------------------------------------------------------------------------------- keys

    function _signingKey(uint256 secret) internal returns (bytes memory key) {
        key = _signingKeys[secret];
        if (key.length > 0) return key;
        key = SigningKeys.keyOf(secret);
        _signingKeys[secret] = key;
    }

    function _attestationKey(uint256 secret) internal returns (bytes memory key) {
        key = _attestationKeys[secret];
        if (key.length > 0) return key;
        key = BlsSigner.keyOf(secret);
        _attestationKeys[secret] = key;
    }

    function _signature(uint256 secret, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
        return abi.encodePacked(r, s, v);
    }

    function _signingProof(address owner, uint256 secret) internal view returns (bytes memory) {
        return _signature(secret, registry.possessionDigest(owner));
    }

    function _attestationProof(address owner, uint256 secret) internal returns (bytes memory) {
        bytes32 digest = verifier.possessionDigest(address(registry), owner, _attestationKey(secret));
        return BlsSigner.sign(secret, digest, BlsSigner.POSSESSION_DOMAIN);
    }

    // ------------------------------------------------------------------------------------------------- nodes

    function _registration(
        address owner,
        uint256 signer,
        uint256 attester
    ) internal returns (INodeRegistry.Registration memory) {
        return
            INodeRegistry.Registration(
                _signingKey(signer),
                _signingProof(owner, signer),
                _attestationKey(attester),
                _attestationProof(owner, attester),
                "https://node.example",
                owner
            );
    }

    /// Registers a node of the owner's with these secrets as keys; the owner is given what it takes.
    function _register(address owner, uint256 signer, uint256 attester) internal returns (uint32 nodeId) {
        INodeRegistry.Registration memory registration = _registration(owner, signer, attester);
        _fund(owner, staking.minimumStake());
        vm.prank(owner);
        return registry.register(registration);
    }

    function _fund(address owner, uint256 amount) internal {
        token.transfer(owner, amount);
        vm.prank(owner);
        token.approve(address(staking), type(uint256).max);
    }

    function _stake(uint32 nodeId, uint256 amount) internal {
        address owner = registry.ownerOf(nodeId);
        _fund(owner, amount);
        vm.prank(owner);
        staking.stake(nodeId, amount);
    }

    // ------------------------------------------------------------------------------------------------- faults

    function _receipt(uint256 signer, bytes memory envelope) internal pure returns (IFaultProofs.Receipt memory) {
        bytes32 digest = keccak256(bytes.concat("originator|", envelope));
        return IFaultProofs.Receipt(envelope, new address[](0), _signature(signer, digest));
    }

    /// A message of the node that was meant for `target`.
    function _receipt(
        uint256 signer,
        uint32 nodeId,
        uint64 sequenceId,
        bytes memory text,
        uint32 target
    ) internal pure returns (IFaultProofs.Receipt memory) {
        bytes memory payer = Wire.payerEnvelope(text, target);
        return _receipt(signer, Wire.originatorEnvelope(nodeId, sequenceId, 1_000, payer));
    }

    function _commit(address reporter, IFaultProofs.Fault fault, bytes32 first, bytes32 second) internal {
        bytes32 evidence = faultProofs.evidenceOf(fault, first, second);
        bytes32 commitment = faultProofs.commitmentOf(reporter, SALT, evidence);
        vm.prank(reporter);
        faultProofs.commit(commitment);
    }

    function _commitPair(
        address reporter,
        IFaultProofs.Receipt memory first,
        IFaultProofs.Receipt memory second
    ) internal {
        (bytes32 a, bytes32 b) = (faultProofs.digestOf(first), faultProofs.digestOf(second));
        _commit(reporter, IFaultProofs.Fault.Equivocation, a, b);
    }

    /// Two messages with one sequence id, committed to and revealed a minute later.
    function _reportEquivocation(
        address reporter,
        uint256 signer,
        uint32 nodeId,
        uint64 sequenceId
    ) internal returns (uint256 caseId) {
        IFaultProofs.Receipt memory first = _receipt(signer, nodeId, sequenceId, "a", nodeId);
        IFaultProofs.Receipt memory second = _receipt(signer, nodeId, sequenceId, "b", nodeId);
        _commitPair(reporter, first, second);
        _wait(1 minutes);
        vm.prank(reporter);
        return faultProofs.revealEquivocation(first, second, SALT);
    }

    function _reportWrongTarget(
        address reporter,
        uint256 signer,
        uint32 nodeId,
        uint64 sequenceId
    ) internal returns (uint256 caseId) {
        IFaultProofs.Receipt memory receipt = _receipt(signer, nodeId, sequenceId, "a", nodeId + 100);
        _commit(reporter, IFaultProofs.Fault.WrongTarget, faultProofs.digestOf(receipt), 0);
        _wait(1 minutes);
        vm.prank(reporter);
        return faultProofs.revealWrongTarget(receipt, SALT);
    }

    function _reportContradiction(
        address reporter,
        uint256 signer,
        uint32 nodeId,
        uint64 sequenceId
    ) internal returns (uint256 caseId) {
        IFaultProofs.Receipt memory receipt = _receipt(signer, nodeId, sequenceId, "a", nodeId);
        bytes32 digest = faultProofs.digestOf(receipt);
        _commit(reporter, IFaultProofs.Fault.ContradictedReceipt, digest, FINAL_REPORT);
        _wait(1 minutes);
        vm.prank(reporter);
        return faultProofs.revealContradiction(receipt, FINAL_REPORT, "", SALT);
    }
}
