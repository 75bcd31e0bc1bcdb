// Which gates move: the mean course of each quantity around the marked steps of the shown series.
// Reads measures.events {s: [[step, label]]}, measures.response["s/l"] and "s/l/events" (quantities, 3, K);
// measures.movement {said: [en, zh], table}: what all events of a run say together.
(() => {
  const HEAD = ["quantity", "level", "elsewhere", "movement", "elsewhere", "ratio", "unit"];
  const own = () => GC.data.measures.response?.[GC.key("").slice(0, -1)];

  GC.view({
    id: "events", order: 2.2, title: "view.events", optional: true,
    needs: ({ measures }) => (own() || measures.movement ? null : "events.absent"),
    build(host, api) {
      const all = GC.make("div");
      const list = GC.make("ul", { className: "marks" });
      const say = GC.readout(host);
      host.prepend(all, list);
      const panels = GC.make("div", { className: "panels three" });
      host.append(panels);
      let plots = [];
      const arrange = () => {
        panels.replaceChildren();
        plots = GC.cell.names.map((name) => {
          const box = GC.make("div", {}, GC.make("h3", { className: `key ${GC.hue(name)}`, textContent: GC.quantity(name) }));
          panels.append(box);
          return GC.canvas(box, { height: 130, left: 44, right: 8, top: 6, bottom: 22 });
        });
      };
      api.table(() => ({
        caption: GC.say("view.events"), head: HEAD.map((key) => GC.say(`events.${key}`)),
        rows: (own()?.rows ?? []).map((row, k) => [GC.quantity(GC.cell.names[k]), ...row.map((v, c) => (c === 5 ? String(v) : GC.number(v)))]),
      }));
      return {
        draw(state, changed) {
          if (!GC.anew(changed)) return;
          const { movement, events } = GC.data.measures;
          all.replaceChildren(...(movement ? [GC.make("p", { className: "says", textContent: GC.say(movement.said) }), GC.resultsTable(movement.table)] : []));
          const marks = new Map();
          for (const [t, label] of events?.[state.series] ?? []) marks.set(label, [...(marks.get(label) ?? []), GC.stepName(t)]);
          list.replaceChildren(...[...marks].map(([label, when]) => GC.make("li", { textContent: GC.say("events.at", { label, when: when.join(", ") }) })));
          const found = own();
          panels.hidden = !found;
          say(found ? GC.sentences([GC.say(found.said), GC.say("events.caveat", { count: found.count })]) : GC.say("events.absent"));
          if (!found) return;
          if (["layer", "lang"].some((key) => changed.has(key)) || !plots.length) arrange();
          const array = GC.get("events");
          const K = array.shape[2];
          const xs = Float64Array.from({ length: K }, (_, k) => k - found.before);
          plots.forEach((plot, k) => {
            const [curve, lower, upper] = [0, 1, 2].map((part) => array.subarray((3 * k + part) * K, (3 * k + part + 1) * K));
            GC.chart(plot, {
              x: [xs[0] - 0.5, xs[K - 1] + 0.5], y: GC.room(GC.extent([curve, lower, upper]), 0.08),
              lines: [{ xs, ys: upper, base: lower, width: 0, color: "faint" }, { xs, ys: curve, color: GC.hue(GC.cell.names[k]), width: 2.2 }],
              uprights: [{ at: 0 }], xAxis: { ticks: [...new Set([xs[0], 0, xs[K - 1]])], format: (v) => (v > 0 ? `+${v}` : GC.tick(v)) },
            });
            plot.label(`${GC.quantity(GC.cell.names[k])}: ${GC.number(found.rows[k][4], 2)}`);
          });
        },
      };
    },
  });
})();
