import { onEmulatedMatrix } from "@dilated-internal/testing/on-emulated-matrix";
import { expectClose, normal } from "../../shared/test-utils/op-case.ts";
import { linearCase } from "../linear.cases.ts";

// One kernel, forward: a software adapter compiles each set of transposes, epilogue and tails for a minute.
onEmulatedMatrix(
  "matmul, f16 operands",
  { operand: "f16", M: 8, N: 16, K: 16 },
  (test) => {
    // W transposed; rows, columns and K end inside a tile.
    test("a dense layer with its epilogue", async (device) => {
      const layer = linearCase({ leading: [72], out: 40, width: 48, bias: true, activation: "gelu", residual: true });
      const shapes = layer.inputs.map((shape) => shape ?? []);
      const values = shapes.map((shape, i) =>
        normal(
          shape.reduce((a, b) => a * b, 1),
          i,
          "f16",
        ),
      );
      const tensors = values.map((value, i) => device.tensor(value, shapes[i], { dtype: "f16" }));
      const y = layer.run(tensors);
      const wanted = layer.forward(values.map((value) => Float64Array.from(value)));
      expectClose(await y.data(), wanted, "f16");
    });
  },
  ["matmul.matrix"],
  { thorough: true },
);
