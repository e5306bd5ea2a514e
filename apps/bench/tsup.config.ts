import { program } from "@dilated-internal/config/tsup";

export default program({ bench: "src/bench/main.ts", parity: "src/parity/main.ts", verify: "src/verify/main.ts" });
