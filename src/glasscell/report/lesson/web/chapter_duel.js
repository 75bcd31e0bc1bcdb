"use strict";
// Chapter 10: both networks' answers to new sequences, then the inspect page's duel of the two.
(() => {
  const SIDES = [["lstm", "cell", 1], ["plain", "candidate", 2]];

  const scatter = (plot, k, colour) => {
    const answers = GC.array("lesson/answers");
    const N = answers.shape[1];
    const colours = GC.palette();
    const { ctx, area: { x, y, w, h } } = plot;
    plot.clear();
    const [sx, sy] = [GC.scale(0, 2, x, x + w), GC.scale(-0.1, 2.1, y + h, y)];
    GC.axis(plot, sy, { side: "left", ticks: [0, 1, 2], grid: true, format: GC.tick });
    GC.axis(plot, sx, { side: "bottom", ticks: [0, 0.5, 1, 1.5, 2], format: GC.tick, label: GC.say("lesson.duel.truth") });
    GC.line(plot, [sx(0), sx(2)], [sy(0), sy(2)], { color: colours.soft, width: 1.2, dash: [4, 4] });
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, w, h);
    ctx.clip();
    const pick = (row) => answers.subarray(row * N, (row + 1) * N);
    GC.dots(plot, Array.from(pick(0), sx), Array.from(pick(k), sy), { color: colours[colour], radius: 2.4, alpha: 0.6 });
    ctx.restore();
  };

  Lesson.chapter({
    id: "duel",
    live(stage, api, view) {
      const say = GC.readout(stage, "reading big");
      const grid = GC.make("div", { className: "duel" });
      stage.append(grid);
      const sides = SIDES.map(([name, colour, row]) => {
        const head = GC.make("h3");
        const side = GC.make("div", { className: "side" }, head);
        grid.append(side);
        return { name, colour, row, head, plot: GC.canvas(side, { height: 250, left: 36, right: 8, top: 6, bottom: 42 }) };
      });
      if (GC.data.measures.duel) Lesson.mount("duel", view, stage);
      else stage.append(GC.make("p", { className: "absent", data: { say: "lesson.duel.own" }, textContent: GC.say("lesson.duel.own") }));
      return (_, changed) => {
        if (!GC.anew(changed)) return;
        const { errors } = Lesson.facts();
        const [lstm, rnn, always] = ["lstm", "rnn", "always"].map((name) => GC.number(errors[name], 4));
        say(GC.say("lesson.duel.reading", { lstm, rnn, always }));
        for (const { name, colour, row, head, plot } of sides) {
          scatter(plot, row, colour);
          head.textContent = GC.say("lesson.duel.scatter", { name: GC.say(`lesson.${name}`), error: row === 1 ? lstm : rnn });
          plot.label(`${head.textContent}. ${GC.say("lesson.duel.p2", Lesson.values())}`);
        }
      };
    },
  });
})();
