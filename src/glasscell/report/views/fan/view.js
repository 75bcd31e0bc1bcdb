// Jacobian fan: log10 of the singular values of ds_{t0+lag}/ds_{t0}, s = (h, c), over the lag.
// Reads s/l/fan (n, k), fan_lags (n,); measures.lyapunov["s/l"] {exponents} (natural logarithm) or a
// plain list; measures.fan["s/l"].starts are the t0, by default the first step read; fan_1, fan_lags_1 …
// belong to the second and later ones. For a small state jacobian.js computes any other.
(() => {
  const LN10 = Math.log(10);
  const FINE = 64; // lags of a fan at rest; fewer while its origin is dragged

  GC.view({
    id: "fan",
    order: 10,
    title: "view.fan",
    needs: () => (GC.has(GC.key("fan")) ? null : GC.series.T < 2 ? "fan.short" : GC.why("fan.absent")),
    build(host, api) {
      const controls = GC.make("div", { className: "controls" });
      host.append(controls);
      let stops = null;
      const stopAt = (v) => (stops ? stops[v] : v);
      const slider = GC.slider(controls, { say: "fan.origin", min: 0, max: 1, step: 1, value: 0, format: (v) => GC.stepName(stopAt(v)), onInput: (v) => { from(stopAt(v)); } });
      GC.button(controls, "fan.cursor", () => from(GC.state.t));
      const strip = GC.canvas(host, { height: 48, time: true, left: 52, right: 12, top: 4, bottom: 4 });
      const say = GC.readout(host);
      GC.legend(host, [{ say: "fan.sigma", color: "accent" }, { say: "fan.lyapunov", color: "candidate", dash: [6, 5], width: 1.6 }]);
      const plot = GC.canvas(host, { height: 300, ...GC.MARGINS });
      let lags = [];
      let values = [];
      let origin = -1;
      let busy = 0;

      const place = () => GC.key("").slice(0, -1);
      const first = () => (GC.layer.reverse ? GC.series.T - 1 : 0);
      // Origins that Python measured; the first one's arrays have no number.
      const starts = () => { const given = GC.data.measures.fan?.[place()]; return given?.starts ?? [given?.start ?? first()]; };
      const start = () => origin;
      const rates = () => { const found = GC.data.measures.lyapunov?.[place()]; return Array.isArray(found) ? { exponents: found } : found ?? {}; };
      const exponents = () => rates().exponents ?? [];
      // The slider's stops: every step, or those that Python measured, in the order of time.
      const fillStops = () => {
        stops = free() ? null : [...starts()].sort((a, b) => a - b);
        Object.assign(slider.input, { max: stops ? stops.length - 1 : GC.series.T - 1, disabled: stops?.length === 1 });
      };
      const stored = (n) => {
        const [fan, found] = [GC.get(n ? `fan_${n}` : "fan"), GC.get(n ? `fan_lags_${n}` : "fan_lags")];
        const k = fan.shape[1];
        return { lags: Array.from(found), values: Array.from(found, (_, row) => Array.from(fan.subarray(row * k, (row + 1) * k))) };
      };
      const free = () => GC.get("fan").shape[1] && GC.fanFrom(first(), 1, 2) !== null;
      const from = (t) => {
        const list = starts();
        const near = list.reduce((best, v, n) => (Math.abs(v - t) < Math.abs(list[best] - t) ? n : best), 0);
        const found = list[near] === t ? stored(near) : GC.fanFrom(t, GC.get("fan").shape[1], busy ? 24 : FINE);
        const there = found && found.lags.length > 0;
        ({ lags, values } = there ? found : stored(near));
        origin = there ? t : list[near];
        GC.redraw("fan", "origin");
      };
      const column = (k) => values.map((row) => row[k]);
      const lagOf = (t) => (GC.layer.reverse ? start() - t : t - start());
      const nearest = (lag) => lags.reduce((best, v, k) => (Math.abs(v - lag) < Math.abs(lags[best] - lag) ? k : best), 0);

      const drawStrip = () => {
        const state = GC.get(GC.stored());
        const [rows, columns] = state.shape;
        const norms = Float64Array.from({ length: columns }, (_, c) => { let sum = 0; for (let r = 0; r < rows; r += 1) sum += state[r * columns + c] ** 2; return Math.sqrt(sum); });
        const { x, y, w, h } = strip.area;
        const { T } = GC.series;
        const sx = GC.scale(0, T, x, x + w);
        const sy = GC.scale(0, GC.top(norms) || 1, y + h, y + 3);
        const colours = GC.palette();
        const [a, b] = [origin, GC.layer.reverse ? origin - (lags.at(-1) ?? 0) : origin + (lags.at(-1) ?? 0)].map((t) => sx(t + 0.5));
        strip.clear();
        Object.assign(strip.ctx, { fillStyle: colours.accent, globalAlpha: 0.14 });
        strip.ctx.fillRect(Math.min(a, b), y, Math.max(2, Math.abs(b - a)), h);
        strip.ctx.globalAlpha = 1;
        GC.line(strip, GC.steps(columns, state.pool).map(sx), Array.from(norms, sy), { color: colours.soft, width: 1.4 });
        strip.ctx.fillRect(a - 1.5, y, 3, h);
        strip.ctx.beginPath(); strip.ctx.arc(a, y + h / 2, 6, 0, 7); strip.ctx.fill();
        strip.label(`${GC.say("fan.origin")}: ${GC.stepName(origin)}`);
      };
      const outline = () => {
        const k = values[0].length;
        const sigmas = Array.from({ length: k }, (_, j) => column(j));
        const [low, high] = GC.extent(sigmas, [-1, 0]);
        const top = Math.ceil(Math.max(high, 0) + 0.1);
        const y = [Math.min(-1, Math.max(Math.floor(low), top - 45)), top];
        const rates = exponents().slice(0, k);
        GC.chart(plot, {
          x: [0, Math.max(1, lags.at(-1))], y,
          lines: [
            ...sigmas.map((ys, j) => ({ xs: [0, ...lags], ys: [0, ...ys], color: "accent", width: j ? 1.3 : 2.6, alpha: j ? 0.75 : 1 })),
            ...rates.map((rate) => ({ xs: [0, lags.at(-1)], ys: [0, (rate * lags.at(-1)) / LN10], color: "candidate", dash: [6, 5], width: 1.3 })),
          ],
          levels: [{ at: 0, text: GC.say("fan.one"), color: "soft", right: true }],
          xAxis: GC.lagAxis(plot, [0, lags.at(-1)], GC.say("axis.lag.from", { step: GC.stepName(start()) })), yAxis: GC.powerAxis(...y),
        });
        plot.label(`${GC.say("view.fan")}. ${sentence(lags.length - 1)}`);
      };
      const sentence = (n) => {
        const here = values[n];
        const alive = here.filter((v) => v > here[0] - 1).length;
        const parts = [GC.say("fan.reading", { lag: lags[n], first: GC.size(here[0]), last: GC.size(here.at(-1)), alive, k: here.length })];
        return GC.sentences([...parts, course()]);
      };
      // A rate is told from 0 where it is beyond two standard errors; for good only over many steps.
      const course = () => {
        const { steps, error, chaotic } = rates();
        const [rate, margin] = [exponents()[0], error?.[0] ?? NaN];
        if (!Number.isFinite(rate) || !steps) return "";
        const clear = Math.abs(rate) > 2 * margin;
        const key = !clear ? "fan.unclear" : rate < 0 ? "fan.fades" : chaotic ? "fan.chaos" : "fan.grows";
        const off = Number.isFinite(margin) ? ` ± ${margin < 1 ? margin.toFixed(4) : GC.number(margin, 1)}` : "";
        return GC.say(key, { steps, rate: `${GC.number(rate, 4)}${off}`, memory: GC.number(-1 / rate, 1) });
      };
      const dragged = (event) => {
        if (event.type === "pointermove" && !event.buttons) return;
        busy = Number(event.type !== "pointerup");
        from(Math.floor(strip.pick(event).fx * GC.series.T));
      };
      for (const kind of ["pointerdown", "pointermove", "pointerup"]) strip.host.addEventListener(kind, dragged);
      for (const kind of ["pointermove", "pointerdown"]) {
        plot.host.addEventListener(kind, (event) => {
          const lag = plot.pick(event).fx * Math.max(1, lags.at(-1));
          GC.set({ t: GC.layer.reverse ? start() - lag : start() + lag });
        });
      }
      api.table(() => ({
        caption: GC.say("view.fan"),
        head: [GC.say("axis.lag"), ...(values[0] ?? []).map((_, k) => `log10 σ${k + 1}`)],
        rows: lags.map((lag, n) => [String(lag), ...values[n].map((v) => GC.number(v, 2))]),
      }));

      return {
        draw(state, changed) {
          if (changed.has("series") || changed.has("layer") || origin < 0) {
            fillStops();
            api.note(free() ? "" : GC.say("fan.fixed", { steps: starts().map(GC.stepName).join(", ") }));
            from(starts()[0]);
          }
          if (GC.anew(changed, "origin")) { outline(); drawStrip(); slider.set(stops ? stops.indexOf(origin) : origin); }
          const lag = lagOf(state.t);
          const inside = lag >= 0 && lag <= lags.at(-1);
          plot.cursor(inside ? lag / Math.max(1, lags.at(-1)) : null);
          say(sentence(nearest(Math.max(0, lag))));
        },
      };
    },
  });
})();
