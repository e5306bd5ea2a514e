import { library } from "@dilated-internal/config/tsup";

export default library(
  { index: "src/index.ts", "platform/node": "src/platform/node.ts", "platform/browser": "src/platform/browser.ts" },
  ["#platform"],
);
