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

  // y = last + skip(z[:, 0]) + head(recurrent(z)[-1]), z = x with last taken from channel 0.
  function* forecaster(node, weights, data, edits, runs) {
    const { rows, width } = data;
    const values = data.values.slice();
    const last = values[(rows - 1) * width];
    for (let t = 0; t < rows; t += 1) values[t * width] -= last;
    const hidden = yield* recurrent(node.recurrent, weights, { rows, width, values }, edits, runs);
    const end = { rows: 1, width: hidden.width, values: hidden.values.subarray((rows - 1) * hidden.width) };
    const first = { rows: 1, width: rows, values: values.filter((_, k) => k % width === 0) };
    const head = linear(node.head, weights, end).values;
    const skip = linear(node.skip, weights, first).values;
    return { rows: 1, width: head.length, values: head.map((v, k) => f(f(last + skip[k]) + v)) };
  }

  function* run(node, weights, data, edits, runs) {
    if (node.type === "Sequential") {
      for (const child of node.children) data = yield* run(child, weights, data, edits, runs);
      return data;
    }
    if (node.type === "Forecaster") return yield* forecaster(node, weights, data, edits, runs);
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
