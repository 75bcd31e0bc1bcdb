"use strict";
// Chapter 3: the product of the network's own Jacobians, pulled longer and longer.
(() => {
  const { pair } = Lesson;
  // Two units, fixed point (0, 0.5): W has only the eigenvalue 0, its Jacobian there the eigenvalue 2.
  const TWO = { W: Float64Array.of(8, 8, -8, -8), states: [0, 0.5], n: 2 };
  const FLOOR = -16;

  /** Every product from the last step back: {steps (one per k), rho, n}. */
  const products = (which, gain) => {
    const { T, x } = pair.sequence();
    if (which === "two") {
      const states = Float64Array.from({ length: 2 * T }, (_, k) => TWO.states[k % 2]);
      const W = TWO.W.map((v) => v * gain);
      return { n: 2, rho: Algebra.radius(W, 2), steps: Algebra.back({ states, W, n: 2, count: 30, row: null, slope: (h) => 1 - h * h }) };
    }
    const { H, weight_hh: own } = pair.layer("rnn");
    const weights = own.map((v) => v * gain);
    const { hidden } = gain === 1 ? pair.of("rnn") : pair.run("rnn", x, T, { weight_hh: weights });
    const W = Float64Array.from(weights);
    const steps = Algebra.back({
      states: Float64Array.from(hidden), W, n: H, count: T - 1, row: Float64Array.from(pair.head("rnn")),
      slope: which === "linear" ? () => 1 : (h) => 1 - h * h,
    });
    return { n: H, rho: Algebra.radius(W, H), steps };
  };

  const matrix = (plot, values, n, top) => {
    const { x, y, w, h } = plot.area;
    plot.clear();
    GC.heat({ rows: n, columns: n, value: (r, c) => values[r * n + c], colour: (v) => GC.palette().diverging(Math.max(-1, Math.min(1, v / top))) }).paint(plot, x, y, w, h);
    plot.label(GC.say("lesson.fading.matrix.aria"));
  };

  Lesson.chapter({
    id: "fading",
    live(stage, api) {
      const set = { which: "trained", gain: 1, k: 3 };
      let made = null;
      const again = (what) => { if (what !== "k") made = null; GC.redraw(api.id, "own"); };
      const choice = GC.choice("lesson.fading.which", ["trained", "linear", "two"].map((name) => [name, `lesson.fading.${name}`]), set.which, (name) => { set.which = name; again(); });
      const controls = GC.make("div", { className: "controls" });
      stage.append(choice, controls);
      const k = GC.slider(controls, { say: "lesson.fading.k", min: 1, max: pair.sequence().T - 1, step: 1, value: set.k, format: String, onInput: (v) => { set.k = v; again("k"); } });
      const gain = GC.slider(controls, { say: "lesson.fading.gain", min: 0.2, max: 3, step: 0.05, value: 1, onInput: (v) => { set.gain = v; again(); } });
      const say = GC.readout(stage);
      const legend = GC.legend(stage, [
        { say: "lesson.fading.largest", color: "candidate", width: 2.8 }, { say: "lesson.fading.others", color: "faint", width: 1.2 },
        { say: "lesson.fading.answer", color: "accent", dash: [6, 4] },
      ]);
      const plot = GC.canvas(stage, { height: 280, ...GC.MARGINS });
      const pictures = GC.make("div", { className: "pair-of" });
      const figure = (say_) => {
        const head = GC.make("h3", say_ ? { data: { say: say_ }, textContent: GC.say(say_) } : {});
        const box = GC.make("div", { className: "square" }, head);
        pictures.append(box);
        return { head, plot: GC.canvas(box, { height: 190 }) };
      };
      stage.append(pictures);
      const one = figure("lesson.fading.one");
      const many = figure();
      const cells = GC.make("p", { className: "small" });
      stage.append(cells);

      const prepare = (change) => {
        Object.assign(set, change);
        choice.choose(set.which);
        k.set(set.k);
        gain.set(set.gain);
        again();
      };
      const plain = { which: "trained", gain: 1 };
      Lesson.show(api, "lesson.fading.show1", () => prepare({ ...plain, k: 20 }));
      Lesson.show(api, "lesson.fading.show2", () => prepare({ ...plain, k: 70 }));
      Lesson.show(api, "lesson.fading.show3", () => prepare({ which: "linear", gain: 1, k: 30 }));
      Lesson.show(api, "lesson.fading.show4", () => prepare({ which: "two", gain: 1, k: 10 }));
      for (const kind of ["pointerdown", "pointermove"]) {
        plot.host.addEventListener(kind, (event) => {
          if (kind === "pointermove" && !event.buttons) return;
          prepareK(Math.round(plot.pick(event).fx * made.steps.length));
        });
      }
      const prepareK = (v) => { k.set(Math.max(1, v)); set.k = Number(k.input.value); again("k"); };

      const chart = () => {
        const { steps, n } = made;
        const xs = Float64Array.from({ length: steps.length + 1 }, (_, j) => j);
        const log = (v) => (v > 0 ? Math.max(FLOOR, Math.log10(v)) : FLOOR);
        // Of values 1e-13 below the largest, rounding is all that is left.
        const sigma = (j) => [0, ...steps.map(({ sigma: s }) => (j && (s[j] < 1e-13 * s[0] || s[j] < 10 ** FLOOR) ? NaN : log(s[j])))];
        const lines = Array.from({ length: n }, (_, j) => ({ xs, ys: sigma(j), color: j ? "faint" : "candidate", width: j ? 1 : 2.8 })).reverse();
        const start = Algebra.norm(pair.head("rnn"));
        if (set.which !== "two") lines.push({ xs, ys: [0, ...steps.map((step) => log(step.gradient / start))], color: "accent", dash: [6, 4], width: 2 });
        const [low, high] = GC.extent(lines.map((line) => line.ys));
        const y = [Math.max(FLOOR, Math.min(-3, Math.floor(low))), Math.max(1, Math.ceil(high))];
        GC.chart(plot, {
          x: [0, steps.length], y, lines, levels: [{ at: 0, text: GC.say("lesson.fading.one.level"), color: "soft" }],
          xAxis: GC.lagAxis(plot, [0, steps.length], GC.say("lesson.fading.axis")), yAxis: GC.powerAxis(...y),
        });
      };
      const sentence = () => {
        const { steps, rho } = made;
        const { sigma, gradient } = steps[set.k - 1];
        const start = Algebra.norm(pair.head("rnn"));
        const end = sigma[0] < 0.01 ? "vanishes" : sigma[0] > 100 ? "explodes" : sigma[0] < 0.5 ? "fades" : "between";
        return GC.sentences([
          GC.say("lesson.fading.reading", { k: set.k, sigma: GC.size(Math.log10(sigma[0])) }),
          // The radius is told where it misleads.
          set.which === "two" ? GC.say("lesson.fading.reading.rho", { rho: GC.number(rho, 2) }) : "",
          Number.isNaN(gradient) ? "" : GC.say("lesson.fading.reading.gradient", { gradient: `× ${GC.size(Math.log10(gradient / start))}` }),
          GC.say(`lesson.fading.${end}`, { k: set.k }),
        ]);
      };
      api.table(() => ({
        caption: GC.say("lesson.fading"),
        head: [GC.say("lesson.fading.axis"), GC.say("lesson.fading.largest"), GC.say("lesson.fading.answer")],
        rows: made ? made.steps.map((step, j) => [String(j + 1), GC.size(Math.log10(step.sigma[0])), GC.size(Math.log10(step.gradient / Algebra.norm(pair.head("rnn"))))]) : [],
      }));

      return (_, changed) => {
        if (!made || changed.has("sequence") || changed.has("series")) {
          made = products(set.which, set.gain);
          k.input.max = made.steps.length;
          set.k = Math.min(set.k, made.steps.length);
          k.set(set.k);
        }
        stage.dataset.products = JSON.stringify({ which: set.which, k: set.k, sigma: made.steps[set.k - 1].sigma[0], gradient: made.steps[set.k - 1].gradient, rho: made.rho });
        legend.box.lastChild.hidden = set.which === "two";
        chart();
        const { J, product } = made.steps[set.k - 1];
        const top = GC.top(made.steps[0].J) || 1;
        matrix(one.plot, J, made.n, top);
        matrix(many.plot, product, made.n, top);
        cells.textContent = GC.say("lesson.fading.cells", { top: GC.number(top, 2) });
        many.head.textContent = GC.say("lesson.fading.many", { k: set.k });
        const text = sentence();
        say(text);
        plot.label(`${GC.say("lesson.fading.aria")}. ${text}`);
        plot.cursor(set.k / made.steps.length);
      };
    },
  });
})();
