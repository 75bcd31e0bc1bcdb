// 2 Gate wall: what the network read, then a heat map of every quantity of the layer, all over one time axis.
(() => {
  const LINES = 4;
  const [LONG, NEAR] = [400, 200]; // of more steps than LONG, NEAR can be looked at alone
  const BRIGHT = 0.98; // share of the cell states that colours tell apart; the rest is darkest

  const limit = (name, array) => GC.bound(name) ?? (GC.top(array, BRIGHT) || GC.top(array) || 1);
  const letter = (name) => GC.cell.letters[name];

  // With a scale of its own each unit runs from its lowest to its highest value.
  const ownScale = (array, gate) => Array.from({ length: array.shape[0] }, (_, unit) => {
    const row = GC.row(array, unit).filter(Number.isFinite);
    if (!gate) return [0, GC.top(row) || 1];
    const [low, high] = row.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
    return [low, high - low || 1];
  });

  // The columns of an array within the shown span.
  const columnsOf = (plot, array) => {
    const [from, count] = plot.span();
    const first = Math.floor(from / array.pool);
    return [first, Math.min(array.shape[1], Math.ceil((from + count) / array.pool)) - first];
  };
  // x and values of a row within the shown span.
  const inSpan = (plot, values, pool) => {
    const [from, count] = plot.span();
    const [a, b] = [Math.floor(from / pool), Math.min(values.length, Math.ceil((from + count) / pool))];
    const x = (k) => plot.area.x + Math.min(1, ((k + 0.5) * pool - from) / count) * plot.area.w;
    return [Float64Array.from({ length: b - a }, (_, k) => x(a + k)), values.subarray(a, b)];
  };

  const paint = (plot, name, array, own_scale) => {
    plot.clear();
    const colours = GC.palette();
    const [H, columns] = array.shape;
    const [first, some] = columnsOf(plot, array);
    const own = H === GC.layer.H ? GC.order() : Array.from({ length: H }, (_, k) => k);
    const top = limit(name, array);
    const gate = GC.cell.rising.includes(name);
    const hue = gate ? GC.hue(name) : "diverging";
    const ramp = colours.ramp(hue);
    const scales = own_scale ? ownScale(array, gate) : null;
    const value = scales
      ? (r, c) => (array[own[r] * columns + first + c] - scales[own[r]][0]) / scales[own[r]][1]
      : (r, c) => array[own[r] * columns + first + c];
    GC.heat({
      rows: own.length, columns: some, value, centre: gate ? (scales ? 0.5 : top / 2) : 0, missing: true,
      colour: (v) => ramp(Math.max(-1, Math.min(1, scales ? v : v / top))),
    }).paint(plot, 0, 0, plot.area.w, plot.area.h);
    if (H === GC.layer.H) GC.pickedMarks(plot);
    if (scales) { GC.ramp(plot, hue, GC.say("wall.max"), gate ? GC.say("wall.min") : "−" + GC.say("wall.max")); return; }
    const digits = top === 1 ? 0 : 1;
    const beyond = GC.bound(name) === null ? ["≥", "≤"] : ["", ""];
    GC.ramp(plot, hue, beyond[0] + GC.number(top, digits), gate ? "0" : beyond[1] + GC.number(-top, digits));
  };

  const readInputs = (rows) => {
    const x = GC.array(`${GC.state.series}/x`);
    if (!x || !x.shape[0]) return [];
    const { inputs } = GC.series;
    if (x.shape[0] > LINES) {
      const row = GC.rowOf(rows, { name: GC.say("wall.inputs", { I: x.shape[0] }), height: Math.min(90, 8 * x.shape[0]), label: GC.say("wall.inputs.aria") });
      const tops = Array.from({ length: x.shape[0] }, (_, k) => GC.top(GC.row(x, k)) || 1);
      row.draw = () => {
        row.plot.clear();
        const columns = x.shape[1];
        const [first, some] = columnsOf(row.plot, x);
        GC.heat({ rows: x.shape[0], columns: some, value: (r, c) => x[r * columns + first + c] / tops[r], colour: GC.palette().diverging, missing: true }).paint(row.plot, 0, 0, row.plot.area.w, row.plot.area.h);
      };
      row.read = () => "";
      return [row];
    }
    return inputs.map((name, k) => {
      const row = GC.rowOf(rows, { name, height: k ? 44 : 64, label: GC.say("wall.input.aria", { name }) });
      const values = GC.row(x, k);
      row.draw = () => {
        row.plot.clear();
        const finite = values.filter(Number.isFinite);
        const [low, high] = finite.length ? [Math.min(...thin(finite)), Math.max(...thin(finite))] : [0, 1];
        const pad = (high - low || 1) * 0.08;
        const y = GC.scale(low - pad, high + pad, row.plot.area.h, 0);
        GC.sideTicks(row.plot, y, low === high ? [Number(low.toPrecision(3))] : GC.ticks(low, high, 2));
        const [xs, shown] = inSpan(row.plot, values, x.pool);
        GC.line(row.plot, xs, Array.from(shown, y), { color: GC.palette().ink, width: 1.5 });
        if (shown.length === 1) GC.dots(row.plot, xs, Array.from(shown, y), { color: GC.palette().ink, radius: 4 });
        GC.holes(row.plot, xs, shown);
      };
      row.read = () => GC.number(GC.at(x, k, GC.state.t), 2);
      return row;
    });
  };
  const thin = (values) => (values.length > 50000 ? values.filter((_, k) => k % Math.ceil(values.length / 50000) === 0) : values);

  const alone = (rows) => {
    const chart = (names, title, bounds) => {
      const row = GC.rowOf(rows, { name: title, height: names.length > 2 ? 92 : 78, label: GC.say("wall.alone.aria", { names: names.map(GC.quantity).join(", ") }) });
      const keys = names.map((name) => GC.make("span", { className: `key ${GC.hue(name)}` }, GC.make("var", { textContent: letter(name) }), GC.make("output")));
      row.value.replaceWith(GC.make("span", { className: "keys" }, ...keys));
      row.draw = () => {
        row.plot.clear();
        const found = names.map((name) => [name, GC.get(name), GC.whole(name)]).filter(([, array]) => array && GC.state.unit < array.shape[0]);
        const values = found.map(([, array, whole]) => whole ?? GC.row(array, GC.state.unit));
        const top = bounds ?? Math.max(1, ...values.map((list) => GC.top(list))) * 1.06;
        const y = GC.scale(bounds ? -0.04 : -top, bounds ? 1.04 : top, row.plot.area.h, 0);
        GC.sideTicks(row.plot, y, bounds ? [0, 0.5, 1] : GC.ticks(-top, top, 2));
        found.forEach(([name, array, whole], k) => {
          const [xs, shown] = inSpan(row.plot, values[k], whole ? 1 : array.pool);
          GC.line(row.plot, xs, Array.from(shown, y), { color: GC.colour(name), width: ["forget", "cell"].includes(GC.hue(name)) ? 2.2 : 1.6, dash: { input: [6, 3], candidate: [6, 3], output: [2, 3.5], hidden: [2, 3.5] }[GC.hue(name)] ?? [] });
        });
      };
      row.read = () => { keys.forEach((key, k) => { key.lastChild.textContent = GC.number(GC.value(names[k])); }); return null; };
      return row;
    };
    const { names, squashed } = GC.cell;
    if (names.length === 1) return [chart(names, GC.say("wall.alone"), null)];
    // The gates, what is stored beside the hidden state, and the rest.
    const stored = names.filter((name) => name !== "hidden" && Object.values(GC.cell.states).includes(name));
    const rest = names.filter((name) => !squashed.includes(name) && !stored.includes(name));
    const charts = [[squashed, "gates", 1], [stored, "memory", null], [rest, "contents", null]];
    return charts.filter(([list]) => list.length).map(([list, title, bounds]) => chart(list, GC.say(`wall.alone.${title}`), bounds));
  };

  GC.view({
    id: "wall", order: 2, title: "wall",
    build(host, api) {
      let rows = [];
      let axis = null;
      let contrast = "shared";
      const choice = GC.choice("wall.contrast", [["shared", "wall.contrast.shared"], ["own", "wall.contrast.own"]], contrast, (value) => { contrast = value; GC.redraw("wall", "theme"); });
      api.tools.append(GC.make("span", { className: "named" }, GC.make("span", { data: { say: "wall.contrast" } }), choice));
      // A long series can be looked at around the cursor; the part moves on when the cursor leaves it.
      let [near, part] = [false, [0, 1]];
      const span = () => (near ? part : [0, GC.series.T]);
      const follow = () => {
        if (!near || (GC.state.t >= part[0] && GC.state.t < part[0] + part[1] && part[0] + part[1] <= GC.series.T)) return false;
        const count = Math.min(NEAR, GC.series.T);
        part = [Math.max(0, Math.min(GC.series.T - count, GC.state.t - (count >> 1))), count];
        return true;
      };
      const zoom = GC.choice("wall.time", [["all", "wall.time.all"], ["near", "wall.time.near"]], "all", (value) => { near = value === "near"; part = [0, 0]; GC.redraw("wall", "theme"); });
      const zoomer = GC.make("span", { className: "named" }, GC.make("span", { data: { say: "wall.time" } }), zoom);
      api.tools.append(zoomer);
      const box = GC.make("div", { className: "rows" });
      host.append(box);
      api.table(() => {
        const { names } = GC.cell;
        const shown = GC.order().slice(0, 200);
        return {
          caption: GC.say("wall.table", { step: GC.stepName(GC.state.t) }), head: [GC.say("unit"), ...names.map(GC.quantity)],
          rows: shown.map((unit) => [String(unit), ...names.map((name) => GC.value(name, unit))]),
        };
      });
      const make = () => {
        box.replaceChildren();
        rows = readInputs(box);
        for (const name of GC.cell.names) {
          const array = GC.get(name);
          const [H] = array.shape;
          const row = GC.rowOf(box, {
            name: GC.quantity(name), what: GC.whatOf(name), letter: letter(name), colour: `var(--${GC.hue(name)})`, unit: H === GC.layer.H,
            height: Math.max(46, Math.min(132, H * 4)), label: GC.say("wall.aria", { name: GC.quantity(name), H, T: GC.series.T }),
          });
          row.plot.host.classList.add("heat");
          row.draw = () => paint(row.plot, name, array, contrast === "own");
          row.read = () => GC.number(GC.value(name));
          GC.tipOn(row.plot, ({ fx, fy }) => {
            const own = H === GC.layer.H ? GC.order() : null;
            const unit = own ? own[Math.floor(fy * own.length)] : Math.floor(fy * H);
            const [from, count] = span();
            const t = from + Math.floor(fx * count);
            return [`${GC.say("unit")} ${unit} · ${GC.stepName(t)}`, `${letter(name)} = ${GC.number(GC.value(name, unit, t))}`];
          });
          rows.push(row);
        }
        const split = GC.make("div", { className: "split" }, GC.make("h3", { className: "alone" }));
        box.append(split);
        rows.push(...alone(box));
        axis = GC.stepAxis(box, span);
        for (const row of rows) row.plot.span = span;
        const hidden = GC.get("hidden");
        const { most, count } = GC.rerun.refined() ?? {};
        const own = GC.say("wall.refined") + (count ? ` ${GC.say("whatif.proof", { value: GC.size(Math.log10(most)), count })}` : "");
        const thin = hidden.own ? own : hidden.pool > 1 ? GC.say("wall.pooled", { pool: hidden.pool, units: (GC.exactUnits() ?? []).length }) : "";
        api.note(GC.sentences([GC.say(GC.data.missing[GC.state.series] ?? ""), thin]));
      };
      return {
        draw(state, changed) {
          zoomer.hidden = GC.series.T <= LONG;
          if (zoomer.hidden && near) { near = false; zoom.choose("all"); }
          const moved = follow();
          const anew = ["series", "layer", "lang"].some((name) => changed.has(name));
          if (anew) make();
          const fresh = anew || moved || ["sort", "theme", "size", "picked", "only"].some((name) => changed.has(name));
          const lines = changed.has("unit");
          for (const row of rows) {
            if (fresh || (lines && !row.plot.unit)) row.draw();
            const text = row.read();
            if (text !== null) row.value.textContent = text;
          }
          if (fresh) { axis.draw(); for (const row of rows) row.plot.place(); }
          box.querySelector(".alone").textContent = GC.say("wall.alone.title", { unit: state.unit });
        },
      };
    },
  });
})();
