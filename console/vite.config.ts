import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds a server to talk to. */
const server = process.env.STEPWELL_ENDPOINT ?? "http://127.0.0.1:8083";

// Relative addresses throughout: the console works behind whatever prefix a proxy puts before it. The
// server writes into `<base>` how deep a page is.
export default defineConfig({
  base: "./",
  plugins: [react()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    // Data in addresses would need a wider content security policy.
    assetsInlineLimit: 0,
    // One style sheet, fetched with the page: what is loaded later changes no styles, and cannot fail for want of them.
    cssCodeSplit: false,
    chunkSizeWarningLimit: 600,
  },
  server: {
    proxy: {
      "^/$": { target: server, bypass: (request) => (request.method === "POST" ? undefined : request.url) },
      "/events": server,
      "/console/session": server,
    },
  },
});
