// The training log: every network's error on validation (solid) and on its training data (dotted).
// Reads measures.training [{name, axis: "epoch"|"step", at, validation, train?}].
(() => {
  const COLOURS = ["cell", "forget", "candidate", "input", "output", "hidden"];

  GC.view({
    id: "training", order: 12.5, title: "view.training", optional: true,
    needs: ({ measures }) => (measures.training?.some(({ at }) => at.length) ? null : "view.training"),
    build(host, api) {
      const networks = GC.data.measures.training.filter(({ at }) => at.length);
      const charts = [...new Set(networks.map(({ axis }) => axis))].map((axis) => {
        const drawn = networks.filter((one) => one.axis === axis);
        const lines = drawn.flatMap((one, k) => ["validation", "train"].filter((part) => one[part]).map((part) => ({
          text: one.name, color: COLOURS[k % 6], dash: part === "train" ? [1, 4] : [], width: part === "train" ? 1.4 : 2.2,
          xs: one.at, ys: GC.log(one[part]), part,
        })));
        return { axis, lines, legend: GC.legend(host), plot: GC.canvas(host, { height: 230, ...GC.MARGINS }) };
      });
      api.table(() => ({
        caption: GC.say("view.training"), head: ["", GC.say("training.epoch"), GC.say("training.train"), GC.say("training.validation")],
        rows: networks.flatMap((one) => one.at.map((at, k) => [one.name, String(at), GC.number(one.train?.[k], 5), GC.number(one.validation[k], 5)])),
      }));
      return {
        draw(state, changed) {
          if (!["lang", "theme", "size"].some((name) => changed.has(name))) return;
          for (const { axis, lines, legend, plot } of charts) {
            legend.fill(lines.filter(({ part }) => part === "validation"));
            const y = GC.room(GC.extent(lines.map(({ ys }) => ys), [-1, 0]), 0.08);
            const [low, high] = GC.extent(lines.map(({ xs }) => xs));
            GC.chart(plot, { x: [Math.min(low, high - 1), high], y, lines, xAxis: GC.lagAxis(plot, [low, high], GC.say(`training.${axis}`)), yAxis: GC.valueAxis(...y) });
            plot.label(GC.say("view.training"));
          }
        },
      };
    },
  });
})();
