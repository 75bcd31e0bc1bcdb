// Jacobian fan: log10 of the singular values of ds_{t0+lag}/ds_{t0}, s = (h, c), over the lag.
// Reads s/l/fan (n, k), fan_lags (n,); measures.lyapunov["s/l"] {exponents} (natural logarithm) or a
// plain list; measures.fan["s/l"].start is t0, by default the first step read.
(() => {
  const LN10 = Math.log(10);

  GC.view({
    id: "fan",
    order: 10,
    title: "view.fan",
    needs: () => (GC.has(GC.key("fan")) ? null : "fan.absent"),
    build(host, api) {
      const say = GC.readout(host);
      GC.legend(host, [{ say: "fan.sigma", color: "accent" }, { say: "fan.lyapunov", color: "candidate", dash: [6, 5], width: 1.6 }]);
      const plot = GC.canvas(host, { height: 300, ...GC.MARGINS });
      let lags = [];

      const place = () => GC.key("").slice(0, -1);
      const start = () => GC.data.measures.fan?.[place()]?.start ?? (GC.layer.reverse ? GC.series.T - 1 : 0);
      const exponents = () => {
        const found = GC.data.measures.lyapunov?.[place()];
        return (Array.isArray(found) ? found : found?.exponents) ?? [];
      };
      const column = (k) => {
        const fan = GC.get("fan");
        return Float64Array.from(lags, (_, n) => fan[n * fan.shape[1] + k]);
      };
      const lagOf = (t) => (GC.layer.reverse ? start() - t : t - start());
      const nearest = (lag) => lags.reduce((best, v, k) => (Math.abs(v - lag) < Math.abs(lags[best] - lag) ? k : best), 0);

      const outline = () => {
        lags = GC.get("fan_lags");
        const k = GC.get("fan").shape[1];
        const sigmas = Array.from({ length: k }, (_, j) => column(j));
        const [low, high] = GC.extent(sigmas, [-1, 0]);
        const top = Math.ceil(Math.max(high, 0) + 0.1);
        const y = [Math.min(-1, Math.max(Math.floor(low), top - 45)), top];
        const first = exponents().slice(0, k);
        GC.chart(plot, {
          x: [0, Math.max(1, lags.at(-1))], y,
          lines: [
            ...sigmas.map((ys, j) => ({ xs: lags, ys, color: "accent", width: j ? 1.3 : 2.6, alpha: j ? 0.75 : 1 })),
            ...first.map((rate) => ({ xs: [0, lags.at(-1)], ys: [0, (rate * lags.at(-1)) / LN10], color: "candidate", dash: [6, 5], width: 1.3 })),
          ],
          levels: [{ at: 0, text: GC.say("fan.one"), color: "soft" }],
          xAxis: GC.lagAxis(plot, [0, lags.at(-1)], GC.say("axis.lag.from", { step: GC.stepName(start()) })), yAxis: GC.powerAxis(...y),
        });
        plot.label(`${GC.say("view.fan")}. ${sentence(lags.length - 1)}`);
      };
      const sentence = (n) => {
        const fan = GC.get("fan");
        const k = fan.shape[1];
        const values = Array.from(fan.subarray(n * k, (n + 1) * k));
        const alive = values.filter((v) => v > values[0] - 1).length;
        const rate = exponents()[0];
        const memory = rate < 0 ? GC.number(-1 / rate, 1) : "∞";
        const parts = [GC.say("fan.reading", { lag: lags[n], first: GC.size(values[0]), last: GC.size(values.at(-1)), alive, k })];
        if (Number.isFinite(rate)) parts.push(GC.say(rate > 0 ? "fan.chaos" : "fan.memory", { rate: GC.number(rate, 4), memory }));
        return parts.join(" ");
      };
      for (const kind of ["pointermove", "pointerdown"]) {
        plot.host.addEventListener(kind, (event) => {
          const lag = plot.pick(event).fx * Math.max(1, lags.at(-1));
          GC.set({ t: GC.layer.reverse ? start() - lag : start() + lag });
        });
      }
      api.table(() => ({
        caption: GC.say("view.fan"),
        head: [GC.say("axis.lag"), ...Array.from({ length: GC.get("fan").shape[1] }, (_, k) => `log10 σ${k + 1}`)],
        rows: Array.from(lags, (lag, n) => [String(lag), ...Array.from({ length: GC.get("fan").shape[1] }, (_, k) => GC.number(column(k)[n], 2))]),
      }));

      return {
        draw(state, changed) {
          if (GC.anew(changed)) outline();
          const lag = lagOf(state.t);
          const inside = lag >= 0 && lag <= lags.at(-1);
          plot.cursor(inside ? lag / Math.max(1, lags.at(-1)) : null);
          say(sentence(nearest(Math.max(0, lag))));
        },
      };
    },
  });
})();
