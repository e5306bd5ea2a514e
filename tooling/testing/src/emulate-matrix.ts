/** The shape that an emulated adapter reports; sums are f32. */
export interface EmulatedShape {
  readonly operand: "f16" | "f32";
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** A matrix type of a module; WGSL writes the columns first. */
interface MatrixAlias {
  readonly name: string;
  /** f16 operands lie eight in 16 bytes, f32 four. */
  readonly half: boolean;
  readonly columns: number;
  readonly rows: number;
}

type Order = "row_major" | "col_major";

/** Rows that the lanes of a subgroup share out: lane i holds rows i % 8, i % 8 + 8, ... of every matrix. */
const HELD = 8;

const ENABLE =
  /enable chromium_experimental_subgroup_matrix;|diagnostic\(off,\s*chromium\.subgroup_matrix_uniformity\);/g;
const TYPE = /alias (\w+)\s*=\s*(f16|f32);/g;
const ALIAS = /alias (\w+)\s*=\s*subgroup_matrix_(?:left|right|result)<(\w+),\s*(\d+),\s*(\d+)>;/g;
const LOAD = /subgroupMatrixLoad<(\w+),\s*(row_major|col_major)>\((\s*)&(\w+),/g;
const STORE = /subgroupMatrixStore<(row_major|col_major)>\((\s*)&(\w+),/g;
const MAIN = /fn main\(([^{]*)\)\s*\{/;
const LANE = /@builtin\(subgroup_invocation_id\)\s*(\w+)/;

/**
 * Rewrites a module for matrix units into one for plain subgroups of 8, 16, ... lanes. Matrices become structs whose rows are shared out among the lanes,
 * loads and stores functions on `array<vec4u>`, the product one that shuffles. It follows what our kernels write, and throws where anything is left over:
 * aliases of literal sizes that are multiples of 8, one product shape, results of f32. Line numbers stay, functions are appended.
 */
export function emulateMatrix(code: string): string {
  const types = new Map([...code.matchAll(TYPE)].map(([, name, type]) => [name, type]));
  const aliases = new Map<string, MatrixAlias>();
  const functions = new Map<string, string>();
  let text = code.replace(ENABLE, "").replace(ALIAS, (_, name: string, type: string, columns: string, rows: string) => {
    const half = (types.get(type) ?? type) === "f16";
    const alias = { name, half, columns: Number(columns), rows: Number(rows) };
    if (alias.columns % 8 !== 0 || alias.rows % HELD !== 0)
      throw new Error(`emulateMatrix: ${name} is ${rows} x ${columns}`);
    aliases.set(name, alias);
    return `struct ${name} { ${fields(alias)
      .map((field) => `${field}: vec4f`)
      .join(", ")} }`;
  });
  const [left, right, result] = [...aliases.values()] as [MatrixAlias, MatrixAlias, MatrixAlias];
  if (aliases.size !== 3 || result.half)
    throw new Error("emulateMatrix: left, right and a result of f32 were expected");
  text = text.replace(LOAD, (_, name: string, order: Order, lines: string, buffer: string) => {
    const called = `load_${name}_${order}_${buffer}`;
    functions.set(called, load(called, aliases.get(name) as MatrixAlias, order, buffer));
    return `${called}(${lines}`;
  });
  text = text.replace(STORE, (_, order: Order, lines: string, buffer: string) => {
    const called = `store_${order}_${buffer}`;
    functions.set(called, store(called, result, order, buffer));
    return `${called}(${lines}`;
  });
  text = text.replaceAll("subgroupMatrixMultiplyAccumulate(", "multiply_accumulate(");
  text = text.replace(MAIN, (_, parameters: string) => {
    const lane = LANE.exec(parameters)?.[1];
    const more = lane ? "" : "@builtin(subgroup_invocation_id) emulated_id: u32, ";
    return `fn main(${more}${parameters}) { emulated_lane = ${lane ?? "emulated_id"} % ${HELD}u; emulated_turns = select(${left.columns / 4}u, 0u, params.group_count == 0u);`;
  });
  if (/subgroup_?matrix/i.test(text))
    throw new Error(`emulateMatrix: what is ${/.*subgroup_?matrix.*/i.exec(text)?.[0]}?`);
  return [
    text,
    "var<private> emulated_lane: u32;",
    "var<private> emulated_turns: u32;",
    ...functions.values(),
    product(left, right, result),
  ].join("\n");
}

/** `r0_1`: of the first row that a lane holds, columns 4 to 7. */
function fields({ rows, columns }: MatrixAlias): string[] {
  return range(rows / HELD).flatMap((row) => range(columns / 4).map((four) => `r${row}_${four}`));
}

/** Offset and stride count blocks of 16 bytes. */
function load(called: string, alias: MatrixAlias, order: Order, buffer: string): string {
  const per = alias.half ? 8 : 4;
  const four = (row: number, at: number): string => {
    const held = `emulated_lane + ${row * HELD}u`;
    if (order === "row_major")
      return whole(`${buffer}[offset + (${held}) * stride + ${Math.floor((at * 4) / per)}u]`, alias, at);
    const one = (column: number): string => {
      const block = `${buffer}[offset + ${column}u * stride + (${held}) / ${per}u]`;
      const place = `(${held}) % ${per}u`;
      return alias.half
        ? `unpack2x16float(${block}[${place} / 2u])[${place} % 2u]`
        : `bitcast<f32>(${block}[${place}])`;
    };
    return `vec4f(${range(4)
      .map((i) => one(at * 4 + i))
      .join(", ")})`;
  };
  const values = range(alias.rows / HELD).flatMap((row) => range(alias.columns / 4).map((at) => four(row, at)));
  return `fn ${called}(offset: u32, stride: u32) -> ${alias.name} {\n  return ${alias.name}(\n    ${values.join(",\n    ")});\n}`;
}

/** Four neighbours of a row. */
function whole(block: string, { half }: MatrixAlias, at: number): string {
  if (!half) return `bitcast<vec4f>(${block})`;
  const words = at % 2 === 0 ? "xy" : "zw";
  return `vec4f(${[...words].map((word) => `unpack2x16float(${block}.${word})`).join(", ")})`;
}

function store(called: string, alias: MatrixAlias, order: Order, buffer: string): string {
  const lines = range(alias.rows / HELD).flatMap((row) => {
    const held = `emulated_lane + ${row * HELD}u`;
    return range(alias.columns / 4).flatMap((at) =>
      order === "row_major"
        ? [`${buffer}[offset + (${held}) * stride + ${at}u] = bitcast<vec4u>(m.r${row}_${at});`]
        : range(4).map(
            (i) =>
              `${buffer}[offset + ${at * 4 + i}u * stride + (${held}) / 4u][(${held}) % 4u] = bitcast<u32>(m.r${row}_${at}[${i}]);`,
          ),
    );
  });
  return `fn ${called}(offset: u32, m: ${alias.name}, stride: u32) {\n  ${lines.join("\n  ")}\n}`;
}

/** c + a · b: every row of b comes from the lane that holds it. A loop that no compiler can unroll, four steps of K a turn: code is what costs here. */
function product(left: MatrixAlias, right: MatrixAlias, result: MatrixAlias): string {
  if (left.rows !== result.rows || left.columns !== right.rows || right.columns !== result.columns) {
    throw new Error("emulateMatrix: the shapes do not fit");
  }
  const [held, wide, deep] = [range(left.rows / HELD), range(right.columns / 4), range(left.columns / 4)];
  const sums = range(4).flatMap((k) =>
    wide.flatMap((at) => [
      `let b${k}_${at} = subgroupShuffle(right.r0_${at}, (turn % 2u) * 4u + ${k}u);`,
      ...held.map((row) => `sum.r${row}_${at} += left.r${row}_0[${k}] * b${k}_${at};`),
    ]),
  );
  const shifts = held.flatMap((row) => deep.slice(1).map((at) => `left.r${row}_${at - 1} = left.r${row}_${at};`));
  const nextRows = range(right.rows / HELD - 1).flatMap((row) =>
    wide.map((at) => `right.r${row}_${at} = right.r${row + 1}_${at};`),
  );
  return `fn multiply_accumulate(a: ${left.name}, b: ${right.name}, c: ${result.name}) -> ${result.name} {
  var left = a;
  var right = b;
  var sum = c;
  for (var turn = 0u; turn < emulated_turns; turn++) {
    ${sums.join("\n    ")}
    ${shifts.join("\n    ")}
    if (turn % 2u == 1u) {
      ${nextRows.join("\n      ")}
    }
  }
  return sum;
}`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
