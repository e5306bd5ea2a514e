import type { BoundCall } from "../device/backend.ts";
import { FeatureError, LimitError } from "../errors/index.ts";
import type { KernelDefinition } from "../kernel/definition.ts";
import { requiredFeatures, variantKey, wgslOf } from "../kernel/prelude.ts";
import { type Faults, faultOf } from "./faults.ts";
import { Layouts, type SlotLayout } from "./layouts.ts";
import { shaderError } from "./shader-error.ts";
import { checkScalars } from "./uniforms.ts";
import { Work } from "./work.ts";

/** A compiled variant of a kernel. */
export interface Pipeline {
  readonly handle: GPUComputePipeline;
  readonly layout: SlotLayout;
  /** Whether it could be made. */
  readonly made: Work;
}

/** Everything that is known of a variant before it is compiled. */
interface Source {
  readonly kernel: KernelDefinition;
  readonly code: string;
  readonly layout: SlotLayout;
}

/**
 * Compiled kernels, keyed by their complete WGSL: two definitions with one text share a pipeline. `get` compiles on the spot, `warmup` in
 * parallel and ahead of time. A kernel that fails leaves no entry, so that a corrected one gets a new chance.
 */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #faults: Faults;
  readonly #layouts: Layouts;
  readonly #byText = new Map<string, Pipeline>();
  readonly #compiling = new Map<string, Promise<Pipeline>>();
  /** Building the text costs more than a launch, so variants are looked up by their short key first. */
  readonly #byVariant = new WeakMap<KernelDefinition, Map<string, Source>>();

  constructor(device: GPUDevice, faults: Faults) {
    this.#device = device;
    this.#faults = faults;
    this.#layouts = new Layouts(device);
  }

  get size(): number {
    return this.#byText.size;
  }

  get(call: BoundCall): Pipeline {
    const source = this.#source(call);
    const ready = this.#byText.get(source.code);
    if (ready) return ready;
    const { code, kernel, layout } = source;
    let module: GPUShaderModule | undefined;
    const made = new Work(kernel.name);
    const handle = this.#faults.watch(
      this.#device,
      ["validation", "internal"],
      () => {
        module = this.#device.createShaderModule({ label: kernel.name, code });
        return this.#device.createComputePipeline(this.#descriptor(source, module));
      },
      (error, filter) => (module ? shaderError(kernel.name, code, module, error) : faultOf(error, filter, kernel.name)),
      (fault) => {
        if (fault) this.#byText.delete(code);
        return made.settle(fault);
      },
    );
    const pipeline = { handle, layout, made };
    this.#byText.set(code, pipeline);
    return pipeline;
  }

  async warmup(call: BoundCall): Promise<void> {
    await this.#compile(this.#source(call));
  }

  #compile(source: Source): Promise<Pipeline> {
    const { code } = source;
    const ready = this.#byText.get(code);
    if (ready) return Promise.resolve(ready);
    const running = this.#compiling.get(code);
    if (running !== undefined) return running;
    const started = this.#compileAsync(source).finally(() => this.#compiling.delete(code));
    this.#compiling.set(code, started);
    return started;
  }

  async #compileAsync(source: Source): Promise<Pipeline> {
    const { kernel, code, layout } = source;
    this.#device.pushErrorScope("validation");
    const module = this.#device.createShaderModule({ label: kernel.name, code });
    const invalid = this.#device.popErrorScope();
    try {
      const handle = await this.#device.createComputePipelineAsync(this.#descriptor(source, module));
      const made = new Work(kernel.name);
      made.settle(undefined);
      const pipeline = { handle, layout, made };
      this.#byText.set(code, pipeline);
      return pipeline;
    } catch (error) {
      throw await shaderError(kernel.name, code, module, (await invalid.catch(() => null)) ?? (error as Error));
    }
  }

  #descriptor({ kernel, layout }: Source, module: GPUShaderModule): GPUComputePipelineDescriptor {
    return { label: kernel.name, layout: layout.pipeline, compute: { module, entryPoint: "main" } };
  }

  #source(call: BoundCall): Source {
    const { kernel } = call;
    const variant = { dtypes: call.bound.map((tensor) => tensor?.dtype), constants: call.constants };
    const key = variantKey(variant);
    const variants = this.#byVariant.get(kernel) ?? new Map<string, Source>();
    this.#byVariant.set(kernel, variants);
    const known = variants.get(key);
    if (known) return known;
    checkScalars(kernel);
    const missing = requiredFeatures(kernel, variant).filter((feature) => !this.#device.features.has(feature));
    if (missing.length > 0) {
      throw new FeatureError(`${kernel.name}: this device lacks ${missing.join(", ")}`, {
        details: [`on: ${[...this.#device.features].join(", ") || "none"}`],
        fix: "use a kernel of a lower tier, or open the device with a higher `tier`",
      });
    }
    const bound = Object.values(kernel.tensors).map((slot, i) => (call.bound[i] ? slot.access !== "read" : undefined));
    const count = bound.filter((writes) => writes !== undefined).length;
    const most = this.#device.limits.maxStorageBuffersPerShaderStage;
    if (count > most)
      throw new LimitError(`${kernel.name}: ${count} tensors in one kernel`, {
        details: [`this device binds at most ${most}`],
      });
    const source = { kernel, code: wgslOf(kernel, variant), layout: this.#layouts.get(bound) };
    variants.set(key, source);
    return source;
  }
}
