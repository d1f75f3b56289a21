import "@mantine/core/styles.css";
import "@mantine/charts/styles.css";
import "./style.css";

import { MantineProvider } from "@mantine/core";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import type { ConsoleHost } from "../views.ts";
import { App } from "./App.tsx";
import { theme } from "./theme.ts";

const meta = (name: string) => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
const nonce = meta("style-nonce");
// Where what locks scrolling below a dialog looks for it.
Object.assign(globalThis, { __webpack_nonce__: nonce });

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <App host={meta("console-host") as ConsoleHost} />
    </MantineProvider>
  </StrictMode>,
);
