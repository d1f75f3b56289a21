// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {PausableEntries} from "./base/PausableEntries.sol";
import {IPostageChannels} from "./interfaces/IPostageChannels.sol";
import {IReceiveAuthorization} from "./interfaces/IReceiveAuthorization.sol";
import {ChannelMath} from "./libraries/ChannelMath.sol";
import {SettledRows} from "./libraries/SettledRows.sol";
import {ChannelSlot} from "./libraries/ChannelSlot.sol";
import {VoucherRows} from "./libraries/VoucherRows.sol";
import {Balances} from "./types/Balances.sol";

/// @title PostageChannels: prepaid postage, spent by signed vouchers.
/// @notice See IPostageChannels.
contract PostageChannels is IPostageChannels, PausableEntries, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SettledRows for uint256;

    bytes32 private constant ASSIGN_OWNER_TYPEHASH = keccak256("AssignOwner(address owner,uint256 deadline)");

    uint256 private constant MIN_WITHDRAWAL_DELAY = 25 hours;
    uint256 private constant MAX_WITHDRAWAL_DELAY = 14 days;
    uint256 private constant MAX_STAMP_HOLD = 30 days;
    uint256 private constant MAX_MINIMUM_DEPOSIT = 100e6;
    uint256 private constant MAX_BOUNTY_BPS = 200;
    uint256 private constant MAX_BOUNTY_CAP = 0.2e6;

    /// @inheritdoc IPostageChannels
    IERC20 public immutable token;
    /// @inheritdoc IPostageChannels
    address public immutable distributor;
    /// @inheritdoc IPostageChannels
    address public immutable stamps;
    /// @inheritdoc IPostageChannels
    uint32 public immutable minStampHoldSeconds;

    /**
     * slot 1 | balances: deposited 64 | stampsSpent 64 | stampsSigned 64 | feesSpent 64      (hot)
     * slot 2 | pendingWithdrawal 64 | readyAt 40 | stampsFreeAt 40 | withdrawalNonce 24      (cold)
     * slot 3 | owner 160                                                                     (cold)
     * The owner stands last: before the others it would share their first field's slot, and a request write two.
     */
    struct State {
        Balances balances;
        uint64 pendingWithdrawal;
        uint40 readyAt;
        uint40 stampsFreeAt;
        uint24 withdrawalNonce;
        address owner;
    }

    mapping(address key => State) private _channels;

    /// @dev What `settle` needs besides channels, in one slot. `earned` and `handedOver` only grow, so that the slot
    /// never empties; `earned - handedOver` waits for the distributor.
    struct Ledger {
        uint96 earned;
        uint96 handedOver;
        uint16 bountyBps;
        uint48 bountyCap;
    }

    struct Terms {
        uint32 withdrawalDelaySeconds;
        uint32 stampHoldSeconds;
        uint64 minimumDeposit;
    }

    Ledger private _ledger;
    Terms private _terms;

    mapping(address account => uint256) private _credits;

    /// @param token_ The fee token.
    /// @param distributor_ FeeDistributor, which may not exist yet.
    /// @param stamps_ Stamps, which may not exist yet.
    /// @param authority_ The AccessManager, which may not exist yet.
    /// @param minStampHoldSeconds_ What the stamp hold has to outlast: stamp window, two epochs and veto window.
    constructor(
        IERC20 token_,
        address distributor_,
        address stamps_,
        address authority_,
        uint32 minStampHoldSeconds_,
        Parameters memory parameters_
    ) PausableEntries(authority_) EIP712("Pennyblack Postage", "1") {
        token = token_;
        distributor = distributor_;
        stamps = stamps_;
        minStampHoldSeconds = minStampHoldSeconds_;
        _setParameters(parameters_);
    }

    // ---------------------------------------------------------------------------------------------- money in

    /// @inheritdoc IPostageChannels
    function deposit(address payer, uint96 amount) external nonReentrant whenEntriesOpen {
        _credit(payer, _pull(amount));
    }

    /// @inheritdoc IPostageChannels
    function depositWithPermit(
        address payer,
        uint96 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant whenEntriesOpen {
        // A permit is public and works once, so anyone can use it up: what counts is the allowance it left.
        // solhint-disable-next-line no-empty-blocks
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _credit(payer, _pull(amount));
    }

    /// @inheritdoc IPostageChannels
    function depositMany(Funding[] calldata fundings) external nonReentrant whenEntriesOpen {
        uint256 total = 0;
        for (uint256 i = 0; i < fundings.length; i++) total += fundings[i].amount;
        uint256 arrived = _pull(total);
        if (arrived != total) revert PostageChannelsPartArrived(arrived, total);
        for (uint256 i = 0; i < fundings.length; i++) _credit(fundings[i].payer, fundings[i].amount);
    }

    function _pull(uint256 amount) private returns (uint256) {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        return _arrivedSince(before);
    }

    /// @inheritdoc IPostageChannels
    function depositWithAuthorization(
        Authorization calldata authorization,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant whenEntriesOpen {
        uint256 before = token.balanceOf(address(this));
        IReceiveAuthorization(address(token)).receiveWithAuthorization(
            authorization.from,
            address(this),
            authorization.amount,
            authorization.validAfter,
            authorization.validBefore,
            authorizationNonce(authorization.payer, authorization.salt),
            v,
            r,
            s
        );
        _credit(authorization.payer, _arrivedSince(before));
    }

    /// @inheritdoc IPostageChannels
    function depositWithAuthorization(
        Authorization calldata authorization,
        bytes calldata signature
    ) external nonReentrant whenEntriesOpen {
        uint256 before = token.balanceOf(address(this));
        IReceiveAuthorization(address(token)).receiveWithAuthorization(
            authorization.from,
            address(this),
            authorization.amount,
            authorization.validAfter,
            authorization.validBefore,
            authorizationNonce(authorization.payer, authorization.salt),
            signature
        );
        _credit(authorization.payer, _arrivedSince(before));
    }

    /// @dev What arrived, whatever the token says: some keep a part of what they move.
    function _arrivedSince(uint256 before) private view returns (uint256) {
        uint256 balance = token.balanceOf(address(this));
        // All that is owed is part of the balance, so no sum over channels can ever pass 64 bits.
        if (balance > type(uint64).max) revert PostageChannelsBalanceTooLarge(balance, type(uint64).max);
        return balance - before;
    }

    function _credit(address payer, uint256 arrived) private {
        if (payer == address(0) || payer == address(this) || payer == address(token)) {
            revert PostageChannelsPayerNotAllowed(payer);
        }
        if (arrived == 0) revert PostageChannelsNothingArrived(payer);
        Balances balances = _channels[payer].balances;
        if (balances.deposited() == 0) _requireMinimum(arrived);
        // No overflow: deposited and arrived are both part of a balance of at most 64 bits.
        _channels[payer].balances = balances.withDeposited(balances.deposited() + uint64(arrived));
        emit Deposit(payer, uint96(arrived));
    }

    function _requireMinimum(uint256 arrived) private view {
        uint256 minimum = _terms.minimumDeposit;
        if (arrived < minimum) revert PostageChannelsDepositBelowMinimum(arrived, minimum);
    }

    // ---------------------------------------------------------------------------------------------- settling

    /// @inheritdoc IPostageChannels
    function settle(bytes calldata rows) external returns (uint64 collected, uint64 bounty) {
        uint256 count = rows.length / VoucherRows.ROW;
        uint256 offset;
        uint256 channelsSlot;
        assembly ("memory-safe") {
            offset := rows.offset
            channelsSlot := _channels.slot
        }
        VoucherRows.prepare(_domainSeparatorV4(), channelsSlot);
        (uint256 log, uint256 first) = SettledRows.begin(count);
        (uint256 collected_, uint256 bounty_, uint256 cursor) = _settleRows(offset, count, first);
        if (cursor == first) return (0, 0);
        log.log(cursor, Settled.selector, msg.sender, collected_, bounty_);
        // No truncation: both are part of a token balance (see `_arrivedSince`).
        return (uint64(collected_), uint64(bounty_));
    }

    function _settleRows(
        uint256 offset,
        uint256 count,
        uint256 first
    ) private returns (uint256 collected, uint256 bounty, uint256 cursor) {
        Ledger memory ledger = _ledger;
        uint256 limited;
        (collected, limited, cursor) = _settleEach(
            offset,
            offset + count * VoucherRows.ROW,
            first,
            ChannelMath.bountyLimitDown(ledger.bountyBps, ledger.bountyCap)
        );
        if (collected == 0) return (0, 0, cursor);
        bounty = ChannelMath.bountyDown(limited, ledger.bountyBps);
        _ledger.earned = ledger.earned + uint96(collected - bounty);
        if (bounty > 0) _credits[msg.sender] += bounty;
    }

    /// @dev The loop that carriage is paid by, in one piece: a call per row would cost as much as its arithmetic.
    /// Writes and logs nothing for a row that changes nothing. Unchecked: sums stay below the token balance and thus
    /// 64 bits (see `_arrivedSince`), offsets below the calldata's length.
    function _settleEach(
        uint256 offset,
        uint256 end,
        uint256 first,
        uint256 bountyLimit
    ) private returns (uint256 collected, uint256 limited, uint256 cursor) {
        unchecked {
            cursor = first;
            for (; offset != end; offset += VoucherRows.ROW) {
                (uint256 fees, uint256 stamps, uint256 slot) = VoucherRows.recover(offset);
                Balances before = ChannelSlot.load(slot);
                (Balances afterwards, uint256 taken) = ChannelMath.applyVoucher(before, fees, stamps);
                if (afterwards.equals(before)) continue;
                ChannelSlot.store(slot, afterwards);
                cursor = cursor.append(VoucherRows.signer(), afterwards);
                collected += taken;
                if (taken > bountyLimit) taken = bountyLimit;
                limited += taken;
            }
        }
    }

    /// @inheritdoc IPostageChannels
    function collect() external nonReentrant returns (uint256 amount) {
        if (msg.sender != distributor) revert PostageChannelsNotDistributor(msg.sender, distributor);
        amount = uncollected();
        if (amount == 0) return 0;
        _ledger.handedOver = _ledger.earned;
        emit Collected(amount);
        token.safeTransfer(distributor, amount);
    }

    /// @inheritdoc IPostageChannels
    function chargeStamps(StampCharge[] calldata charges) external nonReentrant returns (uint256 charged) {
        if (msg.sender != stamps) revert PostageChannelsNotStamps(msg.sender, stamps);
        for (uint256 i = 0; i < charges.length; i++) {
            address key = charges[i].key;
            (Balances afterwards, uint64 taken) = ChannelMath.charge(
                _channels[key].balances,
                charges[i].cumulativeAmount
            );
            if (taken == 0) continue;
            _channels[key].balances = afterwards;
            charged += taken;
            emit StampsCharged(key, taken, afterwards.stampsSpent());
        }
        if (charged > 0) token.safeTransfer(stamps, charged);
    }

    /// @inheritdoc IPostageChannels
    function withdrawCredit(address recipient) external nonReentrant returns (uint256 amount) {
        _requireRecipient(recipient);
        amount = _credits[msg.sender];
        if (amount == 0) revert PostageChannelsNoCredit(msg.sender);
        _credits[msg.sender] = 0;
        emit CreditWithdrawn(msg.sender, recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    // ------------------------------------------------------------------------------------------- withdrawals

    /// @inheritdoc IPostageChannels
    function requestWithdrawal(address key, uint64 amount) external {
        _requireOwner(key);
        State storage channel = _channels[key];
        if (channel.pendingWithdrawal != 0) {
            revert PostageChannelsWithdrawalPending(channel.pendingWithdrawal, channel.readyAt);
        }
        if (amount == 0) revert PostageChannelsWithdrawalOfNothing(key);
        uint64 unspent = ChannelMath.unspent(channel.balances);
        if (amount > unspent) revert PostageChannelsWithdrawalAboveUnspent(amount, unspent);

        uint40 readyAt = uint40(block.timestamp + _terms.withdrawalDelaySeconds);
        channel.pendingWithdrawal = amount;
        channel.readyAt = readyAt;
        channel.stampsFreeAt = uint40(block.timestamp + _terms.stampHoldSeconds);
        unchecked {
            // A label for logs; an exit must not end when it wraps.
            channel.withdrawalNonce++;
        }
        emit WithdrawalRequested(key, amount, uint32(readyAt), channel.withdrawalNonce);
    }

    /// @inheritdoc IPostageChannels
    function cancelWithdrawal(address key) external {
        _requireOwner(key);
        State storage channel = _channels[key];
        if (channel.pendingWithdrawal == 0) revert PostageChannelsNoWithdrawal(key);
        _dropWithdrawal(channel);
        emit WithdrawalCancelled(key, channel.withdrawalNonce);
    }

    /// @inheritdoc IPostageChannels
    function withdraw(address key, address recipient) external nonReentrant {
        _requireOwner(key);
        _requireRecipient(recipient);
        State storage channel = _channels[key];
        uint64 pending = channel.pendingWithdrawal;
        if (pending == 0) revert PostageChannelsNoWithdrawal(key);
        if (block.timestamp < channel.readyAt) {
            revert PostageChannelsWithdrawalNotReady(channel.readyAt, block.timestamp);
        }

        bool stampsHeld = block.timestamp < channel.stampsFreeAt;
        Balances balances = channel.balances;
        uint64 amount = ChannelMath.free(balances, stampsHeld);
        if (amount > pending) amount = pending;
        if (amount == 0 && stampsHeld) revert PostageChannelsWithdrawalHeldByStamps(pending, channel.stampsFreeAt);

        uint64 remaining = stampsHeld ? pending - amount : 0;
        if (remaining == 0) _dropWithdrawal(channel);
        else channel.pendingWithdrawal = remaining;
        channel.balances = balances.withDeposited(balances.deposited() - amount);
        emit Withdrawn(key, recipient, amount, remaining, channel.withdrawalNonce);
        if (amount > 0) token.safeTransfer(recipient, amount);
    }

    function _dropWithdrawal(State storage channel) private {
        channel.pendingWithdrawal = 0;
        channel.readyAt = 0;
        channel.stampsFreeAt = 0;
    }

    function _requireRecipient(address recipient) private view {
        if (recipient == address(0) || recipient == address(this)) {
            revert PostageChannelsRecipientNotAllowed(recipient);
        }
    }

    // ------------------------------------------------------------------------------------------------ owners

    /// @inheritdoc IPostageChannels
    function assignOwner(address key, address owner, uint256 deadline, bytes32 r, bytes32 vs) external {
        if (block.timestamp > deadline) revert PostageChannelsAssignmentExpired(deadline, block.timestamp);
        address current = _channels[key].owner;
        if (current != address(0)) revert PostageChannelsOwnerAlreadyAssigned(current);
        address signer = ECDSA.recover(assignOwnerDigest(owner, deadline), r, vs);
        if (signer != key) revert PostageChannelsAssignmentNotSignedByKey(signer, key);
        _setOwner(key, owner);
    }

    /// @inheritdoc IPostageChannels
    function handOn(address key, address owner) external {
        _requireOwner(key);
        _setOwner(key, owner);
    }

    /// @dev An owner never becomes empty again: a signed assignment would come back to life.
    function _setOwner(address key, address owner) private {
        if (owner == address(0) || owner == address(this)) revert PostageChannelsOwnerNotAllowed(owner);
        _channels[key].owner = owner;
        emit OwnerAssigned(key, owner);
    }

    function _requireOwner(address key) private view {
        address owner = ownerOf(key);
        if (msg.sender != owner) revert PostageChannelsNotOwner(msg.sender, owner);
    }

    // -------------------------------------------------------------------------------------------- parameters

    /// @inheritdoc IPostageChannels
    function setWithdrawalTerms(uint32 withdrawalDelaySeconds, uint32 stampHoldSeconds) external restricted {
        Parameters memory next = parameters();
        next.withdrawalDelaySeconds = withdrawalDelaySeconds;
        next.stampHoldSeconds = stampHoldSeconds;
        _setParameters(next);
    }

    /// @inheritdoc IPostageChannels
    function setMinimumDeposit(uint64 amount) external restricted {
        Parameters memory next = parameters();
        next.minimumDeposit = amount;
        _setParameters(next);
    }

    /// @inheritdoc IPostageChannels
    function setBounty(uint16 bps, uint48 cap) external restricted {
        Parameters memory next = parameters();
        next.bountyBps = bps;
        next.bountyCap = cap;
        _setParameters(next);
    }

    function _setParameters(Parameters memory next) private {
        _requireWithin(next.withdrawalDelaySeconds, MIN_WITHDRAWAL_DELAY, MAX_WITHDRAWAL_DELAY);
        uint256 delay = next.withdrawalDelaySeconds;
        _requireWithin(
            next.stampHoldSeconds,
            delay > minStampHoldSeconds ? delay : minStampHoldSeconds,
            MAX_STAMP_HOLD
        );
        _requireWithin(next.minimumDeposit, 1, MAX_MINIMUM_DEPOSIT);
        _requireWithin(next.bountyBps, 0, MAX_BOUNTY_BPS);
        _requireWithin(next.bountyCap, 0, MAX_BOUNTY_CAP);
        _terms = Terms(next.withdrawalDelaySeconds, next.stampHoldSeconds, next.minimumDeposit);
        _ledger.bountyBps = next.bountyBps;
        _ledger.bountyCap = next.bountyCap;
        emit ParametersSet(next);
    }

    function _requireWithin(uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert PostageChannelsParameterOutOfBounds(value, least, most);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IPostageChannels
    function parameters() public view returns (Parameters memory) {
        Terms memory terms = _terms;
        return
            Parameters({
                withdrawalDelaySeconds: terms.withdrawalDelaySeconds,
                stampHoldSeconds: terms.stampHoldSeconds,
                minimumDeposit: terms.minimumDeposit,
                bountyBps: _ledger.bountyBps,
                bountyCap: _ledger.bountyCap
            });
    }

    /// @inheritdoc IPostageChannels
    function getChannel(address key) public view returns (Channel memory) {
        State storage channel = _channels[key];
        Balances balances = channel.balances;
        return
            Channel({
                deposited: balances.deposited(),
                feesSpent: balances.feesSpent(),
                stampsSpent: balances.stampsSpent(),
                stampsSigned: balances.stampsSigned(),
                owner: channel.owner,
                pendingWithdrawal: channel.pendingWithdrawal,
                readyAt: channel.readyAt,
                stampsFreeAt: channel.stampsFreeAt,
                withdrawalNonce: channel.withdrawalNonce
            });
    }

    /// @inheritdoc IPostageChannels
    function getChannels(address[] calldata keys) external view returns (Channel[] memory channels) {
        channels = new Channel[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) channels[i] = getChannel(keys[i]);
    }

    /// @inheritdoc IPostageChannels
    function ownerOf(address key) public view returns (address) {
        address owner = _channels[key].owner;
        return owner == address(0) ? key : owner;
    }

    /// @inheritdoc IPostageChannels
    function freeAmount(address key) external view returns (uint64) {
        State storage channel = _channels[key];
        return ChannelMath.free(channel.balances, block.timestamp < channel.stampsFreeAt);
    }

    /// @inheritdoc IPostageChannels
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }

    /// @inheritdoc IPostageChannels
    function uncollected() public view returns (uint256) {
        return _ledger.earned - _ledger.handedOver;
    }

    /// @inheritdoc IPostageChannels
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IPostageChannels
    function voucherDigest(uint64 fees, uint64 stamps) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VoucherRows.VOUCHER_TYPEHASH, fees, stamps)));
    }

    /// @inheritdoc IPostageChannels
    function authorizationNonce(address payer, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(payer, salt));
    }

    /// @inheritdoc IPostageChannels
    function assignOwnerDigest(address owner, uint256 deadline) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ASSIGN_OWNER_TYPEHASH, owner, deadline)));
    }
}
