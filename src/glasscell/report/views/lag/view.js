// How far back the data help and the network reads. Reads measures.reach {steps, names, backs, back,
// said} and the arrays lag/0 …, a line each over the steps, which stand side by side.
(() => {
  const COLOURS = ["forget", "candidate", "cell"];
  const DASHES = [[], [6, 3], []];

  GC.view({
    id: "lag", order: 1.3, title: "view.lag", optional: true,
    needs: ({ measures }) => (measures.reach ? null : "view.lag"),
    build(host, api) {
      const { steps, names, backs, said } = GC.data.measures.reach;
      const head = GC.make("p", { className: "reading" });
      host.append(head);
      const legend = GC.legend(host);
      const plot = GC.canvas(host, { height: 260, ...GC.MARGINS });
      const values = names.map((_, k) => GC.array(`lag/${k}`));
      const n = steps.length;
      const lines = names.map((_, k) => ({ color: COLOURS[k % 3], dash: DASHES[k % 3], width: k === 2 ? 2.6 : 1.8, xs: GC.steps(n), ys: values[k] }));
      api.table(() => ({
        caption: GC.say("view.lag"), head: [GC.say("lag.steps"), ...names.map((pair) => GC.say(pair))],
        rows: steps.map((k, place) => [k, ...values.map((line) => (Number.isFinite(line[place]) ? GC.number(line[place], 3) : "–"))]),
      }));
      return {
        draw(state, changed) {
          if (!["lang", "theme", "size"].some((name) => changed.has(name))) return;
          head.textContent = GC.say(said);
          legend.fill(lines.map((line, k) => Object.assign(line, { text: `${GC.say(names[k])} – ${GC.say("lag.back", { steps: backs[k] })}` })));
          const every = Math.max(1, Math.ceil(n / Math.max(2, Math.round(plot.area.w / 60))));
          const ticks = steps.map((_, place) => place).filter((place) => place % every === 0);
          GC.chart(plot, {
            x: [0, n], y: GC.room(GC.extent([...values, [0]])), lines,
            xAxis: { ticks: ticks.map((t) => t + 0.5), format: (x) => String(steps[x - 0.5]), label: GC.say("lag.steps") },
            yAxis: { label: GC.say("lag.error") },
          });
          plot.label(`${GC.say("view.lag")}. ${GC.say(said)}`);
        },
      };
    },
  });
})();
