/**
 * `npm run campaign:ed25519 -- [--cases 10000] [--seed 1]`: does the contract take the signatures of installations that
 * TypeScript takes, and does noble agree? And one signature with each of its bits flipped.
 */
import { parseArgs } from "node:util";

import { ContractFactory } from "ethers";
import type { Contract } from "ethers";
import { network } from "hardhat";

import { contractSource } from "../../src/deployment/contractAddresses.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { flipEveryBit, runEd25519Campaign } from "./ed25519/campaign.ts";

const { values } = parseArgs({ options: { cases: { type: "string" }, seed: { type: "string" } } });
const cases = Number(values.cases ?? "10000");
const seed = values.seed ?? "1";
if (!Number.isInteger(cases) || cases < 1) throw new Error("--cases takes a whole number above 0");

const net = await network.create({ network: "local", chainType: "l1" });
try {
  const startedAt = performance.now();
  const [signer] = await net.ethers.getSigners();
  const { abi, bytecode } = readArtifact(contractSource("ed25519Verifier"));
  const verifier = (await new ContractFactory(abi, bytecode, signer).deploy()) as Contract;
  const flipped = await flipEveryBit(verifier, 1);
  const result = await runEd25519Campaign(verifier, { cases, seed });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`ed25519: ${cases} cases of seed ${seed} and ${flipped} flipped bits agree, in ${seconds} s`);
  console.table(result);
} finally {
  await net.close();
}
