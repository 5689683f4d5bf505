import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** Everything comes from the gateway itself, below /ui; elkjs is a chunk of its own that is loaded when something is drawn. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/ui/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: fileURLToPath(new URL("../../dist/ui/", import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // elkjs is 1.6 MB of generated code, and not loaded at first.
    chunkSizeWarningLimit: 2_000,
    reportCompressedSize: false,
  },
});
