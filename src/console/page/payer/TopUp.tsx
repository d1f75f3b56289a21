import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useRef, useState } from "react";

import type { DeploymentRecord } from "../../../contracts/deploymentRecord.ts";
import type { Hex } from "../../../protocol/bytes.ts";
import { toHex } from "../../../protocol/bytes.ts";
import type { TopUpTarget } from "../../views.ts";
import { usd, usdExact } from "../format.ts";
import { Address, Row } from "../parts/parts.tsx";
import type { Connection } from "./deposit.ts";
import { connect, unitsOf, wordsOf } from "./deposit.ts";
import type { Wallet } from "./wallets.ts";
import { useWallets } from "./wallets.ts";

interface Props {
  channel: string;
  target: TopUpTarget;
  onClose: () => void;
  /** The balance has changed. */
  onFunded: () => void;
}

/** One signature and one transaction of the reader's own wallet: the gateway has no part in it. */
export default function TopUp({ channel, target, onClose, onFunded }: Props) {
  const wallets = useWallets();
  const [connection, setConnection] = useState<Connection>();
  const [typed, setTyped] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [funded, setFunded] = useState<{ units: bigint; hash: Hex | undefined }>();
  // Asked for again after a failure, the same deposit is made once; another amount is another deposit.
  const wanted = useRef<{ units: bigint; idempotencyKey: Hex }>(undefined);
  const units = unitsOf(typed);

  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
    } catch (error) {
      setProblem(wordsOf(error));
    } finally {
      setBusy(false);
    }
  };
  const open = (wallet: Wallet) =>
    attempt(async () => setConnection(await connect(wallet.provider, target as DeploymentRecord, channel)));
  const deposit = () =>
    attempt(async () => {
      if (!connection || units === undefined) return;
      if (wanted.current?.units !== units) {
        wanted.current = { units, idempotencyKey: toHex(crypto.getRandomValues(new Uint8Array(32))) };
      }
      const { account, signer } = connection;
      const { transactionHash } = await fund(account, signer, wanted.current);
      wanted.current = undefined;
      setFunded({ units, hash: transactionHash });
      onFunded();
    });

  return (
    <Modal opened onClose={onClose} title="Top up the channel" centered radius="lg" closeOnClickOutside={!isBusy}>
      <Stack gap="sm">
        <div>
          <Row label="Channel">
            <Address of={channel} />
          </Row>
          {connection && (
            <>
              <Row label="Your account">
                <Address of={connection.address} />
              </Row>
              <Row label="It has">{usd(connection.held)}</Row>
            </>
          )}
        </div>
        {problem && (
          <Alert color="red" variant="light" role="alert">
            {problem}
          </Alert>
        )}
        {funded ? (
          <Alert color="teal" variant="light" role="status" title={`${usdExact(funded.units)} deposited`}>
            The gateway sees it with its next look at the chain.
            {funded.hash && (
              <>
                {" "}
                Transaction <Address of={funded.hash} />
              </>
            )}
          </Alert>
        ) : connection ? (
          <Form
            {...{ typed, isBusy, held: connection.held, units }}
            onType={setTyped}
            onDeposit={() => void deposit()}
          />
        ) : (
          <Wallets wallets={wallets} isBusy={isBusy} onChoose={(wallet) => void open(wallet)} />
        )}
      </Stack>
    </Modal>
  );
}

/** Tokens that know permits only take no key: their permits are used once by themselves. */
async function fund(
  account: Connection["account"],
  signer: Connection["signer"],
  { units: amount, idempotencyKey }: { units: bigint; idempotencyKey: Hex },
) {
  try {
    return await account.fund(signer, { amount, idempotencyKey });
  } catch (error) {
    if ((error as { code?: string }).code !== "token_not_supported") throw error;
    return account.fund(signer, { amount });
  }
}

function Wallets(props: { wallets: readonly Wallet[]; isBusy: boolean; onChoose: (wallet: Wallet) => void }) {
  const { wallets, isBusy, onChoose } = props;
  if (wallets.length === 0) {
    return (
      <Text fz="sm">
        This browser has no wallet. Anybody can deposit to the channel&apos;s address in other ways: with `pennyblack
        channel deposit`, or from an app with `ChannelAccount`.
      </Text>
    );
  }
  return wallets.map((wallet) => (
    <Button key={wallet.name} variant="light" loading={isBusy} onClick={() => onChoose(wallet)}>
      Connect {wallet.name}
    </Button>
  ));
}

interface FormProps {
  typed: string;
  units: bigint | undefined;
  held: bigint;
  isBusy: boolean;
  onType: (text: string) => void;
  onDeposit: () => void;
}

function Form({ typed, units, held, isBusy, onType, onDeposit }: FormProps) {
  const isTooMuch = units !== undefined && units > held;
  const isNone = typed !== "" && units === undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onDeposit();
      }}
    >
      <TextInput
        label="Amount in dollars"
        placeholder="25.00"
        inputMode="decimal"
        size="md"
        leftSection="$"
        value={typed}
        disabled={isBusy}
        error={isTooMuch ? `The account has ${usd(held)}` : isNone ? "Write an amount such as 25 or 0.5" : undefined}
        onChange={(event) => onType(event.currentTarget.value)}
      />
      <Group gap={6} my="xs">
        {["5", "25", "100"].map((amount) => (
          <Button key={amount} size="compact-sm" variant="default" disabled={isBusy} onClick={() => onType(amount)}>
            ${amount}
          </Button>
        ))}
      </Group>
      <Text fz="sm" className="quiet" mb="sm">
        Your wallet asks twice: for a signature that lets the money go to this channel, and for the transaction that
        brings it there. What is not spent can be withdrawn by the channel&apos;s owner.
      </Text>
      <Button type="submit" fullWidth size="md" loading={isBusy} disabled={units === undefined || isTooMuch}>
        Deposit {units === undefined ? "" : usdExact(units)}
      </Button>
    </form>
  );
}
