// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What can sign for an inbox. `None` stands for nobody.
enum MemberKind {
    None,
    Wallet,
    Installation,
    Passkey
}

/// @notice Somebody who can sign for an inbox.
/// @param key A wallet's address as a number, an installation's Ed25519 key, or keccak256 of a passkey's public key as
/// it is written in updates (33 or 65 bytes: the two forms of one key are two members, as in libxmtp).
struct Member {
    MemberKind kind;
    bytes32 key;
}

/// @notice Whose signature over an update's text holds.
/// @param isAccount A smart account said so (ERC-1271); otherwise a key did.
/// @param signatureHash keccak256 of the signature without what others could change in it; counts once per inbox.
struct Signer {
    Member member;
    bool isAccount;
    bytes32 signatureHash;
}

enum ActionKind {
    CreateInbox,
    Add,
    Revoke,
    ChangeRecovery
}

/// @notice One action of an identity update, with signatures that hold. Whether the signers may do this is for the log
/// to decide.
/// @param subject The owner of the new inbox, the member to add or to revoke, or the new recovery identifier.
/// @param signer Who acts.
/// @param consent The new member's own signature; set for `Add` only.
struct Action {
    ActionKind kind;
    Member subject;
    Signer signer;
    Signer consent;
}
