import { expect } from "chai";

import type { Refusal } from "../../../src/daemon/transactions/classify.ts";
import { refusalOf } from "../../../src/daemon/transactions/classify.ts";

/** What each client answers eth_sendRawTransaction with. */
const SAID: Record<string, [Refusal, number, string][]> = {
  geth: [
    ["known", -32000, "already known"],
    ["nonceTooLow", -32000, "nonce too low: next nonce 5, tx nonce 4"],
    ["nonceTooHigh", -32000, "nonce too high"],
    ["replacementUnderpriced", -32000, "replacement transaction underpriced"],
    ["replacementUnderpriced", -32000, "future transaction tries to replace pending"],
    ["underpriced", -32000, "transaction underpriced: gas tip cap 0, minimum needed 1"],
    ["underpriced", -32000, "max fee per gas less than block base fee: address 0x01, maxFeePerGas: 1, baseFee: 2"],
    ["noMoney", -32000, "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1"],
    ["poolFull", -32000, "txpool is full"],
  ],
  nethermind: [
    ["known", -32010, "AlreadyKnown"],
    ["known", -32010, "OwnNonceAlreadyUsed"],
    ["nonceTooLow", -32010, "OldNonce, Current nonce: 5, nonce of rejected tx: 4"],
    ["nonceTooHigh", -32010, "NonceGap, Future nonce. Expected nonce: 5"],
    ["nonceTooHigh", -32010, "nonce too far in future"],
    ["replacementUnderpriced", -32010, "ReplacementNotAllowed"],
    ["underpriced", -32010, "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 2"],
    ["underpriced", -32010, "FeeTooLowToCompete"],
    ["noMoney", -32010, "InsufficientFunds, Account balance: 1, cumulative cost: 2"],
  ],
  besu: [
    ["known", -32000, "Known transaction"],
    ["nonceTooLow", -32001, "Nonce too low"],
    ["nonceTooHigh", -32000, "An invalid transaction with a lower nonce exists"],
    ["replacementUnderpriced", -32000, "Replacement transaction underpriced"],
    ["underpriced", -32009, "Gas price below configured minimum gas price"],
    ["underpriced", -32009, "Gas price below current base fee"],
    ["noMoney", -32004, "Upfront cost exceeds account balance"],
  ],
  erigon: [
    ["known", -32000, "INTERNAL_ERROR: existing txn with same hash"],
    ["known", -32000, "already known"],
    ["nonceTooLow", -32000, "nonce too low"],
    ["nonceTooLow", -32000, "mined"],
    ["replacementUnderpriced", -32000, "INTERNAL_ERROR: could not replace existing tx"],
    ["underpriced", -32000, "underpriced"],
    ["underpriced", -32000, "fee too low"],
    ["noMoney", -32000, "insufficient funds"],
    ["poolFull", -32000, "pending sub-pool is full"],
  ],
  reth: [
    ["known", -32000, "already known"],
    ["nonceTooLow", -32000, "nonce too low: next nonce 5, tx nonce 4"],
    ["nonceTooHigh", -32000, "nonce too high"],
    ["replacementUnderpriced", -32000, "replacement transaction underpriced"],
    ["underpriced", -32000, "transaction underpriced"],
    ["noMoney", -32003, "insufficient funds for gas * price + value: have 1 want 2"],
    ["poolFull", -32000, "txpool is full"],
  ],
  "hardhat and anvil": [
    ["known", -32000, "Known transaction: 0xab"],
    ["known", -32003, "transaction already imported"],
    [
      "nonceTooLow",
      -32000,
      "Nonce too low. Expected nonce to be 5 but got 4. Note that transactions can't be queued when automining.",
    ],
    ["nonceTooLow", -32000, "Transaction nonce too low. Expected nonce to be at least 5 but got 4."],
    [
      "nonceTooHigh",
      -32000,
      "Nonce too high. Expected nonce to be 0 but got 3. Note that transactions can't be queued when automining.",
    ],
    [
      "replacementUnderpriced",
      -32000,
      "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 22 is necessary to replace the existing transaction with nonce 0.",
    ],
    [
      "underpriced",
      -32000,
      "Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 2",
    ],
    [
      "noMoney",
      -32000,
      "Sender doesn't have enough funds to send tx. The max upfront cost is: 2 and the sender's balance is: 1.",
    ],
  ],
};

describe("daemon/transactions/classify", () => {
  for (const [client, said] of Object.entries(SAID)) {
    it(`49: understands ${client}, wherever a library has put the words`, () => {
      for (const [refusal, code, message] of said) {
        const answer = { code, message };
        expect(refusalOf(answer), message).to.equal(refusal);
        const wrapped = Object.assign(new Error("could not coalesce error"), { code: "UNKNOWN_ERROR", error: answer });
        expect(refusalOf(wrapped), `${message}, by ethers`).to.equal(refusal);
        expect(refusalOf(new Error("failed", { cause: wrapped })), `${message}, as a cause`).to.equal(refusal);
      }
    });
  }

  it("49: goes by codes where there are no words, and does not guess", () => {
    expect(refusalOf({ code: "NONCE_EXPIRED" })).to.equal("nonceTooLow");
    expect(refusalOf({ code: "REPLACEMENT_UNDERPRICED" })).to.equal("replacementUnderpriced");
    expect(refusalOf({ code: -32001 })).to.equal("nonceTooLow");
    for (const error of [new Error("socket hang up"), undefined, null, 7, { message: { odd: true } }]) {
      expect(refusalOf(error)).to.equal("unknown");
    }
  });
});
