import type { Context } from "./context.ts";
import type { Input } from "./input.ts";
import type { Plan, Report } from "./plan.ts";

export interface ArgumentSpec {
  /** camelCase; options are written in kebab case. */
  name: string;
  description: string;
  /** Takes all that is left. The last argument only. */
  isVariadic?: boolean;
  isOptional?: boolean;
}

export interface OptionSpec {
  name: string;
  description: string;
  /** Present or not, without a value. */
  isFlag?: boolean;
  /** What --help calls its value; `value` unless told. */
  value?: string;
  /** The environment variable that tells it too. */
  variable?: string;
}

/** `takeSeat` as it is written: `take-seat`. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

interface Described {
  /** Such as `["operator", "show"]`. */
  path: readonly [string] | readonly [string, string];
  description: string;
  arguments: readonly ArgumentSpec[];
  options: readonly OptionSpec[];
}

/** Prepares transactions: takes a key, or none with `--dry-run` and `--unsigned`. */
export interface WriteSpec extends Described {
  kind: "write";
  load: () => Promise<(context: Context, input: Input) => Promise<Plan>>;
}

/** Looks at the chain. */
export interface ReadSpec extends Described {
  kind: "read";
  load: () => Promise<(context: Context, input: Input) => Promise<Report>>;
}

/** Signs or makes something on this machine: `--dry-run` says what, and does not. */
export interface LocalSpec extends Described {
  kind: "local";
  load: () => Promise<(input: Input, mode: { dryRun: boolean }) => Promise<Report>>;
}

/** Signs for elsewhere: `--unsigned` gives what another signer would sign. Reads the chain for it. */
export interface SignSpec extends Described {
  kind: "sign";
  load: () => Promise<
    (context: Context, input: Input, mode: { dryRun: boolean; unsigned: boolean }) => Promise<Report>
  >;
}

/**
 * A command, as data: Hardhat tasks and the package's command are both made of it. Nothing here loads what does the
 * work, because Hardhat reads its tasks before anything is built.
 */
export type CommandSpec = WriteSpec | ReadSpec | LocalSpec | SignSpec;
