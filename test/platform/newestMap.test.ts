import { expect } from "chai";

import { NewestMap } from "../../src/platform/newestMap.ts";

describe("platform/newestMap", () => {
  it("keeps the entries set last", () => {
    const map = new NewestMap<string, number>(3);
    for (const [i, key] of ["a", "b", "c", "d"].entries()) map.set(key, i);
    expect([...map]).to.deep.equal([
      ["b", 1],
      ["c", 2],
      ["d", 3],
    ]);
  });

  it("drops nothing for what is set again, which is new again then", () => {
    const map = new NewestMap<string, number>(3);
    for (const key of ["a", "b", "c", "a"]) map.set(key, 0);
    expect([...map.keys()]).to.deep.equal(["b", "c", "a"]);
    map.set("d", 0);
    expect([...map.keys()]).to.deep.equal(["c", "a", "d"]);
  });
});
