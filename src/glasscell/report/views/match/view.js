// Match (after LSTMVis): choose a range of steps and a threshold; the units that are on all through
// it are the pattern; other ranges, in this and in all other series, are ranked by how well they fit.
// Computed here from s/l/hidden or s/l/cell, with the definition of glasscell.inspect.match.
(() => {
  const LEAST = 0.75;
  const MOST = 12;
  const SHARES = [0.5, 0.33, 0.2, 0.1, 0.05]; // of the largest value: thresholds that are tried at first
  const WORK = 2e7; // values that the first search may look at

  // Columns [from, to) of an array (H, n) in which a unit stays on, as a list of units.
  const onSet = (array, from, to, threshold) => {
    const [H, n] = array.shape;
    const found = [];
    for (let u = 0; u < H; u += 1) {
      let on = true;
      for (let c = from; on && c < to; c += 1) on = array[u * n + c] >= threshold;
      if (on) found.push(u);
    }
    return found;
  };

  // Share of the units that are on, at every column.
  const shares = (array, units, threshold) => {
    const n = array.shape[1];
    const share = new Float64Array(n);
    for (const u of units) for (let c = 0; c < n; c += 1) if (array[u * n + c] >= threshold) share[c] += 1 / units.length;
    return share;
  };

  // Maximal runs with share >= LEAST, scored by mean share and by how much the length differs.
  const runs = (share, wanted) => {
    const found = [];
    let from = -1;
    for (let c = 0; c <= share.length; c += 1) {
      const on = c < share.length && share[c] >= LEAST - 1e-9;
      if (on && from < 0) from = c;
      if (on || from < 0) continue;
      const length = c - from;
      const mean = share.subarray(from, c).reduce((a, b) => a + b, 0) / length;
      found.push({ from, to: c, score: mean * Math.min(length, wanted) / Math.max(length, wanted), share: mean });
      from = -1;
    }
    return found;
  };

  GC.view({
    id: "match",
    order: 13,
    title: "view.match",
    needs: () => (GC.has(GC.key("hidden")) ? null : "match.absent"),
    build(host, api) {
      const chosen = { series: 0, from: 0, to: 1, threshold: 0.3, quantity: "hidden" };
      let found = { units: [], ranges: [], share: [] };
      const controls = GC.make("div", { className: "controls" });
      host.append(controls);
      const again = () => GC.redraw("match", "range");
      const quantity = GC.menu(controls, { say: "match.quantity", words: true, onChange: (v) => { chosen.quantity = v; again(); } });
      const threshold = GC.slider(controls, { say: "match.threshold", min: 0, max: 1, step: 0.01, value: 0.3, onInput: (v) => { chosen.threshold = v; again(); } });
      const first = GC.slider(controls, { say: "match.from", min: 0, max: 1, step: 1, value: 0, format: (v) => GC.stepName(v), onInput: (v) => { range(v, Math.max(v + 1, chosen.to)); } });
      const last = GC.slider(controls, { say: "match.to", min: 0, max: 1, step: 1, value: 0, format: (v) => GC.stepName(v), onInput: (v) => { range(Math.min(v, chosen.from), v + 1); } });
      GC.button(controls, "match.cursor", () => { range(Math.max(0, GC.state.t - 2), Math.min(GC.series.T, GC.state.t + 3)); });
      const say = GC.readout(host);
      const lines = GC.canvas(host, { height: 190, time: true, ...GC.MARGINS });
      const band = GC.make("i", { className: "band" });
      lines.host.prepend(band);
      const list = GC.make("ol", { className: "matches" });
      host.append(list);

      const array = (series) => GC.get(chosen.quantity, GC.state.layer, series);
      const columns = (series, t) => Math.floor(t / array(series).pool);
      const range = (from, to) => { Object.assign(chosen, { from, to, series: GC.state.series }); again(); };

      // Where nothing is known beforehand: of some ranges and thresholds the ones whose pattern of two
      // units or more comes back most alike elsewhere; the range at the cursor if none does.
      const restart = () => {
        const names = Object.values(GC.cell.states);
        if (!names.includes(chosen.quantity)) chosen.quantity = "hidden";
        quantity.fill(names.map((name) => [name, name]));
        const { T } = GC.series;
        const own = array(GC.state.series);
        const [low, high] = GC.extent([own], [0, 1]);
        Object.assign(threshold.input, { min: low.toPrecision(3), max: Math.max(high, low + 0.01).toPrecision(3), step: "any" });
        first.input.max = last.input.max = T - 1;
        const [H, n] = own.shape;
        const span = Math.min(n, 5);
        const count = Math.max(1, Math.min(24, n - span + 1, Math.floor(WORK / (H * n * SHARES.length))));
        const places = [Math.min(columns(GC.state.series, GC.state.t), n - 1) - 2, ...Array.from({ length: count }, (_, k) => Math.round((k * (n - span)) / Math.max(1, count - 1)))];
        let best = { from: Math.max(0, Math.min(n - span, places[0])), on: high / 3, score: -1 };
        for (const [need, share] of high > 0 ? [2, 1].flatMap((count_) => SHARES.map((one) => [count_, one])) : []) {
          if (need === 1 && best.score > 0) break;
          for (const place of places) {
            const from = Math.max(0, Math.min(n - span, place));
            const units = onSet(own, from, from + span, share * high);
            if (units.length < need) continue;
            const others = runs(shares(own, units, share * high), span).filter((run) => run.from >= from + span || run.to <= from);
            const score = Math.max(0, ...others.map((run) => run.score));
            if (score > best.score) best = { from, on: share * high, score };
          }
        }
        chosen.threshold = Number(best.on.toPrecision(2));
        threshold.set(chosen.threshold);
        Object.assign(chosen, { series: GC.state.series, from: best.from * own.pool, to: Math.min(T, (best.from + span) * own.pool) });
      };

      const search = () => {
        const own = array(chosen.series);
        const [from, to] = [columns(chosen.series, chosen.from), columns(chosen.series, chosen.to - 1) + 1];
        const units = onSet(own, from, to, chosen.threshold);
        const ranges = [];
        found = { units, ranges, share: units.length ? shares(array(GC.state.series), units, chosen.threshold) : [] };
        if (!units.length) return;
        GC.data.series.forEach(({ T }, s) => {
          if (!array(s)) return; // a series of another network
          const { pool } = array(s);
          const share = shares(array(s), units, chosen.threshold);
          for (const run of runs(share, to - from)) {
            if (s === chosen.series && run.from < to && run.to > from) continue;
            ranges.push({ ...run, series: s, from: run.from * pool, to: Math.min(T, run.to * pool) });
          }
        });
        ranges.sort((a, b) => b.score - a.score);
      };

      const draw = () => {
        const { T } = GC.series;
        const own = array(GC.state.series);
        const [low, high] = GC.extent([own], [-1, 1]);
        const xs = GC.steps(own.shape[1], own.pool);
        const units = found.units.slice(0, 40);
        GC.chart(lines, {
          x: [0, T], y: GC.room([low, high]),
          lines: [
            ...units.map((u) => ({ xs, ys: GC.row(own, u), color: "accent", width: 1, alpha: 0.55 })),
            ...(units.includes(GC.state.unit) ? [{ xs, ys: GC.row(own, GC.state.unit), color: "candidate", width: 2.2 }] : []),
          ],
          levels: [{ at: chosen.threshold, text: GC.say("match.level") }],
          xAxis: GC.timeAxis(lines, T),
        });
        lines.label(`${GC.say("view.match")}. ${sentence()}`);
        band.hidden = chosen.series !== GC.state.series;
        const { left, right, top, bottom } = GC.MARGINS;
        const at = (t) => `calc(${left}px + ${t / T} * (100% - ${left + right}px))`;
        band.style.cssText = `left:${at(chosen.from)};right:calc(100% - ${at(chosen.to).slice(4)});top:${top}px;bottom:${bottom}px`;
      };
      const sentence = () => (found.units.length
        ? GC.say("match.reading", { count: found.units.length, units: found.units.slice(0, 8).join(", ") + (found.units.length > 8 ? " …" : ""), ranges: found.ranges.length })
        : GC.say("match.none"));
      const excerpt = ({ series, from, to }) => {
        const { text } = GC.data.series[series];
        return text ? text.slice(Math.max(0, from - 8), Math.min(text.length, to + 8)).join("") : "";
      };
      const name = ({ series, from, to }) => {
        const labels = GC.data.series[series].labels;
        const at = (t) => labels?.[t] ?? String(t);
        const where = GC.data.series.length > 1 ? `${GC.data.series[series].name}: ` : "";
        return `${where}${at(from)} … ${at(to - 1)}`;
      };
      const fillList = () => {
        list.replaceChildren(...found.ranges.slice(0, MOST).map((range) => {
          const button = GC.make("button", { type: "button" }, GC.make("b", { textContent: name(range) }), GC.make("span", { className: "meter", style: { "--share": range.score } }), GC.make("span", { textContent: GC.say("match.score", { score: GC.number(range.score, 2) }) }), GC.make("q", { textContent: excerpt(range), hidden: !excerpt(range) }));
          button.querySelector(".meter").style.setProperty("--share", String(range.score));
          button.addEventListener("click", () => GC.set({ series: range.series, t: Math.floor((range.from + range.to - 1) / 2) }));
          return GC.make("li", {}, button);
        }));
      };

      // Drag over the picture: a new range.
      let anchor = null;
      const step = (event) => Math.floor(lines.pick(event).fx * GC.series.T);
      lines.host.addEventListener("pointerdown", (event) => { anchor = step(event); range(anchor, anchor + 1); });
      lines.host.addEventListener("pointermove", (event) => {
        if (anchor === null || !event.buttons) return;
        range(Math.min(anchor, step(event)), Math.max(anchor, step(event)) + 1);
      });
      addEventListener("pointerup", () => { anchor = null; });

      api.table(() => ({
        caption: `${GC.say("view.match")}. ${sentence()}`,
        head: [GC.say("match.where"), GC.say("match.score.head"), GC.say("match.share")],
        rows: found.ranges.slice(0, 200).map((range) => [name(range), GC.number(range.score, 3), GC.number(range.share, 3)]),
      }));

      let layer = -1;
      return {
        draw(state, changed) {
          if (layer !== state.layer) { layer = state.layer; restart(); changed.add("range"); }
          if (chosen.to > GC.data.series[chosen.series].T) restart();
          if (changed.has("series")) { first.input.max = last.input.max = GC.series.T - 1; }
          if (GC.anew(changed, "range", "unit")) {
            first.set(chosen.from);
            last.set(chosen.to - 1);
            search();
            draw();
            fillList();
            say(sentence());
          }
        },
      };
    },
  });
})();
