import { expect } from "chai";

import { Samples } from "../../../src/daemon/reports/samples.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { PAYER_KEY } from "../support.ts";
import { Network } from "./network.ts";
import { EPOCH, EPOCH_SECONDS, IN_EPOCH_NS } from "./support.ts";

describe("daemon/reports: samples of other seats", () => {
  let network: Network;
  afterEach(() => network.close());

  /** Samples of node 100 over one epoch, step by step. */
  async function sampled(count: number, change: (network: Network, step: number) => void = () => {}, steps = 200) {
    network = await Network.of(count);
    for (const { nodeId } of network.nodes) {
      for (let n = 0; n < 30; n++) network.deliver(nodeId, payerEnvelope(n, nodeId, PAYER_KEY), IN_EPOCH_NS);
    }
    await network.meterAll();
    const { options, books } = network.node(100);
    let reads = 0;
    const samples = new Samples({
      ...options,
      ...{ ledger: books.store, clock: network.clock, log: silentLog },
      logs: { read: (...call) => (reads++, options.logs.read(...call)) },
    });
    for (let step = 0; step < steps; step++) {
      change(network, step);
      network.chain.time = EPOCH * EPOCH_SECONDS + (BigInt(step) * EPOCH_SECONDS) / BigInt(steps);
      await samples.step(new AbortController().signal);
    }
    return { samples, reads };
  }

  it("reads each seat at most twenty times an epoch, and finds nobody absent who serves", async () => {
    const { samples, reads } = await sampled(4);
    expect(reads).to.be.greaterThan(50);
    expect(reads).to.be.at.most(60);
    expect(samples.absent(EPOCH)).to.deep.equal([]);
  });

  it("finds who failed more than half, not who failed less", async () => {
    const away = (from: number, until: number, id: number) => (network_: Network, step: number) => {
      if (step >= from && step < until) network_.down.add(id);
      else network_.down.delete(id);
    };
    const { samples } = await sampled(4, away(0, 150, 300));
    expect(samples.absent(EPOCH)).to.deep.equal([300]);
    const [failures, ...more] = samples.failures();
    expect(more).to.deep.equal([]);
    expect(failures).to.include({ epoch: EPOCH, nodeId: 300 });
    expect(failures!.failed * 2).to.be.greaterThan(failures!.asked);
    await network.close();
    expect((await sampled(4, away(0, 70, 300))).samples.absent(EPOCH)).to.deep.equal([]);
  });

  it("does not count who serves another envelope than it is asked for as there", async () => {
    const wrong = (network_: Network) => {
      network_.node(200).log.read = async () => network_.node(300).log.read(300, 0n, 1);
    };
    expect((await sampled(4, wrong)).samples.absent(EPOCH)).to.deep.equal([200]);
  });

  it("does not make up for reads of a time when it did not run: a minute's outage is no epoch's absence", async () => {
    const { samples, reads } = await sampled(4, () => {}, 0);
    expect(reads).to.equal(0);
    const step = async (at: bigint, times: number) => {
      network.chain.time = EPOCH * EPOCH_SECONDS + at;
      for (let i = 0; i < times; i++) await samples.step(new AbortController().signal);
    };
    network.down.add(300);
    await step((EPOCH_SECONDS * 8n) / 10n, 60);
    network.down.delete(300);
    for (let at = 81n; at < 100n; at++) await step((EPOCH_SECONDS * at) / 100n, 3);
    expect(samples.absent(EPOCH), "started with a fifth of the epoch left").to.deep.equal([]);
    // And a whole epoch, of which it sleeps through the half.
    for (let at = 0n; at < 100n; at++) {
      if (at === 20n) network.down.add(300);
      if (at > 20n && at < 80n) continue;
      await step(EPOCH_SECONDS + (EPOCH_SECONDS * at) / 100n, 3);
      if (at === 80n) network.down.delete(300);
    }
    expect(samples.absent(EPOCH + 1n)).to.deep.equal([]);
  });

  it("accuses nobody when it is cut off itself, or has seen little", async () => {
    const alone = await sampled(4, (network_) => void network_.down.add(100));
    expect(alone.samples.absent(EPOCH)).to.deep.equal([]);
    await network.close();
    const short = await sampled(4, (network_) => void network_.down.add(300), 3);
    expect(short.samples.absent(EPOCH)).to.deep.equal([]);
    expect(short.samples.absent(EPOCH - 1n)).to.deep.equal([]);
  });
});
