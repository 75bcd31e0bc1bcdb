"use strict";
// Chapters 5 to 8: the living cell with one part lit, its quantities over time, and where to look.
(() => {
  const { show } = Lesson;
  const DASH = { input: [], candidate: [5, 4], kept: [], cell: [], output: [], hidden: [5, 4], forget: [] };

  // ---- steps worth a look, of the chosen unit ---------------------------------------------
  const row = (name) => GC.whole(name) ?? GC.row(GC.get(name), 0);
  const ranked = (values) => Array.from(values, (v, t) => [v, t]).filter(([v]) => Number.isFinite(v)).sort((a, b) => b[0] - a[0]).map(([, t]) => t);
  const most = (name) => ranked(row(name))[0] ?? 0;
  const least = (name) => ranked(row(name)).at(-1) ?? 0;
  /** The widest open step, and the widest that is not beside it. */
  const opens = () => {
    const order = ranked(row("input"));
    const far = order.find((t) => Math.abs(t - order[0]) > GC.series.T / 20) ?? order[0];
    return [order[0], far].sort((a, b) => a - b);
  };
  const last = () => (GC.layer.reverse ? 0 : GC.series.T - 1);

  /** Lines of the chosen unit over time, under its cell. */
  const strip = (host, names) => {
    const head = GC.make("h3");
    host.append(head);
    const legend = GC.legend(host, names.map((name) => ({ say: name, color: name, dash: DASH[name] })));
    const plot = GC.canvas(host, { height: 150, time: true, ...GC.MARGINS });
    return (state, changed) => {
      const rows = names.map((name) => GC.whole(name));
      if (GC.anew(changed, "unit")) {
        head.textContent = GC.say("lesson.over.time", { unit: state.unit });
        const there = names.map((name, k) => ({ name, ys: rows[k] })).filter(({ ys }) => ys);
        const signed = there.some(({ ys }) => ys.some((v) => v < 0));
        const [least, high] = GC.extent(there.map(({ ys }) => ys), [0, 1]);
        // A gate that never closes is drawn from near its lowest value on: else it is a straight line.
        const low = least > 0.6 ? Math.floor(least * 10) / 10 : signed ? Math.min(least, -1) : 0;
        GC.chart(plot, {
          x: [0, GC.series.T], y: GC.room([low, Math.max(high, 1)], 0.06), xAxis: GC.timeAxis(plot, GC.series.T),
          lines: there.map(({ name, ys }) => ({ xs: GC.steps(ys.length), ys, color: name, dash: DASH[name], width: 2.2 })),
        });
        plot.label(`${GC.say("lesson.over.time", { unit: state.unit })}: ${names.map((name) => GC.say(name)).join(", ")}`);
      }
      legend.items.forEach((item, k) => item.show(GC.number(rows[k]?.[state.t], 3)));
    };
  };

  /** The cell of the inspect page, its own buttons hidden, with one part lit. */
  const cell = (view, stage, part) => {
    const mounted = Lesson.mount("cell", view, stage, `cell-${part}`);
    mounted.section.dataset.part = part;
    const place = ["all", "forget", "write", "update", "show"].indexOf(part);
    let lit = false;
    return () => {
      const buttons = mounted.host.querySelectorAll(".parts-choice button");
      if (lit || !buttons.length) { if (!lit) GC.redraw(view.id, "own"); return; }
      lit = true;
      buttons[place].click();
    };
  };

  const chapter = (id, names, buttons, more) => Lesson.chapter({
    id,
    live(stage, api, view) {
      for (const [say, to] of buttons) show(api, `lesson.go.${say}`, to);
      const light = cell(view, stage, id);
      const lines = GC.make("div", { className: "strip" });
      if (names.length) stage.append(lines);
      const draw = names.length ? strip(lines, names) : () => {};
      more?.(stage, view);
      return (state, changed) => { light(); draw(state, changed); };
    },
  });
  const go = (pick) => () => GC.set({ t: pick() });

  chapter("forget", ["forget"], [["keep", go(() => most("forget"))], ["drop", go(() => least("forget"))]]);
  chapter("write", ["input", "candidate"], [["open", go(() => opens()[0])], ["open2", go(() => opens()[1])], ["shut", go(() => least("input"))]]);
  chapter("update", [], [["open", go(() => opens()[0])], ["open2", go(() => opens()[1])], ["last", go(last)]], (stage, view) => Lesson.mount("provenance", view, stage));
  chapter("show", ["output", "hidden"], [["shown", go(() => most("output"))], ["hides", go(() => least("output"))], ["play", () => GC.play()]]);
})();
