"use strict";
// Chapter 1: the sequence, its two marks that can be moved, and what both networks answer.
(() => {
  const { pair } = Lesson;

  const bars = (plot) => {
    const { x, T, marks } = pair.sequence();
    const colours = GC.palette();
    const { ctx, area } = plot;
    plot.clear();
    const y = GC.scale(0, 1, area.y + area.h, area.y);
    GC.axis(plot, y, { side: "left", ticks: [0, 0.5, 1], grid: true, format: GC.tick });
    GC.axis(plot, GC.scale(0, T, area.x, area.x + area.w), pair.axis(plot));
    const wide = area.w / T;
    for (let t = 0; t < T; t += 1) {
      const on = marks.includes(t);
      ctx.fillStyle = on ? colours.accent : colours.edge;
      const w = on ? Math.max(4, wide * 0.9) : Math.max(1, wide * 0.6);
      ctx.fillRect(area.x + (t + 0.5) * wide - w / 2, y(x[2 * t]), w, y(0) - y(x[2 * t]));
    }
    Object.assign(ctx, { font: `600 ${GC.font(13)}`, fillStyle: colours.accent, textAlign: "center", textBaseline: "bottom" });
    for (const t of marks) ctx.fillText(GC.number(x[2 * t], 2), area.x + (t + 0.5) * wide, y(x[2 * t]) - 4);
  };

  const ANSWERS = [["truth", "ink"], ["lstm", "cell"], ["plain", "candidate"]];
  /** The answers as three points over one line from 0 to 2, each with its name. */
  const line = (host) => {
    const box = GC.make("div", { className: "numberline", aria: { role: "img" } });
    const rail = GC.make("div", { className: "rail" }, ...[0, 0.5, 1, 1.5, 2].map((v) => GC.make("span", { style: { left: `${v * 50}%` }, textContent: String(v) })));
    const points = ANSWERS.map(([name, colour]) => {
      const value = GC.make("b");
      const label = GC.make("span", { data: { say: `lesson.${name}` }, textContent: GC.say(`lesson.${name}`) });
      const node = GC.make("div", { className: `point ${name}` }, GC.make("i"), GC.make("span", { className: "tag" }, label, " ", value));
      node.style.setProperty("--p", `var(--${colour})`); // a style object cannot set a variable
      return { node, value };
    });
    box.append(rail, ...points.map(({ node }) => node));
    host.append(box);
    return (answers, text) => {
      // Names hang at the side where there is room, the outermost lowest, so that no stem crosses one.
      const places = answers.map((v, k) => [Math.max(0, Math.min(2, v)), k]).sort((a, b) => a[0] - b[0]);
      const depth = [...places.filter(([v]) => v > 1), ...places.filter(([v]) => v <= 1).reverse()].map(([, k]) => k);
      points.forEach(({ node, value }, k) => {
        node.style.setProperty("--at", Math.max(0, Math.min(2, answers[k])) / 2);
        node.style.setProperty("--deep", depth.indexOf(k));
        node.classList.toggle("left", answers[k] > 1);
        value.textContent = GC.number(answers[k], 2);
      });
      box.setAttribute("aria-label", text);
    };
  };

  Lesson.chapter({
    id: "task",
    live(stage, api) {
      const panel = GC.make("div", { className: "controls" });
      const T = () => pair.sequence().T;
      const plot = GC.canvas(stage, { height: 190, left: 36, right: 8, top: 22, bottom: 42 });
      pair.follow(plot);
      const place = line(stage);
      const say = GC.readout(stage);
      stage.append(panel);
      const slider = (word, k) => GC.slider(panel, {
        say: `lesson.task.${word}`, min: k ? T() / 2 : 0, max: k ? T() - 1 : T() / 2 - 1, step: 1, value: pair.sequence().marks[k],
        format: (v) => String(v), onInput: (v) => pair.move(k, v),
      });
      const marks = [slider("first", 0), slider("second", 1)];
      const value = GC.slider(panel, { say: "lesson.task.value1", min: 0, max: 1, step: 0.01, value: 0, onInput: (v) => pair.put(0, v) });
      GC.button(panel, "lesson.task.new", pair.noise);
      GC.button(panel, "lesson.task.back", pair.reset);
      return (_, changed) => {
        const { x, marks: at } = pair.sequence();
        if (GC.anew(changed, "sequence")) {
          bars(plot);
          marks.forEach((one, k) => one.set(at[k]));
          value.set(x[2 * at[0]]);
          const answers = [pair.target(), pair.of("lstm").answer, pair.of("rnn").answer];
          const [sum, lstm, rnn] = answers.map((v) => GC.number(v, 2));
          const text = GC.say("lesson.task.reading", { a: GC.number(x[2 * at[0]], 2), b: GC.number(x[2 * at[1]], 2), sum, lstm, rnn });
          say(text);
          place(answers, text);
          plot.label(GC.say("lesson.task.aria"));
        }
        plot.place();
      };
    },
  });
})();
