// 4 Memory provenance: which step wrote what a unit stores now. An identity, not an estimate.
(() => {
  const ROWS = 160; // rows of the overview at most
  const COUNTS = 1 / 200; // of the largest part: less is a bar that nobody sees
  const FEW = 12; // steps that a close-up has at least
  /** Split what is stored at step T, kept_t times what it was plus written_t: what is left of each write, and of the initial state. */
  GC.split = (keeps, written, T, initial, reverse) => {
    const steps = keeps.length;
    const left = new Float64Array(steps).fill(NaN);
    const kept = new Float64Array(steps).fill(NaN);
    let log = 0;
    for (let s = T; s >= 0 && s < steps; s += reverse ? 1 : -1) {
      kept[s] = Math.exp(log);
      left[s] = kept[s] * written[s];
      log += Math.log(keeps[s]);
    }
    return { left, kept, initial: initial ? Math.exp(log) * initial : 0 };
  };

  /** What a unit keeps and writes at every step, [keeps, written]; null where it takes more than the page has of it. */
  GC.writes = (unit = GC.state.unit) => {
    const { belt } = GC.cell;
    const plan = GC.plan([{ slope: belt.kept }, ...(belt.written === null ? [] : [belt.written])]);
    const needed = [...plan.names, ...(belt.written === null ? [belt.name] : [])];
    if (!needed.every((name) => GC.whole(name, unit))) return null;
    const found = [0, 1].map(() => new Float64Array(GC.series.T));
    for (let t = 0; t < GC.series.T; t += 1) {
      const [kept, written] = plan.at(t, [unit]);
      found[0][t] = kept[0];
      found[1][t] = written ? written[0] : GC.value(belt.name, unit, t) - kept[0] * GC.value(belt.name, unit, GC.before(t));
    }
    return found;
  };
  const largest = (left) => Array.from(left, (value, s) => [s, value]).filter(([, value]) => Number.isFinite(value)).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));

  GC.view({
    id: "provenance", order: 4, title: "provenance", gated: true, needs: () => (!GC.cell.belt ? "needs.belt" : GC.cell.belt.adds ? null : "provenance.mixed"),
    build(host, api) {
      let [T, rows, axis, near, split, over] = [GC.series.T - 1, {}, null, null, null, null];
      let [close, span] = [null, [0, GC.series.T]]; // close: whether the bars are of the steps that count alone; null: as it is needed
      let parts = {}; // what the shown unit keeps and writes
      const stored = () => GC.stored();
      const says = GC.make("p", { className: "says" });
      const slider = GC.make("input", { type: "range", min: 0, step: 1, oninput: () => pin(Number(slider.value)) });
      const name = GC.make("output");
      const bar = GC.make("div", { className: "lagbar" }, GC.make("label", {}, GC.make("span", { data: { say: "provenance.now" } }), slider, name));
      const jump = GC.make("button", { type: "button", className: "press", onclick: () => GC.set({ unit: GC.nearestExact() }) });
      const box = GC.make("div", { className: "rows" });
      const closer = GC.button(api.tools, "provenance.close", () => { close = !closer.on; GC.redraw("provenance", "T"); }, { className: "toggle" });
      host.append(bar, says, jump, box);
      const pin = (t) => { T = Math.max(0, Math.min(GC.series.T - 1, t)); GC.redraw("provenance", "T"); };

      const make = () => {
        box.replaceChildren();
        rows = {
          stored: GC.rowOf(box, { name: GC.quantity(stored()), letter: GC.cell.letters[stored()], what: GC.say("provenance.drag"), colour: `var(--${GC.hue(stored())})`, height: 70, label: GC.say("provenance.cell.aria") }),
          left: GC.rowOf(box, { name: GC.say("provenance.left"), what: GC.say("provenance.left.what"), colour: `var(--${GC.hue(stored())})`, height: 150, label: GC.say("provenance.left.aria") }),
          kept: GC.rowOf(box, { name: GC.say("provenance.kept"), colour: "var(--forget)", height: 54, label: GC.say("provenance.kept.aria") }),
        };
        near = GC.stepAxis(box, () => span);
        Object.assign(rows, {
          map: GC.rowOf(box, { name: GC.say("provenance.map"), what: GC.say("provenance.map.what"), height: 190, label: GC.say("provenance.map.aria") }),
        });
        rows.left.plot.span = rows.kept.plot.span = () => span;
        const drag = (plot) => (event) => {
          if (event.type === "pointermove" && !event.buttons) return;
          if (event.type === "pointerdown") plot.host.setPointerCapture(event.pointerId);
          pin(Math.floor(plot.pick(event).fx * GC.series.T));
        };
        for (const kind of ["pointerdown", "pointermove"]) {
          rows.stored.plot.host.addEventListener(kind, drag(rows.stored.plot));
          rows.map.plot.host.addEventListener(kind, (event) => { if (event.buttons || kind === "pointerdown") pin(Math.floor(rows.map.plot.pick(event).fy * GC.series.T)); });
        }
        axis = GC.stepAxis(box);
      };

      /** The steps whose writes still count at T: [first, how many]; all where that is most of them. */
      const reach = () => {
        const least = GC.top(split.left) * COUNTS;
        const there = [...split.left.keys()].filter((s) => Math.abs(split.left[s]) >= least);
        const [first, last] = [Math.min(T, ...there), Math.max(T, ...there)];
        const count = Math.min(GC.series.T, Math.max(FEW, last - first + 1));
        const from = GC.layer.reverse ? Math.min(first, GC.series.T - count) : Math.max(0, last - count + 1);
        return [from, count];
      };
      const focus = () => {
        const part = reach();
        closer.on = close ?? part[1] < GC.series.T / 4;
        span = closer.on ? part : [0, GC.series.T];
        closer.setAttribute("aria-pressed", String(closer.on));
        near.row.hidden = !closer.on;
      };
      const now = (plot) => {
        const [from, count] = plot.span?.() ?? [0, GC.series.T];
        const x = ((T - from + 0.5) / count) * plot.area.w;
        const { ctx } = plot;
        Object.assign(ctx, { strokeStyle: GC.palette().accent, lineWidth: 1.5 });
        ctx.beginPath(); ctx.moveTo(x, 0); ctx.lineTo(x, plot.area.h); ctx.stroke();
        return x;
      };
      const drawStored = (plot) => {
        plot.clear();
        const whole = GC.whole(stored());
        const top = (GC.top(whole) || 1) * 1.1;
        const y = GC.scale(-top, top, plot.area.h, 0);
        GC.sideTicks(plot, y, GC.ticks(-top, top, 3));
        GC.line(plot, GC.columns(plot, whole.length), Array.from(whole, y), { color: GC.colour(stored()), width: 2 });
        const x = now(plot);
        plot.ctx.fillStyle = GC.palette().accent;
        plot.ctx.beginPath(); plot.ctx.arc(x, Number.isFinite(whole[T]) ? y(whole[T]) : plot.area.h / 2, 5, 0, 7); plot.ctx.fill();
      };
      const drawLeft = (plot, writes) => {
        plot.clear();
        const { ctx, area } = plot;
        const colours = GC.palette();
        const written = writes.map((value, s) => (Number.isNaN(split.kept[s]) ? NaN : value));
        const top = (Math.max(GC.top(split.left), GC.top(written)) || 1) * 1.06;
        const y = GC.scale(-top, top, area.h, 0);
        GC.sideTicks(plot, y, GC.ticks(-top, top, 4));
        const [from, count] = span;
        const wide = area.w / count;
        const w = Math.max(0.8, wide * 0.72);
        for (let s = from; s < from + count; s += 1) {
          if (Number.isNaN(split.left[s])) continue;
          const x = (s - from + 0.5) * wide - w / 2;
          if (wide > 3) {
            Object.assign(ctx, { strokeStyle: colours.faint, lineWidth: 0.8 });
            ctx.strokeRect(x, Math.min(y(0), y(written[s])), w, Math.abs(y(written[s]) - y(0)));
          }
          ctx.fillStyle = GC.css(colours.diverging(split.left[s] < 0 ? -0.62 : 0.62));
          ctx.fillRect(x, Math.min(y(0), y(split.left[s])), w, Math.abs(y(split.left[s]) - y(0)));
        }
        now(plot);
      };
      const drawKept = (plot) => {
        plot.clear();
        const y = GC.scale(0, 1, plot.area.h - 3, 3);
        GC.sideTicks(plot, Object.assign(y, {}), [0, 1]);
        const [from, count] = span;
        const part = split.kept.subarray(from, from + count);
        GC.line(plot, Array.from(part, (_, k) => ((k + 0.5) / count) * plot.area.w), Array.from(part, y), { color: GC.palette().forget, width: 2 });
        now(plot);
      };
      const overview = ([keeps, written]) => {
        const count = Math.min(ROWS, GC.series.T);
        const table = Array.from({ length: count }, (_, r) => GC.split(keeps, written, Math.floor(((r + 0.5) / count) * keeps.length), 0, GC.layer.reverse).left);
        const top = GC.top(Float64Array.from(table.flatMap((row) => [GC.top(row)])), 0.9) || 1;
        over = { table, top };
      };
      const drawMap = (plot) => {
        plot.clear();
        const { table, top } = over;
        const diverging = GC.palette().diverging;
        GC.heat({ rows: table.length, columns: table[0].length, value: (r, c) => table[r][c], colour: (v) => diverging(Math.max(-1, Math.min(1, v / top))) }).paint(plot, 0, 0, plot.area.w, plot.area.h);
        GC.ramp(plot, "diverging", GC.number(top, 2), GC.number(-top, 2));
        const y = ((T + 0.5) / GC.series.T) * plot.area.h;
        Object.assign(plot.ctx, { strokeStyle: GC.palette().accent, lineWidth: 1.5 });
        plot.ctx.beginPath(); plot.ctx.moveTo(0, y); plot.ctx.lineTo(plot.area.w, y); plot.ctx.stroke();
      };
      const tell = () => {
        const value = GC.value(stored(), GC.state.unit, T);
        if (!Number.isFinite(value)) {
          const row = GC.whole(stored());
          const order = GC.layer.reverse ? [...row.keys()].reverse() : [...row.keys()];
          says.textContent = GC.say("provenance.says.nan", { unit: GC.state.unit, T: GC.stepName(T), first: GC.stepName(order.find((t) => !Number.isFinite(row[t])) ?? T) });
          api.note("");
          return;
        }
        const first = largest(split.left).slice(0, 3).filter(([, part]) => Math.abs(part) > 5e-4);
        const list = first.map(([s, part]) => GC.say("provenance.from", { step: GC.stepName(s), part: GC.number(part) })).join(GC.say("comma"));
        const most = Math.abs(first.reduce((sum, [, part]) => sum + part, 0)) >= Math.abs(value) / 2;
        says.textContent = GC.say(!first.length ? "provenance.says.none" : most ? "provenance.says" : "provenance.says.parts", { unit: GC.state.unit, T: GC.stepName(T), value: GC.number(value), list });
        const total = split.initial + split.left.reduce((a, part) => a + (Number.isNaN(part) ? 0 : part), 0);
        api.note(GC.say("provenance.check", { initial: GC.number(split.initial), total: GC.number(total, 5), value: GC.number(value, 5), difference: GC.number(Math.abs(total - value), 7) }));
      };
      api.table(() => ({
        caption: GC.say("provenance.table", { T: GC.stepName(T), unit: GC.state.unit }), head: [GC.say("step"), GC.say("provenance.left"), GC.say("provenance.kept")],
        rows: split ? largest(split.left).slice(0, 50).map(([s, part]) => [GC.stepName(s), part, split.kept[s]]) : [],
      }));

      return {
        draw(state, changed) {
          if (["series", "layer", "lang"].some((key) => changed.has(key))) {
            if (changed.has("series") || changed.has("layer")) T = GC.layer.reverse ? 0 : GC.series.T - 1;
            make();
          }
          const own = `${state.series}/${state.layer}/${state.unit}`;
          if (parts.of !== own) parts = { of: own, found: GC.writes() };
          const { found } = parts;
          const absent = !found;
          jump.hidden = !absent;
          box.hidden = absent;
          jump.textContent = GC.say("go.unit", { unit: GC.nearestExact() });
          if (absent) { says.textContent = GC.say("provenance.pooled"); api.note(""); return; }
          slider.max = GC.series.T - 1;
          slider.value = T;
          name.textContent = GC.stepName(T);
          const initial = GC.get(`initial_${stored()}`)?.[state.unit] ?? GC.begin(stored());
          const moved = ["T", "unit", "series", "layer", "lang", "theme", "size"].some((key) => changed.has(key));
          if (moved) {
            split = GC.split(...found, T, initial, GC.layer.reverse);
            if (["unit", "series", "layer", "lang"].some((key) => changed.has(key)) || !over) overview(found);
            focus();
            drawStored(rows.stored.plot);
            drawLeft(rows.left.plot, found[1]);
            drawKept(rows.kept.plot);
            drawMap(rows.map.plot);
            near.draw();
            axis.draw();
            for (const { plot } of [rows.left, rows.kept]) plot.place();
            tell();
          }
          rows.stored.value.textContent = GC.number(GC.value(stored()));
          rows.left.value.textContent = GC.number(split.left[state.t]);
          rows.kept.value.textContent = Number.isNaN(split.kept[state.t]) ? "–" : `${GC.number(split.kept[state.t] * 100, 1)} %`;
        },
      };
    },
  });
})();
