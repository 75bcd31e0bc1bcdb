// Gradient river: how much of the loss arrives at each step, |dL/dh_t| and |dL/dc_t| on a log scale.
// Reads s/l/grad_hidden, grad_cell, grad_path (T,).
(() => {
  const FLOAT32 = Math.log10(2 ** -126);
  const ROUNDING = -24 * Math.log10(2);
  const PARTS = [
    { name: "grad_hidden", say: "river.hidden", color: "hidden", width: 2.2, fill: true },
    { name: "grad_cell", say: "river.cell", color: "cell", dash: [7, 4], width: 2.2 },
    { name: "grad_path", say: "river.cell_path", color: "forget", dash: [2, 4], width: 2 },
  ];

  // The range to draw: whole decades, not far below where float32 ends.
  const range = (logs) => {
    const [low, high] = GC.extent(logs, [-1, 0]);
    const top = Math.ceil(high + 0.15);
    return [Math.min(top - 1, Math.max(Math.floor(low), Math.floor(FLOAT32) - 7)), top];
  };

  // As glasscell.inspect.decay: from the first step with a gradient, the lag beyond which less than
  // 1/10000 of it arrives, and a straight line through the logarithms up to there.
  const decay = (byLag) => {
    const begin = byLag.findIndex((v) => v > -Infinity);
    const logs = begin < 0 ? [] : Array.from(byLag.slice(begin), (v) => v - byLag[begin]);
    const reach = logs.reduce((last, v, lag) => (v < -4 ? last : lag), -1) + 1;
    const points = logs.slice(0, reach + 1).map((v, lag) => [lag, v]).filter(([, v]) => Number.isFinite(v));
    const mean = (k) => points.reduce((sum, point) => sum + point[k], 0) / points.length;
    const [mx, my] = [mean(0), mean(1)];
    const slope = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
    return { rate: 10 ** slope, reach: reach < logs.length ? begin + reach : byLag.length };
  };

  const sentence = () => {
    const hidden = GC.log(GC.get("grad_cell") ?? GC.get("grad_hidden"));
    const order = GC.layer.reverse ? hidden : hidden.slice().reverse();
    const [, strongest] = GC.extent([hidden], [NaN, NaN]);
    if (Number.isNaN(strongest)) return GC.say("river.empty");
    const lag = order.length - 1;
    const far = order[lag] - strongest;
    const share = far > -2 ? `${Math.round(100 * 10 ** far)} %` : GC.size(far);
    const first = Number.isFinite(far) ? GC.say("river.far", { lag, share }) : GC.say("river.gone", { lag });
    const { rate, reach } = decay(order);
    if (!Number.isFinite(rate)) return first;
    const arrives = reach < order.length ? GC.say("river.reach", { reach }) : GC.say("river.all");
    return `${first} ${GC.say("river.rate", { rate: GC.number(rate, 3), slope: GC.number(Math.log10(rate), 2) })} ${arrives}`;
  };

  GC.view({
    id: "river",
    order: 7,
    title: "view.river",
    needs: () => (GC.has(GC.key("grad_hidden")) ? null : "river.absent"),
    build(host, api) {
      let byLag = false;
      const toggle = GC.button(api.tools, "river.by.lag", () => {
        byLag = !byLag;
        toggle.setAttribute("aria-pressed", byLag);
        GC.redraw("river");
      }, { className: "toggle" });
      toggle.setAttribute("aria-pressed", "false");
      const say = GC.readout(host);
      const legend = GC.legend(host);
      const plot = GC.canvas(host, { height: 290, time: true, ...GC.MARGINS });
      let shown = [];
      let logs = [];

      const outline = (T) => {
        shown = PARTS.filter(({ name }) => GC.has(GC.key(name)));
        logs = shown.map(({ name }) => GC.log(GC.get(name)));
        legend.fill(shown);
        const y = range(logs);
        const floor = Math.max(FLOAT32 - 7, y[0]);
        const [, strongest] = GC.extent(logs, [NaN, NaN]);
        const lagTicks = GC.ticks(0, T - 1, 6).filter(Number.isInteger);
        const lagAt = (lag) => (GC.layer.reverse ? lag : T - 1 - lag) + 0.5;
        const lagAxis = {
          ticks: lagTicks.map(lagAt), label: GC.say("axis.lag"),
          format: (x) => String(GC.layer.reverse ? x - 0.5 : T - 0.5 - x),
        };
        GC.chart(plot, {
          x: [0, T], y,
          lines: shown.map((part, k) => ({
            ...part, xs: GC.steps(logs[k].length, T / logs[k].length),
            ys: logs[k].map((v) => (v === -Infinity ? floor : v)),
            base: part.fill ? logs[k].map(() => y[0]) : undefined,
          })),
          levels: [
            { at: strongest + ROUNDING, text: GC.say("river.round") },
            { at: FLOAT32, text: GC.say("river.floor") },
          ],
          xAxis: byLag ? lagAxis : GC.timeAxis(plot, T),
          yAxis: GC.powerAxis(...y),
        });
        say(sentence());
        plot.label(`${GC.say("view.river")}. ${sentence()}`);
      };

      api.table(() => ({
        caption: GC.say("view.river"),
        head: [GC.say("axis.step"), GC.say("axis.lag"), ...shown.map((part) => GC.say(part.say))],
        rows: Array.from({ length: GC.series.T }, (_, t) => [
          GC.stepName(t), String(GC.layer.reverse ? t : GC.series.T - 1 - t),
          ...shown.map(({ name }) => GC.number(GC.get(name)[t], 4)),
        ]),
      }));

      return {
        draw(state, changed) {
          if (GC.anew(changed)) outline(GC.series.T);
          shown.forEach((part, k) => part.show(GC.size(logs[k][state.t])));
        },
      };
    },
  });
})();
