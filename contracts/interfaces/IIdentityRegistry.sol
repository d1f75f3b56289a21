// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Member, MemberKind} from "../types/Identity.sol";
import {IIdentityVerifier} from "./IIdentityVerifier.sol";

/**
 * @title The one order of identity updates, of which every single one holds.
 * @notice Verifies what real clients sign and sequences it; `sequenceId` is a counter over all inboxes, starting at 1,
 * and nodes use it as the sequence id of originator 1. XMTP's ABI and event. Anyone may submit an update, for anyone:
 * its signatures say whose it is.
 *
 * The rules are libxmtp's (1.11; what later versions refuse besides is refused too where it is known): an inbox is created once, by the identifier that its id follows from; a member or the recovery
 * identifier adds members, who sign too; an installation adds no installation; only the recovery identifier revokes and
 * passes recovery on; a revoked wallet or passkey takes the installations that it added along; at most 10 installations
 * after an update's last action; a member that joined as a smart account signs as one, others never do; a text and a
 * signature count in one update of an inbox only.
 *
 * What a reader of the logs may assume: sequence ids have no gaps; per inbox, folding its updates in order with
 * `head = keccak256(abi.encode(head, count, keccak256(update)))`, `count` 1 for the first, gives `logOf`; libxmtp applies
 * every update, with one exception that no contract can rule out (docs/trust-model.md, smart accounts).
 */
interface IIdentityRegistry {
    /// @notice An update entered an inbox's log, exactly as submitted.
    event IdentityUpdateCreated(bytes32 indexed inboxId, bytes update, uint64 indexed sequenceId);
    /// @notice An update of a batch was refused, for the error in `reason` (its first 256 bytes).
    event IdentityUpdateRefused(bytes32 indexed inboxId, uint256 indexed index, bytes reason);
    /// @notice From `from` on (unix seconds), `verifier` reads updates.
    event VerifierAnnounced(address indexed verifier, uint256 from);

    error IdentityRegistryPayloadSizeOutOfBounds(uint256 size, uint256 least, uint256 most);
    /// @notice What these signatures say is in the log already, with this id. Who submits it has nothing left to do.
    error IdentityRegistryAlreadySequenced(uint64 sequenceId);
    error IdentityRegistryInboxExists(bytes32 inboxId);
    /// @notice The inbox does not exist yet: the first action of its first update creates it.
    error IdentityRegistryInboxUnknown(bytes32 inboxId);
    /// @notice Of the action at `index`, the owner or the new member did not sign itself.
    error IdentityRegistryNotTheSubject(uint256 index, Member signer, Member subject);
    /// @notice Of the action at `index`, the subject cannot become what it should: nobody becomes a member, and only a wallet
    /// or a passkey owns and recovers inboxes.
    error IdentityRegistryKindNotAllowed(uint256 index, MemberKind kind);
    /// @notice Of the action at `index`, the signer is neither a member of the inbox nor its recovery identifier.
    error IdentityRegistryNotAMember(uint256 index, Member signer);
    /// @notice Of the action at `index`, the signer is not the recovery identifier, which alone may do this.
    error IdentityRegistryNotTheRecovery(uint256 index, Member signer, Member recovery);
    /// @notice The action at `index` adds who is a member already: revoke it first.
    error IdentityRegistryAlreadyMember(uint256 index, Member member);
    /// @notice The member adds itself, in the action at `index`.
    error IdentityRegistryAddsItself(uint256 index);
    /// @notice An installation adds an installation, in the action at `index`.
    error IdentityRegistryInstallationAddsInstallation(uint256 index);
    /// @notice The member joined with a key and signs as a smart account, or the other way round.
    error IdentityRegistrySignsOtherwise(uint256 index, Member signer, bool joinedAsAccount);
    /// @notice A signature was used in the inbox's update `sequenceId` and does not count again.
    error IdentityRegistrySignatureUsed(uint256 index, uint64 sequenceId);
    error IdentityRegistryTooManyInstallations(uint256 count, uint256 most);
    error IdentityRegistryBatchLengths(uint256 inboxIds, uint256 clientEnvelopes);
    error IdentityRegistryBatchTooLong(uint256 length, uint256 most);
    /// @notice The gas ran out in the batch's update at `index`: send more. It is not passed over, because an estimate of
    /// gas would settle on the least at which it is.
    error IdentityRegistryOutOfGas(uint256 index);
    /// @notice A verifier must be a contract.
    error IdentityRegistryVerifierWithoutCode(address verifier);

    /// @notice Verifies and sequences an update of an inbox, 78 to 262,144 bytes, while entries are open.
    function addIdentityUpdate(bytes32 inboxId, bytes calldata clientEnvelope) external;

    /// @notice Sequences many updates, at most 64; one that is refused costs its gas and stops no other.
    /// @return sequenceIds In the order of the arguments; 0 for an update that was refused (`IdentityUpdateRefused`), the
    /// known id for one that was in the log already.
    function addIdentityUpdates(
        bytes32[] calldata inboxIds,
        bytes[] calldata clientEnvelopes
    ) external returns (uint64[] memory sequenceIds);

    /// @notice Replaces the verifier 14 days from now: libxmtp's format is not ours and may change. The last announcement
    /// counts; announcing the verifier in force takes the others back. Restricted.
    /// @dev A verifier reads and checks signatures; the log and its rules stay this contract's.
    function announceVerifier(address next) external;

    /// @notice Who reads updates now.
    function verifier() external view returns (IIdentityVerifier);

    /// @notice Who is going to read updates, and since or from when.
    function announcedVerifier() external view returns (IIdentityVerifier announced, uint256 from);

    /// @notice The inbox that a wallet or passkey was linked to last and is still a member of; 0 otherwise, also when it is
    /// still a member of an inbox that it was linked to before (nodes answer GetInboxIds with that one then).
    /// Installations belong to inboxes by themselves and have no answer here.
    function inboxOf(Member calldata member) external view returns (bytes32 inboxId);

    /// @notice Whether a wallet, passkey or installation belongs to an inbox.
    function isMember(bytes32 inboxId, Member calldata member) external view returns (bool);

    /// @notice Who may revoke members and pass recovery on; kind `None` while the inbox does not exist.
    function recoveryOf(bytes32 inboxId) external view returns (Member memory);

    /// @notice How many installations an inbox has, at most 10.
    function installationCount(bytes32 inboxId) external view returns (uint256);

    /// @notice An inbox's log: how many updates and their running hash.
    function logOf(bytes32 inboxId) external view returns (uint64 count, bytes32 head);

    /// @notice The sequence id of the update with this text (`IIdentityVerifier.verify`); 0 when it is in no log.
    function sequenceIdOf(bytes32 inboxId, bytes32 textHash) external view returns (uint64);

    /// @notice The sequence id given last; 0 before the first.
    function lastSequenceId() external view returns (uint64);
}
