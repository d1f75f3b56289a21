import { mkdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

import { expect } from "chai";
import type { Browser, Page } from "playwright-core";

import { findChromium, startBrowser } from "../support/browser.ts";

/** Pictures for whoever wants to look. */
const PICTURES = join("tmp", "console");
export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };
const LOADED_MS = 30_000;

/** What a port says to a request with these headers. */
export function ask(url: string, headers: Record<string, string> = {}, method = "GET") {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    request(url, { headers, method }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => (text += part.toString()));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    })
      .once("error", reject)
      .end();
  });
}

/** A browser, or undefined where there is none and that is allowed. */
export async function browserFor(context: Mocha.Context): Promise<Browser | undefined> {
  const chromium = findChromium();
  if (chromium) return startBrowser(chromium);
  if (process.env.CI) throw new Error("no Chromium was found: install Debian's chromium");
  context.skip();
}

export interface Visit {
  page: Page;
  /** What went wrong on the page: exceptions, refused files, breaches of its policy. */
  problems: string[];
  /** Hosts that it asked. */
  hosts: Set<string>;
}

/** Opens a page of the console; ends when it shows `heading`. */
export async function visit(
  browser: Browser,
  url: string,
  heading: RegExp,
  options: {
    viewport?: typeof DESKTOP;
    colorScheme?: "light" | "dark";
    script?: string;
    forward?: (text: string) => Promise<string>;
  } = {},
): Promise<Visit> {
  const { viewport = DESKTOP, colorScheme = "light", script, forward } = options;
  const page = await browser.newPage({ viewport, colorScheme });
  const problems: string[] = [];
  const hosts = new Set<string>();
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  if (forward) await page.exposeFunction("forward", forward);
  if (script) await page.addInitScript(script);
  await page.goto(url);
  await page
    .getByRole("heading", { name: heading, level: 1 })
    .waitFor({ timeout: LOADED_MS })
    .catch((error: unknown) => {
      throw new Error(`the page does not show ${String(heading)}: ${problems.join("; ")}`, { cause: error });
    });
  return { page, problems, hosts };
}

/** Nothing went wrong, nothing came from elsewhere, and nothing lies beside the screen. */
export async function expectClean({ page, problems, hosts }: Visit): Promise<void> {
  expect(problems).to.deep.equal([]);
  expect([...hosts]).to.deep.equal([new URL(page.url()).host]);
  const [needed, given] = await page.evaluate<[number, number]>(
    "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
  );
  expect(needed, "the page is wider than its screen").to.be.at.most(given);
}

export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}
