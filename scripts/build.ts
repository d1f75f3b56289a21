/**
 * Makes what is not committed: protobuf codecs, the Ed25519 verifier's source, compiled contracts, TypeChain types, ABIs
 * as TypeScript constants. With `--production` also what is deployed, which `pennyblack deploy` takes.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ED25519_VERIFIER, generateEd25519Verifier } from "./ed25519/generate.ts";

const GENERATED = "generated";

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** What makes it, by the versions in the lock: another package that changes there must not cost minutes of compiling. */
const COMPILERS = [
  ...[
    "@bufbuild/buf",
    "@bufbuild/protobuf",
    "@bufbuild/protoc-gen-es",
    "@openzeppelin/contracts",
    "@typechain/ethers-v6",
  ],
  ...["hardhat", "@nomicfoundation/hardhat-typechain", "solady", "solc", "typechain"],
];

/** What bundles the console's page, and what is in it. */
const BUNDLED = [
  ...["@mantine/charts", "@mantine/core", "@mantine/hooks", "@noble/curves", "@noble/hashes", "esbuild", "ethers"],
  ...["react", "react-dom", "recharts", "vite"],
];

function versionsOf(names: string[]): string {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    packages: Record<string, { version?: string } | undefined>;
  };
  return names
    .map((name) => {
      const version = packages[`node_modules/${name}`]?.version;
      if (!version) throw new Error(`${name} is not in package-lock.json: correct the names in scripts/build.ts`);
      return `${name}@${version}`;
    })
    .join(" ");
}

function digestOf(files: string[], makers: string[]): string {
  const hash = createHash("sha256").update(versionsOf(makers));
  for (const file of files) hash.update(file).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** Runs `make` unless the inputs are those of the last run. */
function once(name: string, inputs: string[], output: string, make: () => void, makers = COMPILERS): void {
  const stamp = join(GENERATED, `.${name}`);
  const digest = digestOf(inputs, makers);
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  console.error(`pennyblack: building ${name} ...`);
  make();
  mkdirSync(GENERATED, { recursive: true });
  writeFileSync(stamp, digest);
}

function buildProto(): void {
  rmSync(join(GENERATED, "proto"), { recursive: true, force: true });
  execFileSync("buf", ["generate"], { stdio: "inherit" });
}

/** In a process of its own: Hardhat's compiler workers end with it. Warnings of libraries are shown only on failure. */
function buildContracts(): void {
  const hardhat = ["node_modules/hardhat/dist/src/cli.js", "build", "--quiet"];
  const { status, stdout, stderr } = spawnSync(process.execPath, hardhat, { encoding: "utf8" });
  if (status === 0) return;
  console.error(stdout + stderr);
  throw new Error("the contracts do not compile");
}

/** One `generated/abi/<Name>.ts` per contract of ours: a constant that keeps its literal type. */
function buildAbis(): void {
  const out = join(GENERATED, "abi");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const artifacts = ["artifacts/contracts", "artifacts/generated/contracts"].flatMap(filesUnder);
  for (const file of artifacts.filter((name) => /\.sol[\\/][A-Za-z0-9]+\.json$/.test(name))) {
    const { contractName, abi } = JSON.parse(readFileSync(file, "utf8")) as { contractName: string; abi: unknown[] };
    if (abi.length === 0) continue;
    const name = contractName[0]!.toLowerCase() + contractName.slice(1);
    writeFileSync(join(out, `${contractName}.ts`), `export const ${name}Abi = ${JSON.stringify(abi)} as const;\n`);
  }
}

/** In a process of its own, as whoever only builds contracts needs none of it in memory. */
function buildConsole(): void {
  execFileSync(process.execPath, ["--import", "tsx", "scripts/console/build.ts"], { stdio: "inherit" });
}

const toolchain = ["hardhat.config.ts"];
once("proto", [...filesUnder("proto"), "buf.yaml", "buf.gen.yaml", ...toolchain], join(GENERATED, "proto"), buildProto);
const ed25519 = [...filesUnder("scripts/ed25519"), "src/protocol/identity/ed25519.ts"];
once("ed25519", [...ed25519, ...toolchain], ED25519_VERIFIER, generateEd25519Verifier);
const folders = ["contracts", "generated/contracts", "test"];
const solidity = folders.flatMap(filesUnder).filter((file) => file.endsWith(".sol"));
once("contracts", [...solidity, ...toolchain], "artifacts", buildContracts);
once("abi", [...solidity, ...toolchain], join(GENERATED, "abi"), buildAbis);

// The page shares types with whoever serves it, and pays with what any app pays with.
const page = ["src/console", "scripts/console", "src/client/account", "src/contracts", "src/protocol"];
const pageFiles = [...page.flatMap(filesUnder), "src/client/async.ts", ...solidity];
once("console", pageFiles, join(GENERATED, "console"), buildConsole, BUNDLED);

if (process.argv.includes("--production")) {
  const { buildProduction } = await import("./deploy/productionBuild.ts");
  console.error("pennyblack: building what is deployed ...");
  buildProduction();
}
