// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/**
 * @title Prepaid postage, spent by signed vouchers.
 * @notice A channel is a postage key: `channel = address(key)`. Anyone may fund it, only what its key signed is ever
 * taken from it, and what was not spent goes back to its owner after a delay that nobody can lengthen.
 *
 * What a reader of the logs may assume, per channel:
 * 1. deposited = sum of `Deposit` minus sum of `Withdrawn.amount`.
 * 2. feesSpent and stampsSigned are those of its last row in a `Settled`; a row appears exactly when one has grown.
 * 3. A withdrawal is pending between `WithdrawalRequested` and `WithdrawalCancelled`, or a `Withdrawn` with
 *    `remaining == 0`, of the same nonce.
 * 4. stampsSpent is that of its last `StampsCharged`.
 * 5. The owner is that of the last `OwnerAssigned`, or the key itself.
 */
interface IPostageChannels {
    /// @param withdrawalDelaySeconds From a request to its payment; within [25 h, 14 d].
    /// @param stampHoldSeconds From a request until signed stamp ceilings no longer hold money back; within
    /// [the larger of withdrawalDelaySeconds and minStampHoldSeconds, 30 d].
    /// @param minimumDeposit Least first deposit of a channel, base units; at most 100 USD.
    /// @param bountyBps Settler's part of what a row collects; at most 200.
    /// @param bountyCap Most that a settler earns per row, base units; at most 0.20 USD.
    struct Parameters {
        uint32 withdrawalDelaySeconds;
        uint32 stampHoldSeconds;
        uint64 minimumDeposit;
        uint16 bountyBps;
        uint48 bountyCap;
    }

    /// @param deposited Credited minus withdrawn.
    /// @param feesSpent Collected so far.
    /// @param stampsSpent Charged for stamps so far.
    /// @param stampsSigned Largest stamp ceiling signed.
    /// @param owner Who may withdraw; zero while the key owns itself.
    /// @param pendingWithdrawal Asked for and not yet paid.
    /// @param readyAt From when the pending withdrawal can be paid.
    /// @param stampsFreeAt From when signed stamp ceilings no longer hold it back.
    /// @param withdrawalNonce Number of the latest request.
    struct Channel {
        uint64 deposited;
        uint64 feesSpent;
        uint64 stampsSpent;
        uint64 stampsSigned;
        address owner;
        uint64 pendingWithdrawal;
        uint40 readyAt;
        uint40 stampsFreeAt;
        uint24 withdrawalNonce;
    }

    /// @param payer Channel to fund.
    /// @param amount Base units.
    struct Funding {
        address payer;
        uint96 amount;
    }

    /// @param key Channel to charge.
    /// @param cumulativeAmount What it owes for stamps since its beginning, base units.
    struct StampCharge {
        address key;
        uint64 cumulativeAmount;
    }

    /// @notice An EIP-3009 authorization to this contract, without its signature.
    /// @param payer Channel to fund: bound by the nonce, `authorizationNonce(payer, salt)`.
    /// @param from Whose money it is, and who signed.
    /// @param amount Base units.
    /// @param validAfter Valid when `block.timestamp` is after it.
    /// @param validBefore Valid when `block.timestamp` is before it.
    /// @param salt Of the signer's choice; makes the nonce unique.
    struct Authorization {
        address payer;
        address from;
        uint96 amount;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 salt;
    }

    /// @notice A channel was funded; `amount` is what arrived. XMTP's event.
    event Deposit(address indexed payer, uint96 amount);

    /// @notice A withdrawal was asked for. XMTP's event.
    event WithdrawalRequested(address indexed payer, uint96 amount, uint32 withdrawableTimestamp, uint24 nonce);

    /// @notice A pending withdrawal was called off. XMTP's event.
    event WithdrawalCancelled(address indexed payer, uint24 nonce);

    /// @notice A withdrawal was paid; `remaining` stays pending.
    event Withdrawn(address indexed payer, address indexed recipient, uint64 amount, uint64 remaining, uint24 nonce);

    /// @notice A channel has a new owner.
    event OwnerAssigned(address indexed payer, address indexed owner);

    /// @notice Vouchers were presented. `rows` holds 36 bytes per change, in the order in which they happened:
    /// `channel 20 | feesSpent 8 | stampsSigned 8`. `bounty` is part of `collected`.
    event Settled(address indexed settler, uint64 collected, uint64 bounty, bytes rows);

    /// @notice Collected fees went to the distributor.
    event Collected(uint256 amount);

    /// @notice A channel was charged for stamps: `amount` now, `stampsSpent` since its beginning.
    event StampsCharged(address indexed payer, uint64 amount, uint64 stampsSpent);

    /// @notice A settler took the bounties credited to it.
    event CreditWithdrawn(address indexed account, address indexed recipient, uint256 amount);

    /// @notice The terms of future requests, first deposits and bounties.
    event ParametersSet(Parameters parameters);

    error PostageChannelsPayerNotAllowed(address payer);
    error PostageChannelsNothingArrived(address payer);
    error PostageChannelsPartArrived(uint256 arrived, uint256 expected);
    error PostageChannelsDepositBelowMinimum(uint256 amount, uint256 minimum);
    error PostageChannelsBalanceTooLarge(uint256 balance, uint256 limit);
    error PostageChannelsNotOwner(address caller, address owner);
    error PostageChannelsOwnerAlreadyAssigned(address owner);
    error PostageChannelsOwnerNotAllowed(address owner);
    error PostageChannelsAssignmentExpired(uint256 deadline, uint256 nowAt);
    error PostageChannelsAssignmentNotSignedByKey(address signer, address key);
    error PostageChannelsWithdrawalPending(uint64 amount, uint40 readyAt);
    error PostageChannelsWithdrawalAboveUnspent(uint64 amount, uint64 unspent);
    error PostageChannelsWithdrawalOfNothing(address key);
    error PostageChannelsNoWithdrawal(address key);
    error PostageChannelsWithdrawalNotReady(uint40 readyAt, uint256 nowAt);
    error PostageChannelsWithdrawalHeldByStamps(uint64 pending, uint40 stampsFreeAt);
    error PostageChannelsRecipientNotAllowed(address recipient);
    error PostageChannelsNoCredit(address account);
    error PostageChannelsNotDistributor(address caller, address distributor);
    error PostageChannelsNotStamps(address caller, address stamps);
    error PostageChannelsParameterOutOfBounds(uint256 value, uint256 least, uint256 most);

    /**
     * @notice Funds a channel with the caller's money. XMTP's signature.
     * @dev A gift belongs to the channel. Credits what arrived. Needs an allowance.
     * Requires of every deposit: entries are open; `payer` is neither zero, nor this contract, nor the token;
     * something arrives; a channel without a deposit gets at least the minimum.
     */
    function deposit(address payer, uint96 amount) external;

    /**
     * @notice Like `deposit`, with the caller's permit (EIP-2612) instead of an allowance. XMTP's signature.
     * @dev A permit that does not work (somebody presented it first, or it is not one) is ignored: the allowance
     * decides.
     */
    function depositWithPermit(address payer, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /**
     * @notice Funds a channel with money that its holder authorized (EIP-3009), relayed by anyone.
     * @dev The authorization's nonce is `authorizationNonce(payer, salt)` and its receiver this contract, so whoever
     * relays it, and however often, the money goes to that channel, once. An authorization that was used or
     * cancelled reverts.
     */
    function depositWithAuthorization(Authorization calldata authorization, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice The same with a signature of any form that the token takes (ERC-1271 for smart accounts).
    function depositWithAuthorization(Authorization calldata authorization, bytes calldata signature) external;

    /// @notice Funds many channels with one transfer of the caller's money; all or none.
    /// @dev Reverts when less or more than the sum arrives: there would be no right way to share it.
    function depositMany(Funding[] calldata fundings) external;

    /**
     * @notice Presents vouchers, by anyone; the caller earns the bounty of the rows that collect something.
     * @dev Rows of 80 bytes, `fees 8 | stamps 8 | r 32 | vs 32`; a shorter tail is ignored. A row never reverts and
     * never lowers anything: a bad signature, an unknown channel, a stale voucher are skipped. A voucher larger than
     * the deposit takes what is there and stays redeemable. Order and repetition do not change the channels.
     * @return collected Fees taken from channels, the bounty included.
     * @return bounty Credited to the caller; rounded down once per call, over the sum of the rows.
     */
    function settle(bytes calldata rows) external returns (uint64 collected, uint64 bounty);

    /**
     * @notice Starts a withdrawal, by the owner. Its delay and stamp hold are those of this moment.
     * @dev The whole deposit keeps backing vouchers until it leaves. Requires no withdrawal pending and at most what
     * is unspent.
     */
    function requestWithdrawal(address key, uint64 amount) external;

    /// @notice Calls a pending withdrawal off, by the owner. A new request starts a new delay.
    function cancelWithdrawal(address key) external;

    /**
     * @notice Pays a withdrawal whose delay is over, by the owner.
     * @dev Pays the smaller of what is pending and what is free; the rest stays pending until the stamp hold ends and
     * is dropped then. Reverts, and changes nothing, while signed stamp ceilings hold everything back.
     */
    function withdraw(address key, address recipient) external;

    /**
     * @notice Gives a key that owns itself an owner; relayed by anyone, once.
     * @param r First half of the key's compact signature (EIP-2098) of `AssignOwner(address owner,uint256 deadline)`.
     * @param vs Second half.
     */
    function assignOwner(address key, address owner, uint256 deadline, bytes32 r, bytes32 vs) external;

    /// @notice Hands a channel on, by its owner (the key itself while it has none).
    function handOn(address key, address owner) external;

    /// @notice Moves collected fees to the distributor, which is the only one that may ask.
    /// @return amount Sent; may be 0.
    function collect() external returns (uint256 amount);

    /**
     * @notice Charges channels for stamps and sends it all to Stamps, which is the only one that may ask.
     * @dev Of each `min(cumulativeAmount, stampsSigned, deposited - feesSpent) - stampsSpent`, if positive: never more
     * than its key signed, and never what fees or withdrawals have taken. A row that takes nothing is passed over.
     * @return charged Sent; may be 0.
     */
    function chargeStamps(StampCharge[] calldata charges) external returns (uint256 charged);

    /// @notice Sends the caller's bounties to `recipient`.
    function withdrawCredit(address recipient) external returns (uint256 amount);

    /// @notice Sets the terms of future requests; a pending withdrawal keeps its own. Restricted.
    function setWithdrawalTerms(uint32 withdrawalDelaySeconds, uint32 stampHoldSeconds) external;

    /// @notice Sets the least first deposit. Restricted.
    function setMinimumDeposit(uint64 amount) external;

    /// @notice Sets what settlers earn from now on. Restricted.
    function setBounty(uint16 bps, uint48 cap) external;

    /// @notice The fee token. Immutable.
    function token() external view returns (IERC20);

    /// @notice Who may collect. Immutable.
    function distributor() external view returns (address);

    /// @notice Who may charge stamps. Immutable.
    function stamps() external view returns (address);

    /// @notice Floor of the stamp hold: stamp window, two epochs and veto window of the deployment. Immutable.
    function minStampHoldSeconds() external view returns (uint32);

    /// @notice The terms in force for new requests, first deposits and bounties.
    function parameters() external view returns (Parameters memory);

    /// @notice Everything about a channel.
    function getChannel(address key) external view returns (Channel memory);

    /// @notice Many channels at once, for readers that keep a ledger.
    function getChannels(address[] calldata keys) external view returns (Channel[] memory);

    /// @notice Who may withdraw from a channel: its owner, or the key itself while it has none.
    function ownerOf(address key) external view returns (address);

    /// @notice What `withdraw` could pay now if enough were pending and ready.
    function freeAmount(address key) external view returns (uint64);

    /// @notice Bounties that `withdrawCredit` would send.
    function creditOf(address account) external view returns (uint256);

    /// @notice Collected fees, without bounties, that wait for the distributor.
    function uncollected() external view returns (uint256);

    /// @notice EIP-712 domain `{"Pennyblack Postage", "1", chainId, this}`.
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);

    /// @notice What a key signs for cumulative fees and stamps.
    function voucherDigest(uint64 fees, uint64 stamps) external view returns (bytes32);

    /// @notice The nonce of an EIP-3009 authorization that funds a channel: `keccak256(abi.encode(payer, salt))`.
    function authorizationNonce(address payer, bytes32 salt) external pure returns (bytes32);

    /// @notice What a key signs to give itself an owner.
    function assignOwnerDigest(address owner, uint256 deadline) external view returns (bytes32);
}
