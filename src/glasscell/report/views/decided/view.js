// Which steps decided: contributions of the inputs over their curves. Reads measures.decided[series]
// {of, odds, score, base, error, said, fell, steps}, arrays s/decided (I, T), s/attention (1, T).
(() => {
  const LINES = 6;
  const key = (name) => `${GC.state.series}/${name}`;
  const pick = () => GC.data.measures.decided?.[GC.state.series];

  GC.view({
    id: "decided", order: 0.8, title: "view.decided", optional: true,
    needs: () => (pick() && GC.has(key("decided")) ? null : "decided.absent"),
    build(host, api) {
      const say = GC.readout(host);
      const body = GC.make("div", { className: "rows" });
      host.append(body);
      let rows = [];
      let axis = null;
      const bars = (plot, values, top, y0, tall) => {
        const { ctx, area } = plot;
        const { diverging } = GC.palette();
        const wide = area.w / values.length;
        values.forEach((v, t) => {
          if (!Number.isFinite(v) || !v) return;
          ctx.fillStyle = GC.css(diverging(Math.sign(v) * (0.25 + 0.75 * Math.min(1, Math.abs(v) / top))));
          const h = tall === null ? area.h : (Math.abs(v) / top) * tall;
          ctx.fillRect(t * wide, tall === null ? 0 : v > 0 ? y0 - h : y0, Math.max(1, wide - (wide > 5 ? 1 : 0)), h);
        });
      };
      const arrange = () => {
        body.replaceChildren();
        const added = GC.array(key("decided"));
        const { T, inputs } = GC.series;
        const sums = GC.array(key("added"));
        const sizes = inputs.map((_, k) => GC.row(added, k).reduce((a, v) => a + Math.abs(v), 0));
        const order = inputs.map((_, k) => k).sort((a, b) => sizes[b] - sizes[a]).slice(0, LINES);
        const top = GC.top(sums) || 1;
        const whole = GC.rowOf(body, { name: GC.say("decided.sum"), what: GC.say("decided.what"), height: 110, label: GC.say("view.decided") });
        rows = [{ ...whole, draw: () => {
          const [low, high] = GC.extent([sums, [0]]);
          const y = GC.scale(low - 0.06 * top, high + 0.06 * top, whole.plot.area.h, 0);
          whole.plot.clear();
          GC.sideTicks(whole.plot, y, GC.ticks(low, high, 3));
          bars(whole.plot, sums, top, y(0), Math.abs(y(top) - y(0)));
        }, read: (t) => GC.number(sums[t], 3) }];
        const weights = GC.array(key("attention"));
        if (weights) {
          const row = GC.rowOf(body, { name: GC.say("decided.attention"), what: GC.say("decided.weight"), height: 60, label: GC.say("decided.attention") });
          const most = GC.top(weights) || 1;
          rows.push({ ...row, draw: () => {
            const y = GC.scale(0, most * 1.05, row.plot.area.h, 0);
            row.plot.clear();
            GC.sideTicks(row.plot, y, GC.ticks(0, most, 2));
            GC.line(row.plot, GC.columns(row.plot, T), Array.from(weights, y), { color: GC.palette().accent, width: 2 });
          }, read: (t) => GC.number(weights[t], 3) });
        }
        const x = GC.array(key("x"));
        const largest = Math.max(...order.map((k) => GC.top(GC.row(added, k)))) || 1;
        for (const k of x ? order : []) {
          const row = GC.rowOf(body, { name: inputs[k], height: 52, label: `${GC.say("view.decided")}: ${inputs[k]}` });
          const values = GC.row(x, k);
          rows.push({ ...row, draw: () => {
            const [low, high] = GC.room(GC.extent([values]), 0.1);
            const y = GC.scale(low, high, row.plot.area.h, 0);
            row.plot.clear();
            row.plot.ctx.globalAlpha = 0.6;
            bars(row.plot, GC.row(added, k), largest, 0, null);
            row.plot.ctx.globalAlpha = 1;
            GC.sideTicks(row.plot, y, GC.ticks(low, high, 2));
            GC.line(row.plot, GC.columns(row.plot, values.length, x.pool), Array.from(values, y), { color: GC.palette().ink, width: 1.7 });
          }, read: (t) => GC.number(added[k * T + t], 3) });
        }
        axis = GC.stepAxis(body);
        api.note(inputs.length > LINES ? GC.say("decided.rest", { shown: LINES, all: inputs.length }) : "");
      };
      const told = () => {
        const { of, odds, score, base, error, said, fell, steps } = pick();
        const names = steps.slice(0, 8).map((t) => GC.series.labels?.[t] ?? t).join(", ") + (steps.length > 8 ? " …" : "");
        say(GC.sentences([
          GC.say(`decided.total.${odds ? "odds" : "number"}`, { of, score: GC.number(score, 2), base: GC.number(base, 2) }),
          GC.say("decided.checked", { count: GC.count(steps.length), steps: names, said: GC.number(said, 2), change: GC.number(-fell, 2), after: GC.number(score - fell, 2) }),
          Math.abs(said - fell) > 0.2 * Math.abs(fell) ? GC.say("decided.apart") : "",
          Math.abs(error) > 0.02 * Math.abs(score - base) ? GC.say("decided.error", { error: GC.number(error, 3) }) : "",
        ]));
      };
      api.table(() => {
        const added = GC.array(key("decided"));
        const { T, inputs } = GC.series;
        return { caption: GC.say("view.decided"), head: [GC.say("decided.step"), ...inputs], rows: Array.from({ length: T }, (_, t) => [GC.stepName(t), ...inputs.map((_1, k) => GC.number(added[k * T + t], 4))]) };
      });
      return {
        draw({ t }, changed) {
          if (["series", "lang"].some((name) => changed.has(name)) || !rows.length) arrange();
          if (["series", "lang", "theme", "size"].some((name) => changed.has(name))) {
            told();
            for (const row of rows) row.draw();
            axis.draw();
          }
          for (const row of rows) row.value.textContent = row.read(t);
        },
      };
    },
  });
})();
