// Runs the page's own network again: finds the weights in the page, works in slices so that the page
// stays alive, and compares an unchanged run with Python's numbers.
(() => {
  const SLICE = 14;
  const floats = (key) => GC.array(key);

  const layerByName = (name) => {
    const index = GC.data.layers.findIndex((layer) => layer.name === name);
    const own = (part) => floats(`weights/${index}/${part}`);
    const { H, P, I, reverse } = GC.data.layers[index];
    const cell = GC.cellOf(index);
    const initial = Object.fromEntries(Object.values(cell.states).map((state) => [state, GC.get(`initial_${state}`, index) ?? undefined]));
    const arrays = Object.keys(GC.data.weights[index] ?? {}).map((part) => [part, own(part)]);
    return { name, cell, H, P, I, reverse, initial, ...Object.fromEntries(arrays) };
  };
  const weights = { layer: layerByName, free: (name) => floats(`weights/${name}`) };

  // What the network reads: numbers (I, T), or one index a step (1, T) for an Embedding.
  const read = () => floats(`${GC.state.series}/indices`) ?? floats(`${GC.state.series}/x`);

  const PARTS = ["recurrent", "attention", "head", "skip"];
  const nodes = (tree) => [tree, ...(tree.children ?? []).flatMap(nodes), ...PARTS.map((part) => tree[part]).filter(Boolean).flatMap(nodes)];
  const names = (tree) => nodes(tree).filter((node) => "num_layers" in node).flatMap((node) => (
    Array.from({ length: node.num_layers }, (_, l) => (node.bidirectional ? ["", "_reverse"] : [""]).map((end) => `${node.weights ? `${node.weights}.` : ""}l${l}${end}`)).flat()
  ));
  const readsIndices = (tree) => {
    if (tree.type !== "Sequential") return tree.type === "Embedding";
    const first = tree.children.find(({ type }) => type !== "Identity" && type !== "Dropout");
    return Boolean(first) && readsIndices(first);
  };

  // Of a model that glasscell.save cannot write, its recurrent layers alone: one stack that reads x.
  const stack = () => {
    const { layers, weights: held } = GC.data;
    const [first] = layers;
    const [, stem] = first.name.match(/^(.*?)l0$/) ?? [];
    const bidirectional = layers[1]?.name === `${stem}l0_reverse`;
    const ends = bidirectional ? ["", "_reverse"] : [""];
    const fits = stem !== undefined && layers.length % ends.length === 0 && layers.every((layer, k) => (
      layer.cell === first.cell && held[k] && layer.name === `${stem}l${Math.floor(k / ends.length)}${ends[k % ends.length]}`
    )) && first.I === GC.array("0/x")?.shape[0];
    const num_layers = layers.length / ends.length;
    return fits ? { type: first.mode, weights: stem.slice(0, -1), num_layers, bidirectional, guessed: true } : null;
  };
  let tree;
  const model = () => (tree === undefined ? (tree = GC.data.model ?? stack()) : tree);

  /** Why the network cannot run again here, as a word key; null if it can. */
  const refusal = () => {
    const { layers } = GC.data;
    if (!model()) return GC.data.measures.unworth === "trace" ? "whatif.trace" : "whatif.absent";
    const x = read();
    if (!x || x.pool > 1) return "whatif.input";
    const found = names(model());
    const there = found.length && found.every((name) => {
      const index = layers.findIndex((layer) => layer.name === name);
      return GC.has(`weights/${index}/weight_ih`);
    });
    const [from, to] = GC.series.layers; // the page's model is that of its first series
    if (found.some((name) => { const k = layers.findIndex((layer) => layer.name === name); return k < from || k >= to; })) return "whatif.other";
    return there && nodes(model()).every(held) ? null : GC.data.omitted ? "weights.large" : "whatif.weights";
  };
  // Whether what a node multiplies by is in the page.
  const held = ({ type, weights: prefix }) => !["Linear", "Embedding", "Grams"].includes(type) || GC.has(`weights/${prefix ? `${prefix}.` : ""}weight`);
  /** Bits that the weights here are rounded to; 32 where they are Python's to the last bit. */
  const bits = () => Math.min(...Object.entries(GC.data.arrays).map(([key, { type }]) => (key.startsWith("weights/") ? { f32: 32, i16: 16, u8: 8 }[type] : 32)));

  /** Multiply-adds of one run: what it will cost. */
  const cost = () => names(model()).reduce((sum, name) => {
    const index = GC.data.layers.findIndex((layer) => layer.name === name);
    const { H, P, I } = GC.data.layers[index];
    return sum + Object.keys(GC.cellOf(index).gates).length * H * (I + P) * GC.series.T;
  }, 0);

  // The input as the network reads it: (T, I) row by row, cut inputs held at 0, some values replaced.
  const input = (cut, set) => {
    const x = read();
    const [I, T] = x.shape;
    const values = new Float32Array(T * I);
    for (let i = 0; i < I; i += 1) if (!cut.has(i)) for (let t = 0; t < T; t += 1) values[t * I + i] = x[i * T + t];
    for (const { i, t, value } of set) values[t * I + i] = value;
    return values;
  };

  /** Run with edits ({layer name: edit}), cut inputs (a Set) and set ones ([{i, t, value}]); gives a function that stops it. */
  const start = ({ edits = {}, cut = new Set(), set = [] }, done, progress = () => {}) => {
    let stopped = false;
    const { T } = GC.series;
    const steps = Tree.steps(model(), weights, input(cut, set), T, edits);
    const total = names(model()).length * T;
    let count = 0;
    const slice = () => {
      if (stopped) return;
      const end = GC.printing ? Infinity : performance.now() + SLICE;
      while (performance.now() < end) {
        const { value, done: over } = steps.next();
        if (over) { done(value); return; }
        count += 1;
      }
      progress(count / total);
      setTimeout(slice, 0);
    };
    slice();
    return () => { stopped = true; };
  };

  const largest = (python, own) => {
    let [most, top] = [0, 0];
    const [rows, T] = python.shape;
    for (let r = 0; r < rows; r += 1) {
      for (let t = 0; t < T; t += 1) {
        const [a, b] = [python[r * T + t], own[t * rows + r]];
        if (Number.isFinite(a)) top = Math.max(top, Math.abs(a));
        const same = a === b || (Number.isNaN(a) && Number.isNaN(b));
        if (!same) most = Math.max(most, Number.isNaN(a - b) ? Infinity : Math.abs(a - b));
      }
    }
    return { most, top, count: rows * T };
  };

  /** Largest |page − Python| of an unchanged run over everything that the page holds exactly; if that is nothing, over what it holds rounded to 16 bits. */
  const check = (run) => { const best = compared(run, "f32"); return best.count ? best : { ...compared(run, "i16"), rounded: true }; };
  const compared = (run, type) => {
    const all = [];
    const kept = (key) => { const spec = GC.data.arrays[key]; return spec?.type === type && (spec.pool ?? 1) === 1 && !floats(key).own; };
    const key = `${GC.state.series}/output`;
    if (!model().guessed && kept(key) && floats(key).length === run.output.length) all.push(largest(floats(key), run.output));
    for (const [name, layer] of Object.entries(run.runs)) {
      const index = GC.data.layers.findIndex((one) => one.name === name);
      for (const part of Object.values(GC.cellOf(index).states)) {
        const key = GC.key(part, index);
        if (kept(key)) all.push(largest(floats(key), layer[part]));
      }
    }
    return all.reduce((a, b) => ({ most: Math.max(a.most, b.most), top: Math.max(a.top, b.top), count: a.count + b.count }), { most: 0, top: 0, count: 0 });
  };

  // ---- series whose maps are rounded or thinned here --------------------------------------
  const refined = new Map(); // series -> what check said
  let stop = () => {};
  const turned = (values, width) => {
    const T = values.length / width;
    const rows = new Float32Array(values.length);
    for (let t = 0; t < T; t += 1) for (let k = 0; k < width; k += 1) rows[k * T + t] = values[t * width + k];
    return rows;
  };
  const exactMaps = () => GC.data.layers.every((_, l) => { const { type, pool } = GC.data.arrays[GC.key("hidden", l)] ?? {}; return type !== "u8" && !pool; });
  /** Compute the shown series' maps again where Python's are not whole in the page. */
  const refine = () => {
    const { series } = GC.state;
    stop();
    if (!GC.data.rerun || refined.has(series) || exactMaps() || refusal()) return;
    stop = start({}, ({ runs, ...run }) => {
      refined.set(series, check({ runs, ...run }));
      for (const [name, found] of Object.entries(runs)) {
        const index = GC.data.layers.findIndex((layer) => layer.name === name);
        for (const part of GC.cellOf(index).names) {
          const key = GC.key(part, index, series);
          if (found[part] && GC.has(key)) GC.put(key, turned(found[part], found[part].length / GC.series.T), found[part].length / GC.series.T);
        }
      }
      GC.redraw(null, "series");
    });
  };
  GC.listen((state, changed) => { if (changed.has("series")) refine(); });

  GC.rerun = { refine, bits, guessed: () => Boolean(model()?.guessed), read, refined: () => refined.get(GC.state.series), refusal, cost, start, check, names: () => names(model()), readsIndices: () => readsIndices(model()) };
})();
