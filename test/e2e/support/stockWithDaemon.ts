/**
 * Takes the place of `pennyblack node`: a stand-in for a stock node on a port of its own, and `pennyblack daemon` as a
 * process in front of it, at the registered address. `POST <controlUrl>/restart` sends the daemon SIGTERM and starts it
 * again; `GET <controlUrl>/log` lists what the stock node has originated.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { keccak256 } from "ethers";

import { startService } from "../../../scripts/local/service.ts";
import type { DaemonConfigInput, NodeConfigInput } from "../../../src/cli/config/operatorConfig.ts";
import { untilStopped } from "../../../src/cli/untilStopped.ts";
import { readKeyFile } from "../../../src/platform/keyFile.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { lookAround } from "../../support/stockNode/chain.ts";
import { StockNode } from "../../support/stockNode/stockNode.ts";
import { bytesOf } from "../../support/stockNode/wire.ts";

if (process.argv.includes("--config")) {
  const { values } = parseArgs({ options: { config: { type: "string" } } });
  const home = dirname(values.config!);
  const config = JSON.parse(readFileSync(values.config!, "utf8")) as NodeConfigInput;
  const deployment = resolve(home, config.deployment);
  const stock = await StockNode.start({
    ...{
      nodeId: config.nodeId,
      signingKey: toHex(readKeyFile(resolve(home, config.signingKeyFile!))),
      keepAliveMs: 1_000,
    },
    // The rates of the local network.
    fees: (size, days) => 100n + 200n * BigInt(size) * BigInt(days),
  });
  stock.quirks.gap = 2n;
  const stop = lookAround(stock, config.nodeId, config.rpcUrl!, deployment);

  // As an operator would write it, from the config of the node that it takes the place of.
  const rest = { ...config };
  delete rest.signingKeyFile;
  const daemonConfig: DaemonConfigInput = {
    ...rest,
    // A free port once, then the same one: whoever asked before the restart asks again.
    upstream: { url: stock.url },
  };
  const file = join(home, "daemon.json");
  const start = () => {
    writeFileSync(file, JSON.stringify(daemonConfig));
    return startService("daemon", file, join(home, "daemon.jsonl"));
  };
  let daemon = await start();
  daemonConfig.operatorPort = Number(new URL(daemon.ready.operatorUrl!).port);

  const control = createServer((request, response) => {
    const answer = async (): Promise<object> => {
      if (request.url === "/restart") {
        const startedAt = Date.now();
        await daemon.end("SIGTERM");
        const endedMs = Date.now() - startedAt;
        daemon = await start();
        return { endedMs };
      }
      return stock.logs.of(config.nodeId).map(({ sequenceId, message }) => ({
        sequenceId: String(sequenceId),
        client: keccak256(bytesOf(bytesOf(message.unsignedOriginatorEnvelope, 4)!, 1)!),
      }));
    };
    answer().then(
      (body) => response.end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => control.listen(0, "127.0.0.1", resolve));
  const controlUrl = `http://127.0.0.1:${(control.address() as AddressInfo).port}`;
  const { url, operatorUrl } = daemon.ready;
  console.log(JSON.stringify({ ready: true, url, operatorUrl, controlUrl }));
  await untilStopped();
  await daemon.end("SIGTERM");
  stop();
  stock.close();
  process.exit(0);
}
