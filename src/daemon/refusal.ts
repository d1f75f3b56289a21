import { Code, ConnectError } from "@connectrpc/connect";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import type { Address } from "../protocol/bytes.ts";
import { fromHex } from "../protocol/bytes.ts";

export type RefusalCode =
  | "voucher_missing"
  | "voucher_short"
  | "voucher_malformed"
  | "bad_signature"
  | "channel_unknown"
  | "deposit_short"
  | "exposure_cap"
  | "lending_limit"
  | "busy"
  | "in_progress"
  | "chain_unread"
  | "wrong_node"
  | "wrong_retention"
  | "not_canonical"
  | "stamp_missing"
  | "stamp_malformed"
  | "sender_blocked"
  | "not_ready";

/** How a code travels, and whether the same call may succeed later without the payer doing anything. */
const KINDS: Record<RefusalCode, { status: Code; retryable: boolean }> = {
  voucher_missing: { status: Code.FailedPrecondition, retryable: false },
  voucher_short: { status: Code.FailedPrecondition, retryable: false },
  channel_unknown: { status: Code.FailedPrecondition, retryable: false },
  deposit_short: { status: Code.FailedPrecondition, retryable: false },
  stamp_missing: { status: Code.FailedPrecondition, retryable: false },
  stamp_malformed: { status: Code.InvalidArgument, retryable: false },
  sender_blocked: { status: Code.PermissionDenied, retryable: false },
  voucher_malformed: { status: Code.InvalidArgument, retryable: false },
  bad_signature: { status: Code.InvalidArgument, retryable: false },
  wrong_node: { status: Code.InvalidArgument, retryable: false },
  wrong_retention: { status: Code.InvalidArgument, retryable: false },
  not_canonical: { status: Code.InvalidArgument, retryable: false },
  exposure_cap: { status: Code.ResourceExhausted, retryable: true },
  lending_limit: { status: Code.ResourceExhausted, retryable: true },
  busy: { status: Code.ResourceExhausted, retryable: true },
  in_progress: { status: Code.Unavailable, retryable: true },
  chain_unread: { status: Code.Unavailable, retryable: true },
  not_ready: { status: Code.Unavailable, retryable: true },
};

/** Amounts in base units, cumulative like the voucher. */
export interface RefusalNumbers {
  channel: Address;
  required: bigint;
  authorised: bigint;
  available: bigint;
}

/** A publish that is not paid for, with the numbers that the payer needs to mend it. */
export class PostageRefused extends ConnectError {
  readonly refusal: RefusalCode;

  constructor(refusal: RefusalCode, message: string, numbers?: RefusalNumbers) {
    const { status, retryable } = KINDS[refusal];
    const { channel, ...amounts } = numbers ?? { channel: "0x" as const };
    const value = { code: refusal, message, channel: fromHex(channel), retryable, ...amounts };
    // An answer, not a fault: where it was made is of no interest, and finding out is most of what a refusal costs.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, status, undefined, [{ desc: PostageRefusalSchema, value }]);
    Error.stackTraceLimit = stackTraceLimit;
    this.refusal = refusal;
  }
}
