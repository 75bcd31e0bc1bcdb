// The layers of the network again, in the browser: each cell's program with the kernels' own order of
// operations and their rounding to float32, so that an unchanged run gives Python's numbers.
const Recurrent = (() => {
  const f = Math.fround;
  const LOG2E = 1.4426950216293335;
  const MAGIC = 1.5 * 2 ** 23;
  const LN2_HIGH = 0.693145751953125;
  const LN2_LOW = 1.428606765330187e-6;
  const Q = [0.5, 0.16666577756404877, 0.041666556149721146, 0.008363173343241215, 0.0013926175888627768];
  const POWERS = Float32Array.from({ length: 256 }, (_, k) => 2 ** (k - 127));

  // exp(y) = scale + scale * rest. Every product of two float32 is exact in double, so f(a * b + c)
  // is a fused multiply-add (up to a double rounding that one case in 2^29 can show).
  let scale = 0;
  let n = 0;
  const rest = (y) => {
    n = f(f(y * LOG2E + MAGIC) - MAGIC);
    const r = f(n * -LN2_LOW + f(n * -LN2_HIGH + y));
    let q = Q[4];
    for (let k = 3; k >= 0; k -= 1) q = f(q * r + Q[k]);
    scale = POWERS[n + 127];
    return f(f(r * r) * q + r);
  };

  const sigmoid = (x) => {
    if (Number.isNaN(x)) return NaN;
    const part = rest(Math.max(f(-87.3), Math.min(f(88.3), -x)));
    const share = f(1 / f(1 + f(scale * part + scale)));
    return share < 2 ** -126 ? 0 : share;  // the kernels flush subnormal numbers
  };

  const tanh = (x) => {
    if (Number.isNaN(x)) return NaN;
    const a = Math.min(10, Math.abs(x));
    const part = rest(a + a);
    const m = f(scale * part + f(scale - 1));
    const size = f(m / f(m + 2));
    return x < 0 ? -size : size;
  };

  const flushed = (y) => (Math.abs(y) < 2 ** -126 ? 0 : y);
  // The largest power of two ends half a binade below the largest result: the sum is doubled there.
  const exp = (x) => {
    if (Number.isNaN(x)) return NaN;
    const part = rest(Math.max(-88, Math.min(89, x)));
    if (n < -126) return 0;
    const [last, own] = n > 127 ? [127, POWERS[254]] : [n, scale];
    const y = f(own * part + own);
    return flushed(f((n - last) * y + y));
  };

  // log(1 + e) of 0 ≤ e ≤ 1 is 2 atanh(s) with s = e / (2 + e).
  const LOG = [0.6666666865348816, 0.3999970555305481, 0.28592365980148315, 0.21706460416316986, 0.2322492152452469];
  const logSigmoid = (x) => {
    if (Number.isNaN(x)) return NaN;
    const part = rest(Math.max(-88, -Math.abs(x)));
    const e = n < -126 ? 0 : flushed(f(scale * part + scale));
    const s = flushed(f(e / f(2 + e)));
    const z = flushed(f(s * s));
    let q = LOG[4];
    for (let k = 3; k >= 0; k -= 1) q = f(q * z + LOG[k]);
    return flushed(f(Math.min(0, x) - flushed(f(s * f(z * q - e) + e))));
  };

  // sum = init[row] + W_ih[row] x + W_hh[row] h, one chain of fused multiply-adds in that order.
  const chain = (sum, matrix, row, values, at, count) => {
    const first = row * count;
    for (let k = 0; k < count; k += 1) sum = f(values[at + k] * matrix[first + k] + sum);
    return sum;
  };

  // The chains of H rows of a matrix from `first` on; four side by side, which do not wait for each other.
  const chains = (sums, matrix, first, values, at, count) => {
    const H = sums.length;
    let u = 0;
    for (; u + 4 <= H; u += 4) {
      const from = (first + u) * count;
      let [a, b, c, d] = [sums[u], sums[u + 1], sums[u + 2], sums[u + 3]];
      for (let k = 0; k < count; k += 1) {
        const v = values[at + k];
        a = f(v * matrix[from + k] + a);
        b = f(v * matrix[from + count + k] + b);
        c = f(v * matrix[from + 2 * count + k] + c);
        d = f(v * matrix[from + 3 * count + k] + d);
      }
      sums[u] = a; sums[u + 1] = b; sums[u + 2] = c; sums[u + 3] = d;
    }
    for (; u < H; u += 1) sums[u] = chain(sums[u], matrix, first + u, values, at, count);
  };

  // ---- operations -------------------------------------------------------------------------
  const each = (op) => (out, a, b) => { for (let u = 0; u < out.length; u += 1) out[u] = op(a[u], b[u]); };
  const every = (op) => (out, a) => { for (let u = 0; u < out.length; u += 1) out[u] = op(a[u]); };
  /** What every operation of glasscell.cells.operations is, on numbers; `mean` is over units. */
  const NUMBERS = {
    add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b,
    max: (a, b) => (a > b ? a : b), min: (a, b) => (a < b ? a : b), // as in the core: b where either is NaN
    where_positive: (a, b) => (a > 0 ? b : 0),
    sigmoid: (a) => 1 / (1 + Math.exp(-a)), tanh: Math.tanh, exp: Math.exp, sqrt: Math.sqrt, abs: Math.abs,
    log_sigmoid: (a) => Math.min(a, 0) - Math.log1p(Math.exp(-Math.abs(a))),
  };
  const rounded = { ...NUMBERS, sigmoid, tanh, exp, log_sigmoid: logSigmoid };
  // On float32 arrays, which round once. A sum of units goes 16 at a time, then as a tree, as in the core.
  const OPERATIONS = {
    ...Object.fromEntries(Object.entries(rounded).map(([name, op]) => [name, op.length === 2 ? each(op) : every(op)])),
    mean: (out, ...operands) => {
      const parts = new Float32Array(16);
      for (const operand of operands) for (let u = 0; u < operand.length; u += 1) parts[u % 16] += operand[u];
      for (let width = 8; width; width >>= 1) for (let j = 0; j < width; j += 1) parts[j] += parts[j + width];
      out.fill(f(parts[0] / (out.length * operands.length)));
    },
  };

  // A program with an array of H numbers for every value, and what a step does with them.
  const made = (layer, edit) => {
    const { cell, H } = layer;
    const { sums, states, vectors, masks, operations, outputs } = cell.program;
    const letters = Object.keys(cell.gates);
    const bias = (name, gate, u) => (layer[name] ? layer[name][gate * H + u] : 0);
    const begin = sums.map(([letter, reads]) => {
      const gate = letters.indexOf(letter);
      const shift = edit.bias?.[cell.gates[letter]] ?? 0;
      return Float32Array.from({ length: H }, (_, u) => {
        if (layer.bias) return layer.bias[gate * H + u] + (shift || 0);
        const [x, h] = [bias("bias_ih", gate, u), bias("bias_hh", gate, u)];
        return f({ x, h, xh: x + h }[reads]) + (reads === "h" ? 0 : shift);
      });
    });
    const values = Array.from({ length: sums.length + states.length }, () => new Float32Array(H));
    for (const name of vectors) values.push(layer[name]);
    for (const name of masks) values.push(new Float32Array(H).fill(cell.masks[name]));
    for (const [name, value] of operations) values.push(name === "constant" ? new Float32Array(H).fill(value) : new Float32Array(H));
    // A held gate is that number, whatever the program says.
    const held = new Map(Object.entries(edit.clamp ?? {}).map(([name, value]) => [cell.values[name], value]));
    for (const [value, number] of held) values[value].fill(number);
    const first = values.length - operations.length;
    const work = operations
      .map(([name, ...operands], k) => ({ value: first + k, name, operands }))
      .filter(({ name, value }) => name !== "constant" && !held.has(value))
      .map(({ name, value, operands }) => {
        const [out, given] = [values[value], operands.map((operand) => values[operand])];
        return () => OPERATIONS[name](out, ...given);
      });
    const rows = sums.map(([letter, reads], k) => ({ sum: values[k], start: begin[k], first: letters.indexOf(letter) * H, x: reads !== "h", h: reads !== "x" }));
    return { values, work, rows, states: values.slice(sums.length, sums.length + states.length), after: outputs.map((value) => values[value]) };
  };

  const step = (layer, run, edit, t, before) => {
    const { H, I } = layer;
    const { program } = run;
    const P = layer.weight_hr ? layer.P : H;
    for (const { sum, start, first, x, h } of program.rows) {
      sum.set(start);
      if (x) chains(sum, layer.weight_ih, first, run.x, t * I, I);
      if (h && layer.weight_hh) chains(sum, layer.weight_hh, first, before < 0 ? run.initial[0] : run.hidden, Math.max(0, before) * P, P);
    }
    program.states.forEach((state, k) => {
      if (k === 0 && layer.weight_hr) return; // what is projected has no unit of its own
      const from = run[run.states[k]];
      state.set(before < 0 ? run.initial[k] : from.subarray(before * H, (before + 1) * H));
    });
    for (const operation of program.work) operation();
    for (const [name, value] of run.shown) run[name].set(program.values[value], t * H);
    run.states.forEach((name, k) => {
      if (k > 0) run[name].set(program.after[k], t * H);
    });
    const [out] = program.after;
    const shown = layer.weight_hr ? out.slice() : run.hidden.subarray(t * P, (t + 1) * P);
    if (!layer.weight_hr) shown.set(out);
    for (const u of edit.units ?? []) shown[u] = 0;
    for (let p = 0; layer.weight_hr && p < P; p += 1) run.hidden[t * P + p] = chain(0, layer.weight_hr, p, shown, 0, H);
  };

  const buffers = (layer, x, T, edit) => {
    const { cell, H } = layer;
    const P = layer.weight_hr ? layer.P : H;
    const states = Object.values(cell.states);
    const shown = cell.names.filter((name) => !states.includes(name)).map((name) => [name, cell.values[name]]);
    const run = { x, T, states, shown, program: made(layer, edit), hidden: new Float32Array(T * P) };
    run.initial = Object.entries(cell.states).map(([letter, name], k) => layer.initial?.[name] ?? new Float32Array(k ? H : P).fill(cell.initial[letter] ?? 0));
    for (const [name] of shown) run[name] = new Float32Array(T * H);
    states.slice(1).forEach((name) => { run[name] = new Float32Array(T * H); });
    return run;
  };

  // One layer in one direction over x (T, I), row by row; yields after each step, so that the
  // caller can let the page breathe; returns every quantity (T, H) and hidden (T, P).
  // layer: {name, cell (of the page's data), H, I, P, reverse, weight_ih, weight_hh, bias (the sum of
  // both, where no gate parts them) or bias_ih and bias_hh, weight_hr, a vector by its name, initial
  // {state: values}}; P is H without weight_hr; biases, weight_hr and initial may be missing.
  // edit: {bias: {gate: what is added}, clamp: {quantity: value}, units: Set of units held at 0}.
  function* layerSteps(layer, x, T, edit = {}) {
    const run = buffers(layer, x, T, edit);
    for (let k = 0; k < T; k += 1) {
      const t = layer.reverse ? T - 1 - k : k;
      step(layer, run, edit, t, k === 0 ? -1 : layer.reverse ? t + 1 : t - 1);
      yield;
    }
    delete run.program;
    return run;
  }

  const beside = (runs, T) => {
    const widths = runs.map((run) => run.hidden.length / T);
    const width = widths.reduce((a, b) => a + b, 0);
    const joined = new Float32Array(T * width);
    let first = 0;
    runs.forEach((run, d) => {
      for (let t = 0; t < T; t += 1) {
        joined.set(run.hidden.subarray(t * widths[d], (t + 1) * widths[d]), t * width + first);
      }
      first += widths[d];
    });
    return joined;
  };

  // A stack: levels = [[forward] or [forward, reverse], …], edits by layer name.
  function* networkSteps(levels, x, T, edits = {}) {
    const runs = {};
    let below = x;
    for (const level of levels) {
      const here = [];
      for (const layer of level) here.push(yield* layerSteps(layer, below, T, edits[layer.name]));
      level.forEach((layer, d) => { runs[layer.name] = here[d]; });
      below = here.length === 1 ? here[0].hidden : beside(here, T);
    }
    return { runs, output: below };
  }

  const finish = (steps) => {
    let result = steps.next();
    while (!result.done) result = steps.next();
    return result.value;
  };

  const linear = (weight, bias, values, rows, I, O) => {
    const result = new Float32Array(rows * O);
    for (let r = 0; r < rows; r += 1) {
      for (let o = 0; o < O; o += 1) result[r * O + o] = chain(bias ? bias[o] : 0, weight, o, values, r * I, I);
    }
    return result;
  };

  return { NUMBERS, sigmoid, tanh, exp, logSigmoid, layerSteps, networkSteps, finish, linear };
})();
