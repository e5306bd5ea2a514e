import { program } from "@dilated-internal/config/tsup";

export default program({ "book-lm": "src/book-lm/main.ts" });
