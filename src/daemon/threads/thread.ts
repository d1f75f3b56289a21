import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import { fromHex } from "../../protocol/bytes.ts";
import { readEnvelope } from "./readEnvelope.ts";
import type { ReadingTask } from "./tasks.ts";
import { ANSWERED, ASKED } from "./tasks.ts";

// What runs in a thread, see threads.ts.

export function read({ bytes, ends, retentionDays }: ReadingTask) {
  return ends.map((end, i) => readEnvelope(bytes.subarray(ends[i - 1] ?? 0, end), retentionDays));
}

export function recover({ asked }: { asked: Uint8Array }): Uint8Array {
  const count = asked.length / ASKED;
  const answers = new Uint8Array(count * ANSWERED);
  for (let i = 0; i < count; i++) {
    const one = asked.subarray(i * ASKED, (i + 1) * ASKED);
    const address = fastRecoverAddress(one.subarray(0, 32), one.subarray(32));
    if (!address) continue;
    answers[i * ANSWERED] = 1;
    answers.set(fromHex(address), i * ANSWERED + 1);
  }
  return answers;
}
