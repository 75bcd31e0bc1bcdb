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

  // `from`: the step of the loss, where it is not the last that the layer worked on.
  const sentence = (of, from) => {
    const norms = of("grad_cell") ?? of("grad_hidden");
    const pool = norms.pool ?? 1;
    const hidden = GC.log(norms);
    const order = GC.layer.reverse ? hidden.slice(from ?? 0) : hidden.slice(0, (from ?? hidden.length) + 1).reverse();
    const [, strongest] = GC.extent([hidden], [NaN, NaN]);
    if (Number.isNaN(strongest)) return GC.say("river.empty");
    const lag = pool > 1 ? GC.series.T - 1 : order.length - 1;
    const far = order.at(-1) - strongest;
    const share = far > -2 ? `${Math.round(100 * 10 ** far)} %` : GC.size(far);
    const first = Number.isFinite(far) ? GC.say("river.far", { lag, share }) : GC.say("river.gone", { lag });
    const { rate: perColumn, reach } = decay(order);
    if (!Number.isFinite(perColumn)) return first;
    const rate = perColumn ** (1 / pool);
    const arrives = reach < order.length ? GC.say("river.reach", { reach: reach * pool }) : GC.say("river.all");
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
      const controls = GC.make("div", { className: "controls" });
      host.append(controls);
      let step = null; // the loss is the sum of h at this step; null: the model's own loss
      let own = {};
      const of = (name) => (step === null ? GC.get(name) : own[name] ?? null);
      const loss = GC.menu(controls, { say: "river.loss", words: true, options: [["own", "river.loss.own"], ["step", "river.loss.step"]], onChange: (v) => choose(v === "own" ? null : GC.state.t) });
      const slider = GC.slider(controls, { say: "river.at", min: 0, max: 1, step: 1, value: 0, format: (v) => GC.stepName(v), onInput: (v) => choose(v) });
      const choose = (t) => {
        own = t === null ? {} : GC.adjoint(t) ?? {};
        step = own.grad_hidden ? t : null;
        loss.select.value = step === null ? "own" : "step";
        slider.box.hidden = step === null;
        if (step !== null) slider.set(step);
        GC.redraw("river");
      };
      const say = GC.readout(host);
      const legend = GC.legend(host);
      const plot = GC.canvas(host, { height: 290, time: true, ...GC.MARGINS });
      let shown = [];
      let logs = [];

      const place = (t, list) => Math.floor((t * list.length) / GC.series.T);
      const outline = (T) => {
        shown = PARTS.filter(({ name }) => of(name));
        logs = shown.map(({ name }) => GC.log(of(name)));
        const y = range(GC.state.film === null ? logs : [...logs, GC.log(GC.moment().profile ?? [])]);
        const floor = Math.max(FLOAT32 - 7, y[0]);
        const [, strongest] = GC.extent(logs, [NaN, NaN]);
        const lagTicks = GC.ticks(0, T - 1, 6).filter(Number.isInteger);
        const end = step ?? (GC.layer.reverse ? 0 : T - 1);
        const lagAt = (lag) => (GC.layer.reverse ? end + lag : end - lag) + 0.5;
        const lagAxis = {
          ticks: lagTicks.map(lagAt), label: GC.say("axis.lag"),
          format: (x) => String(GC.layer.reverse ? x - 0.5 - end : end + 0.5 - x),
        };
        const then = step === null ? GC.moment() : null;
        const past = then?.profile ? [{
          xs: Array.from(then.lags, lagAt), ys: Array.from(GC.log(then.profile), (v) => (v === -Infinity ? floor : v)),
          color: "candidate", dash: [1, 4], width: 2.4, text: GC.say("river.then", { step: then.step }), name: "then",
        }] : [];
        legend.fill([...shown, ...past]);
        GC.chart(plot, {
          x: [0, T], y,
          lines: [...past, ...shown.map((part, k) => ({
            ...part, xs: GC.steps(logs[k].length, T / logs[k].length),
            ys: logs[k].map((v) => (v === -Infinity ? floor : v)),
            base: part.fill ? logs[k].map(() => y[0]) : undefined,
          }))],
          levels: [
            { at: strongest + ROUNDING, text: GC.say("river.round") },
            { at: FLOAT32, text: GC.say("river.floor") },
          ],
          xAxis: byLag ? lagAxis : GC.timeAxis(plot, T),
          yAxis: GC.powerAxis(...y),
        });
        say(sentence(of, step));
        plot.label(`${GC.say("view.river")}. ${sentence(of, step)}`);
      };

      api.table(() => ({
        caption: GC.say("view.river"),
        head: [GC.say("axis.step"), GC.say("axis.lag"), ...shown.map((part) => GC.say(part.say))],
        rows: Array.from({ length: GC.series.T }, (_, t) => [
          GC.stepName(t), String(GC.layer.reverse ? t : GC.series.T - 1 - t),
          ...shown.map(({ name }) => GC.number(10 ** logs[shown.findIndex((part) => part.name === name)][place(t, of(name))], 4)),
        ]),
      }));

      return {
        draw(state, changed) {
          if (changed.has("series") || changed.has("layer")) {
            slider.input.max = GC.series.T - 1;
            controls.hidden = !GC.jacobian();
            choose(null);
          }
          if (GC.anew(changed, "film")) outline(GC.series.T);
          shown.forEach((part, k) => part.show(GC.size(logs[k][place(state.t, logs[k])])));
        },
      };
    },
  });
})();
