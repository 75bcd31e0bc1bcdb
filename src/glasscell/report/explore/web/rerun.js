"use strict";
// Runs the page's own network again: finds the weights in the page, works in slices so that the page
// stays alive, and compares an unchanged run with Python's numbers.
(() => {
  const SLICE = 14;
  const floats = (key) => GC.array(key);

  const layerByName = (name) => {
    const index = GC.data.layers.findIndex((layer) => layer.name === name);
    const own = (part) => floats(`weights/${index}/${part}`);
    const { mode, H, P, I, reverse } = GC.data.layers[index];
    const state = (part) => GC.get(part, index) ?? undefined;
    return {
      name, mode, H, P, I, reverse, weight_ih: own("weight_ih"), weight_hh: own("weight_hh"),
      bias: own("bias"), weight_hr: own("weight_hr"), h0: state("initial_hidden"), c0: state("initial_cell"),
    };
  };
  const weights = { layer: layerByName, free: (name) => floats(`weights/${name}`) };

  // What the network reads: numbers (I, T), or one index a step (1, T) for an Embedding.
  const read = () => floats(`${GC.state.series}/indices`) ?? floats(`${GC.state.series}/x`);

  const nodes = (tree) => [tree, ...(tree.children ?? []).flatMap(nodes), ...(tree.recurrent ? nodes(tree.recurrent) : [])];
  const names = (tree) => nodes(tree).filter(({ type }) => type === "LSTM" || type === "RNN").flatMap((node) => (
    Array.from({ length: node.num_layers }, (_, l) => (node.bidirectional ? ["", "_reverse"] : [""]).map((end) => `${node.weights ? `${node.weights}.` : ""}l${l}${end}`)).flat()
  ));
  const readsIndices = (tree) => {
    if (tree.type !== "Sequential") return tree.type === "Embedding";
    const first = tree.children.find(({ type }) => type !== "Identity" && type !== "Dropout");
    return Boolean(first) && readsIndices(first);
  };

  /** Why the network cannot run again here, as a word key; null if it can. */
  const refusal = () => {
    const { model, layers } = GC.data;
    if (!model) return "whatif.absent";
    const x = read();
    if (!x || x.pool > 1) return "whatif.input";
    const found = names(model);
    const there = found.length && found.every((name) => {
      const index = layers.findIndex((layer) => layer.name === name);
      return GC.data.arrays[`weights/${index}/weight_ih`]?.type === "f32";
    });
    return there ? null : "whatif.weights";
  };

  /** Multiply-adds of one run: what it will cost. */
  const cost = () => names(GC.data.model).reduce((sum, name) => {
    const { mode, H, P, I } = GC.data.layers.find((layer) => layer.name === name);
    return sum + (mode === "LSTM" ? 4 : 1) * H * (I + P) * GC.series.T;
  }, 0);

  // The input as the network reads it: (T, I) row by row, cut inputs held at 0.
  const input = (cut) => {
    const x = read();
    const [I, T] = x.shape;
    const values = new Float32Array(T * I);
    for (let i = 0; i < I; i += 1) if (!cut.has(i)) for (let t = 0; t < T; t += 1) values[t * I + i] = x[i * T + t];
    return values;
  };

  let current = 0;
  /** Run with edits ({layer name: edit}) and cut inputs; a later call stops an earlier one. */
  const start = (edits, cut, done, progress) => {
    const mine = (current += 1);
    const { T } = GC.series;
    const steps = Tree.steps(GC.data.model, weights, input(cut), T, edits);
    const total = names(GC.data.model).length * T;
    let count = 0;
    const slice = () => {
      if (mine !== current) return;
      const end = performance.now() + SLICE;
      while (performance.now() < end) {
        const { value, done: over } = steps.next();
        if (over) { done(value); return; }
        count += 1;
      }
      progress(count / total);
      setTimeout(slice, 0);
    };
    slice();
  };

  const largest = (python, own) => {
    let most = 0;
    const [rows, T] = python.shape;
    for (let r = 0; r < rows; r += 1) {
      for (let t = 0; t < T; t += 1) {
        const [a, b] = [python[r * T + t], own[t * rows + r]];
        const same = a === b || (Number.isNaN(a) && Number.isNaN(b));
        if (!same) most = Math.max(most, Number.isNaN(a - b) ? Infinity : Math.abs(a - b));
      }
    }
    return { most, count: rows * T };
  };

  /** Largest |page − Python| of an unchanged run over everything that the page holds exactly. */
  const check = (run) => {
    const all = [];
    const output = floats(`${GC.state.series}/output`);
    if (output && output.pool === 1 && output.length === run.output.length) all.push(largest(output, run.output));
    for (const [name, layer] of Object.entries(run.runs)) {
      const index = GC.data.layers.findIndex((one) => one.name === name);
      for (const part of ["hidden", "cell"]) {
        const key = GC.key(part, index);
        const spec = GC.data.arrays[key];
        if (spec?.type === "f32" && (spec.pool ?? 1) === 1) all.push(largest(floats(key), layer[part]));
      }
    }
    return all.reduce((a, b) => ({ most: Math.max(a.most, b.most), count: a.count + b.count }), { most: 0, count: 0 });
  };

  GC.rerun = { refusal, cost, start, check, names: () => names(GC.data.model), readsIndices: () => readsIndices(GC.data.model) };
})();
