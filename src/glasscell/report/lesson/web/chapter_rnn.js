"use strict";
// Chapter 2: the plain RNN's hidden state over time, one unit's sum, and what is left of a change.
(() => {
  const { pair } = Lesson;
  const CHANGE = 0.01;

  // What a unit adds up at a step, before tanh.
  const parts = (unit, t) => {
    const { weight_ih: W, weight_hh: U, bias, H } = pair.layer("rnn");
    const { x } = pair.sequence();
    const { hidden } = pair.of("rnn");
    let [fromX, fromH] = [0, 0];
    for (let k = 0; k < 2; k += 1) fromX += W[unit * 2 + k] * x[2 * t + k];
    for (let k = 0; t > 0 && k < H; k += 1) fromH += U[unit * H + k] * hidden[(t - 1) * H + k];
    return { x: fromX, h: fromH, b: bias[unit], sum: fromX + fromH + bias[unit] };
  };

  /** Norm of the change of h at every step, relative to that at the first mark; NaN before it. */
  const left = () => {
    const { x, T, marks: [first] } = pair.sequence();
    const { H } = pair.layer("rnn");
    const changed = x.slice();
    changed[2 * first] += x[2 * first] > 0.5 ? -CHANGE : CHANGE;
    const [a, b] = [pair.of("rnn").hidden, pair.run("rnn", changed, T).hidden];
    const sizes = Float64Array.from({ length: T }, (_, t) => {
      let sum = 0;
      for (let u = 0; u < H; u += 1) sum += (a[t * H + u] - b[t * H + u]) ** 2;
      return t < first ? NaN : Math.sqrt(sum);
    });
    return sizes.map((v) => v / sizes[first]);
  };

  Lesson.chapter({
    id: "rnn",
    live(stage, api) {
      let unit = 0;
      const { H } = pair.layer("rnn");
      const controls = GC.make("div", { className: "controls" });
      stage.append(controls);
      const pick = GC.slider(controls, { say: "lesson.rnn.pick", min: 0, max: H - 1, step: 1, value: 0, format: String, onInput: (v) => { unit = v; GC.redraw(api.id, "own"); } });
      GC.heading(stage, "lesson.rnn.states");
      const heat = GC.canvas(stage, { height: 216, left: 36, right: 8, top: 2, bottom: 42 });
      const sum = GC.make("p", { className: "worked", aria: { live: "polite" } });
      stage.append(sum);
      GC.heading(stage, "lesson.rnn.left");
      const fade = GC.canvas(stage, { height: 170, ...GC.MARGINS, left: 46, right: 8 });
      const say = GC.readout(stage);
      pair.follow(heat);
      pair.follow(fade);
      heat.host.addEventListener("pointerdown", (event) => { unit = Math.floor(heat.pick(event).fy * H); pick.set(unit); GC.redraw(api.id, "own"); });
      Lesson.show(api, "lesson.rnn.go", () => pair.go(pair.sequence().marks[0]));
      Lesson.show(api, "lesson.rnn.on", () => pair.go(pair.sequence().marks[0] + 20));

      const drawHeat = () => {
        const { T } = pair.sequence();
        const { hidden } = pair.of("rnn");
        const { x, y, w, h } = heat.area;
        heat.clear();
        GC.heat({ rows: H, columns: T, value: (r, c) => hidden[c * H + r], colour: GC.palette().diverging }).paint(heat, x, y, w, h);
        GC.axis(heat, GC.scale(0, T, x, x + w), pair.axis(heat));
        GC.axis(heat, GC.scale(0, H, y, y + h), { side: "left", ticks: [0.5, H - 0.5], format: (v) => String(v - 0.5) });
        heat.mark(y + (unit * h) / H, h / H);
        heat.label(GC.say("lesson.rnn.states"));
      };
      let shares = [];
      const drawFade = () => {
        const { T } = pair.sequence();
        shares = left();
        const logs = shares.map((v) => Math.max(-12, Math.log10(v)));
        const y = [Math.min(-2, Math.floor(GC.extent([logs])[0])), 0.6];
        GC.chart(fade, { x: [0, T], y, lines: [{ xs: GC.steps(T), ys: logs, color: "candidate", width: 2.4, fill: false }], xAxis: pair.axis(fade), yAxis: GC.powerAxis(...y) });
        fade.label(GC.say("lesson.rnn.left"));
      };
      return (_, changed) => {
        if (GC.anew(changed, "sequence", "own")) { drawHeat(); drawFade(); }
        const t = pair.t();
        heat.place();
        fade.place();
        const { x, h, b, sum: total } = parts(unit, t);
        const part = (v, name) => `<span>${GC.number(v, 2)}<small>${name}</small></span>`;
        const bracket = [part(x, "<var>x</var>"), part(h, "<var>h</var><sub>t−1</sub>"), part(b, "<var>b</var>")].join(" + ");
        sum.innerHTML = `<var>h</var><sub>t</sub> = tanh( ${bracket} ) = tanh(${GC.number(total, 2)}) = <b>${GC.number(pair.of("rnn").hidden[t * H + unit], 3)}</b>`;
        sum.setAttribute("aria-label", GC.say("lesson.rnn.parts", { unit, step: pair.stepName(t), x: GC.number(x, 2), h: GC.number(h, 2), b: GC.number(b, 2) }));
        const k = t - pair.sequence().marks[0];
        const share = shares[t] >= 0.01 ? `${GC.number(100 * shares[t], 0)} %` : GC.size(Math.log10(shares[t]));
        say(k < 0 ? GC.say("lesson.rnn.left.before") : GC.say("lesson.rnn.left.reading", { k, share }));
      };
    },
  });
})();
