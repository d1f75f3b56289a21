import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";

import { USD, parseAmount } from "../core/amounts.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import { KEY_FILES } from "./keys.ts";

const OPERATOR_PORT = "5051";

/** A node's config file in the making, as docs/operators.md has it. */
export interface NodeConfigFile {
  path: string;
  write(nodeId: number): void;
}

/** What `--write-config` asks for; undefined without it. Checks everything before a node is registered for it. */
export function nodeConfigFile(context: Context, input: Input, httpAddress: string): NodeConfigFile | undefined {
  const path = input.optional("writeConfig");
  if (path === undefined) return undefined;
  if (existsSync(path)) {
    throw new CommandError("file_exists", `${path} is there already and is not overwritten: name another file`);
  }
  if (input.flag("unsigned")) {
    const why = "the node's id is not known before another signer has signed";
    throw new CommandError("conflicting_options", `--write-config and --unsigned: ${why}. Write the file by hand`);
  }
  const { rpcUrl, deployment } = context;
  if (!rpcUrl || !deployment) {
    throw new CommandError("missing_argument", "--write-config needs --rpc-url and --deployment to write them down");
  }
  const price = parseAmount(input.text("nativeTokenPrice"), USD);
  const [host, port] = listenAddress(input.optional("listen"), httpAddress);
  const operatorPort = portOf(input.optional("operatorPort") ?? OPERATOR_PORT);
  const home = dirname(resolve(path));
  const directory = input.text("directory");
  const keyFile = (name: keyof typeof KEY_FILES) => relative(home, resolve(directory, KEY_FILES[name]));
  return {
    path,
    write(nodeId) {
      const config = {
        deployment: relative(home, resolve(deployment)) || basename(deployment),
        rpcUrl,
        nodeId,
        listen: { host, port },
        operatorPort,
        dataDirectory: ".",
        signingKeyFile: keyFile("signing"),
        attestationKeyFile: keyFile("attestation"),
        settlementKeyFile: keyFile("settlement"),
        nativeTokenPrice: price.toString(),
      };
      mkdirSync(home, { recursive: true });
      writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { flag: "wx" });
    },
  };
}

function listenAddress(text: string | undefined, httpAddress: string): [string, number] {
  if (text === undefined) {
    const { hostname, port, protocol } = new URL(httpAddress);
    return [hostname, Number(port) || (protocol === "https:" ? 443 : 80)];
  }
  const at = text.lastIndexOf(":");
  if (at < 1) throw new CommandError("bad_url", `--listen "${text}": write host:port, such as 0.0.0.0:5050`);
  return [text.slice(0, at), portOf(text.slice(at + 1))];
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new CommandError("bad_number", `"${text}" is not a port: write a number up to 65535`);
  }
  return port;
}

/** An http address as the registry takes it. Throws CommandError `bad_url`. */
export function parseHttpAddress(text: string): string {
  const isUsable = /^https?:\/\/[!-~]+$/.test(text) && text.length <= 200 && URL.canParse(text);
  if (!isUsable) {
    const rules = "at most 200 printable characters, such as https://node.example.org";
    throw new CommandError("bad_url", `"${text}" is not an http or https address: ${rules}`);
  }
  return text;
}
