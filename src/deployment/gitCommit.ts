import { execFileSync } from "node:child_process";

import { DeploymentError } from "./errors.ts";

/**
 * The commit that is checked out. Throws DeploymentError when sources differ from it: what is deployed has to be what
 * others can read. Records do not count, the deployment itself writes them.
 */
export function cleanCommit(root: string): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const changes = git("status", "--porcelain", "--", ".", ":(exclude,glob)deployments/*.json");
  if (changes !== "") {
    const problem = `these files are not what any commit has, so nobody could review them:\n${changes}\nCommit them first`;
    throw new DeploymentError("uncommitted", problem);
  }
  return git("rev-parse", "HEAD");
}
