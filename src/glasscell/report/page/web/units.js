// One unit at one step: its numbers, whole rows where the maps are pooled, what its gates add up.
(() => {
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
      return initial ? initial[unit] : GC.begin(name);
    }
    const row = GC.whole(name, unit);
    const array = GC.get(name);
    return row ? row[t] : array && unit < array.shape[0] ? GC.at(array, unit, t) : NaN;
  };
  /** The number that a state of the shown cell begins with by itself. */
  GC.begin = (name) => GC.cell.initial[Object.keys(GC.cell.states).find((letter) => GC.cell.states[letter] === name)] ?? 0;
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
    // A Forecaster's layer reads its first input, in the past, less the last value that is past.
    const forecasts = GC.data.model?.type === "Forecaster" && GC.series.layers[0] === 0 && !below.length;
    const past = forecasts ? GC.data.model.lookback : 0;
    if (t < past) values[0] -= GC.at(arrays[0], 0, past - 1);
    return values.length === I ? values : null;
  };
  const before = (t) => {
    const array = GC.get("hidden");
    if (array.pool !== 1) return null;
    const from = GC.before(t);
    const initial = GC.get("initial_hidden");
    return Array.from({ length: array.shape[0] }, (_, k) => (from < 0 ? initial?.[k] ?? GC.begin("hidden") : GC.at(array, k, from)));
  };
  const dot = (matrix, row, vector) => {
    let sum = 0;
    for (let k = 0; k < vector.length; k += 1) sum += matrix[row * vector.length + k] * vector[k];
    return sum;
  };
  // The rows of a sum in the weights, and which of x, h and bias it reads.
  const rowOf = (k, unit) => {
    const [letter, reads] = GC.cell.program.sums[k];
    return [Object.keys(GC.cell.gates).indexOf(letter) * GC.layer.H + unit, reads];
  };
  const weight = (name) => GC.array(`weights/${GC.state.layer}/${name}`);
  const biasOf = (row, reads) => {
    const at = (name) => weight(name)?.[row] ?? 0;
    return weight("bias") ? at("bias") : (reads === "h" ? 0 : at("bias_ih")) + (reads === "x" ? 0 : at("bias_hh"));
  };
  // The parts of a sum as the weights give them; null where they, or what they read, are not here.
  const parts = (k, unit, read) => {
    if (!read) return null;
    const [row, reads] = rowOf(k, unit);
    const found = { x: reads === "h" ? 0 : dot(weight("weight_ih"), row, read.x), h: reads === "x" ? 0 : dot(weight("weight_hh"), row, read.h), b: biasOf(row, reads) };
    return { ...found, sum: found.x + found.h + found.b };
  };
  const readAt = (t) => {
    if (!GC.data.weights[GC.state.layer]) return null;
    const [x, h] = [reads(t), before(t)];
    return x && h ? { x, h } : null;
  };

  /** What computes values of the shown cell's step that no trace has, from what it has: quantities, states, weights.
   *  Wanted are values of the program by number, and of its slopes as {slope: number}; {open: value} is a
   *  quantity as its equation gives it. Returns {names, sums (whether weights are needed), at(t, units) → value
   *  of each wanted one, an array of units}. */
  GC.plan = (wanted) => {
    const { cell } = GC;
    const { sums, states, vectors, masks, operations } = cell.program;
    const inputs = sums.length + states.length + vectors.length + masks.length;
    const named = new Map(Object.entries(cell.values).filter(([name]) => cell.names.includes(name)).map(([name, value]) => [value, name]));
    const order = [];
    const places = new Map();
    const inner = (key, [name, ...operands], visit) => {
      const from = name === "constant" ? operands : operands.map(visit);
      return add(key, name, from);
    };
    const add = (key, name, operands) => { places.set(key, order.length); order.push({ name, operands }); return order.length - 1; };
    const open = (v, key = v) => {
      if (v < sums.length) return add(key, "sum", [v]);
      if (v < sums.length + states.length) return add(key, "before", [Object.values(cell.states)[v - sums.length]]);
      if (v < inputs - masks.length) return add(key, "vector", [vectors[v - sums.length - states.length]]);
      if (v < inputs) return add(key, "constant", [cell.masks[masks[v - inputs + masks.length]]]);
      return inner(key, operations[v - inputs], value);
    };
    const value = (v) => places.get(v) ?? (named.has(v) ? add(v, "named", [named.get(v)]) : open(v));
    // Slopes read what is on the tape, then states, vectors and masks.
    const { taped, operations: further } = cell.slopes;
    const own = taped.length + inputs - sums.length;
    const slope = (p) => {
      if (p < own) return value(p < taped.length ? taped[p] : p - taped.length + sums.length);
      return places.get(`p${p}`) ?? inner(`p${p}`, further[p - own], slope);
    };
    const targets = wanted.map((one) => (one.open !== undefined ? open(one.open, `o${one.open}`) : one.slope !== undefined ? slope(one.slope) : value(one)));
    const quantity = (name, units, t) => {
      const array = GC.get(name);
      const whole = t >= 0 && array && array.pool === 1 && !GC.exactUnits();
      return Float64Array.from(units, (u) => (whole ? array[u * GC.series.T + t] : GC.value(name, u, t)));
    };
    const all = () => Array.from({ length: GC.layer.H }, (_, u) => u);
    return {
      names: order.filter(({ name }) => name === "named").map(({ operands }) => operands[0]),
      sums: order.some(({ name }) => name === "sum"),
      at: (t, units = all()) => {
        const mixed = order.some(({ name }) => name === "mean");
        const some = mixed ? all() : units;
        const read = order.some(({ name }) => name === "sum") ? readAt(t) : null;
        const found = [];
        const number = (name, from) => {
          const op = Recurrent.NUMBERS[name];
          return Float64Array.from(some, (_, j) => (from.length === 1 ? op(from[0][j]) : op(from[0][j], from[1][j])));
        };
        for (const { name, operands } of order) {
          const from = () => operands.map((k) => found[k]);
          if (name === "named") found.push(quantity(operands[0], some, t));
          else if (name === "before") found.push(quantity(operands[0], some, GC.before(t)));
          else if (name === "vector") found.push(Float64Array.from(some, (u) => weight(operands[0])?.[u] ?? NaN));
          else if (name === "sum") found.push(Float64Array.from(some, (u) => parts(operands[0], u, read)?.sum ?? NaN));
          else if (name === "constant") found.push(new Float64Array(some.length).fill(operands[0]));
          else if (name === "mean") found.push(new Float64Array(some.length).fill(from().reduce((sum, list) => sum + list.reduce((a, b) => a + b, 0), 0) / some.length / operands.length));
          else found.push(number(name, from()));
        }
        const kept = mixed ? (list) => Float64Array.from(units, (u) => list[u]) : (list) => list;
        return targets.map((k) => kept(found[k]));
      },
    };
  };

  const INVERSE = { sigmoid: (v) => Math.log(v / (1 - v)), tanh: Math.atanh };
  // A layer between two recurrent ones changes what is read: then a quantity is not what these sums give.
  const agrees = (unit, t) => {
    const there = GC.cell.names.filter((name) => !(name === "hidden" && GC.layer.P !== GC.layer.H));
    const found = GC.plan(there.map((name) => ({ open: GC.cell.values[name] }))).at(t, [unit]);
    return there.every((name, k) => { const own = GC.value(name, unit, t); return !(Math.abs(own - found[k][0]) > 0.01 * Math.max(1, Math.abs(own))); });
  };
  /** Sum k of the shown cell: {x, h, b, sum}; the three parts are null where unknown, the sum is then undone from the quantity that it alone becomes. */
  GC.sum = (k, unit = GC.state.unit, t = GC.state.t) => {
    const found = parts(k, unit, readAt(t));
    if (found && agrees(unit, t)) return found;
    const { sums, states, vectors, masks, operations } = GC.cell.program;
    const made = (v) => operations[v - sums.length - states.length - vectors.length - masks.length];
    const [name, value] = Object.entries(GC.cell.values).find(([, v]) => made(v)?.[1] === k) ?? [];
    const undo = name && INVERSE[made(value)[0]];
    return { x: null, h: null, b: null, sum: undo ? undo(GC.value(name, unit, t)) : NaN };
  };

  /** A number of steps: "1 step", "12 steps". */
  GC.count = (n) => (n === 1 ? GC.say("steps.one") : GC.say("steps", { value: n }));
  /** Half-life in words: "12.3 steps", "never fades". */
  GC.lifeText = (value) => (value === "never" ? GC.say("never") : value === null || value === undefined ? "–" : GC.say("steps", { value: GC.number(value, value < 10 ? 1 : 0) }));
  GC.halfLives = () => GC.data.measures.half_life?.[here()] ?? null;
})();
