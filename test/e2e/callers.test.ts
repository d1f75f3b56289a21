import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { Contract } from "ethers";

import { localWallet } from "../../scripts/local/localChain.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { writeKeyFile } from "../../src/platform/keyFile.ts";
import type { Person } from "./support/person.ts";
import { startPerson } from "./support/person.ts";

const TOKENS = [
  { token: "alice-has-this-token", user: "alice", app: "chat" },
  { token: "bob-has-another-token", user: "bob", app: "chat" },
];

const owner = localWallet(17);

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
    const keyFile = join(directory, "owner.key");
    writeKeyFile(keyFile, owner.privateKey);
    network = await startLocalNetwork({
      ...{ directory: join(directory, "net"), nodes: 1, deposit: 5_000_000n, headroom: 20n, holdSeconds: 20 },
      gateway: {
        ...{ tokensFile, rateLimits: { user: 600, app: 6_000 } },
        topUp: { ownerKey: { keyFile }, below: "6000000", amount: "2000000", mostPerDay: "2000000" },
      },
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

  it("tops its channel up within what it may, and makes good after a restart what it could not do before", async () => {
    const deposited = async () =>
      ((await (await fetch(`${network.gateway.url}/status`)).json()) as { deposited: string }).deposited;
    expect(await deposited(), "the owner has no money yet").to.equal("5000000");
    const token = new Contract(
      network.record.token,
      ["function mint(address, uint256)"],
      localWallet(0).connect(network.chain.provider),
    );
    await ((await token.getFunction("mint")(owner.address, 10_000_000n)) as { wait(): Promise<unknown> }).wait();
    await network.gateway.kill();
    await network.gateway.restart();
    const until = Date.now() + 60_000;
    while ((await deposited()) === "5000000" && Date.now() < until) await new Promise((wake) => setTimeout(wake, 200));
    await new Promise((wake) => setTimeout(wake, 3_000));
    expect(await deposited(), "once").to.equal("7000000");
  });

  it("refuses a stock client without one, which hears why", async () => {
    const problem = await person("stranger")
      .register(network.gateway.url)
      .catch((error: unknown) => String(error));
    expect(problem).to.match(/does not know who sends this|nauthenticated/);
  });
});
