const each = (names: string, why: string): Readonly<Record<string, string>> =>
  Object.fromEntries(names.split(" ").map((name) => [name, why]));

/** Public functions that the misuse test does not call, and why. */
export const EXEMPT: Readonly<Record<string, string>> = {
  ...each(
    "checkArgument checkCall checkConfig checkOptions checkParameters isPlain",
    "is itself the check; has tests of its own",
  ),
  ...each("apply countsMeans meanOver withMeanCounts", "part of an op, called at each launch; the op's entry checks"),
  ...each(
    "Device.run Device.dryRun requiredFeatures wgslOf packedModule",
    "takes a kernel that defineKernel has checked",
  ),
  ...each("Device.adopt Device.interpose Device.readBytes Tensor.detachedAlias Initializer.all", "inside the library"),
  ...each(
    "Device.emptyBuffer Device.sliceOf castJoined gradientPlaces joinedLike joinTensors joinedRuns",
    "inside the library",
  ),
  ...each("Device.adoptGPUBuffer Device.gpuBufferOf", "needs a GPU; has device tests of its own"),
  ...each("Device.sync Device.stats Device.resetPeak Device.dispose", "takes no argument"),
  ...each("Tensor.item Tensor.dispose Tensor.toString", "takes no argument"),
  ...each("MultiheadDilatedAttention.dispose CausalModel.dispose LongNetEncoder.dispose", "takes no argument"),
  ...each("LongNet.dispose LongNetViT.dispose", "takes no argument"),
  ...each("CausalModel.hidden CausalModel.forward CausalModel.project CausalModel.loss", "is called as LongNetLM's"),
};
