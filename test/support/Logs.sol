// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface LogRecorder {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory logs);
}

/// @notice Expects a contract to log exactly this, in this order, with every argument.
abstract contract Logs {
    LogRecorder private constant RECORDER = LogRecorder(address(uint160(uint256(keccak256("hevm cheat code")))));

    error LogsOther(bytes logged, bytes expected);

    /// Before what is expected to log.
    function _listen() internal {
        RECORDER.recordLogs();
    }

    function _log(bytes32 selector, bytes memory topics, bytes memory data) internal pure returns (bytes memory) {
        return abi.encode(bytes.concat(selector, topics), data);
    }

    /// What `emitter` has logged since is what is expected, log by log.
    function _heard(address emitter, bytes memory expected) internal {
        LogRecorder.Log[] memory logs = RECORDER.getRecordedLogs();
        bytes memory logged;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].emitter != emitter) continue;
            logged = bytes.concat(logged, abi.encode(abi.encodePacked(logs[i].topics), logs[i].data));
        }
        if (keccak256(logged) != keccak256(expected)) revert LogsOther(logged, expected);
    }

    /// Nobody else than `emitter` has logged since, and it once.
    function _heardOnly(address emitter) internal {
        LogRecorder.Log[] memory logs = RECORDER.getRecordedLogs();
        assert(logs.length == 1 && logs[0].emitter == emitter);
    }
}
