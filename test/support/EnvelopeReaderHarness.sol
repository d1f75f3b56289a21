// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EnvelopeReader} from "../../contracts/libraries/EnvelopeReader.sol";

/// @notice Reads many envelopes in one call, each in a frame of its own.
contract EnvelopeReaderHarness {
    struct Reading {
        bool isEnvelope;
        uint32 originatorNodeId;
        uint64 sequenceId;
        int64 originatorNs;
        bytes32 payerEnvelopeHash;
        bool hasTarget;
        uint32 target;
        uint256 gas;
    }

    function readMany(bytes[] calldata envelopes) external view returns (Reading[] memory readings) {
        readings = new Reading[](envelopes.length);
        for (uint256 i = 0; i < envelopes.length; i++) {
            Reading memory reading = readings[i];
            uint256 before = gasleft();
            try this.read(envelopes[i]) returns (EnvelopeReader.OriginatorEnvelope memory fields) {
                reading.isEnvelope = true;
                reading.originatorNodeId = fields.originatorNodeId;
                reading.sequenceId = fields.sequenceId;
                reading.originatorNs = fields.originatorNs;
                reading.payerEnvelopeHash = fields.payerEnvelopeHash;
            } catch {} // solhint-disable-line no-empty-blocks
            reading.gas = before - gasleft();
            try this.readTarget(envelopes[i]) returns (uint32 target) {
                reading.hasTarget = true;
                reading.target = target;
            } catch {} // solhint-disable-line no-empty-blocks
        }
    }

    function read(bytes memory envelope) external pure returns (EnvelopeReader.OriginatorEnvelope memory fields) {
        return EnvelopeReader.readOriginatorEnvelope(envelope);
    }

    function readTarget(bytes memory envelope) external pure returns (uint32 target) {
        return EnvelopeReader.readTarget(EnvelopeReader.readOriginatorEnvelope(envelope));
    }
}
