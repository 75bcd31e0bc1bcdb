// Errors by step ahead and by origin. Reads measures.errors {methods, times, scale, unit} and the arrays
// errors/ahead/0 …, errors/origin/0 …, a line for each method.
(() => {
  const COLOURS = ["cell", "forget", "candidate", "input", "output"];
  const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 2]];

  GC.view({
    id: "errors", order: 1.25, title: "view.errors", optional: true,
    needs: ({ measures }) => (measures.errors ? null : "view.errors"),
    build(host, api) {
      const { methods, times, scale, unit } = GC.data.measures.errors;
      const legend = GC.legend(host);
      const charts = ["ahead", "origin"].map((part) => {
        const values = methods.map((_, k) => Float64Array.from(GC.array(`errors/${part}/${k}`), (v) => v * Number(scale)));
        const labels = part === "origin" ? times : Array.from(values[0], (_, k) => String(k + 1));
        const lines = methods.map((text, k) => ({ text, color: COLOURS[k % 5], dash: DASHES[k % 5], width: k ? 1.6 : 2.6, xs: GC.steps(labels.length), ys: values[k] }));
        return { part, labels, values, lines };
      }).filter(({ labels }) => labels.length > 1);
      for (const chart of charts) chart.plot = GC.canvas(host, { height: 230, ...GC.MARGINS });
      api.table(() => ({
        caption: GC.say("view.errors"), head: ["", ...methods],
        rows: charts.flatMap(({ part, labels, values }) => labels.map((label, at) => [`${GC.say(`errors.${part}`)}: ${label}`, ...values.map((line) => GC.number(line[at], 3))])),
      }));
      return {
        draw(state, changed) {
          if (!["lang", "theme", "size"].some((name) => changed.has(name))) return;
          legend.fill(methods.map((text, k) => ({ text, color: COLOURS[k % 5], dash: DASHES[k % 5], width: k ? 1.6 : 2.6 })));
          for (const { part, labels, values, lines, plot } of charts) {
            const n = labels.length;
            const every = Math.max(1, Math.ceil(n / Math.max(2, Math.round(plot.area.w / (part === "origin" ? 150 : 50)))));
            const ticks = labels.map((_, at) => at).filter((at) => at % every === 0);
            GC.chart(plot, {
              x: [0, n], y: GC.room(GC.extent([...values, [0]])), lines: [...lines].reverse(),
              xAxis: { ticks: ticks.map((at) => at + 0.5), format: (x) => labels[x - 0.5], label: GC.say(`errors.${part}`) },
              yAxis: { label: unit || GC.say("errors.error") },
            });
            plot.label(`${GC.say("view.errors")}: ${GC.say(`errors.${part}`)}`);
          }
        },
      };
    },
  });
})();
