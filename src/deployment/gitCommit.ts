import { execFileSync } from "node:child_process";

import { DeploymentError } from "./errors.ts";
import { NETWORKS } from "./networkParameters.ts";

/**
 * The commit that is checked out. Throws DeploymentError when sources differ from it: what is deployed has to be what
 * others can read. Records do not count, the deployment itself writes them.
 */
export function cleanCommit(root: string): string {
  const git = (...args: string[]) => {
    try {
      return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: "pipe" }).trim();
    } catch (cause) {
      const problem = `git does not say which commit ${root} has (${(cause as Error).message.trim()})`;
      throw new DeploymentError("uncommitted", `${problem}: deploy from a checkout`, { cause });
    }
  };
  const records = NETWORKS.map((network) => `:(exclude)deployments/${network}.json`);
  const changes = git("status", "--porcelain", "--", ".", ...records);
  if (changes !== "") {
    const problem = `these files are not what any commit has, so nobody could review them:\n${changes}\nCommit them first`;
    throw new DeploymentError("uncommitted", problem);
  }
  return git("rev-parse", "HEAD");
}
