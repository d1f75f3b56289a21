import { expect } from "chai";
import type { Filter, Log, Provider } from "ethers";
import { id, zeroPadValue } from "ethers";

import type { Authorization } from "../../../src/client/account/authorizations.ts";
import { isUseOf, requireUsed } from "../../../src/client/account/authorizations.ts";
import type { ChannelError } from "../../../src/client/account/errors.ts";

const AUTHORIZATION: Authorization = {
  token: `0x${"aa".repeat(20)}`,
  from: `0x${"bb".repeat(20)}`,
  nonce: `0x${"cc".repeat(32)}`,
};
const FROM = zeroPadValue(AUTHORIZATION.from, 32);
const USED = id("AuthorizationUsed(address,bytes32)");
const CANCELLED = id("AuthorizationCanceled(address,bytes32)");
const OTHER = `0x${"dd".repeat(32)}`;

/** As EIP-3009 has it, and as tokens have it that leave the nonce out of the index. */
const FORMS = {
  "with its nonce indexed": (event: string, nonce: string) => ({ topics: [event, FROM, nonce], data: "0x" }),
  "with its nonce in the data": (event: string, nonce: string) => ({ topics: [event, FROM], data: nonce }),
};

/** An endpoint that has these logs, and answers by their topics as endpoints do. */
function endpoint(logs: { topics: string[]; data: string }[]): Provider {
  const fits = ({ topics }: { topics: string[] }, wanted: Filter["topics"]) =>
    (wanted ?? []).every((one, i) => topics[i] !== undefined && [one].flat().includes(topics[i]));
  return {
    getBlockNumber: async () => 100,
    getLogs: async ({ topics }: Filter) =>
      logs.filter((log) => fits(log, topics)).map((log) => ({ ...log, address: AUTHORIZATION.token })),
  } as unknown as Provider;
}

describe("client/account/authorizations", () => {
  for (const [form, make] of Object.entries(FORMS)) {
    it(`knows an authorization's use ${form}`, async () => {
      const of = (event: string, nonce: string) =>
        isUseOf(AUTHORIZATION, { ...make(event, nonce), address: AUTHORIZATION.token } as unknown as Log);
      expect([of(USED, AUTHORIZATION.nonce), of(USED, OTHER), of(CANCELLED, AUTHORIZATION.nonce)]).to.deep.equal([
        ...[true, false, false],
      ]);
      await requireUsed(AUTHORIZATION, endpoint([make(USED, AUTHORIZATION.nonce), make(CANCELLED, OTHER)]), 1);
    });

    it(`knows that one was cancelled ${form}`, async () => {
      const logs = [make(CANCELLED, AUTHORIZATION.nonce), make(USED, OTHER)];
      const error: unknown = await requireUsed(AUTHORIZATION, endpoint(logs), 1).catch((caught: unknown) => caught);
      expect((error as ChannelError).code).to.equal("authorization_cancelled");
      const none: unknown = await requireUsed(AUTHORIZATION, endpoint([make(USED, OTHER)]), 1).catch(
        (caught: unknown) => caught,
      );
      expect((none as ChannelError).code).to.equal("not_shown");
    });
  }

  it("does not wait for an endpoint that takes long to search, nor goes on asking it", async () => {
    let calls = 0;
    const slow = {
      getBlockNumber: async () => 1_000_000,
      getLogs: async ({ fromBlock, toBlock }: { fromBlock: number; toBlock: number }) => {
        calls++;
        if (toBlock - fromBlock >= 10) throw new Error("at most 10 blocks");
        await new Promise((resolve) => setTimeout(resolve, 20));
        return [];
      },
    } as unknown as Provider;
    const error: unknown = await requireUsed(AUTHORIZATION, slow, 1, 100).catch((caught: unknown) => caught);
    expect((error as ChannelError).code).to.equal("not_shown");
    const asked = calls;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(calls)
      .to.be.within(8, 20)
      .and.be.within(asked, asked + 1);
  });
});
