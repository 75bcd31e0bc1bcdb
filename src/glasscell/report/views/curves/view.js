// Curves: line charts of a whole study, each under a sentence that says what to see.
// Reads measures.curves [Chart.record of views/curves/data.py].
(() => {
  const COLOURS = ["forget", "candidate", "input", "output", "cell", "hidden"];
  const DASHES = [[], [7, 4], [2, 4]];
  const FEW = 16; // points of a line up to which each is a dot
  const NEAR = 24; // pixels from the pointer to a point that it means
  const look = (name) => ({ color: COLOURS[name % 6], dash: DASHES[Math.floor(name / 6) % 3] });
  const along = (log) => (list) => { const values = Float64Array.from(list, (v) => v ?? NaN); return log ? GC.log(values) : values; };

  const ofRecord = ({ names, lines, levels, log_x, log_y }) => {
    const [across, up] = [along(log_x), along(log_y)];
    const pen = lines.length > names.length ? { width: 1.3, alpha: 0.75 } : { width: 2 };
    return {
      lines: lines.map((one) => ({ ...look(one.name), ...pen, one, xs: across(one.x), ys: up(one.y) })),
      bands: lines.filter(({ low }) => low).map((one) => ({ ...look(one.name), width: 0, xs: across(one.x), ys: up(one.high.map((v, k) => (one.low[k] === null ? null : v))), base: up(one.low) })),
      levels: levels.map(([value, name]) => ({ at: up([value])[0], name, color: "soft", dash: [1.4, 4] })),
    };
  };

  const axis = (log, [low, high]) => {
    if (!log) return {};
    const { ticks } = GC.valueAxis(low, high);
    const powers = ticks.every(Number.isInteger) && ticks.some((v) => Math.abs(v) > 4);
    return { ticks, format: powers ? GC.power : (v) => String(Number((10 ** v).toPrecision(3))) };
  };

  GC.view({
    id: "curves", order: 0.2, title: "view.curves", optional: true,
    needs: ({ measures }) => (measures.curves?.length ? null : "view.curves"),
    build(host, api) {
      const box = GC.make("div", { className: "panels curves" });
      host.append(box);
      const shown = GC.data.measures.curves.map((record) => {
        const title = GC.make("h3");
        const figure = GC.make("figure", {}, title);
        box.append(figure);
        const legend = GC.legend(figure);
        const chart = { record, title, legend, plot: GC.canvas(figure, { height: 240, ...GC.MARGINS, top: 26 }), ...ofRecord(record) };
        GC.tipOn(chart.plot, (at) => nearest(chart, at));
        return chart;
      });
      api.table(() => ({
        caption: GC.say("view.curves"), head: [GC.say("curves.chart"), GC.say("curves.line"), "x", "y"],
        rows: shown.flatMap(({ record }) => record.lines.flatMap(({ name, x, y, low, high }) => x.map((v, k) => [
          GC.say("curves.over", { y: GC.say(record.y), x: GC.say(record.x) }), GC.say(record.names[name]), GC.tick(v),
          GC.number(y[k], 4) + (low ? ` (${GC.number(low[k], 4)} … ${GC.number(high[k], 4)})` : ""),
        ]))),
      }));
      return {
        draw(state, changed) {
          if (["lang", "theme", "size"].some((name) => changed.has(name))) shown.forEach(draw);
        },
      };
    },
  });

  const draw = (chart) => {
    const { record, title, legend, plot, lines, bands, levels } = chart;
    title.textContent = GC.say(record.title);
    legend.fill([...record.names.map((name, k) => ({ text: GC.say(name), ...look(k) })), ...levels.map((level) => ({ ...level, text: GC.say(level.name) }))]);
    const x = GC.room(GC.extent(lines.map(({ xs }) => xs)), 0.02);
    const y = GC.room(GC.extent([levels.map(({ at }) => at), ...lines.map(({ ys }) => ys), ...bands.flatMap(({ ys, base }) => [ys, base])]), 0.07);
    const scales = GC.chart(plot, {
      x, y, lines: [...bands, ...lines], levels,
      xAxis: { ...axis(record.log_x, x), label: GC.say(record.x) }, yAxis: { ...axis(record.log_y, y), label: GC.say(record.y) },
    });
    for (const { xs, ys, color } of lines) {
      if (xs.length <= FEW) GC.dots(plot, xs.map(scales.sx), ys.map(scales.sy), { color: GC.palette()[color], radius: 2.6 });
    }
    plot.label(`${GC.say(record.title)} ${record.names.map((name) => GC.say(name)).join(", ")}`);
    chart.scales = scales;
  };

  const nearest = ({ record, lines, scales }, { x, y }) => {
    let [best, far] = [null, NEAR];
    for (const { one, xs, ys } of lines) {
      xs.forEach((v, k) => {
        const away = Math.hypot(scales.sx(v) - x, scales.sy(ys[k]) - y);
        if (away < far) [best, far] = [[one, k], away];
      });
    }
    if (!best) return null;
    const [one, k] = best;
    return [GC.say(record.names[one.name]), `${GC.say(record.x)}: ${GC.tick(one.x[k])}`, `${GC.say(record.y)}: ${GC.number(one.y[k], 4)}`];
  };
})();
