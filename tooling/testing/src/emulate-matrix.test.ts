import { expect, it } from "vitest";
import { emulateMatrix } from "./emulate-matrix.ts";

const module = (rows: number, more = ""): string => `enable chromium_experimental_subgroup_matrix;
alias Operand = f16;
alias Left = subgroup_matrix_left<Operand, 16, ${rows}>;
alias Right=subgroup_matrix_right<Operand,8,16>;
alias Result = subgroup_matrix_result<f32, 8, ${rows}>;
@compute @workgroup_size(8) fn main() {
  let a = subgroupMatrixLoad<Left, row_major>(&tile, 0u, 2u);
  subgroupMatrixStore<col_major>(&tile, 0u, subgroupMatrixMultiplyAccumulate(a, Right(), Result()), 2u);${more}
}`;

it("leaves no matrix behind, and keeps line numbers", () => {
  const lines = emulateMatrix(module(8)).split("\n");
  expect(lines.join("\n")).not.toMatch(/subgroup_?matrix/i);
  expect(lines[6]).toBe("  let a = load_Left_row_major_tile( 0u, 2u);");
  expect(lines[3]).toBe("struct Right { r0_0: vec4f, r0_1: vec4f, r1_0: vec4f, r1_1: vec4f }");
});

it("throws where it does not follow", () => {
  expect(() => emulateMatrix(module(4))).toThrow("Left is 4 x 16");
  expect(() => emulateMatrix(module(8, "subgroupMatrixScalarAdd(a, 1);"))).toThrow("what is");
});
