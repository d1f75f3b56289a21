import { existsSync, readFileSync } from "node:fs";

/** The contracts that hold payers' and operators' money, and what they are made of. */
export const MONEY_FILES = [
  "contracts/PostageChannels.sol",
  "contracts/FeeDistributor.sol",
  "contracts/types/Balances.sol",
  ...["ChannelMath", "ChannelSlot", "EpochTrace", "SettledRows", "VoucherRows"].map(
    (name) => `contracts/libraries/${name}.sol`,
  ),
  "contracts/libraries/SeatMath.sol",
  "contracts/libraries/StreamMath.sol",
  "contracts/base/PausableEntries.sol",
].filter((file) => existsSync(file));

/** Percent of all of them together that assurance.md section 6 asks for. */
const TARGET = { lines: 100, branches: 99 };
/** What is reached so far, in percent, rounded down, without random inputs. It may only rise. */
const REACHED = { lines: 100, branches: 100 };

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

/** Prints coverage of the money files and what is missing; 1 when it is below what was reached before. */
export function checkCoverage(path: string): number {
  const files = readLcov(path);
  const total: Counts = { lines: [0, 0], branches: [0, 0], missing: [] };
  for (const file of MONEY_FILES) {
    const counts = files.get(file);
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
    const isBelow = value < REACHED[kind];
    if (isBelow) failed++;
    const open = value < TARGET[kind] ? `, target ${TARGET[kind]} % NOT REACHED` : "";
    console.log(`${isBelow ? "FAILED" : "ok    "} ${kind} ${value.toFixed(2)} %, at least ${REACHED[kind]} %${open}`);
  }
  return failed === 0 ? 0 : 1;
}
