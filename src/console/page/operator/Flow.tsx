import type { MoneyFlow } from "../../views.ts";
import { count, usd } from "../format.ts";
import { Card } from "../parts/parts.tsx";

/** Where the money is: each step is what the step before it has become. */
export function Flow({ money, channels }: { money: MoneyFlow; channels: number }) {
  const { deposited, used, signed, settled, exposure, unsettled, undistributed, streaming, claimable } = money;
  const steps = [
    { label: "Deposited", figure: deposited, note: `in ${count(channels)} ${channels === 1 ? "channel" : "channels"}` },
    { label: "Carried", figure: used, note: `${usd(exposure)} of it not collected` },
    { label: "Signed", figure: signed, note: `settling now collects ${usd(unsettled)}` },
    { label: "Settled", figure: settled, note: "collected on chain, by any node" },
    ...(streaming === undefined
      ? []
      : [
          {
            label: "Streaming to all seats",
            figure: streaming,
            note: `${usd(undistributed ?? "0")} still to be passed on`,
          },
        ]),
    ...(claimable === undefined
      ? []
      : [{ label: "Yours to claim", figure: claimable, note: "claimed when worth its gas" }]),
  ];
  return (
    <Card title="Where the money is">
      <div className="flow">
        {steps.map(({ label, figure, note }) => (
          <div key={label} className="step" role="group" aria-label={label}>
            <div className="label">{label}</div>
            <div className="figure">{usd(figure)}</div>
            <div className="label note">{note}</div>
          </div>
        ))}
      </div>
    </Card>
  );
}
