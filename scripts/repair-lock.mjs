// npm writes a lock here that `npm ci` then refuses: optional platform packages that the registry lacks are dropped
// from it, and the `engines` of EDR make npm under Node 20 skip its binary without a word. This puts both right.
// `--check` changes nothing and exits 1 when the lock needs repair.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const LOCK = new URL("../package-lock.json", import.meta.url);
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = { armv7: "arm", arm: "arm" };
for (const cpu of ["arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "wasm32"])
  PROCESSORS[cpu] = cpu;
const LIBCS = { gnu: "glibc", musl: "musl" };

/** Reads `@nomicfoundation/edr-linux-x64-gnu` as what npm's `os`, `cpu` and `libc` fields would say. */
export function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => word in PROCESSORS);
  const libc = words.find((word) => word in LIBCS);
  if (!os || !cpu) throw new Error(`cannot tell the platform of ${name}: add its words to scripts/repair-lock.mjs`);
  return { os: [os], cpu: [PROCESSORS[cpu]], ...(libc && os === "linux" ? { libc: [LIBCS[libc]] } : {}) };
}

export function repairLock(text) {
  const lock = JSON.parse(text);
  for (const [key, entry] of Object.entries(lock.packages)) {
    if (key.startsWith("node_modules/@nomicfoundation/edr")) delete entry.engines;
    for (const [name, version] of Object.entries((key !== "" && entry.optionalDependencies) || {})) {
      const present = `node_modules/${name}` in lock.packages || `${key}/node_modules/${name}` in lock.packages;
      if (present || !/^\d/.test(version)) continue;
      lock.packages[`node_modules/${name}`] = {
        version,
        ...(entry.dev ? { dev: true } : {}),
        optional: true,
        ...platformOf(name),
      };
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  return JSON.stringify(lock, null, 2) + "\n";
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const before = readFileSync(LOCK, "utf8");
  const after = repairLock(before);
  if (before !== after && process.argv.includes("--check")) {
    console.error("package-lock.json needs repair: run `npm run lock:repair`");
    process.exit(1);
  }
  if (before !== after) {
    writeFileSync(LOCK, after);
    console.error("package-lock.json repaired");
  }
}
