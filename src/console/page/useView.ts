import { CONSOLE_PATH } from "../views.ts";
import { useEffect, useState } from "react";

const EVERY_MS = 10_000;
const AGAIN_MS = 3_000;
const TIMEOUT_MS = 15_000;

export interface Looked<T> {
  view: T | undefined;
  /** What went wrong with the last look; the view is then the one before it. */
  problem: string | undefined;
}

/** Beside the page, also where a proxy serves that below another path. */
const besidePage = (path: string) => path.slice(CONSOLE_PATH.length + 1);

/** Asks for a view again and again, and not while nobody sees the page. `turn` asks at once when it changes. */
export function useView<T>(path: string, turn = 0): Looked<T> {
  const [looked, setLooked] = useState<Looked<T>>({ view: undefined, problem: undefined });
  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      clearTimeout(timer);
      if (document.hidden) return;
      let next = EVERY_MS;
      try {
        const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(TIMEOUT_MS)]);
        const response = await fetch(besidePage(path), { signal, cache: "no-store" });
        if (response.status === 403) throw new Error("It answers this machine only, see docs/console.md (HTTP 403)");
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
        const view = (await response.json()) as T;
        if (!ended.signal.aborted) setLooked({ view, problem: undefined });
      } catch (error) {
        if (ended.signal.aborted) return;
        next = AGAIN_MS;
        setLooked(({ view }) => ({ view, problem: (error as Error).message }));
      }
      timer = setTimeout(() => void look(), next);
    };
    const onVisible = () => void (document.hidden || look());
    document.addEventListener("visibilitychange", onVisible);
    void look();
    return () => {
      ended.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [path, turn]);
  return looked;
}
