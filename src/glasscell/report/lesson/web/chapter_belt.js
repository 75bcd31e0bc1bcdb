"use strict";
// Chapter 4: what is left after k steps along the belt, the product of k forget gates.
(() => {
  const { pair } = Lesson;
  const FLOOR = -12;

  /** log10 of the product of forget gates from the last step worked on back over each lag. */
  const products = (unit) => {
    const row = GC.whole("forget", unit);
    if (!row) return null;
    const order = GC.layer.reverse ? row : row.slice().reverse();
    const logs = [0];
    for (const f of order) logs.push(logs.at(-1) + Math.log10(f));
    return logs;
  };
  // What the plain RNN of chapter 3 leaves: the largest singular value of its own product.
  const plain = (count) => {
    const { H, weight_hh: W } = pair.layer("rnn");
    const steps = Algebra.back({ states: Float64Array.from(pair.of("rnn").hidden), W: Float64Array.from(W), n: H, count, row: null, slope: (h) => 1 - h * h });
    return [0, ...steps.map(({ sigma }) => Math.log10(sigma[0]))];
  };

  Lesson.chapter({
    id: "belt",
    live(stage, api) {
      let bias = 3;
      let lag = 20;
      const gate = () => 1 / (1 + Math.exp(-bias));
      const controls = GC.make("div", { className: "controls" });
      stage.append(controls);
      // Pulled in the gate's own scale, its bias: there 0.9 and 0.99 are as far apart as 0.5 and 0.9.
      GC.slider(controls, { say: "lesson.belt.f", min: 0, max: 8, step: 0.05, value: bias, format: (b) => GC.number(1 / (1 + Math.exp(-b)), 4), onInput: (b) => { bias = b; GC.redraw(api.id, "own"); } });
      const k = GC.slider(controls, { say: "lesson.fading.k", min: 1, max: 20, step: 1, value: lag, format: String, onInput: (v) => { lag = v; GC.redraw(api.id, "own"); } });
      const say = GC.readout(stage);
      const constant = { text: "", color: "ink", dash: [2, 4] };
      const legend = GC.legend(stage, []);
      const plot = GC.canvas(stage, { height: 300, ...GC.MARGINS });
      let rnn = null;
      return (state, changed) => {
        if (changed.has("sequence") || changed.has("series") || !rnn) rnn = plain(pair.sequence().T - 1);
        const units = Array.from({ length: Math.min(64, GC.layer.H) }, (_, u) => products(u)).filter(Boolean);
        const own = products(state.unit);
        const steps = Math.max(2, own ? own.length - 1 : rnn.length - 1);
        k.input.max = steps;
        lag = Math.min(lag, steps);
        k.set(lag);
        const xs = (list) => list.map((_, j) => j);
        const fixed = Array.from({ length: steps + 1 }, (_, j) => j * Math.log10(gate()));
        legend.fill([
          { say: "lesson.belt.unit", color: "forget", width: 3 }, { say: "lesson.belt.units", color: "forget", width: 1 },
          { ...constant, text: GC.say("lesson.belt.constant", { f: GC.number(gate(), 4) }) }, { say: "lesson.belt.rnn", color: "candidate", dash: [7, 4] },
        ]);
        const lines = [
          ...units.map((ys) => ({ xs: xs(ys), ys, color: "forget", width: 1, alpha: 0.45 })),
          { xs: xs(rnn), ys: rnn, color: "candidate", dash: [7, 4], width: 2.2 }, { xs: xs(fixed), ys: fixed, color: "ink", dash: [2, 4], width: 2 },
        ];
        if (own) lines.push({ xs: xs(own), ys: own, color: "forget", width: 3 });
        const y = [Math.max(FLOOR, Math.min(-2, Math.floor(GC.extent(lines.map((line) => line.ys))[0]))), 0.6];
        GC.chart(plot, {
          x: [0, steps], y, lines, levels: [{ at: 0, text: GC.say("lesson.fading.one.level"), color: "soft" }],
          xAxis: GC.lagAxis(plot, [0, steps], GC.say("lesson.fading.axis")), yAxis: GC.powerAxis(...y),
        });
        plot.cursor(lag / steps);
        const text = GC.say("lesson.belt.reading", {
          f: GC.number(gate(), 4), life: GC.number(Math.log(0.5) / Math.log(gate()), 1), k: lag, left: GC.size(lag * Math.log10(gate())),
          unit: state.unit, own: own ? GC.size(own[lag]) : "–", rnn: GC.size(rnn[lag] ?? NaN),
        });
        say(text);
        plot.label(`${GC.say("lesson.belt.aria")}. ${text}`);
      };
    },
  });
})();
