import { expect } from "chai";

import { concatBytes, fromHex } from "../../src/protocol/bytes.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { mustBeOrdered, readMlsFraming } from "../../src/protocol/mls.ts";
import { stableOrder } from "../../src/protocol/nodeChoice.ts";
import { parseTopic, topicBytes } from "../../src/protocol/topics.ts";

const GROUP = "10abababababababababababababababab";
const EPOCH = "0000000000000007";
const privateMessage = (contentType: string) => fromHex(`00010002${GROUP}${EPOCH}${contentType}00`);

describe("protocol/mls", () => {
  it("tells application messages from proposals and commits, private and public", () => {
    expect(["01", "02", "03"].map((type) => mustBeOrdered(readMlsFraming(privateMessage(type))))).to.deep.equal([
      false,
      true,
      true,
    ]);
    const bySender = { member: "0100000002", external: "0200000001", newMemberProposal: "03", newMemberCommit: "04" };
    for (const sender of Object.values(bySender)) {
      const framing = readMlsFraming(fromHex(`00010001${GROUP}${EPOCH}${sender}0261620300`));
      expect(framing.contentType).to.equal(3);
      expect(framing.epoch).to.equal(7n);
      expect(framing.groupId.length).to.equal(16);
    }
  });

  it("refuses every truncation and every other wire format", () => {
    const whole = privateMessage("01");
    for (let length = 0; length < whole.length - 1; length++) {
      expect(() => readMlsFraming(whole.subarray(0, length))).to.throw(ProtocolError);
    }
    for (const bytes of ["00010003", "00020002", "00010002c0", "000100024010", "000100027fff"]) {
      expect(() => readMlsFraming(concatBytes(fromHex(bytes), new Uint8Array(40)))).to.throw(ProtocolError);
    }
    expect(() => readMlsFraming(privateMessage("04"))).to.throw("unknown MLS content type 4");
    for (const sender of ["00", "05", "ff"]) {
      const bytes = fromHex(`00010001${GROUP}${EPOCH}${sender}000300`);
      expect(() => readMlsFraming(bytes)).to.throw(`unknown MLS sender type ${parseInt(sender, 16)}`);
    }
  });
});

describe("protocol/topics", () => {
  it("takes known kinds of the right length only", () => {
    expect(parseTopic(topicBytes(0, new Uint8Array(16)))?.kind).to.equal(0);
    for (const bytes of [[], [0], [6, ...new Uint8Array(16)], [1, ...new Uint8Array(31)]]) {
      expect(parseTopic(Uint8Array.from(bytes))).to.equal(undefined);
    }
  });
});

describe("protocol/nodeChoice", () => {
  it("gives a topic the same node whatever the order of the list, and every node once", () => {
    const topic = topicBytes(0, fromHex("ab".repeat(16)));
    const order = stableOrder(topic, [300, 100, 200]);
    expect(stableOrder(topic, [100, 200, 300])).to.deep.equal(order);
    expect([...order].sort()).to.deep.equal([100, 200, 300]);
    expect(stableOrder(topic, [])).to.deep.equal([]);
  });

  it("spreads topics over the nodes", () => {
    const first = Array.from(
      { length: 600 },
      (_, i) => stableOrder(Uint8Array.of(0, i >> 8, i & 255), [100, 200, 300])[0],
    );
    for (const node of [100, 200, 300]) expect(first.filter((id) => id === node).length).to.be.within(150, 250);
  });
});
