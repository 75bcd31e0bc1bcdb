// Gradient river: how much of the loss arrives at each step, |dL/dh_t| and |dL/dc_t| on a log scale.
// Reads s/l/grad_hidden, grad_cell, grad_path (T,).
(() => {
  const FLOAT32 = Math.log10(2 ** -126);
  const ROUNDING = -24 * Math.log10(2);
  const PARTS = [
    { name: "grad_hidden", say: "river.hidden", color: "hidden", width: 2.2, fill: true },
    { name: "grad_cell", say: "river.cell", color: "cell", dash: [7, 4], width: 2.2 },
    { name: "grad_path", say: "river.cell_path", color: "forget", dash: [2, 4], width: 2 },
  ];

  // The range to draw: whole decades, not far below where float32 ends.
  const range = (logs) => {
    const [low, high] = GC.extent(logs, [-1, 0]);
    const top = Math.ceil(high + 0.15);
    return [Math.min(top - 1, Math.max(Math.floor(low), Math.floor(FLOAT32) - 7)), top];
  };

  // As inspect/gradients/extremes.py of Python's gradients, here of one that the page computed itself: where
  // it is strongest and weakest among the steps that it has reached.
  GC.shapeText = (norms, symbol, reverse, from, to) => {
    const way = Array.from({ length: to - from + 1 }, (_, k) => (reverse ? from + k : to - k));
    const there = way.filter((t) => Number.isFinite(norms[t]));
    const lost = way.filter((t) => !Number.isFinite(norms[t]));
    if (!there.length) return GC.say("shape.none", { symbol });
    const pick = (better) => there.reduce((best, t) => (better(norms[t], norms[best]) ? t : best));
    const [most, least] = [pick((a, b) => a > b), pick((a, b) => a < b)];
    const share = Math.log10(norms[least]) - Math.log10(norms[most]);
    const places = { most: GC.stepName(most), least: GC.stepName(least), share: GC.size(share) };
    if (way.length === 1 && norms[most] > 0) return "";
    const said = [GC.say(norms[most] === 0 ? "shape.zero" : share === 0 ? "shape.even" : "shape.between", { symbol, ...places })];
    if (lost.length) said.push(GC.say("shape.missing", { count: lost.length, steps: way.length, first: GC.stepName(Math.min(...lost)) }));
    return GC.sentences(said);
  };

  GC.view({
    id: "river",
    order: 7,
    title: "view.river",
    needs: () => (GC.has(GC.key("grad_hidden")) ? null : GC.data.measures.unworth === "trace" ? "river.trace" : "river.absent"),
    build(host, api) {
      let byLag = false;
      const toggle = GC.button(api.tools, "river.by.lag", () => {
        byLag = !byLag;
        toggle.setAttribute("aria-pressed", byLag);
        GC.redraw("river");
      }, { className: "toggle" });
      toggle.setAttribute("aria-pressed", "false");
      const controls = GC.make("div", { className: "controls" });
      host.append(controls);
      let step = null; // the loss is the sum of h at this step; null: the model's own loss
      let own = {};
      const of = (name) => (step === null ? GC.get(name) : own[name] ?? null);
      const loss = GC.menu(controls, { say: "river.loss", words: true, options: [["own", "river.loss.own"], ["step", "river.loss.step"]], onChange: (v) => choose(v === "own" ? null : GC.state.t) });
      const slider = GC.slider(controls, { say: "river.at", min: 0, max: 1, step: 1, value: 0, format: (v) => GC.stepName(v), onInput: (v) => choose(v) });
      const choose = (t) => {
        own = t === null ? {} : GC.adjoint(t) ?? {};
        step = own.grad_hidden ? t : null;
        loss.select.value = step === null ? "own" : "step";
        slider.box.hidden = step === null;
        if (step !== null) slider.set(step);
        GC.redraw("river");
      };
      const say = GC.readout(host);
      const legend = GC.legend(host);
      const plot = GC.canvas(host, { height: 290, time: true, ...GC.MARGINS });
      let shown = [];
      let logs = [];

      // Of the model's loss Python has judged the gradient; of another one only its shape is told.
      const sentence = () => {
        if (step === null) return GC.say(GC.data.flows[GC.key("").slice(0, -1)] ?? "");
        const norms = of("grad_cell") ?? of("grad_hidden");
        const { reverse } = GC.layer;
        return GC.shapeText(norms, `|dL/d${of("grad_cell") ? "c" : "h"}_t|`, reverse, reverse ? step : 0, reverse ? GC.series.T - 1 : step);
      };
      const place = (t, list) => Math.floor((t * list.length) / GC.series.T);
      const outline = (T) => {
        shown = PARTS.filter(({ name }) => of(name)).map((part) => ({ ...part }));
        for (const part of shown) if (part.name === "grad_cell" && GC.stored() !== "cell") part.say = `${GC.quantity(GC.stored())} |dL/d${GC.cell.letters[GC.stored()]}|`;
        logs = shown.map(({ name }) => GC.log(of(name)));
        const y = range(GC.state.film === null ? logs : [...logs, GC.log(GC.moment().profile ?? [])]);
        const floor = Math.max(FLOAT32 - 7, y[0]);
        const [, strongest] = GC.extent(logs, [NaN, NaN]);
        const lagTicks = GC.ticks(0, T - 1, 6).filter(Number.isInteger);
        const end = step ?? (GC.layer.reverse ? 0 : T - 1);
        const lagAt = (lag) => (GC.layer.reverse ? end + lag : end - lag) + 0.5;
        const lagAxis = {
          ticks: lagTicks.map(lagAt), label: GC.say("axis.lag"),
          format: (x) => String(GC.layer.reverse ? x - 0.5 - end : end + 0.5 - x),
        };
        const then = step === null ? GC.moment() : null;
        const past = then?.profile ? [{
          xs: Array.from(then.lags, lagAt), ys: Array.from(GC.log(then.profile), (v) => (v === -Infinity ? floor : v)),
          color: "candidate", dash: [1, 4], width: 2.4, text: GC.say("river.then", { step: then.step }), name: "then",
        }] : [];
        legend.fill([...shown, ...past]);
        GC.chart(plot, {
          x: [0, T], y,
          lines: [...past, ...shown.map((part, k) => ({
            ...part, xs: GC.steps(logs[k].length, T / logs[k].length),
            ys: logs[k].map((v) => (v === -Infinity ? floor : v)),
            base: part.fill ? logs[k].map(() => y[0]) : undefined,
          }))],
          levels: [
            { at: strongest + ROUNDING, text: GC.say("river.round") },
            { at: FLOAT32, text: GC.say("river.floor") },
          ],
          xAxis: byLag ? lagAxis : GC.timeAxis(plot, T),
          yAxis: GC.powerAxis(...y),
        });
        const text = sentence();
        say(text);
        plot.label(`${GC.say("view.river")}. ${text}`);
      };

      api.table(() => ({
        caption: GC.say("view.river"),
        head: [GC.say("axis.step"), GC.say("axis.lag"), ...shown.map((part) => GC.say(part.say))],
        rows: Array.from({ length: GC.series.T }, (_, t) => [
          GC.stepName(t), String(GC.layer.reverse ? t : GC.series.T - 1 - t),
          ...shown.map(({ name }) => GC.number(10 ** logs[shown.findIndex((part) => part.name === name)][place(t, of(name))], 4)),
        ]),
      }));

      return {
        draw(state, changed) {
          if (changed.has("series") || changed.has("layer")) {
            slider.input.max = GC.series.T - 1;
            controls.hidden = !GC.jacobian();
            choose(null);
          }
          if (GC.anew(changed, "film")) outline(GC.series.T);
          shown.forEach((part, k) => part.show(GC.size(logs[k][place(state.t, logs[k])])));
        },
      };
    },
  });
})();
