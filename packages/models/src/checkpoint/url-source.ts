import {
  AbortedError,
  type AbortSignalLike,
  ConfigError,
  checkArgument,
  checkCall,
  type FieldsOf,
  FormatError,
  field,
  type PlatformAbortSignal,
} from "@dilated/core";
import { checkFileName } from "./file-names.ts";
import { FILE_CALLS, type ModelSource } from "./store.ts";

/** `fetch`, as far as {@link urlSource} uses it. */
export type FetchLike = (url: string, init: FetchInit) => Promise<FetchResponse>;

/** What {@link FetchLike} is given. */
export interface FetchInit {
  readonly method: "GET" | "HEAD";
  readonly headers?: Record<string, string>;
  readonly signal?: PlatformAbortSignal;
}

/** What {@link FetchLike} gives. */
export interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** How {@link urlSource} fetches. */
export interface UrlSourceOptions {
  /** Stops downloads. */
  readonly signal?: AbortSignalLike | undefined;
  /** Say, an access token. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** @defaultValue the global `fetch` */
  readonly fetch?: FetchLike | undefined;
}

const OPTIONS: FieldsOf<UrlSourceOptions> = {
  signal: field.optional(field.abortSignal()),
  headers: field.optional(field.record(field.string())),
  fetch: field.optional(field.func()),
};

const BASE = field.custom(
  "an address: a string, or a URL",
  (value) => typeof value === "string" || typeof (value as { href?: unknown } | null)?.href === "string",
);
const ARGUMENTS = { base: BASE, options: field.options<UrlSourceOptions>(OPTIONS) };

const RESPONSE = field.custom("a Response", (value) => {
  const { status, arrayBuffer, headers } = (value ?? {}) as Partial<FetchResponse>;
  return typeof status === "number" && (typeof arrayBuffer === "function" || status !== 200) && headers !== undefined;
});

function addressOf(base: string): URL {
  try {
    return new URL(base.replace(/\/*$/, "/"));
  } catch (cause) {
    throw new ConfigError("urlSource: base is not an address", {
      details: [`base: ${JSON.stringify(base.slice(0, 100))}`],
      fix: 'pass a whole one, "https://..."; of a page: new URL("models/", location.href)',
      cause,
    });
  }
}

/**
 * Reads the files of a model from a web server, as a browser does.
 *
 * @param base - address of the folder
 * @throws FormatError, while reading, for answers other than the file or 404; AbortedError by `signal`.
 */
export function urlSource(base: string | { readonly href: string }, options: UrlSourceOptions = {}): ModelSource {
  checkCall("urlSource", ARGUMENTS, arguments);
  const { signal, headers, fetch = globalThis.fetch as FetchLike } = options;
  const folder = addressOf(typeof base === "string" ? base : base.href);
  const ask = async (name: string, method: "GET" | "HEAD"): Promise<FetchResponse | undefined> => {
    const url = new URL(encodeURIComponent(checkFileName("urlSource", name)), folder).href;
    let response: FetchResponse;
    try {
      response = await fetch(url, {
        method,
        ...(signal ? { signal: signal as PlatformAbortSignal } : {}),
        ...(headers ? { headers } : {}),
      });
    } catch (cause) {
      if (signal?.aborted) throw new AbortedError(`urlSource: the download of ${url} was stopped`, { cause });
      throw new FormatError(`urlSource: ${url} could not be fetched`, {
        details: [String(cause)],
        fix: "check the address, and that its server allows your page (CORS)",
        cause,
      });
    }
    checkArgument("urlSource", "what fetch gives", RESPONSE, response);
    if (response.ok) return response;
    if (response.status === 404) return undefined;
    throw new FormatError(`urlSource: ${url} gave ${response.status} ${response.statusText}`, {
      fix: "check the address, and your access to it",
    });
  };
  return {
    read: async (...given) => {
      checkCall("urlSource: read", FILE_CALLS.read, given);
      const response = await ask(given[0], "GET");
      return response && new Uint8Array(await response.arrayBuffer());
    },
    size: async (...given) => {
      checkCall("urlSource: size", FILE_CALLS.size, given);
      const length = (await ask(given[0], "HEAD"))?.headers.get("content-length");
      return length ? Number(length) : undefined;
    },
  };
}
