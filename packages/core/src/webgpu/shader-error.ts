import { ShaderError } from "../errors/index.ts";

/** Lines of a message that name a place at most; a broken declaration can cause hundreds. */
const MOST = 12;

/** An error that holds every message of the compiler as `line:column`, with the line it means. */
export async function shaderError(
  kernel: string,
  code: string,
  module: GPUShaderModule,
  cause: Error | GPUError,
): Promise<ShaderError> {
  const lines = code.split("\n");
  const messages = await messagesOf(module);
  const details = messages
    .slice(0, MOST)
    .flatMap((m) => [
      `${m.lineNum}:${m.linePos} ${m.type}: ${m.message}`,
      `  | ${(lines[m.lineNum - 1] ?? "").trim()}`,
    ]);
  if (messages.length > MOST) details.push(`and ${messages.length - MOST} more`);
  if (messages.length === 0) details.push(...cause.message.split("\n"));
  return new ShaderError(`kernel "${kernel}" does not compile`, {
    details,
    fix: "lines count from the top of the generated prelude",
    cause,
  });
}

async function messagesOf(module: GPUShaderModule): Promise<GPUCompilationMessage[]> {
  try {
    const { messages } = await module.getCompilationInfo();
    const wrong = messages.filter((message) => message.type === "error");
    return wrong.length > 0 ? wrong : [...messages];
  } catch {
    return []; // the device is gone, which is told elsewhere
  }
}
