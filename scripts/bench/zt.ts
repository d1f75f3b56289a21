import { firstSeats, nextReport, seat, submit, rangeOf, logsRootOf, passVetoWindow, packedRanges } from "../../test/contracts/reportWorld.ts";
import { passEpochs } from "../../test/contracts/fixtures.ts";
import { productionWorld } from "./productionWorld.ts";
const world = await productionWorld();
const N = Number(process.argv[2] ?? 21);
await world.nodeSeats.connect(world.governance).setMaxSeats(N);
await seat(world, N);
let sent: any;
for (let i = 0; i < 2; i++) { sent = await submit(world, await nextReport(world), firstSeats(N)); await passEpochs(world, 1); }
async function trace(sent: any) {
  const r = await sent.wait();
  const t: any = await world.net.provider.request({ method: "debug_traceTransaction", params: [r.hash, { disableMemory: true, disableStack: false }] });
  const logs = t.structLogs;
  const sum: Record<string, number> = {}; const depth: Record<string, number> = {};
  const calls: string[] = [];
  for (let i = 0; i < logs.length; i++) {
    const l = logs[i]; const n = logs[i + 1];
    let cost: number;
    if (["CALL", "STATICCALL", "DELEGATECALL"].includes(l.op)) {
      // find the next at same depth
      let j = i + 1; while (j < logs.length && logs[j].depth > l.depth) j++;
      const total = Number(l.gas) - Number(logs[j].gas);
      const inner = j > i + 1 ? Number(logs[i + 1].gas) - Number(logs[j - 1].gas) : 0;
      const to = l.stack ? l.stack[l.stack.length - 2] : "";
      calls.push(`d${l.depth} ${l.op} ${String(to).slice(-6)} total ${total} inner ${inner}`);
      cost = j > i + 1 ? 0 : total;
      if (j > i + 1) cost = total - inner;
    } else cost = n && n.depth === l.depth ? Number(l.gas) - Number(n.gas) : Number(l.gasCost);
    sum[`d${l.depth} ${l.op}`] = (sum[`d${l.depth} ${l.op}`] ?? 0) + cost;
    depth[l.depth] = (depth[l.depth] ?? 0) + cost;
  }
  console.log("gasUsed", r.gasUsed, depth, logs.length);
  console.log(calls.join("\n"));
  console.log(Object.entries(sum).sort((a, b) => b[1] - a[1]).slice(0, 45).map(([k, v]) => `${k} ${v}`).join("\n"));
}
await trace(sent);
if (process.argv[3]) {
  const ranges = firstSeats(2).map((i) => rangeOf(100 * (i + 1), 1000001n, 1000999n, [1000001n]));
  const report = await nextReport(world, { logsRoot: logsRootOf(ranges) });
  await submit(world, report, firstSeats(N));
  await passVetoWindow(world); await passEpochs(world, 1);
  await trace(await world.epochReports.announce(report, packedRanges(ranges, [0, 0])));
}
process.exit(0);
