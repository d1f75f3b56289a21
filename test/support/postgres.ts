import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

const DEBIAN = "/usr/lib/postgresql";
const STARTS_WITHIN_MS = 30_000;
/** A cluster keeps what a test does not stop; all end with this process. */
const running = new Set<TestPostgres>();

/** The programs of the newest PostgreSQL that Debian's packages have put here. */
function binaries(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(DEBIAN, version, "bin")).find((bin) => existsSync(join(bin, "initdb")));
}

/** PostgreSQL refuses to run as root: somebody else's ids then. */
function owner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = new Map(
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  return users.get("postgres") ?? users.get("nobody");
}

/** A private cluster in a temporary directory, on a Unix socket there. */
export class TestPostgres {
  readonly #bin: string;
  readonly #directory: string;
  readonly #as = owner();
  #server: ChildProcess | undefined;
  #databases = 0;

  constructor(bin: string) {
    this.#bin = bin;
    this.#directory = mkdtempSync(join(tmpdir(), "pennyblack-pg-"));
    if (this.#as) chownSync(this.#directory, this.#as.uid, this.#as.gid);
    const { status, stderr } = spawnSync(
      join(bin, "initdb"),
      ["-D", join(this.#directory, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
      { encoding: "utf8", cwd: this.#directory, ...this.#as },
    );
    if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
    running.add(this);
  }

  /** With settings of postgresql.conf. Resolves when it takes connections. */
  async start(settings: Record<string, string> = {}): Promise<void> {
    const all = { listen_addresses: "", unix_socket_directories: this.#directory, max_connections: "60", ...settings };
    const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    this.#server = spawn(join(this.#bin, "postgres"), ["-D", join(this.#directory, "data"), ...flags], {
      ...{ cwd: this.#directory, stdio: "ignore", ...this.#as },
    });
    const until = Date.now() + STARTS_WITHIN_MS;
    for (;;) {
      try {
        await this.query("postgres", "select 1");
        return;
      } catch (error) {
        if (Date.now() > until || this.#server.exitCode !== null) throw error;
        await sleep(20);
      }
    }
  }

  /** At once, as a crash would: connections are cut, nothing is flushed. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGQUIT");
    await ended;
  }

  url(database: string): string {
    return `postgres:///${database}?host=${this.#directory}&user=postgres`;
  }

  /** The URL of a new, empty database. */
  async create(): Promise<string> {
    const name = `test_${this.#databases++}`;
    await this.query("postgres", `create database ${name}`);
    return this.url(name);
  }

  async query(database: string, text: string): Promise<Record<string, unknown>[]> {
    return queryPostgres(this.url(database), text);
  }

  async remove(): Promise<void> {
    await this.stop();
    this.removeNow();
  }

  /** For the end of a process that did not wait for us. */
  removeNow(): void {
    running.delete(this);
    this.#server?.kill("SIGQUIT");
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One statement on a connection of its own. */
export async function queryPostgres(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

let isTold = false;

/** A new cluster; undefined, and said once, where PostgreSQL is not installed. Under CI it has to be. */
export async function startPostgres(settings?: Record<string, string>): Promise<TestPostgres | undefined> {
  const bin = binaries();
  if (!bin) {
    if (process.env.CI === "true") throw new Error(`no PostgreSQL in ${DEBIAN}: apt-get install -y postgresql`);
    if (!isTold) console.log(`    (no PostgreSQL in ${DEBIAN}: its half of the store's tests is skipped)`);
    isTold = true;
    return undefined;
  }
  const cluster = new TestPostgres(bin);
  await cluster.start(settings);
  return cluster;
}

let shared: Promise<TestPostgres | undefined> | undefined;

/** The one cluster of a run of tests, for all that do not stop it. */
export function sharedPostgres(): Promise<TestPostgres | undefined> {
  shared ??= startPostgres();
  return shared;
}

process.on("exit", () => {
  for (const cluster of running) cluster.removeNow();
});
// Mocha's own hook, for the whole run.
if (typeof after === "function") {
  after(async () => {
    for (const cluster of [...running]) await cluster.remove();
  });
}
