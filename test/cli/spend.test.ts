import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { Command } from "commander";

import { addSpendCommand } from "../../src/cli/spendCommand.ts";
import { openPostgresStore } from "../../src/client/adapters/postgres/postgresStore.ts";
import { bearerTokens } from "../../src/client/server/bearerTokens.ts";
import { writeKeyFile } from "../../src/platform/keyFile.ts";
import { silentLog } from "../../src/platform/log.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { groupMessage } from "../support/envelopes.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { POSTAGE_KEY } from "../client/support/fakeNetwork.ts";
import { GatewayHarness, publish, publishAs } from "../client/support/gatewayHarness.ts";

const TOKEN = "the-token-of-alice";

describe("cli/spend", () => {
  let harness: GatewayHarness;
  let directory: string;
  beforeEach(() => {
    harness = new GatewayHarness();
    directory = mkdtempSync(join(tmpdir(), "pennyblack-spend-"));
    writeKeyFile(join(directory, "postage.key"), toHex(POSTAGE_KEY));
    const config = {
      ...{ deployment: "d.json", rpcUrl: "http://127.0.0.1:1", listen: { host: "127.0.0.1", port: 0 } },
      ...{ dataDirectory: harness.directory, postageKeyFile: "postage.key", transactionKeyFile: "gas.key" },
    };
    writeFileSync(join(directory, "gateway.json"), JSON.stringify(config));
  });
  afterEach(async () => {
    await harness.stop();
    rmSync(directory, { recursive: true });
  });

  const run = async (...args: string[]) => {
    const [out, err]: [string[], string[]] = [[], []];
    let exitCode = -1;
    const program = new Command().exitOverride();
    addSpendCommand(program, { out: (text) => out.push(text), err: (text) => err.push(text) }, (code) => {
      exitCode = code;
    });
    await program.parseAsync(["spend", "--config", join(directory, "gateway.json"), ...args], { from: "user" });
    return { exitCode, out: out.join("\n"), err: err.join("\n") };
  };

  it("adds up what the gateway of that config spent, beside it while it runs, and writes every row", async () => {
    const authenticate = bearerTokens([{ token: TOKEN, user: "alice", app: "chat" }]);
    const gateway = await harness.start({ authenticate });
    for (const n of [1, 2]) await harness.settle(publishAs(TOKEN, gateway, groupMessage(n)));
    const file = join(directory, "spend.csv");
    const { exitCode, out } = await run("--from", "2026-01-01", "--to", "2026-01-31", "--csv", file, "--json");
    expect(exitCode).to.equal(0);
    const { usagePico } = gateway.status();
    expect((JSON.parse(out) as { total: unknown }).total).to.deep.include({
      count: "2",
      postagePico: String(usagePico),
    });
    expect(readFileSync(file, "utf8").split("\r\n")).to.deep.equal([
      "day,app,user,kind,envelopes,postagePico,stampUnits,gasWei",
      `2026-01-01,chat,alice,message,2,${usagePico},0,0`,
      "",
    ]);
    expect((await run()).out).to.match(/total\s+2 envelopes, 0\.\d{12} USD/);
    expect((await run("--csv", file)).err).to.include("there already");
  });

  it("adds up what several gateways spent, from their database", async function () {
    const cluster = await sharedPostgres();
    if (!cluster) return this.skip();
    const databaseUrl = await cluster.create();
    const file = join(directory, "gateway.json");
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), databaseUrl }));
    const stores = [await openPostgresStore(databaseUrl, silentLog), await openPostgresStore(databaseUrl, silentLog)];
    for (const [n, store] of stores.entries()) {
      await harness.settle(publish(await harness.start({ store }), groupMessage(n)));
    }
    await harness.run(1_000);
    const { exitCode, out } = await run("--json");
    expect(exitCode).to.equal(0);
    const { total } = JSON.parse(out) as { total: unknown };
    expect(total).to.deep.include({ count: "2", postagePico: String(harness.network.chargedPico) });
  });

  it("says what is no day, and where no gateway has run", async () => {
    expect(await run()).to.deep.include({ exitCode: 2 });
    await harness.start();
    expect((await run("--from", "yesterday")).err).to.include("write 2026-11-30");
  });
});
