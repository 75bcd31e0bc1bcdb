// The layers of the network again, in the browser: LSTM and plain RNN with the kernels' own order
// of operations and their rounding to float32, so that an unchanged run gives Python's numbers.
const Recurrent = (() => {
  const f = Math.fround;
  const GATES = ["input", "forget", "candidate", "output"];
  const LOG2E = 1.4426950216293335;
  const MAGIC = 1.5 * 2 ** 23;
  const LN2_HIGH = 0.693145751953125;
  const LN2_LOW = 1.428606765330187e-6;
  const Q = [0.5, 0.16666577756404877, 0.041666556149721146, 0.008363173343241215, 0.0013926175888627768];
  const POWERS = Float32Array.from({ length: 256 }, (_, k) => 2 ** (k - 127));

  // exp(y) = scale + scale * rest. Every product of two float32 is exact in double, so f(a * b + c)
  // is a fused multiply-add (up to a double rounding that one case in 2^29 can show).
  let scale = 0;
  const rest = (y) => {
    const n = f(f(y * LOG2E + MAGIC) - MAGIC);
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

  // sum = init[row] + W_ih[row] x + W_hh[row] h, one chain of fused multiply-adds in that order.
  const chain = (sum, matrix, row, values, at, count) => {
    const first = row * count;
    for (let k = 0; k < count; k += 1) sum = f(values[at + k] * matrix[first + k] + sum);
    return sum;
  };

  // The four gates of one unit side by side: four chains that do not wait for each other.
  const sums = new Float32Array(4);
  const chains = (layer, u, matrix, values, at, count) => {
    const step = layer.H * count;
    const first = u * count;
    let a = sums[0];
    let b = sums[1];
    let c = sums[2];
    let d = sums[3];
    for (let k = 0; k < count; k += 1) {
      const v = values[at + k];
      a = f(v * matrix[first + k] + a);
      b = f(v * matrix[first + step + k] + b);
      c = f(v * matrix[first + 2 * step + k] + c);
      d = f(v * matrix[first + 3 * step + k] + d);
    }
    sums[0] = a; sums[1] = b; sums[2] = c; sums[3] = d;
  };

  // Where each chain begins: the bias, plus what the reader adds to the forget gate's.
  const starts = (layer, shift) => {
    const start = new Float32Array(layer.H * (layer.mode === "LSTM" ? 4 : 1));
    if (layer.bias) start.set(layer.bias);
    for (let u = 0; shift && layer.mode === "LSTM" && u < layer.H; u += 1) start[layer.H + u] += shift;
    return start;
  };

  const lstmStep = (layer, run, edit, t, before) => {
    const { H, I } = layer;
    const P = layer.weight_hr ? layer.P : H;
    const clamp = edit.clamp || {};
    const shown = layer.weight_hr ? run.inner : run.hidden;
    const place = layer.weight_hr ? 0 : t * P;
    for (let u = 0; u < H; u += 1) {
      for (let gate = 0; gate < 4; gate += 1) sums[gate] = run.start[gate * H + u];
      chains(layer, u, layer.weight_ih, run.x, t * I, I);
      chains(layer, u, layer.weight_hh, before < 0 ? run.h0 : run.hidden, Math.max(0, before) * P, P);
      const at = t * H + u;
      const i = run.input[at] = clamp.input ?? sigmoid(sums[0]);
      const k = run.forget[at] = clamp.forget ?? sigmoid(sums[1]);
      const g = run.candidate[at] = clamp.candidate ?? tanh(sums[2]);
      const o = run.output[at] = clamp.output ?? sigmoid(sums[3]);
      const old = before < 0 ? run.c0[u] : run.cell[before * H + u];
      const c = run.cell[at] = f(f(f(k) * old) + f(f(i) * f(g)));
      shown[place + u] = edit.units && edit.units.has(u) ? 0 : f(f(o) * tanh(c));
    }
    for (let p = 0; layer.weight_hr && p < P; p += 1) {
      run.hidden[t * P + p] = chain(0, layer.weight_hr, p, run.inner, 0, H);
    }
  };

  const rnnStep = (layer, run, edit, t, before) => {
    const { H, I } = layer;
    for (let u = 0; u < H; u += 1) {
      const read = chain(run.start[u], layer.weight_ih, u, run.x, t * I, I);
      const old = before < 0 ? run.h0 : run.hidden;
      const sum = chain(read, layer.weight_hh, u, old, Math.max(0, before) * H, H);
      const h = layer.mode === "RNN_RELU" ? (sum > 0 || Number.isNaN(sum) ? sum : 0) : tanh(sum);
      run.hidden[t * H + u] = edit.units && edit.units.has(u) ? 0 : h;
    }
  };

  const buffers = (layer, x, T) => {
    const P = layer.weight_hr ? layer.P : layer.H;
    const run = { x, T, hidden: new Float32Array(T * P), h0: layer.h0 ?? new Float32Array(P) };
    if (layer.mode !== "LSTM") return run;
    run.c0 = layer.c0 ?? new Float32Array(layer.H);
    for (const name of [...GATES, "cell"]) run[name] = new Float32Array(T * layer.H);
    if (layer.weight_hr) run.inner = new Float32Array(layer.H);
    return run;
  };

  // One layer in one direction over x (T, I), row by row; yields after each step, so that the
  // caller can let the page breathe; returns every gate (T, H) and hidden (T, P).
  // layer: {name, mode, H, I, P, reverse, weight_ih, weight_hh, bias (the sum of both), weight_hr,
  // h0, c0}; P is H without weight_hr; bias, weight_hr, h0 and c0 may be missing.
  // edit: {forgetBias, clamp: {gate: value}, units: Set of units whose output is held at 0}.
  function* layerSteps(layer, x, T, edit = {}) {
    const run = buffers(layer, x, T);
    run.start = starts(layer, edit.forgetBias || 0);
    const step = layer.mode === "LSTM" ? lstmStep : rnnStep;
    for (let k = 0; k < T; k += 1) {
      const t = layer.reverse ? T - 1 - k : k;
      step(layer, run, edit, t, k === 0 ? -1 : layer.reverse ? t + 1 : t - 1);
      yield;
    }
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

  return { sigmoid, tanh, layerSteps, networkSteps, finish, linear, GATES };
})();
