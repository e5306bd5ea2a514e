// What comes from the platform, by its shape: published declarations name no global but those of ECMAScript, because what is declared (DOM, Node,
// @webgpu/types), and in which version, is up to the program that imports them.

/** The type of instances of a global class, where the program's own libraries declare that class; otherwise `Else`. */
type GlobalOr<Name extends string, Else> = typeof globalThis extends {
  [K in Name]: { prototype: infer T extends Else };
}
  ? T
  : Else;

/** An AbortSignal of any platform. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** `AbortSignal` where it is declared, else its shape. */
export type PlatformAbortSignal = GlobalOr<"AbortSignal", AbortSignalLike>;

/** A GPUDevice of the browser, of Dawn or of any other WebGPU. */
export interface GPUDeviceLike {
  readonly queue: object;
  readonly limits: object;
  readonly features: object;
  createBuffer(descriptor: never): object;
}

/** A GPUBuffer of the browser, of Dawn or of any other WebGPU. */
export interface GPUBufferLike {
  readonly size: number;
  /** Flags of `GPUBufferUsage`. */
  readonly usage: number;
  readonly mapState: string;
  destroy(): unknown;
}

/** `GPUBuffer` where it is declared, else its shape. */
export type PlatformGPUBuffer = GlobalOr<"GPUBuffer", GPUBufferLike>;

/** A Uint8Array over memory of its own: `Uint8Array<ArrayBuffer>` where TypeScript tells that apart (5.7 and later). */
export type OwnBytes = ReturnType<Uint8ArrayConstructor["of"]>;
