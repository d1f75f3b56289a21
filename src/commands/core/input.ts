import { isAddress } from "ethers";

import { isReadByOthers, KeyFileError, readKeyFile } from "../../platform/keyFile.ts";
import type { Address } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { Unit } from "./amounts.ts";
import { parseAmount } from "./amounts.ts";
import { CommandError } from "./errors.ts";
import type { OptionSpec } from "./spec.ts";
import { kebab } from "./spec.ts";

/** What was typed, by the name in the command's specification. */
export type RawInput = Record<string, string | string[] | boolean | undefined>;

/** Reads what was typed, each with a typed error that says how to write it. */
export class Input {
  readonly #raw: RawInput;
  readonly #options: readonly OptionSpec[];

  /** @param options what may be typed as `--name`: who left one out is told how it is written */
  constructor(raw: RawInput, options: readonly OptionSpec[] = []) {
    this.#raw = raw;
    this.#options = options;
  }

  flag(name: string): boolean {
    return this.#raw[name] === true;
  }

  optional(name: string): string | undefined {
    const value = this.#raw[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  text(name: string): string {
    return this.optional(name) ?? this.#missing(name);
  }

  /** Of a variadic argument. */
  list(name: string): string[] {
    const value = this.#raw[name];
    return Array.isArray(value) ? value : [];
  }

  amount(name: string, unit: Unit): bigint {
    return parseAmount(this.text(name), unit);
  }

  optionalAmount(name: string, unit: Unit): bigint | undefined {
    const text = this.optional(name);
    return text === undefined ? undefined : parseAmount(text, unit);
  }

  address(name: string): Address {
    return parseAddress(this.text(name), name);
  }

  optionalAddress(name: string): Address | undefined {
    const text = this.optional(name);
    return text === undefined ? undefined : parseAddress(text, name);
  }

  nodeId(name = "node"): number {
    const text = this.text(name);
    const id = Number(text);
    if (!/^[1-9]\d{0,9}$/.test(text) || id % 100 !== 0 || id > 2 ** 31) {
      throw new CommandError("bad_node", `"${text}" is not a node's id: ids are 100, 200, 300 and so on`);
    }
    return id;
  }

  /** Whole seconds, 1 to a day. */
  seconds(name: string, otherwise: number): number {
    const text = this.optional(name);
    if (text === undefined) return otherwise;
    if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 86_400) {
      throw new CommandError("bad_number", `--${name} "${text}": write whole seconds, 1 to 86400`);
    }
    return Number(text);
  }

  #missing(name: string): never {
    const option = this.#options.find((one) => one.name === name);
    throw new CommandError("missing_argument", option ? missingOption(option) : `${name} is missing: see --help`);
  }
}

function missingOption({ name, description, value = "value", variable }: OptionSpec): string {
  const problem = `--${kebab(name)} ${value.toUpperCase()} is missing: ${description}`;
  return variable === undefined ? problem : `${problem}; give it, or set ${variable}`;
}

/** Throws CommandError `bad_address`, also for a wrong checksum. */
export function parseAddress(text: string, what = "address"): Address {
  if (!isAddress(text) || !text.startsWith("0x")) {
    const problem = /^0x[0-9a-fA-F]{40}$/.test(text)
      ? "has a wrong checksum: copy it again"
      : "is not 0x and 40 hex digits";
    throw new CommandError("bad_address", `${what} "${text}" ${problem}`);
  }
  const address = toAddress(text);
  if (BigInt(address) === 0n) throw new CommandError("bad_address", `${what} is the zero address, which is nobody's`);
  return address;
}

/** What a file's 32 bytes are for: each kind is made in another way. */
export type KeyKind = "account" | "node" | "postage" | "salt";

const MADE: Record<KeyKind, string> = {
  account: "it holds the key of the account that signs; `openssl rand -hex 32` makes one of a new account",
  node: "`pennyblack operator keys` makes a node's keys",
  postage: "`pennyblack channel key` makes one, encrypted, which is read with --password-file",
  salt: "it was made with the report, and cannot be made again: begin another report, with another --salt-file",
};

/** 32 bytes from a file that only its owner may read. Throws CommandError `bad_key_file`. */
export function readSecret(file: string, kind: KeyKind): Uint8Array {
  try {
    const key = readKeyFile(file);
    if (!isReadByOthers(file)) return key;
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    const advice = `a file of 64 hex digits is needed; ${MADE[kind]}`;
    throw new CommandError("bad_key_file", `${error.message}: ${advice}`, { cause: error });
  }
  throw new CommandError("bad_key_file", `others than you may read ${file}: chmod 600 ${file}`);
}
