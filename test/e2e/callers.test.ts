import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import type { Person } from "./support/person.ts";
import { startPerson } from "./support/person.ts";

const TOKENS = [
  { token: "alice-has-this-token", user: "alice", app: "chat" },
  { token: "bob-has-another-token", user: "bob", app: "chat" },
];

/** Stock clients with the credential that their SDK takes, at a gateway that asks who they are. */
describe("a gateway that asks who publishes", function () {
  this.timeout(240_000);
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-callers-"));
  const people: Person[] = [];
  let network: LocalNetwork;
  const person = (name: string) => {
    const one = startPerson(directory, name);
    people.push(one);
    return one;
  };

  before(async () => {
    const tokensFile = join(directory, "tokens.json");
    writeFileSync(tokensFile, JSON.stringify(TOKENS), { mode: 0o600 });
    network = await startLocalNetwork({
      ...{ directory: join(directory, "net"), nodes: 1, deposit: 5_000_000n, headroom: 20n, holdSeconds: 20 },
      gateway: { tokensFile, rateLimits: { user: 600, app: 6_000 } },
    });
  });
  after(async () => {
    for (const one of people) one.leave();
    await network?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("serves stock clients that bring their token, from registration to reading", async () => {
    const [alice, bob] = [person("alice"), person("bob")];
    await alice.register(network.gateway.url, TOKENS[0]!.token);
    const inbox = await bob.register(network.gateway.url, TOKENS[1]!.token);
    const dm = await alice.openDm(inbox);
    await alice.send(dm, "hello");
    expect(await bob.read(dm).catch(() => bob.read(dm))).to.include("hello");
  });

  it("refuses a stock client without one, which hears why", async () => {
    const problem = await person("stranger")
      .register(network.gateway.url)
      .catch((error: unknown) => String(error));
    expect(problem).to.match(/does not know who sends this|nauthenticated/);
  });
});
