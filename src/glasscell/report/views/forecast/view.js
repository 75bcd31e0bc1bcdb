// Forecast and truth over a stretch of the test part; its time is its own, not the page's cursor.
// Reads measures.stretch and the arrays forecast/0 (truth), forecast/1 … (methods), forecast/low and
// forecast/high (the first method's interval), scaled.
(() => {
  const COLOURS = ["cell", "forget", "candidate", "input", "output"];
  const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 2]];

  GC.view({
    id: "forecast", order: 1.2, title: "view.forecast", optional: true,
    needs: ({ measures }) => (measures.stretch?.labels.length ? null : "forecast.none"),
    build(host, api) {
      const { labels, methods, errors, scale, unit, caption, band } = GC.data.measures.stretch;
      const [center, by] = scale.map(Number);
      const restored = (name) => Float64Array.from(GC.array(`forecast/${name}`), (v) => center + by * v);
      const values = [null, ...methods].map((_, k) => restored(k));
      const ends = band ? ["low", "high"].map(restored) : [];
      const said = () => GC.say("forecast.band", { level: band[0], inside: band[1] });
      const n = labels.length;
      let at = n - 1;
      const head = GC.make("p", { className: "note" });
      host.append(head);
      const legend = GC.legend(host);
      const plot = GC.canvas(host, { height: 280, ...GC.MARGINS });
      const say = GC.readout(host);
      const lines = [
        { say: "forecast.truth", color: "ink", width: 2.4, xs: GC.steps(n), ys: values[0] },
        ...methods.map((text, k) => ({ text, color: COLOURS[k % 5], dash: DASHES[k % 5], width: k ? 1.5 : 2.2, xs: GC.steps(n), ys: values[k + 1] })),
      ];
      const around = ends.map((ys, k) => ({ color: "cell", width: 0.6, xs: GC.steps(n), ys, ...(k ? { base: ends[0] } : {}) }));
      const point = (step) => {
        at = Math.max(0, Math.min(n - 1, step));
        plot.cursor((at + 0.5) / n);
        lines.forEach((line) => line.show(GC.number(line.ys[at], 2)));
        say(GC.sentences([`${labels[at]}.`, ...methods.map((name, k) => (errors[k] ? `${name}: ${GC.say("forecast.error", { value: errors[k] })}.` : ""))]));
      };
      for (const kind of ["pointermove", "pointerdown"]) plot.host.addEventListener(kind, (event) => point(Math.floor(plot.pick(event).fx * n)));
      plot.host.classList.add("live");
      plot.host.tabIndex = 0;
      plot.host.addEventListener("keydown", (event) => {
        const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (move) { event.preventDefault(); point(at + move * (event.shiftKey ? 10 : 1)); }
      });
      api.table(() => ({
        caption: GC.say(caption), head: [GC.say("axis.step"), GC.say("forecast.truth"), ...methods, ...(band ? [`${band[0]} % ↓`, `${band[0]} % ↑`] : [])],
        rows: labels.map((label, t) => [label, ...[...values, ...ends].map((line) => GC.number(line[t], 2))]),
      }));
      return {
        draw(state, changed) {
          if (!["lang", "theme", "size"].some((name) => changed.has(name))) return;
          head.textContent = GC.say(caption);
          legend.fill([...lines, ...(band ? [{ text: said(), color: "cell", block: true }] : [])]);
          const ticks = GC.ticks(0, n - 1, Math.max(2, Math.round(plot.area.w / 150))).filter(Number.isInteger);
          GC.chart(plot, {
            x: [0, n], y: GC.room(GC.extent([...values, ...ends])), lines: [...around, ...[...lines].reverse()],
            xAxis: { ticks: ticks.map((t) => t + 0.5), format: (x) => labels[x - 0.5] }, yAxis: { label: unit },
          });
          plot.label(`${GC.say("view.forecast")}. ${GC.say(caption)}`);
          point(at);
        },
      };
    },
  });
})();
