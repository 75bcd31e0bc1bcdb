// What if: shift the forget bias, hold a gate, cut a unit or an input, and see the network run again.
// Everything is recomputed here (program.js, tree.js, rerun.js) from the weights in the page.
(() => {
  const SLOW = 600e6; // multiply-adds: some seconds
  const LARGE = 1e3; // beyond it float32 holds no third decimal: differences are told as a share
  const HALF = Math.log(0.5);

  const halfLives = (forget, H) => {
    const logs = new Float64Array(H);
    for (let k = 0; k < forget.length; k += 1) logs[k % H] += Math.log(forget[k]);
    const lives = logs.map((sum) => (sum === 0 ? Infinity : HALF / (sum / (forget.length / H)))).sort();
    return lives[Math.floor(H / 2)];
  };

  GC.view({
    id: "whatif",
    order: 15,
    title: "view.whatif",
    needs: () => GC.rerun.refusal(),
    build(host, api) {
      const fresh = () => ({ all: false, shift: 0, clamp: {}, units: {}, inputs: new Set(), set: [], channel: 0 });
      let edit = fresh();
      let base = null;
      let stop = () => {};
      let now = null;
      let checked = null;
      let shownFor = "";

      // ---- controls -------------------------------------------------------------------------
      const panel = GC.make("div", { className: "whatif" });
      host.append(panel);
      const scope = GC.choice("whatif.scope", [["one", "whatif.one"], ["all", "whatif.all"]], "one", (value) => { edit.all = value === "all"; gated(); run(); });
      panel.append(scope);
      const sliders = GC.make("div", { className: "controls" });
      panel.append(sliders);
      const signed = (v) => (v > 0 ? `+${GC.number(v, 1)}` : GC.number(v, 1));
      const shift = GC.slider(sliders, { say: "whatif.shift", min: -6, max: 6, step: 0.1, value: 0, format: signed, onInput: (v) => { edit.shift = v; run(); } });
      const gatesOf = (name) => GC.cellOf(GC.data.layers.findIndex((layer) => layer.name === name));
      const scoped = () => (edit.all ? GC.rerun.names() : [GC.layer.name]).map(gatesOf);
      const word = (key, name) => (`${key}.${name}` in GC.data.words ? `${key}.${name}` : `${name} =`);
      const clamps = [...new Set(GC.data.layers.flatMap((_, k) => GC.cellOf(k).squashed))].map((gate) => {
        const row = GC.make("div", { className: "clamp" });
        sliders.append(row);
        const on = GC.make("input", { type: "checkbox" });
        const set = (v) => { edit.clamp = { ...edit.clamp }; if (on.checked) edit.clamp[gate] = v; else delete edit.clamp[gate]; run(); };
        const slider = GC.slider(row, { say: word("whatif.hold", gate), min: 0, max: 1, step: 0.01, value: 1, onInput: (v) => { on.checked = true; set(v); } });
        on.dataset.sayLabel = word("whatif.hold", gate);
        slider.box.prepend(on);
        on.addEventListener("change", () => set(Number(slider.input.value)));
        return { gate, on, slider, row };
      });
      // The bias of the gate that keeps, and every gate, of the layers that are meant: a plain RNN has none.
      const gated = () => {
        const cells = scoped();
        const keeps = cells.map(({ belt, gates }) => (Object.values(gates).includes(belt?.gate) ? belt.gate : null)).find(Boolean);
        shift.box.hidden = !keeps;
        if (keeps) shift.box.firstChild.dataset.say = `whatif.shift.${keeps}` in GC.data.words ? `whatif.shift.${keeps}` : "whatif.shift";
        for (const { gate, row } of clamps) row.hidden = !cells.some(({ squashed }) => squashed.includes(gate));
        GC.translate(sliders);
      };
      // One input at the cursor's step: a slider over its range, or a token that the text has.
      const value = GC.make("div", { className: "controls" });
      panel.append(value);
      let which = 0;
      const name = GC.menu(value, { say: "whatif.input.which", onChange: (v) => { which = Number(v); fillValue(); } });
      const given = GC.slider(value, { say: "whatif.input.value", min: 0, max: 1, step: 0.01, value: 0, format: (v) => GC.number(v, 2), onInput: (v) => put(v) });
      const token = GC.menu(value, { say: "whatif.input.token", onChange: (v) => put(Number(v)) });
      const put = (v) => {
        edit.set = [...edit.set.filter(({ i, t }) => i !== which || t !== GC.state.t), { i: which, t: GC.state.t, value: v }];
        run();
      };
      const valueAt = (i, t) => edit.set.find((one) => one.i === i && one.t === t)?.value ?? GC.at(GC.rerun.read(), i, t);
      const tokens = () => {
        const found = new Map();
        const list = GC.rerun.read();
        GC.series.text?.forEach((text, t) => { if (!found.has(list[t])) found.set(list[t], text); });
        return [...found].sort((a, b) => a[0] - b[0]).slice(0, 500);
      };
      const fillValue = () => {
        const indices = GC.rerun.readsIndices();
        name.box.hidden = indices || GC.series.inputs.length < 2;
        given.box.hidden = indices;
        token.box.hidden = !indices || !GC.series.text;
        which = Math.min(which, GC.series.inputs.length - 1);
        if (indices) {
          which = 0;
          if (!token.box.hidden) { token.fill(tokens()); token.select.value = String(valueAt(0, GC.state.t)); }
          return;
        }
        name.fill(GC.series.inputs.slice(0, 200).map((text, i) => [i, text]));
        name.select.value = String(which);
        const [low, high] = GC.room(GC.extent([GC.row(GC.rerun.read(), which)], [0, 1]), 0.5);
        Object.assign(given.input, { min: low, max: high, step: (high - low) / 200 || 0.01 });
        given.set(valueAt(which, GC.state.t));
      };
      const cuts = GC.make("div", { className: "cuts" });
      panel.append(cuts);
      const buttons = GC.make("div", { className: "controls" });
      panel.append(buttons);
      const cutUnit = GC.make("button", { type: "button" });
      cutUnit.addEventListener("click", () => { toggleUnit(GC.state.layer, GC.state.unit); });
      buttons.append(cutUnit);
      const cutPicked = GC.button(buttons, "whatif.cut.picked", () => {
        edit.units = { ...edit.units, [GC.state.layer]: new Set([...(edit.units[GC.state.layer] ?? []), ...GC.state.picked]) };
        run();
      });
      GC.button(buttons, "whatif.reset", () => {
        edit = fresh();
        scope.choose("one");
        shift.set(0);
        for (const { on, slider } of clamps) { on.checked = false; slider.set(1); }
        fillValue();
        run();
      });
      const go = GC.button(buttons, "whatif.run", () => run(true), { hidden: true });
      const bar = GC.make("progress", { max: 1, value: 0, hidden: true });
      buttons.append(bar);
      const say = GC.readout(host);
      const proof = GC.readout(host, "proof");

      // ---- pictures -------------------------------------------------------------------------
      const pictures = GC.make("div", { hidden: true });
      host.append(pictures);
      const channel = GC.menu(pictures, { say: "whatif.channel", onChange: (v) => { edit.channel = Number(v); GC.redraw("whatif", "done"); } });
      const LINES = [{ say: "whatif.before", color: "ink", dash: [3, 4] }, { say: "whatif.after", color: "accent" }];
      const BARS = [{ say: "whatif.before", color: "faint", block: true }, { say: "whatif.after", color: "accent", block: true }];
      const TRUTH = { say: "whatif.truth", color: "good", dash: [8, 3] };
      const legend = GC.legend(pictures, LINES);
      GC.heading(pictures, "whatif.output");
      const out = GC.canvas(pictures, { height: 190, time: true, ...GC.MARGINS });
      // A forecast lies after the window: it has steps, a unit and a cursor of its own.
      const ahead = GC.canvas(pictures, { height: 190, ...GC.MARGINS });
      ahead.host.classList.add("live");
      Object.assign(ahead.host, { tabIndex: 0, role: "group" });
      let at = 0;
      const point = (k) => { at = Math.max(0, Math.min(now.width - 1, k)); readAhead(); };
      for (const kind of ["pointermove", "pointerdown"]) ahead.host.addEventListener(kind, (event) => { if (forecasts()) point(Math.floor(ahead.pick(event).fx * now.width)); });
      ahead.host.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step || !forecasts()) return;
        event.preventDefault();
        point(at + step);
      });
      // A model's single answer: a forecast counts steps ahead from 1, any other its outputs from 0.
      const forecasts = () => now?.rows === 1;
      const axis = () => (isForecast() ? "whatif.ahead" : "whatif.channel");
      const from = () => Number(isForecast());
      const isForecast = () => GC.data.model?.type === "Forecaster";
      const scales = () => (GC.data.measures.forecast?.scales[GC.state.series] ?? [0, 1]).map(Number);
      // Scores of classes and labels become probabilities, numbers get the data's own unit.
      const named = () => (now?.rows === 1 ? GC.data.measures.outputs ?? null : null);
      const likely = (values, kind) => {
        const top = kind === "class" ? Math.max(...values) : 0;
        const powers = Float64Array.from(values, (v) => Math.exp(v - top));
        const sum = powers.reduce((a, b) => a + b, 0);
        return powers.map((v) => (kind === "class" ? v / sum : v / (1 + v)));
      };
      const own = (values) => {
        const known = named();
        if (!known) return inUnit(values);
        return known.kind === "number" ? Float64Array.from(values, (v, k) => known.mean[k] + known.scale[k] * v) : likely(values, known.kind);
      };
      const inUnit = (values) => { const [center, scale] = scales(); return Float64Array.from(values ?? [], (v) => center + scale * v); };
      const truth = () => (named() ? Float64Array.from(named().truth?.[GC.state.series] ?? []) : inUnit(GC.array(`${GC.state.series}/truth`)));
      const unit = () => (GC.data.measures.forecast?.unit ? ` ${GC.data.measures.forecast.unit}` : "");
      const readAhead = () => {
        ahead.cursor((at + 0.5) / now.width);
        const of = named() ? `${named().names[at]} ` : "";
        [base.output, now.output].forEach((values, k) => legend.items[k].show(`${of}${GC.number(own(values)[at], 2)}${unit()}`));
        legend.items[2]?.show(`${GC.number(truth()[at] ?? NaN, 2)}${unit()}`);
      };
      const unitHead = GC.make("h3");
      pictures.append(unitHead);
      const one = GC.canvas(pictures, { height: 160, time: true, ...GC.MARGINS });
      const mapHead = GC.make("h3");
      pictures.append(mapHead);
      const map = GC.canvas(pictures, { height: 200, time: true, unit: true, ...GC.MARGINS });

      const toggleUnit = (layer, unit) => {
        const set = new Set(edit.units[layer] ?? []);
        if (!set.delete(unit)) set.add(unit);
        edit.units = { ...edit.units, [layer]: set };
        run();
      };
      const edits = () => {
        const here = GC.layer.name;
        return Object.fromEntries(GC.rerun.names().map((name) => {
          const index = GC.data.layers.findIndex((layer) => layer.name === name);
          const meant = edit.all || name === here;
          const { belt, squashed } = GC.cellOf(index);
          const clamp = Object.fromEntries(Object.entries(edit.clamp).filter(([gate]) => squashed.includes(gate)));
          return [name, { bias: meant && belt?.gate ? { [belt.gate]: edit.shift } : {}, clamp: meant ? clamp : {}, units: edit.units[index] }];
        }));
      };
      const changed = () => edit.shift !== 0 || Object.keys(edit.clamp).length > 0 || edit.inputs.size > 0 || edit.set.length > 0 || Object.values(edit.units).some((set) => set.size > 0);

      // ---- running --------------------------------------------------------------------------
      const progress = (share) => { bar.hidden = false; bar.value = share; };
      const finished = (result) => {
        bar.hidden = true;
        if (!base) {
          base = result;
          checked = GC.rerun.check(result);
          host.dataset.difference = checked.count ? String(checked.most) : "";
          if (changed()) { run(true); return; }
        }
        now = result;
        pictures.hidden = false;
        for (const plot of [out, ahead, one, map]) plot.fit();
        host.dataset.runs = String(Number(host.dataset.runs ?? 0) + 1);
        GC.redraw("whatif", "done");
      };
      function run(asked = false) {
        fillCuts();
        const slow = GC.rerun.cost() > SLOW && !asked;
        go.hidden = !slow;
        if (slow) { say(GC.say("whatif.slow")); return; }
        stop();
        if (base && !changed()) { bar.hidden = true; finished(base); return; }
        stop = GC.rerun.start(base ? { edits: edits(), cut: edit.inputs, set: edit.set } : {}, finished, progress);
      }

      // ---- drawing --------------------------------------------------------------------------
      const chip = (text, pressed, onClick) => {
        const node = GC.make("button", { type: "button", className: "chip", textContent: text, aria: { pressed } });
        node.addEventListener("click", onClick);
        return node;
      };
      const fillCuts = () => {
        const units = Object.entries(edit.units).flatMap(([layer, set]) => [...set].map((u) => (
          chip(GC.say("whatif.cut.chip", { what: `${GC.data.layers[layer].name} · ${GC.say("unit")} ${u}` }), true, () => toggleUnit(layer, u))
        )));
        const inputs = GC.rerun.readsIndices() ? [] : GC.series.inputs.slice(0, 40).map((name, i) => chip(name, edit.inputs.has(i), () => {
          if (!edit.inputs.delete(i)) edit.inputs.add(i);
          run();
        }));
        const sets = edit.set.map((one) => chip(GC.say("whatif.cut.chip", { what: `${GC.rerun.readsIndices() ? "" : `${GC.series.inputs[one.i]}, `}${GC.stepName(one.t)} := ${GC.rerun.readsIndices() ? new Map(tokens()).get(one.value) : GC.number(one.value, 2)}` }), true, () => { edit.set = edit.set.filter((other) => other !== one); fillValue(); run(); }));
        const row = (word, list) => (list.length ? GC.make("p", {}, GC.make("span", { textContent: `${GC.say(word)} ` }), ...list) : null);
        cuts.replaceChildren(...[row("whatif.cut.inputs", inputs), row("whatif.cut.units", units), row("whatif.set.inputs", sets)].filter(Boolean));
        cutPicked.hidden = !GC.state.picked.length;
        cutUnit.textContent = GC.say(edit.units[GC.state.layer]?.has(GC.state.unit) ? "whatif.mend.unit" : "whatif.cut.unit", { unit: GC.state.unit, layer: GC.layer.name });
      };
      const column = (values, width, k) => Float64Array.from({ length: values.length / width }, (_, t) => values[t * width + k]);
      const two = (plot, before, after, xs, x, xAxis) => {
        const [low, high] = GC.extent([before, after], [0, 1]);
        GC.chart(plot, {
          x, y: GC.room([low, high]), xAxis,
          lines: [{ xs, ys: after, color: "accent", width: 2.3 }, { xs, ys: before, color: "ink", width: 1.5, dash: [3, 4] }],
        });
      };
      // A bar for each class, label or number: as it was, and changed; a dash is what is true.
      const drawNamed = (before, after, real) => {
        const { names, kind } = named();
        const K = names.length;
        const every = Math.ceil(K / 12);
        const [low, high] = kind === "number" ? GC.room(GC.extent([before, after, real, [0]])) : [0, 1.03];
        const { sx, sy } = GC.chart(ahead, {
          x: [0, K], y: [low, high], lines: [],
          xAxis: { ticks: names.flatMap((_, k) => (k % every ? [] : [k + 0.5])), format: (v) => names[v - 0.5]?.slice(0, 12) ?? "" },
          yAxis: { label: kind === "number" ? "" : GC.say("whatif.probability") },
        });
        const { ctx } = ahead;
        const wide = Math.min(26, (sx(1) - sx(0)) * 0.3);
        const bar = (k, v, shift, color, tall = null) => {
          ctx.fillStyle = GC.palette()[color];
          const [from_, to] = tall === null ? [sy(Math.max(low, 0)), sy(v)] : [sy(v) - tall, sy(v) + tall];
          ctx.fillRect(sx(k + 0.5) + shift * wide, Math.min(from_, to), tall === null ? wide : 2 * wide, Math.abs(to - from_));
        };
        before.forEach((v, k) => bar(k, v, -1, "faint"));
        after.forEach((v, k) => bar(k, v, 0, "accent"));
        real.forEach((v, k) => { if (kind === "number" || v) bar(k, v, -1, "good", 1.5); });
      };
      const drawOutput = () => {
        const { width, rows } = now;
        const { T } = GC.series;
        channel.box.hidden = width < 2 || rows === 1;
        channel.fill(Array.from({ length: Math.min(width, 200) }, (_, k) => [k, `y${k}`]));
        edit.channel = Math.min(edit.channel, width - 1);
        channel.select.value = String(edit.channel);
        out.host.hidden = rows === 1;
        ahead.host.hidden = rows !== 1;
        if (rows === 1) {
          const [before, after, real] = [own(base.output), own(now.output), truth()];
          const some = real.some(Number.isFinite);
          const pair = named() ? BARS : LINES;
          legend.items = legend.fill(some ? [...pair, named() ? { ...TRUTH, dash: undefined } : TRUTH] : pair);
          ahead.fit();
          const xs = GC.steps(width);
          if (named()) drawNamed(before, after, real);
          else GC.chart(ahead, {
            x: [0, width], y: GC.room(GC.extent([before, after, real])),
            xAxis: { label: GC.say(axis()), ticks: GC.ticks(0, width, 6).filter((v) => Number.isInteger(v) && v >= from() && v < width + from()).map((v) => v + 0.5 - from()), format: (v) => String(v - 0.5 + from()) },
            yAxis: { label: unit().trim() },
            lines: [...(some ? [{ xs, ys: real, ...TRUTH, width: 1.8 }] : []), { xs, ys: after, color: "accent", width: 2.3 }, { xs, ys: before, color: "ink", width: 1.5, dash: [3, 4] }],
          });
          ahead.label(`${GC.say("whatif.output")}. ${sentence()}`);
          point(at);
        } else two(out, column(base.output, width, edit.channel), column(now.output, width, edit.channel), GC.steps(rows), [0, T], GC.timeAxis(out, T));
        out.label(`${GC.say("whatif.output")}. ${sentence()}`);
      };
      const shownLayer = () => (GC.layer.name in now.runs ? GC.layer : GC.data.layers.find(({ name }) => name in now.runs));
      const storedOf = (layer) => gatesOf(layer.name).belt?.name ?? "hidden";
      const drawUnit = () => {
        const layer = shownLayer();
        const part = storedOf(layer);
        const unit = Math.min(GC.state.unit, layer.H - 1);
        unitHead.textContent = `${GC.quantity(part)} · ${layer.name} · ${GC.say("unit")} ${unit}`;
        two(one, column(base.runs[layer.name][part], layer.H, unit), column(now.runs[layer.name][part], layer.H, unit), GC.steps(GC.series.T), [0, GC.series.T], GC.timeAxis(one, GC.series.T));
        one.label(unitHead.textContent);
      };
      const drawMap = () => {
        const layer = shownLayer();
        const part = storedOf(layer);
        const [a, b] = [base.runs[layer.name][part], now.runs[layer.name][part]];
        let top = 1e-9;
        for (let k = 0; k < a.length; k += 1) if (Math.abs(b[k] - a[k]) > top) top = Math.abs(b[k] - a[k]);
        const order = GC.order();
        const { x, y, w, h } = map.area;
        map.clear();
        GC.heat({ rows: layer === GC.layer ? order.length : layer.H, columns: GC.series.T, value: (r, c) => { const at = c * layer.H + (layer === GC.layer ? order[r] : r); return b[at] - a[at]; }, colour: (v) => GC.palette().diverging(v / top) }).paint(map, x, y, w, h);
        GC.axis(map, GC.scale(0, GC.series.T, x, x + w), GC.timeAxis(map, GC.series.T));
        mapHead.textContent = GC.say("whatif.map") + (top > 1e-9 ? ` (± ${GC.number(top)})` : "");
        map.label(mapHead.textContent);
      };
      const proven = ({ most, top, count, rounded }) => {
        const text = count === 0 ? "whatif.proof.none" : most === 0 ? "whatif.proof.exact" : top > LARGE ? "whatif.proof.share" : "whatif.proof";
        const value = GC.size(Math.log10(top > LARGE ? most / top : most));
        const parts = [GC.say(text, { value, top: GC.size(Math.log10(top)), count: count.toLocaleString("en") })];
        const bits = Math.min(rounded ? 16 : 32, GC.rerun.bits());
        if (bits < 32) parts.push(GC.say("whatif.proof.rounded", { bits }));
        if (GC.rerun.guessed()) parts.push(GC.say("whatif.proof.stack"));
        return GC.sentences(parts);
      };
      const sentence = () => {
        if (!changed()) return GC.say("whatif.unchanged");
        let most = 0;
        now.output.forEach((v, k) => { most = Math.max(most, Math.abs(v - base.output[k])); });
        if (named()) { const [a, b] = [own(base.output), own(now.output)]; most = Math.max(...a.map((v, k) => Math.abs(v - b[k]))); }
        const scale = forecasts() && !named() ? scales()[1] : 1;
        const parts = [GC.say("whatif.reading", { most: `${GC.number(most * scale, 4)}${forecasts() ? unit() : ""}` })];
        const layer = shownLayer();
        const keeps = gatesOf(layer.name).belt?.gate;
        if (keeps) parts.push(GC.say("whatif.life", { gate: GC.quantity(keeps), before: GC.number(halfLives(base.runs[layer.name][keeps], layer.H), 1), after: GC.number(halfLives(now.runs[layer.name][keeps], layer.H), 1) }));
        return GC.sentences(parts);
      };

      api.table(() => ({
        caption: GC.say("whatif.output"),
        head: [GC.say(forecasts() ? axis() : "axis.step"), GC.say("whatif.before"), GC.say("whatif.after"), ...(forecasts() ? [GC.say("whatif.truth")] : [])],
        rows: now ? Array.from({ length: now.rows === 1 ? now.width : now.rows }, (_, t) => {
          const at = now.rows === 1 ? t : t * now.width + edit.channel;
          if (now.rows === 1) return [named()?.names[t] ?? String(t + from()), ...[own(base.output), own(now.output), truth()].map((values) => GC.number(values[t] ?? NaN, 4))];
          return [GC.stepName(t), GC.number(base.output[at], 4), GC.number(now.output[at], 4)];
        }) : [],
      }));

      return {
        draw(state, names) {
          if (names.has("layer")) gated();
          const key = `${state.series}`;
          if (shownFor !== key) { shownFor = key; base = now = null; pictures.hidden = true; edit.set = []; fillValue(); run(); return; }
          if (names.has("layer") && !edit.all && (edit.shift || Object.keys(edit.clamp).length)) run();
          if (["unit", "layer", "lang", "picked"].some((name_) => names.has(name_))) fillCuts();
          if (["t", "series", "lang", "done"].some((name_) => names.has(name_))) fillValue();
          if (!now || !base) return;
          const all = GC.anew(names, "done", "sort", "only");
          if (all) { drawOutput(); drawMap(); say(sentence()); proof(proven(checked)); }
          if (all || names.has("unit")) drawUnit();
        },
      };
    },
  });
})();
