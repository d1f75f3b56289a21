/**
 * Changes of the money contracts that nothing can notice: no caller, no reader of views and no reader of logs sees a
 * difference, at most somebody who counts gas. Each by file, line as it is written, and change, with the reason. What is
 * listed here and noticed all the same fails the campaign, and so does what is not listed and survives.
 */
export const EQUIVALENT: Record<string, string> = {
  "PostageChannels.sol | if (bounty > 0) _credits[msg.sender] += bounty; | > -> >=": "it adds 0",
  "PostageChannels.sol | if (taken > bountyLimit) taken = bountyLimit; | > -> >=": "an equal gets the value it has",
  "PostageChannels.sol | if (amount > pending) amount = pending; | > -> >=": "an equal gets the value it has",
  "PostageChannels.sol | delay > minStampHoldSeconds ? delay : minStampHoldSeconds, | > -> >=":
    "of two equals either is the larger",
  "PostageChannels.sol | if (collected == 0) return (0, 0, cursor); | left out":
    "the bounty of nothing is nothing, and what is written is what was there",
  "FeeDistributor.sol | while (stream.left > 0 && clock.nextEpoch < current) { | < -> <=":
    "the next seated epoch is not before the current one, so the loop ends",
  "FeeDistributor.sol | } else if (latest.fromEpoch < clock.nextEpoch) { | < -> <=":
    "a stretch that begins now has earned nothing, and its accumulator is what the next claim looks up",
  "FeeDistributor.sol | token.safeTransferFrom(msg.sender, address(this), amount < debit ? amount : debit); | < -> <=":
    "of two equals either is the smaller",
  "FeeDistributor.sol | account.indebted = debit > toDebit; | > -> >=":
    "the flag only saves a read; the debit that is read then is 0",
  "FeeDistributor.sol | account.indebted = debit > toDebit; | left out":
    "the flag only saves a read; the debit that is read then is 0",
  "FeeDistributor.sol | if (amount > type(uint64).max - debit) amount = type(uint64).max - debit; | > -> >=":
    "an equal gets the value it has",
  "FeeDistributor.sol | if (arrived > debit) arrived = debit; | > -> >=": "an equal gets the value it has",
  "FeeDistributor.sol | if (clock.nextEpoch >= _currentEpoch()) return clock; | >= -> >":
    "it rolls over no epoch and writes the clock as it was",
  "FeeDistributor.sol | if (clock.nextEpoch >= _currentEpoch()) return clock; | left out":
    "it rolls over no epoch and writes the clock as it was: gas alone",
  "FeeDistributor.sol | if (roll.clock.nextEpoch >= current) return roll; | >= -> >": "it walks no epoch",
  "FeeDistributor.sol | if (roll.clock.nextEpoch >= current) return roll; | left out": "it walks no epoch: gas alone",
  "FeeDistributor.sol | if (stretches[i].fromEpoch >= current) break; | >= -> >":
    "a stretch that begins now has earned nothing",
  "FeeDistributor.sol | bool last = i + 1 == stretches.length || stretches[i + 1].fromEpoch >= current; | >= -> >":
    "it goes on to the stretch that begins now, from the accumulator that the next claim looks up",
  "FeeDistributor.sol | (SeatAccount memory account, Earned memory earned, address payout) = _earned(nodeId, clock, new Step[](0)); | 0 -> 1":
    "a step without an amount is passed over",
  "FeeDistributor.sol | (, Earned memory earned, ) = _earned(nodeId, clock, new Step[](0)); | 0 -> 1":
    "a step without an amount is passed over",
  "FeeDistributor.sol | if (arrived == debit) _setIndebted(nodeId, false); | false -> true":
    "the flag only saves a read; the debit that is read then is 0",
  "FeeDistributor.sol | if (arrived == debit) _setIndebted(nodeId, false); | left out":
    "the flag only saves a read; the debit that is read then is 0",
  "FeeDistributor.sol | uint256 private constant MAX_STEPS = StreamMath.EPOCHS + 1; | StreamMath.EPOCHS + 1 -> StreamMath.EPOCHS + 1 + 1":
    "room for a step that never comes",
  "FeeDistributor.sol | _clock.nextEpoch = uint32(block.timestamp / epochSeconds_); | left out":
    "with nothing to pay the first roll moves the clock to now without walking: gas alone",
  "FeeDistributor.sol | clock = _clock; | left out":
    "an empty clock is not up to now, so the stored one is rolled, to where it is: gas alone",
  "ChannelMath.sol | if (fees < feesSpent) fees = feesSpent; | < -> <=": "an equal gets the value it has",
  "ChannelMath.sol | if (collected > left) collected = left; | > -> >=": "an equal gets the value it has",
  "ChannelMath.sol | if (stamps > stampsSigned) { | > -> >=": "it raises by 0",
  "ChannelMath.sol | uint64 stamps = stampsHeld && stampsSigned > stampsSpent ? stampsSigned : stampsSpent; | > -> >=":
    "of two equals either is the larger",
  "ChannelMath.sol | return left > stamps ? left - stamps : 0; | > -> >=": "the difference of equals is 0",
  "EpochTrace.sol | high--; | left out": "the last entry begins later, so the search ends before it either way",
  "SettledRows.sol | mstore(cursor, 0) | 0 -> 1": "the padding of the data is 31 bytes at most, and the 1 is the 32nd",
  "SettledRows.sol | mstore(0x40, add(add(cursor, mul(count, row)), 0x40)) | 0x40 -> 0x41":
    "a byte of memory more is reserved",
  "VoucherRows.sol | if (freePointer > 0x400) revert VoucherRowsMemoryTaken(freePointer); | 0x400 -> 0x401":
    "the pointer moves by whole words",
  "VoucherRows.sol | pop(staticcall(gas(), 1, 0x440, 0x80, 0x400, 0x20)) | 0x80 -> 0x81": "ecrecover reads 128 bytes",
  "VoucherRows.sol | pop(staticcall(gas(), 1, 0x440, 0x80, 0x400, 0x20)) | 0x20 -> 0x21": "ecrecover answers 32 bytes",
  "SeatMath.sol | uint256 fromSuspended = suspended < debit ? suspended : debit; | < -> <=":
    "of two equals either is the smaller",
  "SeatMath.sol | uint256 fromOwn = own < debit - fromSuspended ? own : debit - fromSuspended; | < -> <=":
    "of two equals either is the smaller",
  "IdentityVerifier.sol | for (uint256 i = 0; i < checks.count; i++) { | < -> <=":
    "the next place holds 0, which is no signature's hash, and there is one for every signature",
  "IdentityVerifier.sol | uint256 least = block.number > MOST_ACCOUNT_BLOCKS ? block.number - MOST_ACCOUNT_BLOCKS : 0; | > -> >=":
    "the difference of equals is 0",
  "ClientData.sol | if (json.length < opening.length || keccak256(json[:opening.length]) != keccak256(opening)) return false; | < -> <=":
    "an opening alone has no origin and is refused",
  'ClientData.sol | if (rest.length >= 4 && bytes4(rest) == "true") return (true, rest[4:]); | >= -> >':
    "what ends there lacks its brace and is refused",
  'ClientData.sol | if (rest.length >= 5 && bytes5(rest) == "false") return (true, rest[5:]); | >= -> >':
    "what ends there lacks its brace and is refused",
  "ClientData.sol | return (false, rest); | false -> true":
    "what is left begins with a colon or a quote, which ends nothing and goes on nowhere",
  "Identifiers.sol | for (uint256 at = 0; at < digits.length; at += 32) { | < -> <=":
    "only lengths that no identifier has are multiples of 32",
  "Identifiers.sol | if (digits.length - at < 32) word |= ZERO_DIGITS >> (8 * (digits.length - at)); | < -> <=":
    "a shift by all bits leaves 0",
  "PasskeySignature.sol | uint256 private constant MOST_DER = 72; | 72 -> 72 + 1": "two integers take 70 bytes at most",
  "PasskeySignature.sol | if (input.length < 3 || input[0] != 0x02) return (false, 0, rest); | 0 -> 1":
    "the value of what is no integer is not read",
  "PasskeySignature.sol | if (length == 0 || length > 33 || length > input.length - 2) return (false, 0, rest); | 0 -> 1":
    "the value of what is no integer is not read",
  "PasskeySignature.sol | if (hasZero != isNegative || digits.length > 32) return (false, 0, rest); | 0 -> 1":
    "the value of what is no integer is not read",
  "PasskeySignature.sol | if (abscissa >= P256.P) return (0, 0); | >= -> >": "P256 refuses it as no point",
  "PasskeySignature.sol | if (abscissa >= P256.P) return (0, 0); | left out": "P256 refuses it as no point",
  "PasskeySignature.sol | if (mulmod(root, root, P256.P) != square) return (0, 0); | left out":
    "P256 refuses it as no point",
  "PasskeySignature.sol | if staticcall(gas(), 0x05, input, 0xc0, 0x00, 0x20) { | 0xc0 -> 0xc1":
    "MODEXP reads as far as its lengths say",
  "PasskeySignature.sol | if staticcall(gas(), 0x05, input, 0xc0, 0x00, 0x20) { | 0x20 -> 0x21":
    "MODEXP answers 32 bytes",
  "SmartAccount.sol | let answered := staticcall(MOST_GAS, account, add(question, 0x20), mload(question), 0x00, 0x20) | 0x20 -> 0x21":
    "the 33rd byte goes to scratch space that nobody reads",
  "Guardian.sol | uint256 kept = budget.spent < BUDGET ? budget.spent : BUDGET; | < -> <=":
    "of two equals either is the smaller",
};
