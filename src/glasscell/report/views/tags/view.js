// Labels over time: true and said, as bands of classes or as lines. Reads measures.tags {names, kind},
// arrays s/right, s/said and s/sure.
(() => {
  const COLOURS = ["forget", "candidate", "input", "output", "cell", "hidden", "bad"];
  const MOST = 6;
  const key = (name) => `${GC.state.series}/${name}`;

  GC.view({
    id: "tags", order: 0.7, title: "view.tags", optional: true,
    needs: ({ measures }) => (measures.tags && GC.has(key("said")) ? null : "tags.absent"),
    build(host, api) {
      const { names, kind } = GC.data.measures.tags;
      const say = GC.readout(host);
      const legend = GC.legend(host);
      const body = GC.make("div", { className: "rows" });
      host.append(body);
      let rows = [];
      let axis = null;
      const band = (name) => {
        const row = GC.rowOf(body, { name: GC.say(`tags.${name}`), height: 30, label: GC.say(`tags.${name}`) });
        const values = GC.array(key(name));
        return { ...row, draw: () => {
          const { ctx, area } = row.plot;
          row.plot.clear();
          const colours = GC.palette();
          const wide = area.w / values.length;
          for (let t = 0, from = 0; t < values.length; t += 1) {
            if (t + 1 < values.length && values[t + 1] === values[from]) continue;
            if (Number.isFinite(values[from])) {
              ctx.fillStyle = colours[COLOURS[values[from] % COLOURS.length]];
              ctx.fillRect(from * wide, 0, Math.max(1, (t + 1 - from) * wide), area.h);
            }
            from = t + 1;
          }
        }, read: (t) => names[values[t]] ?? "–" };
      };
      const line = (name, title, lines, range) => {
        const row = GC.rowOf(body, { name: title, height: 64, label: title });
        return { ...row, draw: () => {
          const [low, high] = range ?? GC.room(GC.extent(lines.map(({ ys }) => ys)));
          const y = GC.scale(low, high, row.plot.area.h, 0);
          row.plot.clear();
          GC.sideTicks(row.plot, y, range ? [0, 0.5, 1] : GC.ticks(low, high, 2));
          for (const { ys, color, dash } of lines) GC.line(row.plot, GC.columns(row.plot, ys.length), Array.from(ys, y), { color: GC.palette()[color], width: 1.8, dash });
        }, read: (t) => lines.map(({ ys }) => GC.number(ys[t], 2)).join(" / ") };
      };
      const arrange = () => {
        body.replaceChildren();
        const [right, said, sure] = ["right", "said", "sure"].map((name) => GC.array(key(name)));
        if (kind === "class") {
          rows = [...(right ? [band("right")] : []), band("said"), ...(sure ? [line("sure", GC.say("tags.sure"), [{ ys: sure, color: "accent" }], [-0.04, 1.04])] : [])];
          const shown = names.length > COLOURS.length;
          legend.fill(shown ? [] : names.map((text, k) => ({ text, color: COLOURS[k], block: true })));
          const wrong = right ? said.reduce((sum, v, t) => sum + (Number.isFinite(right[t]) && v !== right[t]), 0) : 0;
          say(GC.sentences([right ? GC.say("tags.wrong", { wrong, T: GC.series.T }) : "", shown ? GC.say("tags.many") : ""]));
        } else {
          rows = names.slice(0, MOST).map((name, k) => line(name, name, [...(right ? [{ ys: GC.row(right, k), color: "ink", dash: [5, 3] }] : []), { ys: GC.row(said, k), color: "accent" }], kind === "number" ? null : [-0.04, 1.04]));
          legend.fill([{ say: "tags.right", color: "ink", dash: [5, 3] }, { say: "tags.said", color: "accent" }]);
        }
        axis = GC.stepAxis(body);
      };
      api.table(() => {
        const [right, said] = ["right", "said"].map((name) => GC.array(key(name)));
        const of = (list, t) => (!list ? "–" : kind === "class" ? names[list[t]] ?? "–" : names.map((_, k) => GC.number(GC.row(list, k)[t], 3)).join(", "));
        return { caption: GC.say("view.tags"), head: [GC.say("axis.step"), GC.say("tags.right"), GC.say("tags.said")], rows: Array.from({ length: GC.series.T }, (_, t) => [GC.stepName(t), of(right, t), of(said, t)]) };
      });
      return {
        draw({ t }, changed) {
          if (["series", "lang"].some((name) => changed.has(name)) || !rows.length) arrange();
          if (["series", "lang", "theme", "size"].some((name) => changed.has(name))) { for (const row of rows) row.draw(); axis.draw(); }
          for (const row of rows) row.value.textContent = row.read(t);
        },
      };
    },
  });
})();
