// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager as OpenZeppelinAccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title AccessManager: who may set bounded parameters and pause entries.
/// @notice OpenZeppelin's, unchanged. No link through which money moves asks it.
contract AccessManager is OpenZeppelinAccessManager {
    /// @param initialAdmin Holds the admin role until governance takes it over.
    constructor(address initialAdmin) OpenZeppelinAccessManager(initialAdmin) {}
}
