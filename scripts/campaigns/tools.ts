/** Analysers that npm's lock does not bring, installed on first use under tmp/tools, each at one version. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const TOOLS = resolve("tmp/tools");
const FORGE_VERSION = "1.7.1";
const FORGE_INTEGRITY: Record<string, string> = {
  "linux-x64 @foundry-rs/forge-linux-amd64":
    "sha512-/HQddyTanVOJKgvilmZrf8VOf7mhvwrWb59W73w5W5flX7b6zNh9CR6hKZzJwiRRi5Sxk/JOFEYIeKsQx7Teqg==",
};

/** Throws when there is no forge for this machine: a missing analyser is a failure, never a skip. */
export function forgeBinary(): string {
  const platform = `${process.platform}-${process.arch}`;
  const entry = Object.entries(FORGE_INTEGRITY).find(([key]) => key.startsWith(`${platform} `));
  if (!entry) throw new Error(`there is no forge for ${platform}; run this on Linux`);
  const directory = join(TOOLS, `forge-${FORGE_VERSION}`);
  const binary = join(directory, "package", "bin", "forge");
  if (existsSync(binary)) return binary;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const name = entry[0].split(" ")[1]!;
  // The platform package: npm's wrapper of forge exits with 0 when tests fail.
  execFileSync("npm", ["pack", `${name}@${FORGE_VERSION}`, "--silent", "--pack-destination", directory], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const archive = join(directory, `${name.replace("@", "").replace("/", "-")}-${FORGE_VERSION}.tgz`);
  const integrity = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (integrity !== entry[1]) throw new Error(`${name}@${FORGE_VERSION} is not the package that was pinned`);
  execFileSync("tar", ["xzf", archive, "-C", directory]);
  rmSync(archive);
  chmodSync(binary, 0o755);
  return binary;
}

/** The folder of executables of a Python environment that holds one package at one version. */
export function pythonTool(name: string, version: string): string {
  const directory = join(TOOLS, `${name}-${version}`);
  const bin = join(directory, "bin");
  const isComplete = () => spawnSync(join(bin, "pip"), ["show", name], { encoding: "utf8" }).stdout?.includes(version);
  if (existsSync(bin) && isComplete()) return bin;
  rmSync(directory, { recursive: true, force: true });
  const options = { stdio: ["ignore", "ignore", "inherit"] as ("ignore" | "inherit")[] };
  execFileSync("python3", ["-m", "venv", directory], options);
  execFileSync(join(bin, "pip"), ["install", "--quiet", `${name}==${version}`], options);
  return bin;
}
