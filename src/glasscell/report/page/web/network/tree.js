// A whole saved model in the browser: the tree of config.json, node by node, around program.js.
const Tree = (() => {
  const f = Math.fround;

  // Elementwise functions under torch's names, rounded to float32 at the end.
  const plain = {
    Tanh: () => Math.tanh,
    Sigmoid: () => (x) => 1 / (1 + Math.exp(-x)),
    ReLU: () => (x) => (x < 0 ? 0 : x),
    SiLU: () => (x) => x / (1 + Math.exp(-x)),
    LeakyReLU: (node) => (x) => (x >= 0 ? x : x * node.negative_slope),
    ELU: (node) => (x) => (x > 0 ? x : node.alpha * Math.expm1(x)),
    Softplus: (node) => (x) => (x * node.beta > node.threshold ? x : Math.log1p(Math.exp(x * node.beta)) / node.beta),
    GELU: (node) => (node.approximate === "tanh"
      ? (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
      : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2))),
  };

  // erf by its series, and far out by the continued fraction of erfc; both to double rounding.
  const erf = (x) => {
    const a = Math.abs(x);
    if (Number.isNaN(x)) return NaN;
    if (a > 6) return Math.sign(x);
    if (a < 2.5) {
      let term = x;
      let sum = x;
      for (let k = 1; k < 60; k += 1) { term *= -x * x / k; sum += term / (2 * k + 1); }
      return 2 / Math.sqrt(Math.PI) * sum;
    }
    let fraction = 0;
    for (let k = 60; k > 0; k -= 1) fraction = k / 2 / (a + fraction);
    return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
  };

  const byRow = (data, change) => {
    const values = new Float32Array(data.values.length);
    for (let r = 0; r < data.rows; r += 1) {
      values.set(change(data.values.subarray(r * data.width, (r + 1) * data.width)), r * data.width);
    }
    return { ...data, values };
  };

  const softmax = (log) => (row) => {
    const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = row.reduce((a, b) => a + Math.exp(b - top), 0);
    return row.map((v) => (log ? v - top - Math.log(sum) : Math.exp(v - top) / sum));
  };

  const layerNorm = (node, weights) => (row) => {
    const mean = row.reduce((a, b) => a + b, 0) / row.length;
    const spread = Math.sqrt(row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length + node.eps);
    const [weight, bias] = ["weight", "bias"].map((name) => weights.free(named(node, name)));
    return row.map((v, k) => (v - mean) / spread * (weight ? weight[k] : 1) + (bias ? bias[k] : 0));
  };

  const named = (node, name) => (node.weights ? `${node.weights}.${name}` : name);

  const linear = (node, weights, data) => ({
    rows: data.rows,
    width: node.out_features,
    values: Recurrent.linear(weights.free(named(node, "weight")), node.bias ? weights.free(named(node, "bias")) : null,
      data.values, data.rows, node.in_features, node.out_features),
  });

  const embedding = (node, weights, data) => {
    const table = weights.free(named(node, "weight"));
    const width = node.embedding_dim;
    const values = new Float32Array(data.rows * width);
    for (let r = 0; r < data.rows; r += 1) {
      values.set(table.subarray(data.values[r] * width, (data.values[r] + 1) * width), r * width);
    }
    return { rows: data.rows, width, values };
  };

  function* recurrent(node, weights, data, edits, runs) {
    const ends = node.bidirectional ? ["", "_reverse"] : [""];
    const levels = Array.from({ length: node.num_layers }, (_, l) => (
      ends.map((end) => weights.layer(named(node, `l${l}${end}`)))
    ));
    const found = yield* Recurrent.networkSteps(levels, data.values, data.rows, edits);
    Object.assign(runs, found.runs);
    return { rows: data.rows, width: found.output.length / data.rows, values: found.output };
  }

  const picked = ({ values, width }, from, to, channels) => Float32Array.from(
    Array.from({ length: to - from }, (_, t) => channels.map((c) => values[(from + t) * width + c])).flat());

  // y = last + skip([z[:, 0], what else it reads]) + head(recurrent(z)[lookback - 1]), z = x with last taken from
  // channel 0 of the past; with rows ahead each adds own(what is known of it)[k] + ahead(recurrent(z)[lookback + k])[k].
  function* forecaster(node, weights, data, edits, runs) {
    const { rows, width } = data;
    const [past, known] = [node.lookback, "channels" in node];
    const shifted = { rows, width, values: data.values.slice() };
    const last = shifted.values[(past - 1) * width];
    for (let t = 0; t < past; t += 1) shifted.values[t * width] -= last;
    let read = shifted;
    if (known) {
      const tables = node.codes.map((c, k) => embedding(node.embeddings[k], weights, { rows, values: picked(data, 0, rows, [c]) }));
      const wide = 1 + node.numbers.length;
      const own = picked(shifted, 0, rows, [0, ...node.numbers]);
      const values = Array.from({ length: rows }, (_, t) => [own.subarray(t * wide, (t + 1) * wide),
        ...tables.map((table) => table.values.subarray(t * table.width, (t + 1) * table.width))].flatMap((part) => [...part])).flat();
      read = { rows, width: values.length / rows, values: Float32Array.from(values) };
    }
    const hidden = yield* recurrent(node.recurrent, weights, read, edits, runs);
    const from = (first, to) => ({ rows: to - first, width: hidden.width, values: hidden.values.subarray(first * hidden.width, to * hidden.width) });
    const head = linear(node.head, weights, from(past - 1, past)).values;
    const beside = known ? picked(data, 0, past, node.skipped) : [];
    const skip = linear(node.skip, weights, asRow([...picked(shifted, 0, past, [0]), ...beside])).values;
    const told = head.map((v, k) => f(f(last + skip[k]) + v));
    if (!node.known) return { rows: 1, width: told.length, values: told };
    const steps = told.length;
    const own = linear(node.known, weights, { rows: steps, values: picked(data, past, rows, node.owned) }).values;
    const ahead = linear(node.ahead, weights, from(past, rows)).values;
    return { rows: 1, width: steps, values: told.map((v, k) => f(f(v + own[k * steps + k]) + ahead[k * steps + k])) };
  }

  // Over all steps in double, one after the other, as in model/nodes/pooled_steps.py; rounded once at the end.
  const POOLS = {
    last: ({ values, rows, width }, node) => {
      const half = node.recurrent.bidirectional ? width / 2 : width;
      return [...values.subarray((rows - 1) * width, (rows - 1) * width + half), ...values.subarray(half, width)];
    },
    mean: ({ values, rows, width }) => {
      const total = new Float64Array(width);
      values.forEach((v, k) => { total[k % width] += v; });
      return total.map((v) => v / rows);
    },
    max: ({ values, width }) => {
      const top = new Float64Array(width).fill(-Infinity);
      values.forEach((v, k) => { top[k % width] = Math.max(top[k % width], v); });
      return top.map((v) => v + 0);
    },
    attention: (data, node, weights) => {
      const { values, rows, width } = data;
      const scores = linear(node.attention, weights, data).values;
      const total = new Float64Array(width);
      let [level, mass] = [-Number.MAX_VALUE, 0];
      for (let t = 0; t < rows; t += 1) {
        const next = Math.max(level, Math.floor(scores[t] / 256 + 0.5) * 256);
        const [share, scale] = [Math.exp(scores[t] - next), Math.exp(level - next)];
        mass = mass * scale + share;
        for (let k = 0; k < width; k += 1) total[k] = total[k] * scale + share * values[t * width + k];
        level = next;
      }
      return total.map((v) => v / mass);
    },
  };
  const summary = ({ values, rows, width }) => {
    const first = values.subarray(0, width);
    const [shift, square] = [new Float64Array(width), new Float64Array(width)];
    values.forEach((v, k) => {
      const away = v - first[k % width];
      shift[k % width] += away;
      square[k % width] += away * away;
    });
    const mean = shift.map((v) => v / rows);
    const deviation = square.map((v, k) => Math.sqrt(Math.max(v / rows - mean[k] * mean[k], 0)));
    return [...mean.map((v, k) => first[k] + v), ...deviation, ...first, ...values.subarray((rows - 1) * width)];
  };
  // As model/nodes/grams.py numbers them, summed in double and rounded once at the end.
  const HALF = 2 ** 32;
  const grams = (node, weights, { values, rows, width }) => {
    const [weight, bias] = ["weight", "bias"].map((name) => weights.free(named(node, name)));
    const size = node.features + 2;
    const all = Array.from({ length: node.order }, (_, k) => size ** (k + 1)).reduce((a, b) => a + b);
    const row = (number) => {
      if (2 * all <= node.rows) return number;
      const folded = (number % HALF) ^ Math.floor(number / HALF);
      return Math.floor((Math.imul(folded, 2654435761) >>> 0) * node.rows / HALF);
    };
    const symbols = Array.from({ length: rows }, (_, t) => {
      const step = values.subarray(t * width, (t + 1) * width);
      const found = step.indexOf(Math.max(...step));
      return step[found] > 0 ? found : node.features;
    });
    const at = (t) => (t < 0 ? node.features + 1 : symbols[t]);
    // What the grams that end at step t count, all of them shifted by a number.
    const sums = (t, shift) => {
      const told = new Float64Array(node.outputs);
      for (let k = 0, below = shift, power = 1; k < node.order; k += 1, power *= size, below += power) {
        below += power * at(t - k);
        const from = row(below) * node.outputs;
        for (let o = 0; o < node.outputs; o += 1) told[o] += weight[from + o];
      }
      return told;
    };
    const total = new Float64Array(node.outputs);
    for (let t = 0; t < rows; t += 1) sums(t, 0).forEach((v, o) => { total[o] += v; });
    return sums(rows - 1, all).map((v, o) => bias[o] + total[o] + v);
  };
  const asRow = (values) => ({ rows: 1, width: values.length, values: Float32Array.from(values) });

  // y = head(pool(recurrent(x))) + skip(summary(x)), or + grams(x); without a pool head(recurrent(x)), a row a step.
  function* sequenceNetwork(node, weights, data, edits, runs) {
    const steps = yield* recurrent(node.recurrent, weights, data, edits, runs);
    if (!node.pooling.length) return linear(node.head, weights, steps);
    const scores = linear(node.head, weights, asRow(node.pooling.flatMap((kind) => [...POOLS[kind](steps, node, weights)])));
    if (!node.skip) return scores;
    const told = () => (node.skip.type === "Grams"
      ? asRow(grams(node.skip, weights, data)) : linear(node.skip, weights, asRow(summary(data))));
    const skip = told().values;
    return { ...scores, values: scores.values.map((v, k) => f(v + skip[k])) };
  }

  function* run(node, weights, data, edits, runs) {
    if (node.type === "Sequential") {
      for (const child of node.children) data = yield* run(child, weights, data, edits, runs);
      return data;
    }
    if (node.type === "Forecaster") return yield* forecaster(node, weights, data, edits, runs);
    if (node.type === "SequenceNetwork") return yield* sequenceNetwork(node, weights, data, edits, runs);
    if ("num_layers" in node) return yield* recurrent(node, weights, data, edits, runs);
    if (node.type === "Linear") return linear(node, weights, data);
    if (node.type === "Embedding") return embedding(node, weights, data);
    if (node.type === "LayerNorm") return byRow(data, layerNorm(node, weights));
    if (node.type === "Softmax" || node.type === "LogSoftmax") return byRow(data, softmax(node.type === "LogSoftmax"));
    if (node.type in plain) return { ...data, values: data.values.map(plain[node.type](node)) };
    return data;
  }

  // Runs a tree over x (T, I) row by row, or T indices for an Embedding.
  // weights: {layer(name): what program.js wants, free(name): Float32Array or null}.
  // Returns {runs: every gate by layer name, output, rows, width}.
  function* steps(node, weights, x, T, edits = {}) {
    const runs = {};
    const data = yield* run(node, weights, { rows: T, width: x.length / T, values: x }, edits, runs);
    return { runs, output: data.values, rows: data.rows, width: data.width };
  }

  return { steps };
})();
