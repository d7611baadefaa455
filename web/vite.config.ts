import { defineConfig } from "vitest/config";

// Three entries: the class room, the player, and the little that server-rendered pages need. The server reads the
// manifest to find the hashed names (server/http/pages.py).
export default defineConfig({
  base: "/static/dist/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../server/static/dist",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    // Keeps light-dark() as it is: rewritten to variables it would be decided once, at the root.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    sourcemap: true,
    // Everything is a file: the Content-Security-Policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        room: "src/room/main.tsx",
        player: "src/player/main.tsx",
        pages: "src/pages/main.ts",
      },
    },
  },
  test: {
    include: ["src/**/*.test.ts", "src/**/*.test.tsx"],
    environment: "node",
  },
});
