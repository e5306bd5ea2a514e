import {
  AbortedError,
  type AbortSignalLike,
  checkOptions,
  type FieldsOf,
  FormatError,
  field,
  type PlatformAbortSignal,
} from "@dilated/core";
import type { ModelSource } from "./store.ts";

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
  readonly signal?: AbortSignalLike;
  /** Say, an access token. */
  readonly headers?: Readonly<Record<string, string>>;
  /** @defaultValue the global `fetch` */
  readonly fetch?: FetchLike;
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
export function urlSource(base: string | { readonly href: string }, options: UrlSourceOptions = {}): ModelSource {
  checkOptions("urlSource", OPTIONS, options);
  const { signal, headers, fetch = globalThis.fetch as FetchLike } = options;
  const folder = new URL((typeof base === "string" ? base : base.href).replace(/\/*$/, "/"));
  const ask = async (name: string, method: "GET" | "HEAD"): Promise<FetchResponse | undefined> => {
    const url = new URL(encodeURIComponent(name), folder).href;
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
