import { existsSync } from "node:fs";

import type { Browser } from "playwright-core";
import { chromium } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"];

/** Where a Chromium is; `CHROMIUM` names another. */
export function findChromium(): string | undefined {
  return [process.env.CHROMIUM, ...PATHS].find((path) => path !== undefined && existsSync(path));
}

/** A real browser without a window, that asks nobody outside. */
export async function startBrowser(executablePath: string): Promise<Browser> {
  const quiet = ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-first-run", ...quiet] });
}
