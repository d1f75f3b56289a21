import { createRequire } from "node:module";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";

export interface ThreadFile {
  url: URL;
  /** What a thread needs before it can load the file. */
  execArgv: string[];
}

/**
 * The file of a thread, beside the module whose `import.meta.url` is given: TypeScript in the tree, JavaScript in the
 * package.
 *
 * @param name without extension
 */
export function threadFile(moduleUrl: string, name: string): ThreadFile {
  const extension = extname(new URL(moduleUrl).pathname);
  const url = new URL(`./${name}${extension}`, moduleUrl);
  if (extension !== ".ts") return { url, execArgv: [] };
  // Whoever started this process may have had another way to load TypeScript, which threads do not inherit. And
  // `import.meta.resolve` is not there when a test runner loads this file with `require`.
  return { url, execArgv: ["--import", pathToFileURL(createRequire(moduleUrl).resolve("tsx")).href] };
}
