/** Bundles the console's page to `generated/console`, from where daemon and gateway serve it. */
import { join } from "node:path";

import { build } from "vite";

await build({
  root: join("src", "console", "page"),
  configFile: false,
  // Wherever it is served, it finds its files beside it.
  base: "./",
  logLevel: "warn",
  publicDir: false,
  // JSX needs no compiler of React's own.
  esbuild: { jsx: "automatic" },
  build: {
    outDir: join(process.cwd(), "generated", "console"),
    emptyOutDir: true,
    target: "es2022",
    // As files: the page's policy takes no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1_500,
    reportCompressedSize: false,
    rollupOptions: {
      // Libraries say "use client" to frameworks that render on servers.
      onwarn: (warning, warn) => (warning.code === "MODULE_LEVEL_DIRECTIVE" ? undefined : warn(warning)),
    },
  },
});
