// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {SmartAccount} from "../support/SmartAccount.sol";
import {vm} from "../support/Vm.sol";
import {ChannelRefusals} from "./PostageChannelsReverts.t.sol";

/// @notice Deposits that a signature pays for, and what keys sign, put together by hand here.
contract PostageChannelsEntries is ChannelRefusals {
    bytes32 private constant PERMIT_TYPEHASH = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
        "bytes32 nonce)"
    );
    uint256 private constant FUNDER_KEY = 0xF0;
    address private _funder = vm.addr(FUNDER_KEY);

    function setUp() public {
        vm.warp(START);
        _start();
        _fund();
        usdc.mint(_funder, 100e6);
    }

    function _digest(bytes32 domain, bytes32 message) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }

    // Permits.

    function _permit(uint256 amount) private view returns (uint8 v, bytes32 r, bytes32 s) {
        uint256 nonce = usdc.nonces(_funder);
        bytes32 message = keccak256(abi.encode(PERMIT_TYPEHASH, _funder, channels, amount, nonce, START));
        return vm.sign(FUNDER_KEY, _digest(usdc.DOMAIN_SEPARATOR(), message));
    }

    function test_aPermitFundsWithoutAnAllowanceBefore() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(5e6);
        vm.prank(_funder);
        channels.depositWithPermit(other, 5e6, START, v, r, s);
        assert(channels.getChannel(other).deposited == 5e6);
        assert(usdc.balanceOf(_funder) == 95e6 && usdc.allowance(_funder, address(channels)) == 0);
        _state();
    }

    /// Whoever sees a permit may use it up: the deposit goes on with the allowance it left, and only once.
    function test_aPermitThatSomebodyUsedUpStillFunds() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(5e6);
        vm.prank(STRANGER);
        usdc.permit(_funder, address(channels), 5e6, START, v, r, s);
        vm.prank(_funder);
        channels.depositWithPermit(other, 5e6, START, v, r, s);
        assert(channels.getChannel(other).deposited == 5e6 && usdc.balanceOf(_funder) == 95e6);
        bytes memory again = abi.encodeCall(IPostageChannels.depositWithPermit, (other, 5e6, START, v, r, s));
        bytes4 selector = IERC20Errors.ERC20InsufficientAllowance.selector;
        _refuses(_funder, again, selector, abi.encode(channels, 0, 5e6));
    }

    /// A permit is the caller's: nobody spends another's.
    function test_aPermitOfSomebodyElseFundsNothing() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(5e6);
        bytes memory call = abi.encodeCall(IPostageChannels.depositWithPermit, (other, 5e6, START, v, r, s));
        bytes4 selector = IERC20Errors.ERC20InsufficientAllowance.selector;
        _refuses(STRANGER, call, selector, abi.encode(channels, 0, 5e6));
        assert(usdc.balanceOf(_funder) == 100e6);
    }

    // Authorizations.

    function _authorization(address key, address from) private view returns (IPostageChannels.Authorization memory) {
        return IPostageChannels.Authorization(key, from, 5e6, block.timestamp - 1, START + 1 hours, bytes32("salt"));
    }

    function _sign(IPostageChannels.Authorization memory a) private view returns (uint8 v, bytes32 r, bytes32 s) {
        // The nonce binds the payer, which the token knows nothing of.
        bytes32 nonce = keccak256(abi.encode(a.payer, a.salt));
        bytes32 message = keccak256(
            abi.encode(RECEIVE_TYPEHASH, a.from, channels, a.amount, a.validAfter, a.validBefore, nonce)
        );
        return vm.sign(FUNDER_KEY, _digest(usdc.DOMAIN_SEPARATOR(), message));
    }

    function _callWithKey(
        IPostageChannels.Authorization memory authorization,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) private pure returns (bytes memory) {
        string memory method =
            "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),"
            "uint8,bytes32,bytes32)";
        return abi.encodeWithSignature(method, authorization, v, r, s);
    }

    function _callWithBytes(
        IPostageChannels.Authorization memory authorization,
        bytes memory signature
    ) private pure returns (bytes memory) {
        string memory method = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),bytes)";
        return abi.encodeWithSignature(method, authorization, signature);
    }

    function test_anAuthorizationFundsThePayerItNamesOnce() public {
        IPostageChannels.Authorization memory authorization = _authorization(other, _funder);
        (uint8 v, bytes32 r, bytes32 s) = _sign(authorization);
        channels.depositWithAuthorization(authorization, v, r, s);
        assert(channels.getChannel(other).deposited == 5e6 && usdc.balanceOf(_funder) == 95e6);
        _state();
        bytes32 nonce = channels.authorizationNonce(other, "salt");
        bytes4 selector = ERC3009.ERC3009UsedAuthorization.selector;
        _refuses(STRANGER, _callWithKey(authorization, v, r, s), selector, abi.encode(_funder, nonce));
        bytes memory signature = abi.encodePacked(r, s, v);
        _refuses(STRANGER, _callWithBytes(authorization, signature), selector, abi.encode(_funder, nonce));
    }

    /// Whoever presents an authorization cannot turn it to another channel, amount or contract.
    function test_anAuthorizationCannotBeTurned() public {
        IPostageChannels.Authorization memory authorization = _authorization(other, _funder);
        (uint8 v, bytes32 r, bytes32 s) = _sign(authorization);
        bytes memory signature = abi.encodePacked(r, s, v);
        for (uint256 i = 0; i < 3; i++) {
            IPostageChannels.Authorization memory turned = _authorization(other, _funder);
            if (i == 0) turned.payer = payer;
            if (i == 1) turned.amount++;
            if (i == 2) turned.salt = "other salt";
            bytes4 selector = ERC3009.ERC3009InvalidSignature.selector;
            _refuses(STRANGER, _callWithKey(turned, v, r, s), selector, "");
            _refuses(STRANGER, _callWithBytes(turned, signature), selector, "");
        }
        assert(usdc.balanceOf(_funder) == 100e6);
    }

    function test_aSmartAccountFundsWithItsOwnSignature() public {
        address account = address(new SmartAccount(_funder));
        usdc.mint(account, 6e6);
        IPostageChannels.Authorization memory authorization = _authorization(other, account);
        (uint8 v, bytes32 r, bytes32 s) = _sign(authorization);
        _refuses(STRANGER, _callWithKey(authorization, v, r, s), ERC3009.ERC3009InvalidSignature.selector, "");
        channels.depositWithAuthorization(authorization, abi.encodePacked(r, s, v));
        assert(channels.getChannel(other).deposited == 5e6 && usdc.balanceOf(account) == 1e6);
        _state();
    }

    /// The rules of every deposit hold here too, and a refusal leaves the authorization unused.
    function test_anAuthorizationBelowTheMinimumStaysUnused() public {
        IPostageChannels.Authorization memory authorization = _authorization(other, _funder);
        authorization.amount = 1e6 - 1;
        (uint8 v, bytes32 r, bytes32 s) = _sign(authorization);
        bytes4 selector = IPostageChannels.PostageChannelsDepositBelowMinimum.selector;
        _refuses(STRANGER, _callWithKey(authorization, v, r, s), selector, abi.encode(1e6 - 1, 1e6));
        bytes memory signature = abi.encodePacked(r, s, v);
        _refuses(STRANGER, _callWithBytes(authorization, signature), selector, abi.encode(1e6 - 1, 1e6));
        assert(!usdc.authorizationState(_funder, channels.authorizationNonce(other, "salt")));
    }

    // What keys sign.

    function test_digestsAreThoseOfTheTypesInTheDocuments() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Pennyblack Postage"),
                keccak256("1"),
                block.chainid,
                channels
            )
        );
        assert(channels.DOMAIN_SEPARATOR() == domain);
        bytes32 voucher = keccak256(abi.encode(keccak256("Voucher(uint64 fees,uint64 stamps)"), 1e6, 2e6));
        assert(channels.voucherDigest(1e6, 2e6) == _digest(domain, voucher));
        bytes32 typehash = keccak256("AssignOwner(address owner,uint256 deadline)");
        bytes32 assignment = keccak256(abi.encode(typehash, STRANGER, START));
        assert(channels.assignOwnerDigest(STRANGER, START) == _digest(domain, assignment));
        assert(channels.authorizationNonce(payer, "salt") == keccak256(abi.encode(payer, bytes32("salt"))));
    }
}
