/**
 * Makes the npm package in `dist/`, as JavaScript with types, and packs it: `npm run package`. Prints the tarball's path.
 * `--surface` also writes what it exports to `test/package/surface.txt`, which the tests hold it against.
 * Its entries are the index files of src/, `proto` and `abi` go in generated.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";

import { ENTRIES } from "./package/entries.ts";
import { publicSurface } from "./package/surface.ts";

const OUT = "dist";
/** The package's `imports` resolves what begins with `#`; the compiler says that it left those as they are. */
const LEFT_AS_IT_IS = 2877;
/** Only the build, the tests and the deployment need these. */
const NOT_AT_RUN_TIME = new Set(["tsx"]);

function compile(): void {
  const parsed = ts.getParsedCommandLineOfConfigFile(
    "tsconfig.package.json",
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
      },
    },
  );
  if (!parsed) throw new Error("tsconfig.package.json cannot be read");
  const program = ts.createProgram(parsed.fileNames, parsed.options);
  const { diagnostics } = program.emit();
  const problems = [...ts.getPreEmitDiagnostics(program), ...diagnostics].filter(({ code }) => code !== LEFT_AS_IT_IS);
  if (problems.length === 0) return;
  const host = {
    getCurrentDirectory: () => process.cwd(),
    getCanonicalFileName: (name: string) => name,
    getNewLine: () => "\n",
  };
  throw new Error(ts.formatDiagnostics(problems, host));
}

/** Contracts are typed by TypeChain and built from ABIs: its factories, with all bytecode, are dead weight. */
function dropFactories(): void {
  const typechain = join(OUT, "generated", "typechain");
  for (const entry of readdirSync(typechain, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith(".js")) rmSync(join(entry.parentPath, entry.name));
  }
}

interface Manifest {
  name: string;
  version: string;
  description: string;
  license: string;
  dependencies: Record<string, string>;
}

function writeManifest(): void {
  const { name, version, description, license, dependencies } = JSON.parse(
    readFileSync("package.json", "utf8"),
  ) as Manifest;
  const entry = (folder: string) => ({ types: `./${folder}/index.d.ts`, default: `./${folder}/index.js` });
  const exported = Object.entries(ENTRIES).map(([key, folder]) => [key, entry(folder)] as const);
  const generated = (folder: string) => ({
    types: `./generated/${folder}/*.d.ts`,
    default: `./generated/${folder}/*.js`,
  });
  const manifest = {
    ...{ name, version, description, license },
    type: "module",
    engines: { node: ">=22.13" },
    // keccak's WebAssembly is compiled while its module loads.
    sideEffects: ["./src/protocol/keccak.js"],
    exports: Object.fromEntries(exported),
    imports: {
      "#proto/*.ts": generated("proto"),
      "#abi/*.ts": generated("abi"),
      "#typechain": { types: "./generated/typechain/index.d.ts" },
    },
    dependencies: Object.fromEntries(Object.entries(dependencies).filter(([key]) => !NOT_AT_RUN_TIME.has(key))),
  };
  writeFileSync(join(OUT, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT);
compile();
dropFactories();
writeManifest();
// What a daemon or gateway of the package serves beside its RPCs.
cpSync(join("generated", "console"), join(OUT, "generated", "console"), { recursive: true });
for (const file of ["LICENSE", "CHANGELOG.md"]) cpSync(file, join(OUT, file));
cpSync(join("docs", "package.md"), join(OUT, "README.md"));
const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", "."], {
  cwd: OUT,
  encoding: "utf8",
  shell: process.platform === "win32",
});
const [{ filename } = { filename: "" }] = JSON.parse(packed) as { filename: string }[];
console.log(join(OUT, filename));
if (process.argv.includes("--surface")) writeFileSync("test/package/surface.txt", publicSurface(OUT));
