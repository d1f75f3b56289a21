import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { QueryApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { grpcPeerLogs } from "../../../src/daemon/adapters/grpcPeerLogs.ts";
import { faultIn } from "../../../src/contracts/faultEvidence.ts";
import { concatBytes, toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { payerEnvelopeHash, readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { bytesField } from "../../../scripts/campaigns/envelopes/generate.ts";
import { startGrpcServer } from "../../../src/platform/grpcServer.ts";
import { ACCUSED, envelopeOf, signerOf } from "./support.ts";

const PAGE = { originatorId: ACCUSED, after: 4n, limit: 3 };
const MEGABYTE = 1024 * 1024;

describe("peers' logs", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function listen(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const problemOf = (address: string, signal = new AbortController().signal) =>
    grpcPeerLogs.read(address, PAGE, signal).then(
      () => "none",
      (error: Error) => error.message,
    );

  it("are read with the API that every node has; what was signed comes as it was served", async () => {
    const envelopes = [5n, 6n, 7n, 8n].map((id) => envelopeOf(ACCUSED, id));
    const asked: unknown[] = [];
    const peer = await startGrpcServer({
      ...{ host: "127.0.0.1", port: 0, maxMessageBytes: MEGABYTE },
      routes: (router) =>
        router.rpc(QueryApi.method.queryEnvelopes, ({ query, limit }) => {
          asked.push([query?.originatorNodeIds, query?.lastSeen?.nodeIdToSequenceId, limit]);
          return { envelopes: envelopes.map((bytes) => fromBinary(OriginatorEnvelopeSchema, bytes)) };
        }),
    });
    try {
      const read = await grpcPeerLogs.read(peer.url, PAGE, new AbortController().signal);
      expect(asked).to.deep.equal([[[ACCUSED], { [ACCUSED]: 4n }, 3]]);
      expect(
        read.map((bytes) => Buffer.from(bytes)),
        "no more than was asked for",
      ).to.deep.equal(envelopes.slice(0, 3).map((bytes) => Buffer.from(bytes)));
    } finally {
      await peer.close();
    }
  });

  it("with an envelope that is written as oddly as can be bring the others all the same, and it convicts too", async () => {
    const group = (depth: number) => [...Array<number>(depth).fill(0x4b), ...Array<number>(depth).fill(0x4c)];
    const [one, other] = [5n, 6n].map((ns) => envelopeOf(ACCUSED, 7n, { ns }));
    const odd = concatBytes(Uint8Array.from(group(150)), one!);
    expect(() => fromBinary(OriginatorEnvelopeSchema, odd), "protobuf-es does not read it").to.throw();
    const page = concatBytes(...[odd, other!].map((bytes) => bytesField(1, bytes)));
    const address = await listen((_, response) => {
      response.writeHead(200, { "content-type": "application/grpc-web+proto" });
      const trailer = Buffer.from("grpc-status: 0\r\n");
      response.end(
        concatBytes(
          Uint8Array.of(0),
          uintToBytes(BigInt(page.length), 4),
          page,
          Uint8Array.of(128),
          uintToBytes(BigInt(trailer.length), 4),
          trailer,
        ),
      );
    });
    const read = await grpcPeerLogs.read(address, PAGE, new AbortController().signal);
    expect(read).to.have.length(2);
    const found = faultIn(read as [Uint8Array, Uint8Array]);
    expect(found).to.deep.equal({
      ...{ fault: "equivocation", nodeId: ACCUSED, sequenceId: 7n },
      signers: [signerOf(ACCUSED), signerOf(ACCUSED)],
      walked: 20,
      payerEnvelopeHash: toHex(payerEnvelopeHash(readOriginatorEnvelope(one!).payerEnvelope)),
    });
  });

  it("that announce a gigabyte are not read", async () => {
    let written = 0;
    const address = await listen((_, response) => {
      response.writeHead(200, { "content-type": "application/grpc-web+proto" });
      response.write(Uint8Array.of(0, 0x40, 0, 0, 0));
      const more = () => {
        written++;
        if (written < 1_024 && !response.destroyed) response.write(new Uint8Array(MEGABYTE), more);
      };
      more();
    });
    expect(await problemOf(address)).to.match(/resource_exhausted/);
    expect(written).to.be.below(100);
  });

  it("that never come are given up with the signal", async () => {
    const address = await listen((_, response) => {
      response.writeHead(200, { "content-type": "application/grpc-web+proto" });
      response.write(Uint8Array.of(0, 0));
    });
    expect(await problemOf(address, AbortSignal.timeout(50))).not.to.equal("none");
  });

  it("that are no gRPC-Web at all are an error", async () => {
    const address = await listen((_, response) => response.end("<html>"));
    expect(await problemOf(address)).not.to.equal("none");
    expect(await problemOf("http://127.0.0.1:1")).not.to.equal("none");
  });
});
