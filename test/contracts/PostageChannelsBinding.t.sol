// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm, within} from "../support/Vm.sol";
import {TermedChannels, defaultTerms} from "./PostageChannels.t.sol";

/**
 * @notice Presents what is nearly a voucher, at all times of a channel's life: signed for another chain, contract,
 * version or purpose, with one bit changed, with columns or signatures exchanged. Then the voucher itself.
 */
contract BindingHandler {
    uint256 private constant KEYS = 3;
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    address private constant SINK = address(0xBEEF);

    TestUSDC private _usdc = new TestUSDC();
    TermedChannels public channels = new TermedChannels(_usdc, defaultTerms());
    /// The same contract at another address, with the same payers.
    TermedChannels public twin = new TermedChannels(_usdc, defaultTerms());
    uint256 private immutable _home = block.chainid;
    address[KEYS] private _addresses;
    uint256 private _nextFresh;
    /// What must never be seen; the kind of forgery plus one.
    uint256 public moved;
    uint256 public assigned;
    /// The voucher itself did not move its channel: nothing would have been tested.
    bool public dead;

    struct Voucher {
        uint256 key;
        uint64 fees;
        uint64 stamps;
    }

    constructor() {
        _usdc.mint(address(this), type(uint128).max);
        _usdc.approve(address(channels), type(uint256).max);
        _usdc.approve(address(twin), type(uint256).max);
        for (uint256 k = 0; k < KEYS; k++) {
            _addresses[k] = vm.addr(_key(k));
            deposit(k, 20e6);
        }
    }

    function keyAddress(uint256 i) public view returns (address) {
        return _addresses[i % KEYS];
    }

    function _key(uint256 i) private pure returns (uint256) {
        return 0xB1D + (i % KEYS);
    }

    // A channel's life.

    function deposit(uint256 i, uint256 amount) public {
        amount = within(amount, 1e6, 30e6);
        channels.deposit(keyAddress(i), uint96(amount));
        twin.deposit(keyAddress(i), uint96(amount));
    }

    function wait(uint256 duration) external {
        vm.warp(block.timestamp + within(duration, 0, 6 days));
    }

    function requestWithdrawal(uint256 i, uint64 amount) external {
        _asOwner(i);
        channels.requestWithdrawal(keyAddress(i), uint64(within(amount, 1, 5e6)));
    }

    function withdraw(uint256 i) external {
        _asOwner(i);
        channels.withdraw(keyAddress(i), SINK);
    }

    function _asOwner(uint256 i) private {
        address owner = channels.ownerOf(keyAddress(i));
        vm.prank(owner);
    }

    // Forgeries.

    /// A voucher that would move its channel, then forged, then as it is.
    function forge(uint256 kind, uint256 i, uint256 fees, uint256 stamps, uint256 noise) external {
        IPostageChannels.Channel memory channel = channels.getChannel(keyAddress(i));
        Voucher memory voucher = Voucher(
            i,
            channel.feesSpent + uint64(within(fees, 1, 2e6)),
            channel.stampsSigned + uint64(within(stamps, 0, 1e6))
        );
        kind = kind % 12;
        bytes32 before = _state();
        if (kind == 1)
            _settleOnAnotherChain(_row(voucher, channels.voucherDigest(voucher.fees, voucher.stamps)), noise);
        else if (kind == 3) twin.settle(_row(voucher, channels.voucherDigest(voucher.fees, voucher.stamps)));
        else channels.settle(_forgery(kind, voucher, noise));
        if (_state() != before) moved = kind + 1;

        channels.settle(_row(voucher, channels.voucherDigest(voucher.fees, voucher.stamps)));
        bool isSpent = channel.deposited == channel.feesSpent;
        if (!isSpent && channels.getChannel(keyAddress(i)).feesSpent == channel.feesSpent) dead = true;
    }

    /// On a fork the contract has the same address and state and another chain id.
    function _settleOnAnotherChain(bytes memory row, uint256 noise) private {
        vm.chainId(_otherChain(noise));
        channels.settle(row);
        vm.chainId(_home);
    }

    function _forgery(uint256 kind, Voucher memory voucher, uint256 noise) private returns (bytes memory row) {
        bytes32 digest = channels.voucherDigest(voucher.fees, voucher.stamps);
        if (kind == 0) return _row(voucher, _digestOnAnotherChain(voucher, noise));
        if (kind == 2) return _row(voucher, twin.voucherDigest(voucher.fees, voucher.stamps));
        if (kind == 4) return _flipped(_row(voucher, digest), noise);
        if (kind == 5) return _row(voucher, _digestOf("Pennyblack Postage", "2", voucher));
        if (kind == 6) return _row(voucher, _digestOf("Pennyblack Reports", "1", voucher));
        // As a wallet signs a message.
        if (kind == 7) return _row(voucher, keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digest)));
        // The signature of another promise of the same key.
        if (kind == 8) return _row(voucher, channels.assignOwnerDigest(address(uint160(noise)), noise));
        // Columns exchanged; equal ones would be the voucher itself.
        if (kind == 9) {
            uint64 fees = voucher.stamps == voucher.fees ? voucher.stamps + 1 : voucher.stamps;
            return _row(voucher, channels.voucherDigest(fees, voucher.fees));
        }
        // The same signature with the other s.
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(voucher.key), digest);
        row = abi.encodePacked(voucher.fees, voucher.stamps, r, (ORDER - uint256(s)) | (uint256(28 - v) << 255));
        if (kind == 10) return row;
        // Not where a row begins.
        return bytes.concat(new bytes(within(noise, 1, 79)), _row(voucher, digest), new bytes(80));
    }

    function _digestOnAnotherChain(Voucher memory voucher, uint256 noise) private returns (bytes32 digest) {
        vm.chainId(_otherChain(noise));
        digest = channels.voucherDigest(voucher.fees, voucher.stamps);
        vm.chainId(_home);
    }

    function _otherChain(uint256 noise) private view returns (uint256 chain) {
        chain = within(noise, 1, type(uint32).max);
        if (chain == _home) chain++;
    }

    function _flipped(bytes memory row, uint256 noise) private pure returns (bytes memory) {
        uint256 bit = noise % (row.length * 8);
        row[bit / 8] = bytes1(uint8(row[bit / 8]) ^ uint8(1 << (bit % 8)));
        return row;
    }

    function _digestOf(
        string memory name,
        string memory version,
        Voucher memory voucher
    ) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                block.chainid,
                address(channels)
            )
        );
        bytes32 typehash = keccak256("Voucher(uint64 fees,uint64 stamps)");
        bytes32 content = keccak256(abi.encode(typehash, voucher.fees, voucher.stamps));
        return keccak256(abi.encodePacked(hex"1901", domain, content));
    }

    function _row(Voucher memory voucher, bytes32 digest) private pure returns (bytes memory) {
        (bytes32 r, uint256 vs) = _signature(voucher.key, digest);
        return abi.encodePacked(voucher.fees, voucher.stamps, r, vs);
    }

    function _signature(uint256 i, bytes32 digest) private pure returns (bytes32, uint256) {
        return _signedBy(_key(i), digest);
    }

    function _signedBy(uint256 secret, bytes32 digest) private pure returns (bytes32, uint256) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
        return (r, uint256(s) | (uint256(v - 27) << 255));
    }

    /// Of both contracts; without what deposits and time change, because a forgery comes alone.
    function _state() private view returns (bytes32) {
        address[] memory keys = new address[](KEYS);
        for (uint256 k = 0; k < KEYS; k++) keys[k] = keyAddress(k);
        return
            keccak256(
                abi.encode(
                    channels.getChannels(keys),
                    twin.getChannels(keys),
                    [channels.uncollected(), channels.creditOf(address(this))],
                    [twin.uncollected(), twin.creditOf(address(this))]
                )
            );
    }

    // The other promise that a key signs: who owns the channel.

    /// For a key that nobody owns yet, a new one each time, so that owned channels do not hide what would be taken.
    function forgeAssignment(uint256 kind, uint256 noise) external {
        uint256 secret = within(uint256(keccak256(abi.encode(noise, _nextFresh++))), 1, ORDER - 1);
        (address owner, uint256 deadline) = (address(uint160(within(noise, 1, 1e18))), block.timestamp + 1 days);
        bytes32 genuine = channels.assignOwnerDigest(owner, deadline);
        bytes32 digest = genuine;
        kind = kind % 6;
        if (kind == 0) digest = twin.assignOwnerDigest(owner, deadline);
        if (kind == 1) digest = _assignmentOnAnotherChain(owner, deadline, noise);
        if (kind == 2) digest = channels.voucherDigest(uint64(uint160(owner)), uint64(deadline));
        (bytes32 r, uint256 vs) = _signedBy(secret, digest);
        if (kind == 3) r = bytes32(uint256(r) ^ (1 << (noise % 256)));
        if (kind == 4) vs = vs ^ (1 << (noise % 256));
        // Another owner, or a later deadline, than the key signed.
        bool isOther = kind == 5 && noise % 2 == 0;
        bool isLater = kind == 5 && noise % 2 == 1;
        if (_assigns(secret, isOther ? SINK : owner, isLater ? deadline + 1 : deadline, r, vs)) assigned = kind + 1;

        (r, vs) = _signedBy(secret, genuine);
        if (!_assigns(secret, owner, deadline, r, vs)) dead = true;
    }

    function _assigns(uint256 secret, address owner, uint256 deadline, bytes32 r, uint256 vs) private returns (bool) {
        address key = vm.addr(secret);
        try channels.assignOwner(key, owner, deadline, r, bytes32(vs)) {} catch {}
        return channels.getChannel(key).owner != address(0);
    }

    function _assignmentOnAnotherChain(
        address owner,
        uint256 deadline,
        uint256 noise
    ) private returns (bytes32 digest) {
        vm.chainId(_otherChain(noise));
        digest = channels.assignOwnerDigest(owner, deadline);
        vm.chainId(_home);
    }

    /// As signed: from now on another account owns the channel.
    function assign(uint256 i, uint256 owner) external {
        uint256 deadline = block.timestamp + 1 days;
        address next = address(uint160(within(owner, 1, 1e18)));
        (bytes32 r, uint256 vs) = _signature(i, channels.assignOwnerDigest(next, deadline));
        channels.assignOwner(keyAddress(i), next, deadline, r, bytes32(vs));
    }
}

contract PostageChannelsBindingInvariants {
    BindingHandler private _handler;

    function setUp() public {
        vm.warp(1_800_000_000);
        _handler = new BindingHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_I6_nothingButTheVoucherItselfMovesItsChannel() public view {
        assert(_handler.moved() == 0);
        assert(!_handler.dead());
    }

    function invariant_I6_nothingButTheAssignmentItselfMakesAnOwner() public view {
        assert(_handler.assigned() == 0);
    }
}
