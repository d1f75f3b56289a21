// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager as OpenZeppelinAccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title AccessManager: who may set bounded parameters and pause entries.
/// @notice OpenZeppelin's, unchanged. No link through which money moves asks it.
contract AccessManager is OpenZeppelinAccessManager {
    /// @param initialAdmin The deploying account, which wires the roles and hands its own to the Timelock.
    constructor(address initialAdmin) OpenZeppelinAccessManager(initialAdmin) {}
}
