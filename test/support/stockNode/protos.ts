import { fileURLToPath } from "node:url";

import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const ROOT = fileURLToPath(new URL("../../../proto", import.meta.url));

const loaded = grpc.loadPackageDefinition(
  loadSync(
    [
      "xmtp/xmtpv4/message_api/message_api.proto",
      "xmtp/xmtpv4/payer_api/payer_api.proto",
      "grpc/health/v1/health.proto",
      "xmtp/migration/api/v1/migration.proto",
    ],
    { includeDirs: [ROOT], longs: String, enums: Number, defaults: true, oneofs: true },
  ),
);

function serviceOf(path: string): grpc.ServiceClientConstructor {
  const found = path.split(".").reduce((at: unknown, name) => (at as Record<string, unknown>)[name], loaded);
  return found as grpc.ServiceClientConstructor;
}

/** Services as grpc-js reads them from our .proto files. */
export const services = {
  publish: serviceOf("xmtp.xmtpv4.message_api.PublishApi"),
  query: serviceOf("xmtp.xmtpv4.message_api.QueryApi"),
  replication: serviceOf("xmtp.xmtpv4.message_api.ReplicationApi"),
  health: serviceOf("grpc.health.v1.Health"),
  migration: serviceOf("xmtp.migration.api.v1.D14nMigrationApi"),
};

/** A grpc-js client: gRPC over HTTP/2 without TLS, as native clients speak it. */
export function grpcClient(service: keyof typeof services, url: string): grpc.Client {
  return new services[service](new URL(url).host, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
    "grpc.use_local_subchannel_pool": 1,
  });
}

type Call = (
  request: object,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  done: (error: grpc.ServiceError | null, answer: unknown) => void,
) => grpc.ClientUnaryCall;

/** One unary call; rejects with the ServiceError. */
export function call<T>(
  client: grpc.Client,
  method: string,
  request: object,
  headers: Record<string, string> = {},
  options: grpc.CallOptions = {},
): Promise<T> {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve, reject) => {
    const methods = client as unknown as Record<string, Call>;
    methods[method]!.call(client, request, metadata, options, (error, answer) =>
      error ? reject(error) : resolve(answer as T),
    );
  });
}

/** A server-streaming call. */
export function stream<T>(
  client: grpc.Client,
  method: string,
  request: object,
): grpc.ClientReadableStream<T> & AsyncIterable<T> {
  const methods = client as unknown as Record<string, (request: object) => grpc.ClientReadableStream<T>>;
  return methods[method]!.call(client, request) as grpc.ClientReadableStream<T> & AsyncIterable<T>;
}
