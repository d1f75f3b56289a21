import type { Alert } from "../../console/views.ts";
import { formatUnits } from "../../protocol/units.ts";
import type { OverviewData } from "../overview/overview.ts";

/** As in ops/prometheus/alerts.yml, where an alert has to last for a while too. */
const NEAR_SECONDS = 21_600n;
const PENDING_MS = 3_600_000;
const LEAST_FREE_BYTES = 2e9;
/** A loop that has failed for so long, beyond the time of its last step. */
const FAILING_SECONDS = 60;
const HIGH_TENTHS = 9n;

/** What an operator should look at now, the worst first. */
export function alertsOf(data: OverviewData): Alert[] {
  const bad = [...stateAlerts(data), ...gasAlerts(data, "bad"), ...deadlineAlerts(data)];
  const warn = [...chainWarnings(data), ...gasAlerts(data, "warn"), ...workWarnings(data)];
  return [
    ...bad.map((text): Alert => ({ level: "bad", text })),
    ...warn.map((text): Alert => ({ level: "warn", text })),
  ];
}

function stateAlerts({ health, ready, faults, chain, reports }: OverviewData): string[] {
  return [
    ...health.reasons,
    ...ready.reasons,
    ...(faults.accused === true ? ["A case against this node is open: its stake is frozen"] : []),
    ...(chain.broken === undefined ? [] : [chain.broken]),
    ...(reports?.state === "cannot" ? [`This node cannot attest: ${reports.message}`] : []),
  ];
}

function gasAlerts({ transactions }: OverviewData, level: Alert["level"]): string[] {
  const lanes = transactions?.lanes ?? [];
  const own = lanes.filter(({ account }, i) => lanes.findIndex((one) => one.account === account) === i);
  const isBad = (alarm: string) => alarm === "reserve" || alarm === "empty";
  return own
    .filter(({ alarm }) => alarm !== "none" && isBad(alarm) === (level === "bad"))
    .map(({ account, alarm }) => {
      const why = { none: "", low: "runs low", reserve: "has only its reserve left", empty: "cannot pay for gas" }[
        alarm
      ];
      return `The account ${account} ${why}: send it some of the chain's token`;
    });
}

function deadlineAlerts({ deadlines, chain, transactions, now }: OverviewData): string[] {
  const { head } = chain;
  const near = deadlines.filter(
    ({ withdrawableAt }) => head && withdrawableAt !== undefined && withdrawableAt - head.timestamp < NEAR_SECONDS,
  );
  const stuck = (transactions?.lanes ?? []).some(
    ({ lane, oldestPendingAt }) =>
      lane === "deadline" && oldestPendingAt !== undefined && now - oldestPendingAt > PENDING_MS,
  );
  return [
    ...near.map(
      ({ channel, unsettled }) => `${channel} can leave within six hours and owes ${formatUnits(unsettled)} USD`,
    ),
    ...(stuck ? ["A transaction with a deadline is pending for more than an hour"] : []),
  ];
}

function chainWarnings({ chain }: OverviewData): string[] {
  const { doubt, clockOffSeconds, endpoints } = chain;
  const off = Math.abs(clockOffSeconds);
  return [
    ...(doubt > 0 && doubt < 1 ? ["The chain was not read for a while: less is lent until it is"] : []),
    ...(off > 0 ? [`This machine's clock is ${off} s ${clockOffSeconds > 0 ? "ahead of" : "behind"} the chain's`] : []),
    ...endpoints
      .filter(({ state }) => state !== "well")
      .map(({ name, state, problem }) => `Endpoint ${name} is ${state}${problem === undefined ? "" : `: ${problem}`}`),
  ];
}

function workWarnings({ books, exposureCap, loops, disk }: OverviewData): string[] {
  const [most] = books.largest;
  const failing = loops.filter(
    ({ sinceSuccessSeconds, ageSeconds, isStuck }) => !isStuck && sinceSuccessSeconds > ageSeconds + FAILING_SECONDS,
  );
  return [
    ...(most && most.exposure * 10n > exposureCap * HIGH_TENTHS
      ? [
          `${most.channel} is refused soon: it owes ${formatUnits(most.exposure)} USD of at most ${formatUnits(exposureCap)}`,
        ]
      : []),
    ...failing.map(({ loop }) => `The ${loop} loop fails again and again: the log says why`),
    ...(disk && disk.freeBytes < LEAST_FREE_BYTES
      ? [`${(disk.freeBytes / 1e9).toFixed(1)} GB are left on the disk`]
      : []),
  ];
}
