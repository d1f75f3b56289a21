import { existsSync, readFileSync } from "node:fs";

/** The contracts that hold payers' and operators' money, and what they are made of. */
export const MONEY_FILES = [
  "contracts/PostageChannels.sol",
  "contracts/FeeDistributor.sol",
  "contracts/Stamps.sol",
  "contracts/types/Balances.sol",
  ...["ChannelMath", "ChannelSlot", "EpochTrace", "SettledRows", "VoucherRows"].map(
    (name) => `contracts/libraries/${name}.sol`,
  ),
  "contracts/libraries/PotMath.sol",
  "contracts/libraries/SeatMath.sol",
  "contracts/libraries/StreamMath.sol",
  "contracts/base/PausableEntries.sol",
].filter((file) => existsSync(file));

/** The contracts that say who is a node, hold its stake and take it. */
export const NODE_FILES = [
  ...["BlsVerifier", "FaultProofs", "NodeRegistry", "NodeSeats", "NodeStaking"].map((name) => `contracts/${name}.sol`),
  ...["NodeKeys", "RegistryVersions"].map((name) => `contracts/base/${name}.sol`),
  ...["Bls12381", "EnvelopeReader", "HttpAddress", "Secp256k1"].map((name) => `contracts/libraries/${name}.sol`),
  "contracts/governance/PostageToken.sol",
];

/** The log of identity updates, who belongs to an inbox, and who reads and checks what libxmtp writes. */
export const IDENTITY_FILES = [
  ...["IdentityRegistry", "IdentityVerifier"].map((name) => `contracts/${name}.sol`),
  ...[
    "CanonicalProto",
    "ClientData",
    "Identifiers",
    "IdentityText",
    "Membership",
    "PasskeySignature",
    "SmartAccount",
  ].map((name) => `contracts/libraries/${name}.sol`),
];

/** What the nodes agree on, and the trees and seats that it is read with. */
export const REPORT_FILES = [
  "contracts/EpochReports.sol",
  ...["Attestations", "PayerReports", "RollCalls"].map((name) => `contracts/base/${name}.sol`),
  ...["LogTrees", "MerkleTree", "ReportLeaves", "SeatBlob"].map((name) => `contracts/libraries/${name}.sol`),
];

/** Who decides, and who may stop it. Timelock and AccessManager are OpenZeppelin's but for a few lines. */
export const GOVERNANCE_FILES = ["GovernorBounds", "Guardian", "PostageGovernor", "Timelock", "VotingPower"].map(
  (name) => `contracts/governance/${name}.sol`,
);

/** Percent of a group that assurance.md section 6 asks for. */
const TARGET = { lines: 100, branches: 99 };

interface Group {
  name: string;
  files: string[];
  /** What is reached so far, in percent, rounded down, without random inputs. It may only rise. */
  reached: { lines: number; branches: number };
}

const GROUPS: Group[] = [
  { name: "money", files: MONEY_FILES, reached: { lines: 100, branches: 100 } },
  { name: "nodes", files: NODE_FILES, reached: { lines: 100, branches: 100 } },
  { name: "identity", files: IDENTITY_FILES, reached: { lines: 100, branches: 100 } },
  { name: "governance", files: GOVERNANCE_FILES, reached: { lines: 100, branches: 100 } },
  { name: "reports", files: REPORT_FILES, reached: { lines: 100, branches: 100 } },
];

interface Counts {
  lines: [number, number];
  branches: [number, number];
  missing: string[];
}

function readLcov(path: string): Map<string, Counts> {
  const files = new Map<string, Counts>();
  let current: Counts = { lines: [0, 0], branches: [0, 0], missing: [] };
  let name = "";
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const [key = "", value = ""] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)];
    if (key === "SF") {
      name = value;
      current = { lines: [0, 0], branches: [0, 0], missing: [] };
      files.set(name, current);
    }
    if (key !== "DA" && key !== "BRDA") continue;
    const parts = value.split(",");
    const isHit = !["0", "-"].includes(parts.at(-1)!);
    const counter = key === "DA" ? current.lines : current.branches;
    counter[1]++;
    if (isHit) counter[0]++;
    else current.missing.push(`${name}:${parts[0]} ${key === "DA" ? "line" : `branch ${parts[2]}`}`);
  }
  return files;
}

const percent = ([hit, all]: [number, number]) => (all === 0 ? 100 : (100 * hit) / all);

/** Prints coverage of each group and what is missing; 1 when one is below what was reached before. */
export function checkCoverage(path: string): number {
  const files = readLcov(path);
  const failed = GROUPS.map((group) => checkGroup(group, files)).reduce((sum, count) => sum + count, 0);
  return failed === 0 ? 0 : 1;
}

function checkGroup({ name, files, reached }: Group, covered: Map<string, Counts>): number {
  const total: Counts = { lines: [0, 0], branches: [0, 0], missing: [] };
  for (const file of files) {
    const counts = covered.get(file);
    // A library without a branch has no record; one without a line would be a renamed file.
    if (!counts) throw new Error(`${file} is not in the coverage report`);
    console.log(
      `${file.padEnd(44)} lines ${percent(counts.lines).toFixed(2).padStart(6)} %  ` +
        `branches ${percent(counts.branches).toFixed(2).padStart(6)} % (${counts.branches.join("/")})`,
    );
    for (const kind of ["lines", "branches"] as const) {
      total[kind][0] += counts[kind][0];
      total[kind][1] += counts[kind][1];
    }
    total.missing.push(...counts.missing);
  }
  for (const place of total.missing) console.log(`  not covered: ${place}`);
  let failed = 0;
  for (const kind of ["lines", "branches"] as const) {
    const value = percent(total[kind]);
    const isBelow = value < reached[kind];
    if (isBelow) failed++;
    const open = value < TARGET[kind] ? `, target ${TARGET[kind]} % NOT REACHED` : "";
    console.log(
      `${isBelow ? "FAILED" : "ok    "} ${name}: ${kind} ${value.toFixed(2)} % (${total[kind].join("/")}), ` +
        `at least ${reached[kind]} %${open}`,
    );
  }
  return failed;
}
