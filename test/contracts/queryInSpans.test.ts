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
    expect(far.asked.length).to.be.within(100, 201);
  });

  it("rejects when the endpoint takes not even small spans", async () => {
    const { query } = endpoint(1, []);
    const problem = await newestInSpans(query, 1, 10_000).catch((error: unknown) => error);
    expect(String(problem)).to.contain("at most 1 blocks");
  });
});
