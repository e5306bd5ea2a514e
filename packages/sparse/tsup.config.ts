import { library } from "@dilated-internal/config/tsup";

export default library();
