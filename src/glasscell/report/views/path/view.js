// Path split: how much of dc_T/dc_t runs along the conveyor belt (the product of the forget gates)
// and how much through hidden state and gates.
// Reads s/l/path_lags (n,), path_share (n,) of the belt 0 … 1, and the log10 norms path_belt,
// path_gates, path_total (n,); measures.path["s/l"].step is the step T, by default the last read.
(() => {
  const LINES = [
    { name: "path_total", say: "path.total", color: "faint", width: 4 },
    { name: "path_belt", say: "path.belt", color: "forget", width: 2.2, dash: [7, 4] },
    { name: "path_gates", say: "path.gates", color: "candidate", width: 2, dash: [2, 4] },
  ];

  GC.view({
    id: "path",
    order: 9,
    title: "view.path",
    gated: true,
    needs: () => {
      if (!GC.cell.belt) return "path.rnn";
      return GC.has(GC.key("path_lags")) ? null : GC.why("path.absent");
    },
    build(host, api) {
      const say = GC.readout(host);
      const shares = GC.legend(host, [{ say: "path.belt", color: "forget", block: true }, { say: "path.gates", color: "candidate", block: true }]);
      const split = GC.canvas(host, { height: 170, ...GC.MARGINS });
      const legend = GC.legend(host);
      const sizes = GC.canvas(host, { height: 210, ...GC.MARGINS });
      let lags = [];
      let shown = [];

      const end = () => GC.data.measures.path?.[GC.key("").slice(0, -1)]?.step ?? (GC.layer.reverse ? 0 : GC.series.T - 1);
      const lagOf = (t) => (GC.layer.reverse ? t - end() : end() - t);
      const nearest = (lag) => {
        let best = 0;
        lags.forEach((v, k) => { if (Math.abs(v - lag) < Math.abs(lags[best] - lag)) best = k; });
        return best;
      };
      const share = () => {
        const given = GC.get("path_share");
        if (given) return given;
        const [belt, gates] = [GC.get("path_belt"), GC.get("path_gates")];
        return Float64Array.from(lags, (_, k) => (gates ? 1 / (1 + 10 ** (gates[k] - belt[k])) : Math.min(1, 10 ** (belt[k] - GC.get("path_total")[k]))));
      };

      // The belt fills from the foot, the gates hang from the top; they meet where the share is.
      const drawSplit = () => {
        const belt = Float64Array.from(share());
        const x = [lags[0], Math.max(lags[0] + 1, lags.at(-1))];
        GC.chart(split, {
          x, y: [0, 1], xAxis: GC.lagAxis(split, x),
          lines: [
            { xs: lags, ys: belt, color: "forget", width: 2.2, base: belt.map(() => 0) },
            { xs: lags, ys: belt, color: "candidate", width: 0, base: belt.map(() => 1) },
          ],
          yAxis: { ticks: [0, 0.5, 1], format: (v) => `${100 * v} %` },
        });
        split.label(GC.say("view.path"));
      };
      const drawSizes = () => {
        shown = LINES.filter(({ name }) => GC.has(GC.key(name)));
        legend.fill(shown);
        const x = [lags[0], Math.max(lags[0] + 1, lags.at(-1))];
        const lists = shown.map(({ name }) => GC.get(name));
        const [low, high] = GC.extent(lists, [-1, 0]);
        const y = [Math.max(Math.floor(low), Math.floor(high) - 40), Math.ceil(high + 0.05)];
        GC.chart(sizes, {
          x, y: [Math.min(y[0], y[1] - 1), y[1]], xAxis: GC.lagAxis(sizes, x), yAxis: GC.powerAxis(...y),
          lines: shown.map((line, k) => ({ ...line, xs: lags, ys: lists[k] })),
        });
        sizes.label(GC.say("path.sizes"));
      };

      const move = (t) => {
        const k = nearest(lagOf(t));
        const span = Math.max(1, lags.at(-1) - lags[0]);
        const inside = lagOf(t) >= lags[0] && lagOf(t) <= lags.at(-1);
        for (const plot of [split, sizes]) plot.cursor(inside ? (lagOf(t) - lags[0]) / span : null);
        const belt = share()[k];
        shares.items[0].show(Number.isNaN(belt) ? "–" : GC.percent(belt));
        shares.items[1].show(Number.isNaN(belt) ? "–" : GC.percent(1 - belt));
        shown.forEach((line) => line.show(GC.size(GC.get(line.name)[k])));
        say(GC.say(Number.isNaN(belt) ? "path.none" : "path.reading", { lag: lags[k], belt: GC.percent(belt), total: GC.size((GC.get("path_total") ?? [])[k] ?? NaN) }));
      };
      for (const plot of [split, sizes]) {
        for (const kind of ["pointermove", "pointerdown"]) {
          plot.host.addEventListener(kind, (event) => {
            const lag = lags[0] + plot.pick(event).fx * Math.max(1, lags.at(-1) - lags[0]);
            GC.set({ t: GC.layer.reverse ? end() + lag : end() - lag });
          });
        }
      }
      api.table(() => ({
        caption: GC.say("view.path"),
        head: [GC.say("axis.lag"), GC.say("path.belt"), ...shown.map((line) => `log10 ${GC.say(line.say)}`)],
        rows: Array.from(lags, (lag, k) => [String(lag), `${GC.number(100 * share()[k], 1)} %`, ...shown.map(({ name }) => GC.number(GC.get(name)[k], 2))]),
      }));

      return {
        draw(state, changed) {
          if (GC.anew(changed)) {
            lags = GC.get("path_lags");
            drawSplit();
            drawSizes();
          }
          move(state.t);
        },
      };
    },
  });
})();
