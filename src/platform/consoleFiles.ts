import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import type { IncomingMessage } from "node:http";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import type { ConsoleHost } from "../console/views.ts";
import { CONSOLE_PATH } from "../console/views.ts";
import type { HttpAnswer } from "./httpAnswer.ts";

/** What `npm run build` makes of src/console/page. */
const BUILT = fileURLToPath(new URL("../../generated/console/", import.meta.url));
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const NONCE = "%NONCE%";
const HOST = "%HOST%";

/** Nothing comes from elsewhere, nothing goes elsewhere, no script but the page's own, and no site may frame it. */
function policyOf(nonce: string): string {
  const rules = [
    ...["default-src 'none'", "script-src 'self'", `style-src 'self' 'nonce-${nonce}'`, "img-src 'self'"],
    ...["connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ];
  return rules.join("; ");
}

/** Of everything that the console answers. */
const PRIVATE_HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  vary: "accept-encoding",
};

/** The console's page: read once from what was built, and never anything but those files. */
export class ConsoleFiles {
  readonly #host: ConsoleHost;
  readonly #directory: string;
  #files: Map<string, { plain: Buffer; gzip: Buffer }> | undefined;

  constructor(host: ConsoleHost, directory = BUILT) {
    this.#host = host;
    this.#directory = directory;
  }

  /** Undefined for what is not a file of the page, or was not built. */
  answer(path: string, acceptsGzip: boolean): HttpAnswer | undefined {
    // Files are named as beside the page.
    if (path === CONSOLE_PATH) return { status: 308, headers: { location: "console/" }, body: new Uint8Array() };
    if (!path.startsWith(`${CONSOLE_PATH}/`)) return undefined;
    const name = path.slice(CONSOLE_PATH.length + 1) || "index.html";
    this.#files ??= this.#load();
    const file = this.#files.get(name);
    if (!file) return undefined;
    const nonce = randomBytes(16).toString("base64");
    const isPage = name === "index.html";
    const { plain, gzip } = file;
    const body = isPage
      ? Buffer.from(plain.toString().replaceAll(NONCE, nonce).replaceAll(HOST, this.#host))
      : acceptsGzip
        ? gzip
        : plain;
    return {
      ...{ status: 200, body },
      headers: {
        "content-type": TYPES[extname(name)] ?? "application/octet-stream",
        "content-length": String(body.length),
        "content-security-policy": policyOf(nonce),
        // Other files have their digest in their names.
        "cache-control": isPage ? "no-store" : "private, max-age=31536000, immutable",
        ...(acceptsGzip && !isPage ? { "content-encoding": "gzip" } : {}),
        ...PRIVATE_HEADERS,
      },
    };
  }

  #load(): Map<string, { plain: Buffer; gzip: Buffer }> {
    const files = new Map<string, { plain: Buffer; gzip: Buffer }>();
    let entries;
    try {
      entries = readdirSync(this.#directory, { recursive: true, withFileTypes: true });
    } catch {
      return files;
    }
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(this.#directory.length).replaceAll("\\", "/");
      const plain = readFileSync(path);
      files.set(name, { plain, gzip: gzipSync(plain) });
    }
    return files;
  }
}

/** A view, which is of now. */
export function consoleJson(view: object): HttpAnswer {
  const body = Buffer.from(`${JSON.stringify(view)}\n`);
  const length = { "content-length": String(body.length) };
  return {
    ...{ status: 200, body },
    headers: { "content-type": "application/json", ...length, "cache-control": "no-store", ...PRIVATE_HEADERS },
  };
}

export function acceptsGzip({ headers }: IncomingMessage): boolean {
  return /\bgzip\b/.test(String(headers["accept-encoding"] ?? ""));
}
