import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { fromBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import { keccak256 } from "ethers";

import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import { auditLog, readTerms } from "../../scripts/demo/audit.ts";
import { discrepancies, settleUp, waitUntilQuiet } from "../../scripts/demo/money.ts";
import { runClients } from "../../scripts/demo/runClients.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { stableOrder } from "../../src/protocol/nodeChoice.ts";
import { topicBytes } from "../../src/protocol/topics.ts";
import { groupMessage } from "../support/envelopes.ts";

const STOCK = fileURLToPath(new URL("./support/stockWithDaemon.ts", import.meta.url));
const STOCK_ID = 300;
/** A third of the topics is the stock node's. */
const MOST_ROUNDS = 8;
const MESSAGES = 16;

interface Originated {
  sequenceId: string;
  client: string;
}

/** Two reference nodes, and a stock node that knows nothing of postage behind the third daemon. */
describe("a stock node among reference nodes", function () {
  this.timeout(360_000);
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-proxy-"));
  let network: LocalNetwork;
  const originated = async (): Promise<Originated[]> => {
    const { controlUrl } = network.nodes[2]!.service.ready;
    return (await (await fetch(`${controlUrl}/log`)).json()) as Originated[];
  };

  before(async () => {
    network = await startLocalNetwork({
      ...{ directory, nodes: 3, deposit: 5_000_000n, headroom: 20n },
      scripts: { [STOCK_ID]: STOCK },
    });
  });

  after(async () => {
    await network?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("61: SIGTERM under load: the daemon ends within 30 s, and nothing is lost, doubled or charged twice", async () => {
    const ids = network.nodes.map(({ nodeId }) => nodeId);
    const groups = Array.from({ length: 256 }, (_, fill) => fill).filter(
      (fill) => stableOrder(topicBytes(0, new Uint8Array(16).fill(fill)), ids)[0] === STOCK_ID,
    );
    const transport = createGrpcWebTransport({ baseUrl: network.gateway.url, httpVersion: "1.1" });
    const api = createClient(PayerApi, transport);
    const acknowledged: { originatorId: number; client: string }[] = [];
    let isOver = false;
    const send = async (worker: number) => {
      for (let n = 0; !isOver; n++) {
        const bytes = groupMessage(worker * 1_000 + n, { group: groups[(worker + n) % groups.length]! });
        const { originatorEnvelopes } = await api.publishClientEnvelopes({
          envelopes: [fromBinary(ClientEnvelopeSchema, bytes)],
        });
        const { originatorId } = readOriginatorEnvelope(originatorEnvelopes[0]!);
        acknowledged.push({ originatorId, client: keccak256(bytes) });
      }
    };
    const workers = [1, 2, 3, 4].map(send);
    const byStock = () => acknowledged.filter(({ originatorId }) => originatorId === STOCK_ID);
    // A gateway on a busy machine may take the node for unwell for a while, and send to others.
    const until = async (isReached: () => boolean) => {
      while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until(() => byStock().length >= 20);
    const { controlUrl } = network.nodes[2]!.service.ready;
    const restarted = fetch(`${controlUrl}/restart`, { method: "POST" });
    const { endedMs } = (await (await restarted).json()) as { endedMs: number };
    const then = acknowledged.length;
    await until(() => acknowledged.length >= then + 20);
    isOver = true;
    await Promise.all(workers);
    expect(endedMs).to.be.lessThan(30_000);

    const log = await originated();
    expect(new Set(log.map(({ client }) => client)).size, "nothing twice").to.equal(log.length);
    const stored = new Set(log.map(({ client }) => client));
    for (const { client } of byStock()) expect(stored.has(client), client).to.equal(true);
    expect((await waitUntilQuiet(network)) > 0n, "gateway and daemons agree to the picodollar").to.equal(true);
  });

  it("carries real clients' messages, and every unit of their postage adds up", async () => {
    const before = (await originated()).length;
    // Topics are random and decide which node carries them: two people may happen to need the other two only.
    for (let round = 0; round < MOST_ROUNDS && (await originated()).length === before; round++) {
      const { read } = await runClients({
        ...{ gatewayUrl: network.gateway.url, messages: MESSAGES, logFile: join(directory, "clients.log") },
        progress: () => {},
        atHalf: async () => {
          // From now on a voucher covers exactly what is used, so that the last one leaves nothing prepaid.
          const body = JSON.stringify({ units: "0" });
          expect((await fetch(`${network.gateway.url}/headroom`, { method: "POST", body })).ok).to.equal(true);
        },
      });
      expect(read).to.equal(2 * MESSAGES);
    }
    const terms = await readTerms(network.contracts);
    const money = await settleUp(network, () => {});
    const audits = await Promise.all(network.nodes.map(({ url }) => auditLog(url, terms)));
    const payer = toAddress(network.channel);
    const audited = audits[0]!.usagePico.get(payer)!;
    expect(discrepancies(money, audits[0]!.usagePico)).to.deep.equal([]);
    for (const { usagePico } of audits) expect([...usagePico]).to.deep.equal([[payer, audited]]);
    expect(money.shares.map(({ nodeId }) => nodeId)).to.deep.equal([100, 200, STOCK_ID]);
    expect((await originated()).length, "the stock node carried some").to.be.greaterThan(before);
  });
});
