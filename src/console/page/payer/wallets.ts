import type { Eip1193Provider } from "ethers";
import { useEffect, useState } from "react";

export interface Wallet {
  name: string;
  provider: Eip1193Provider;
}

interface Announcement extends Event {
  detail?: { info?: { uuid?: string; name?: string }; provider?: Eip1193Provider };
}

/** More than that is a page's prank, or a wallet's. */
const MOST = 10;

/** Wallets of this browser: those that announce themselves (EIP-6963), else the one at `window.ethereum`. */
export function useWallets(): readonly Wallet[] {
  const [announced, setAnnounced] = useState<ReadonlyMap<string, Wallet>>(new Map());
  useEffect(() => {
    const onAnnounce = ({ detail }: Announcement) => {
      const { info, provider } = detail ?? {};
      if (!provider || typeof info?.uuid !== "string") return;
      const { uuid, name } = info;
      setAnnounced((known) =>
        known.size >= MOST ? known : new Map([...known, [uuid, { name: String(name ?? "Wallet"), provider }]]),
      );
    };
    addEventListener("eip6963:announceProvider", onAnnounce);
    dispatchEvent(new Event("eip6963:requestProvider"));
    return () => removeEventListener("eip6963:announceProvider", onAnnounce);
  }, []);
  const { ethereum } = globalThis as { ethereum?: Eip1193Provider };
  if (announced.size > 0) return [...announced.values()];
  return ethereum ? [{ name: "Browser wallet", provider: ethereum }] : [];
}
