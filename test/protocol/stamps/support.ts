import { expect } from "chai";

import type { ProtocolErrorCode } from "../../../src/protocol/errors.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";

export function expectCode(act: () => unknown, code: ProtocolErrorCode): void {
  expect(act).to.throw(ProtocolError).with.property("code", code);
}
