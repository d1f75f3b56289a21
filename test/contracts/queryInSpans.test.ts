import { expect } from "chai";

import { newestInSpans } from "../../src/contracts/queryInSpans.ts";

/** An endpoint that searches so many blocks at once, and events in these. */
function endpoint(most: number, events: number[]) {
  const asked: [number, number][] = [];
  const query = async (from: number, to: number) => {
    asked.push([from, to]);
    if (to - from >= most) throw new Error(`at most ${most} blocks`);
    return events.filter((block) => from <= block && block <= to);
  };
  return { asked, query };
}

describe("contracts/queryInSpans", () => {
  it("finds the newest event in one search where the endpoint searches all blocks", async () => {
    const { asked, query } = endpoint(Infinity, [3, 5_000_000]);
    expect(await newestInSpans(query, 1, 9_000_000)).to.equal(5_000_000);
    expect(asked).to.have.length(1);
  });

  it("goes back from the last block, in spans that the endpoint takes, until it has one", async () => {
    const { asked, query } = endpoint(2_500, [12, 91_000, 92_000]);
    expect(await newestInSpans(query, 1, 100_000)).to.equal(92_000);
    expect(Math.min(...asked.slice(1).map(([from]) => from)), "no further than needed").to.be.above(89_000);
    const answered = asked.filter(([from, to]) => to - from < 2_500);
    for (const [i, [, to]] of answered.slice(1).entries()) expect(to).to.equal(answered[i]![0] - 1);
  });

  it("has none where there is none, and ends", async () => {
    const { asked, query } = endpoint(500, [7]);
    expect(await newestInSpans(query, 9, 2_000)).to.equal(undefined);
    expect(asked.at(-1)![0]).to.equal(9);
    const far = endpoint(500, [7]);
    expect(await newestInSpans(far.query, 1, 10_000_000)).to.equal(undefined);
    expect(far.asked).to.have.length(50);
  });

  it("finds what is near the head also where an endpoint searches ten blocks", async () => {
    const { asked, query } = endpoint(10, [999_900]);
    expect(await newestInSpans(query, 1, 1_000_000)).to.equal(999_900);
    expect(asked.length).to.be.below(20);
  });

  it("rejects when the endpoint takes not even small spans", async () => {
    const { asked, query } = endpoint(1, []);
    const problem = await newestInSpans(query, 1, 10_000).catch((error: unknown) => error);
    expect(String(problem)).to.contain("at most 1 blocks");
    expect(asked.length).to.be.below(10);
  });

  const over = (message: string) => Object.assign(new Error("could not coalesce error"), { error: { message } });
  for (const [what, refusal] of [
    ["a range", over("You can make eth_getLogs requests with up to a 10 block range")],
    ["results", over("query returned more than 10000 results")],
    ["blocks", over("ranges over 10000 blocks are not supported on freetier")],
    ["HTTP 400, where the reason is in the body", new Error("rpc.example answered HTTP 400")],
    ["time", new Error("rpc.example cannot be reached: no answer within 10000 ms")],
    ["an answer's size", new Error("rpc.example answered more than 16777216 bytes")],
  ] as const) {
    it(`asks for fewer blocks after a refusal about ${what}`, async () => {
      let calls = 0;
      const query = async (from: number, to: number) => {
        calls++;
        if (to - from >= 1_000) throw refusal;
        return [to];
      };
      expect(await newestInSpans(query, 1, 100_000)).to.equal(100_000);
      expect(calls).to.be.below(6);
    });
  }

  for (const refusal of [
    new Error("rpc.example cannot be reached: ECONNREFUSED"),
    new Error("rpc.example answered HTTP 429"),
    over("rate limit exceeded: 5 requests per second"),
    // ethers repeats the call, whose parameters have blocks in their names.
    Object.assign(new Error('could not coalesce error (payload={"fromBlock": "0x1"})'), { error: { message: "away" } }),
  ]) {
    it(`does not ask again after "${refusal.message}", which is about no range`, async () => {
      let calls = 0;
      const query = async () => {
        calls++;
        throw refusal;
      };
      expect(await newestInSpans(query, 1, 100_000).catch((error: unknown) => error)).to.equal(refusal);
      expect(calls).to.equal(1);
    });
  }
});
