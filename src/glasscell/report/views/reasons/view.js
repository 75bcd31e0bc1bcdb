// What moved the forecast. Reads measures.reasons[series] {columns, steps, parts, text, said, fell, error,
// unit}, arrays s/reasons (K, T), s/moved (1, T), s/remembered (1, T).
(() => {
  const LINES = 6;
  const key = (name) => `${GC.state.series}/${name}`;
  const pick = () => GC.data.measures.reasons?.[GC.state.series];

  GC.view({
    id: "reasons", order: 1.4, title: "view.reasons", optional: true,
    needs: () => (pick() && GC.has(key("reasons")) ? null : "reasons.absent"),
    build(host, api) {
      const say = GC.make("p", { className: "reading" });
      const body = GC.make("div", { className: "rows" });
      const check = GC.make("div", { className: "scroll whole", tabIndex: 0 });
      host.append(say, body, check);
      let rows = [];
      let axis = null;
      const bars = (plot, values, low, high) => {
        const { ctx, area } = plot;
        const { diverging } = GC.palette();
        const y = GC.scale(low, high, area.h, 0);
        const wide = area.w / values.length;
        const top = Math.max(Math.abs(low), Math.abs(high));
        plot.clear();
        GC.sideTicks(plot, y, GC.ticks(low, high, 2));
        values.forEach((v, t) => {
          if (!Number.isFinite(v) || !v) return;
          ctx.fillStyle = GC.css(diverging(Math.sign(v) * (0.35 + 0.65 * Math.min(1, Math.abs(v) / top))));
          ctx.fillRect(t * wide, Math.min(y(v), y(0)), Math.max(1, wide - (wide > 5 ? 1 : 0)), Math.abs(y(v) - y(0)));
        });
      };
      const add = (name, what, values, height, range) => {
        const row = GC.rowOf(body, { name, what, height, label: `${GC.say("view.reasons")}: ${name}` });
        rows.push({ ...row, draw: () => bars(row.plot, values, ...range), read: (t) => GC.number(values[t], 3) });
      };
      const arrange = () => {
        body.replaceChildren();
        rows = [];
        const added = GC.array(key("reasons"));
        const { columns } = pick();
        const each = columns.map((_, k) => GC.row(added, k));
        const sizes = each.map((line) => line.reduce((a, v) => a + Math.abs(v), 0));
        const order = columns.map((_, k) => k).sort((a, b) => sizes[b] - sizes[a]).slice(0, LINES);
        const sums = GC.array(key("moved"));
        const memory = GC.array(key("remembered"));
        const range = (lists) => GC.room(GC.extent([...lists, [0]]), 0.06);
        const alike = range(order.map((k) => each[k]));
        add(GC.say("reasons.sum"), GC.say("reasons.added"), sums, 100, range([sums]));
        if (columns.length > 1) for (const k of order) add(columns[k], "", each[k], 56, alike);
        if (memory) add(GC.say("reasons.memory"), GC.say("reasons.written"), memory, 56, range([memory]));
        axis = GC.stepAxis(body);
      };
      const told = () => {
        const { text, parts, said, fell, error, unit } = pick();
        say.textContent = GC.say(text);
        const all = parts.length > 1 ? [...parts, { name: [0, 0].map(() => GC.say("reasons.together")), added: said, fell }] : parts;
        const cell = (value) => GC.make("td", { className: "n", textContent: GC.number(value, 3) });
        check.replaceChildren(GC.make("table", { className: "results" },
          GC.make("thead", {}, GC.make("tr", {}, ...["part", "said", "fell"].map((name) => GC.make("th", { scope: "col", className: name === "part" ? "" : "n", textContent: GC.say(`reasons.${name}`) + (name !== "part" && unit ? `, ${unit}` : "") })))),
          GC.make("tbody", {}, ...all.map((one) => GC.make("tr", {}, GC.make("td", { textContent: GC.say(one.name) }), cell(one.added), cell(one.fell))))));
        api.note(GC.say("reasons.error", { error: GC.number(error, 2) }));
      };
      api.table(() => {
        const added = GC.array(key("reasons"));
        const { columns } = pick();
        const T = GC.series.T;
        return { caption: GC.say("view.reasons"), head: [GC.say("axis.step"), ...columns], rows: Array.from({ length: T }, (_, t) => [GC.stepName(t), ...columns.map((_1, k) => GC.number(added[k * T + t], 4))]) };
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
