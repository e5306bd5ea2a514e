import { library } from "@dilated-internal/config/tsup";

export default library({
  index: "src/index.ts",
  core: "src/core.ts",
  kernels: "src/kernels.ts",
  models: "src/models.ts",
});
