// One unit at one step: its numbers, whole rows where the maps are pooled, what its gates add up.
(() => {
  const GATES = ["input", "forget", "candidate", "output"]; // torch's order of weight rows
  const here = () => `${GC.state.series}/${GC.state.layer}`;

  /** Units of the shown layer whose every step is on the page; null means all of them. */
  GC.exactUnits = () => GC.data.measures.exact?.[here()] ?? null;
  /** All T values of a unit, or null where the page has them pooled only. */
  GC.whole = (name, unit = GC.state.unit) => {
    const units = GC.exactUnits();
    const place = units?.indexOf(unit) ?? -1;
    const exact = place >= 0 ? GC.get(`exact/${name}`) : null;
    if (exact) return GC.row(exact, place);
    const array = GC.get(name);
    return array && array.pool === 1 && unit < array.shape[0] ? GC.row(array, unit) : null;
  };
  /** A unit's value at a step: exact where the page has it. */
  GC.value = (name, unit = GC.state.unit, t = GC.state.t) => {
    if (t < 0) {
      const initial = GC.get(`initial_${name}`);
      return initial ? initial[unit] : 0;
    }
    const row = GC.whole(name, unit);
    const array = GC.get(name);
    return row ? row[t] : array && unit < array.shape[0] ? GC.at(array, unit, t) : NaN;
  };
  /** The unit with whole rows that is nearest in the order. */
  GC.nearestExact = () => {
    const units = GC.exactUnits() ?? [GC.state.unit];
    const order = GC.order();
    const at = order.indexOf(GC.state.unit);
    return units.reduce((a, b) => (Math.abs(order.indexOf(b) - at) < Math.abs(order.indexOf(a) - at) ? b : a));
  };

  // ---- what goes into a gate --------------------------------------------------------------
  /** What the layer reads at step t: x, or the hidden states of the layers below; null if unknown. */
  const reads = GC.reads = (t) => {
    const { I, name } = GC.layer;
    const [, stem, depth] = name.match(/^(.*?)l(\d+)(?:_reverse)?$/) ?? [];
    const below = Number(depth) > 0
      ? [`${stem}l${depth - 1}`, `${stem}l${depth - 1}_reverse`].map((one) => GC.data.layers.findIndex((layer) => layer.name === one)).filter((k) => k >= 0)
      : [];
    const arrays = below.length ? below.map((k) => GC.get("hidden", k)) : [GC.array(`${GC.state.series}/x`)];
    if (arrays.some((array) => !array || array.pool !== 1)) return null;
    const values = arrays.flatMap((array) => Array.from({ length: array.shape[0] }, (_, k) => GC.at(array, k, t)));
    // A Forecaster's layer reads its first input less the window's last value.
    const forecasts = GC.data.model?.type === "Forecaster" && GC.series.layers[0] === 0 && !below.length;
    if (forecasts) values[0] -= GC.at(arrays[0], 0, GC.series.T - 1);
    return values.length === I ? values : null;
  };
  const before = (t) => {
    const array = GC.get("hidden");
    if (array.pool !== 1) return null;
    const from = GC.before(t);
    const initial = GC.get("initial_hidden");
    return Array.from({ length: array.shape[0] }, (_, k) => (from < 0 ? initial?.[k] ?? 0 : GC.at(array, k, from)));
  };
  const dot = (matrix, row, vector) => {
    let sum = 0;
    for (let k = 0; k < vector.length; k += 1) sum += matrix[row * vector.length + k] * vector[k];
    return sum;
  };
  const inverse = { candidate: Math.atanh, hidden: Math.atanh };
  const logit = (v) => Math.log(v / (1 - v));

  /** What stands inside σ or tanh: {x, h, b, sum}; the three parts are null where unknown. */
  GC.inside = (gate, unit = GC.state.unit, t = GC.state.t) => {
    const value = GC.value(gate, unit, t);
    const sum = (inverse[gate] ?? logit)(value);
    const keys = GC.data.weights[GC.state.layer];
    const [x, h] = [keys && reads(t), keys && before(t)];
    if (!x || !h) return { x: null, h: null, b: null, sum };
    const row = GC.lstm ? GATES.indexOf(gate) * GC.layer.H + unit : unit;
    const parts = {
      x: dot(GC.array(keys.weight_ih), row, x), h: dot(GC.array(keys.weight_hh), row, h),
      b: keys.bias ? GC.array(keys.bias)[row] : 0,
    };
    parts.sum = parts.x + parts.h + parts.b;
    const back = gate === "candidate" || gate === "hidden" ? Math.tanh(parts.sum) : 1 / (1 + Math.exp(-parts.sum));
    // A layer between two recurrent ones changes what is read: then only the sum is known.
    const agrees = GC.layer.mode === "RNN_RELU" || Math.abs(back - value) < 0.01;
    return agrees ? parts : { x: null, h: null, b: null, sum };
  };

  /** Every number in the cell's drawing at one unit and step. */
  GC.wires = (unit = GC.state.unit, t = GC.state.t) => {
    const v = Object.fromEntries(["forget", "input", "candidate", "output", "cell"].map((name) => [name, GC.value(name, unit, t)]));
    const prev = GC.value("cell", unit, GC.before(t));
    return {
      ...v, before: GC.value("hidden", unit, GC.before(t)), cell_prev: prev, kept: v.forget * prev, written: v.input * v.candidate,
      squashed: Math.tanh(v.cell), hidden: v.output * Math.tanh(v.cell),
    };
  };

  /** A number of steps: "1 step", "12 steps". */
  GC.count = (n) => (n === 1 ? GC.say("steps.one") : GC.say("steps", { value: n }));
  /** Half-life in words: "12.3 steps", "never fades". */
  GC.lifeText = (value) => (value === "never" ? GC.say("never") : value === null || value === undefined ? "–" : GC.say("steps", { value: GC.number(value, value < 10 ? 1 : 0) }));
  GC.halfLives = () => GC.data.measures.half_life?.[here()] ?? null;
})();
