// Weights: per gate the blocks that act on the hidden state (U) and on the input (W), the biases, and
// their norms. The spectral radius is shown with its warning: it decides nothing.
// Reads weights/l/weight_ih, weight_hh and bias, or bias_ih and bias_hh, in the order of the cell's gates.
(() => {
  const ROUNDS = 12;
  const LARGEST = 192;

  // Largest singular value, by power iteration on AᵀA; A is (rows, columns), row by row.
  const norm = (A, rows, columns) => {
    let v = Float64Array.from({ length: columns }, (_, k) => 1 + ((k * 7919) % 101) / 101);
    let size = 0;
    for (let round = 0; round < 60; round += 1) {
      const u = new Float64Array(rows);
      const next = new Float64Array(columns);
      for (let r = 0; r < rows; r += 1) for (let c = 0; c < columns; c += 1) u[r] += A[r * columns + c] * v[c];
      for (let r = 0; r < rows; r += 1) for (let c = 0; c < columns; c += 1) next[c] += A[r * columns + c] * u[r];
      const length = Math.hypot(...next);
      if (!(length > 0)) return length === 0 ? 0 : NaN;
      const before = size;
      size = Math.sqrt(length / Math.hypot(...v));
      v = next.map((w) => w / length);
      if (Math.abs(size - before) < 1e-9 * size) break;
    }
    return size;
  };

  // Spectral radius by Gelfand's formula, lim |A^k|^(1/k) with k = 2^12: squares, scaled each time.
  const radius = (A, n) => {
    let B = Float64Array.from(A);
    let log = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const size = Math.sqrt(B.reduce((a, b) => a + b * b, 0));
      if (size === 0) return 0;
      log += Math.log(size) / 2 ** round;
      const C = new Float64Array(n * n);
      for (let r = 0; r < n; r += 1) {
        for (let k = 0; k < n; k += 1) {
          const w = B[r * n + k] / size;
          if (w === 0) continue;
          for (let c = 0; c < n; c += 1) C[r * n + c] += w * (B[k * n + c] / size);
        }
      }
      B = C;
    }
    return Math.exp(log);
  };

  GC.view({
    id: "weights",
    order: 16,
    title: "view.weights",
    needs: () => (GC.has(`weights/${GC.state.layer}/weight_ih`) ? null : GC.data.omitted ? "weights.large" : "weights.absent"),
    build(host, api) {
      const say = GC.readout(host);
      const grid = GC.make("div", { className: "blocks" });
      host.append(grid);
      const strip = GC.canvas(host, { height: 150, left: 52, right: 12, top: 26, bottom: 26 });
      const warning = GC.make("p", { className: "warning", textContent: "" });
      host.append(warning);
      let blocks = [];
      const cache = new Map();

      const matrix = (name) => GC.array(`weights/${GC.state.layer}/${name}`);
      const rowsOf = () => Object.values(GC.cell.gates);
      const gatesOf = () => { const { names } = GC.cell; return [...names.filter((name) => rowsOf().includes(name)), ...rowsOf().filter((name) => !names.includes(name))]; };
      const letterOf = (gate) => Object.entries({ ...GC.cell.letters }).find(([name]) => name === gate)?.[1].replace(/\u0303/g, "") ?? gate;
      const kinds = () => ["weight_hh", "weight_ih"].filter(matrix);
      const biases = () => { const both = ["bias_ih", "bias_hh"].map(matrix); return matrix("bias") ?? both.find(Boolean)?.map((_, k) => (both[0]?.[k] ?? 0) + (both[1]?.[k] ?? 0)); };
      const block = (name, gate) => {
        const whole = matrix(name);
        const { H } = GC.layer;
        const place = rowsOf().indexOf(gate);
        const columns = whole.shape[1] ?? 1;
        return { values: whole.subarray(place * H * columns, (place + 1) * H * columns), rows: H, columns };
      };
      const facts = (gate) => {
        const key = `${GC.state.layer}/${gate}`;
        if (!cache.has(key)) {
          const [U, W] = [matrix("weight_hh") && block("weight_hh", gate), block("weight_ih", gate)];
          cache.set(key, {
            U: U ? norm(U.values, U.rows, U.columns) : NaN, W: norm(W.values, W.rows, W.columns),
            rho: U && U.rows === U.columns && U.rows <= LARGEST ? radius(U.values, U.rows) : NaN,
          });
        }
        return cache.get(key);
      };

      const inputName = (column) => (GC.layer.name.match(/l0(_reverse)?$/) && GC.series.inputs.length === matrix("weight_ih").shape[1] ? GC.series.inputs[column] : `x${column}`);
      const columnNames = () => { const I = matrix("weight_ih").shape[1]; return I <= 6 ? Array.from({ length: I }, (_, k) => inputName(k)) : [`${inputName(0)} … ${inputName(I - 1)}`]; };
      const arrange = () => {
        grid.replaceChildren();
        blocks = gatesOf().flatMap((gate) => kinds().map((name) => {
          const letter = letterOf(gate);
          const title = GC.make("h3", {}, GC.make("var", { textContent: name === "weight_hh" ? "U" : "W" }), GC.make("sub", { textContent: letter }), " ", GC.make("small", { textContent: name === "weight_hh" || kinds().length === 1 ? GC.quantity(gate) : GC.say("weights.of.input") }));
          const box = GC.make("div", { className: name === "weight_hh" ? "wide" : "narrow" }, title);
          grid.append(box);
          const plot = GC.canvas(box, { height: 170, unit: true, left: 0, right: 0, top: 0, bottom: 0 });
          if (name === "weight_ih") box.append(GC.make("p", { className: "small columns", textContent: columnNames().join(" · ") }));
          GC.tipOn(plot, ({ fx, fy }) => {
            const found = block(name, gate);
            const [row, column] = [GC.order()[Math.floor(fy * GC.order().length)], Math.floor(fx * found.columns)];
            const from = name === "weight_hh" ? `h${column}` : inputName(column);
            return [`${GC.say("unit")} ${row} ← ${from}`, GC.number(found.values[row * found.columns + column], 4)];
          });
          return { gate, name, plot };
        }));
      };
      const paint = () => {
        const order = GC.order();
        const top = Math.max(...kinds().map((name) => { const [low, high] = GC.extent([matrix(name)], [-1, 1]); return Math.max(-low, high); }), 1e-9);
        for (const { gate, name, plot } of blocks) {
          const { values, rows, columns } = block(name, gate);
          plot.fit();
          plot.clear();
          const { x, y, w, h } = plot.area;
          GC.heat({ rows: order.length, columns, value: (r, c) => values[order[r] * columns + c], colour: (v) => GC.palette().diverging(v / top) }).paint(plot, x, y, w, h);
          GC.pickedMarks(plot);
          plot.label(`${GC.quantity(gate)}, ${GC.say(name === "weight_hh" ? "weights.of.hidden" : "weights.of.input")}: ${rows} × ${columns}, |max| ${GC.number(top, 3)}`);
        }
      };
      const paintBiases = () => {
        const bias = biases();
        strip.host.hidden = !bias;
        if (!bias) return;
        const order = GC.order();
        const gates = gatesOf();
        const [low, high] = GC.extent([bias], [-1, 1]);
        const { H: units } = GC.layer;
        const H = order.length;
        const gap = Math.max(1, Math.round(H * 0.06));
        const total = gates.length * (H + gap) - gap;
        const lines = gates.map((gate, k) => {
          const place = rowsOf().indexOf(gate);
          const ys = order.map((u) => bias[place * units + u]);
          return { xs: ys.map((_, j) => k * (H + gap) + j + 0.5), ys, color: GC.hue(gate), width: 0 };
        });
        const { sx, sy } = GC.chart(strip, { x: [0, total], y: GC.room([Math.min(low, 0), Math.max(high, 0)]), lines, xAxis: { ticks: [] } });
        const { ctx } = strip;
        ctx.save();
        // A bar a unit: between two units there is nothing.
        const thick = Math.max(1, Math.min(10, (sx(1) - sx(0)) * 0.7));
        for (const { xs, ys, color } of lines) {
          ctx.fillStyle = GC.palette()[color];
          xs.forEach((x, j) => ctx.fillRect(sx(x) - thick / 2, Math.min(sy(ys[j]), sy(0)), thick, Math.max(1, Math.abs(sy(ys[j]) - sy(0)))));
        }
        Object.assign(ctx, { font: GC.font(12, 600), textAlign: "left", textBaseline: "top" });
        const width = sx(H) - sx(0);
        gates.forEach((gate, k) => {
          ctx.fillStyle = GC.colour(gate);
          const text = GC.say("weights.bias", { gate: GC.quantity(gate) });
          ctx.fillText(ctx.measureText(text).width < width ? text : `b${letterOf(gate)}`, sx(k * (H + gap)), 6);
        });
        ctx.restore();
        strip.label(GC.say("weights.biases"));
      };
      const mean = (gate) => {
        const bias = biases();
        if (!bias) return NaN;
        const { H } = GC.layer;
        const place = rowsOf().indexOf(gate);
        return bias.subarray(place * H, (place + 1) * H).reduce((a, b) => a + b, 0) / H;
      };
      const sentence = () => {
        const gate = GC.cell.belt?.gate;
        if (!rowsOf().includes(gate)) return rowsOf().length === 1 && matrix("weight_hh") ? GC.say("weights.reading.rnn", { norm: GC.number(facts(rowsOf()[0]).U, 3) }) : "";
        const b = mean(gate);
        const f = 1 / (1 + Math.exp(-b));
        return Number.isNaN(b) ? GC.say("weights.no.bias") : GC.say("weights.reading", { name: GC.quantity(gate), bias: GC.number(b, 2), gate: GC.number(f, 3), life: GC.number(Math.log(0.5) / Math.log(f), 1) });
      };
      api.table(() => ({
        caption: GC.say("view.weights"),
        head: [GC.say(GC.cell.squashed.length ? "weights.gate" : "weights.row"), "‖U‖₂", "‖W‖₂", GC.say("weights.bias.mean"), "ρ(U)"],
        rows: gatesOf().map((gate) => [GC.quantity(gate), GC.number(facts(gate).U, 3), GC.number(facts(gate).W, 3), GC.number(mean(gate), 3), Number.isNaN(facts(gate).rho) ? "–" : GC.number(facts(gate).rho, 3)]),
      }));
      const norms = GC.make("div", { className: "norms" });
      host.insertBefore(norms, warning);
      const fillNorms = () => {
        const head = [GC.cell.squashed.length ? "weights.gate" : "weights.row", null, null, "weights.bias.mean", null].map((key, k) => GC.make("th", { scope: "col", textContent: key ? GC.say(key) : ["", "‖U‖₂", "‖W‖₂", "", "ρ(U)"][k] }));
        const rows = gatesOf().map((gate) => GC.make("tr", {}, GC.make("th", { scope: "row", textContent: GC.quantity(gate) }), ...[facts(gate).U, facts(gate).W, mean(gate), facts(gate).rho].map((v) => GC.make("td", { textContent: GC.number(v, 3) }))));
        norms.replaceChildren(GC.make("table", {}, GC.make("thead", {}, GC.make("tr", {}, ...head)), GC.make("tbody", {}, ...rows)));
      };

      let layer = -1;
      let lang = "";
      return {
        draw(state, changed) {
          if (layer !== state.layer || lang !== state.lang) { [layer, lang] = [state.layer, state.lang]; arrange(); changed.add("size"); }
          if (GC.anew(changed, "sort", "picked", "only")) {
            paint();
            paintBiases();
            fillNorms();
            warning.textContent = GC.say(GC.cell.squashed.length ? "weights.warning" : "weights.warning.rnn");
            say(sentence());
            api.note(GC.rerun.bits() === 32 ? "" : GC.say("weights.rounded", { bits: GC.rerun.bits(), levels: GC.rerun.bits() === 16 ? 65534 : 254 }));
          }
        },
      };
    },
  });
})();
