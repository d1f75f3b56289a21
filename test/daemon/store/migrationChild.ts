/** Migrates a store one version further and is killed between the two statements of that migration. */
import { fileURLToPath } from "node:url";

import { MIGRATIONS } from "../../../src/daemon/store/migrations.ts";
import { openStore } from "../../../src/daemon/store/openStore.ts";
import { systemClock } from "../../../src/platform/clock.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { DOMAIN, NODE_ID } from "../support.ts";

const deadly = {
  *[Symbol.iterator]() {
    yield "create table half (a text)";
    process.kill(process.pid, "SIGKILL");
    yield "select 1";
  },
};

// The test runner loads this file too.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await openStore({
    ...{ at: process.argv[2]!, domain: DOMAIN, nodeId: NODE_ID, clock: systemClock, log: silentLog },
    migrations: [...MIGRATIONS, () => deadly as unknown as string[]],
  });
}
