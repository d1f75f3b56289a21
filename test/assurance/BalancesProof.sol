// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Balances} from "../../contracts/types/Balances.sol";

/// @notice Proved for all inputs by `npm run prove`: what `ChannelMath.applyVoucher` reads from the packed word and adds
/// to it. The word is written out each time: the engine looks at a helper as an entry of its own.
contract BalancesProof {
    function depositedWord(uint64 d, uint64 s, uint64 g, uint64 f) external pure {
        uint256 word = uint256(d) + uint256(s) * 2 ** 64 + uint256(g) * 2 ** 128 + uint256(f) * 2 ** 192;
        assert(Balances.wrap(word).depositedWord() == d);
    }

    function stampsSpentWord(uint64 d, uint64 s, uint64 g, uint64 f) external pure {
        uint256 word = uint256(d) + uint256(s) * 2 ** 64 + uint256(g) * 2 ** 128 + uint256(f) * 2 ** 192;
        assert(Balances.wrap(word).stampsSpentWord() == s);
    }

    function stampsSignedWord(uint64 d, uint64 s, uint64 g, uint64 f) external pure {
        uint256 word = uint256(d) + uint256(s) * 2 ** 64 + uint256(g) * 2 ** 128 + uint256(f) * 2 ** 192;
        assert(Balances.wrap(word).stampsSignedWord() == g);
    }

    function feesSpentWord(uint64 d, uint64 s, uint64 g, uint64 f) external pure {
        uint256 word = uint256(d) + uint256(s) * 2 ** 64 + uint256(g) * 2 ** 128 + uint256(f) * 2 ** 192;
        assert(Balances.wrap(word).feesSpentWord() == f);
    }

    /// Two columns grow and nothing is carried into another.
    function raisedBy(uint64 d, uint64 s, uint64 g, uint64 f, uint64 fees, uint64 stamps) external pure {
        uint256 feesAfter = uint256(f) + fees;
        uint256 signedAfter = uint256(g) + stamps;
        require(feesAfter < 2 ** 64 && signedAfter < 2 ** 64);
        uint256 word = uint256(d) + uint256(s) * 2 ** 64 + uint256(g) * 2 ** 128 + uint256(f) * 2 ** 192;
        uint256 next = Balances.unwrap(Balances.wrap(word).raisedBy(fees, stamps));
        assert(next == uint256(d) + uint256(s) * 2 ** 64 + signedAfter * 2 ** 128 + feesAfter * 2 ** 192);
    }
}
