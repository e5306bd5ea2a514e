import { AbortedError, checkOptions, type FieldsOf, FormatError, field } from "@dilated/core";
import type { ModelSource } from "./store.ts";

/** How {@link urlSource} fetches. */
export interface UrlSourceOptions {
  /** Stops downloads. */
  readonly signal?: AbortSignal;
  /** Say, an access token. */
  readonly headers?: Readonly<Record<string, string>>;
  /** @defaultValue the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
}

const OPTIONS: FieldsOf<UrlSourceOptions> = {
  signal: field.optional(field.abortSignal()),
  headers: field.optional(field.any("an object of strings")),
  fetch: field.optional(field.func()),
};

/**
 * Reads the files of a model from a web server, as a browser does.
 *
 * @param base - address of the folder
 * @throws FormatError, while reading, for answers other than the file or 404; AbortedError by `signal`.
 */
export function urlSource(base: string | URL, options: UrlSourceOptions = {}): ModelSource {
  checkOptions("urlSource", OPTIONS, options);
  const { signal, headers, fetch = globalThis.fetch } = options;
  const folder = new URL(String(base).replace(/\/*$/, "/"));
  const ask = async (name: string, method: "GET" | "HEAD"): Promise<Response | undefined> => {
    const url = new URL(encodeURIComponent(name), folder);
    let response: Response;
    try {
      response = await fetch(url, { method, ...(signal ? { signal } : {}), ...(headers ? { headers } : {}) });
    } catch (cause) {
      if (signal?.aborted) throw new AbortedError(`urlSource: the download of ${url} was stopped`, { cause });
      throw new FormatError(`urlSource: ${url} could not be fetched`, {
        details: [String(cause)],
        fix: "check the address, and that its server allows your page (CORS)",
        cause,
      });
    }
    if (response.ok) return response;
    if (response.status === 404) return undefined;
    throw new FormatError(`urlSource: ${url} gave ${response.status} ${response.statusText}`, {
      fix: "check the address, and your access to it",
    });
  };
  return {
    read: async (name) => {
      const response = await ask(name, "GET");
      return response && new Uint8Array(await response.arrayBuffer());
    },
    size: async (name) => {
      const length = (await ask(name, "HEAD"))?.headers.get("content-length");
      return length ? Number(length) : undefined;
    },
  };
}
