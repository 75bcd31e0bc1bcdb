// Right and wrong, out of sample. Reads measures.confusion {classes, counts, precision, recall, number}, calibration
// {confidence, accuracy, count}, residuals {names, sequences, truth, predicted}, shown, mistakes.
(() => {
  const { make } = GC;
  const MOST = 30;
  /** Wilson's interval of a part p of n predictions, 95 %. */
  const spread = (p, n) => {
    const z = 1.96;
    const half = (z * Math.sqrt((p * (1 - p)) / n + (z / (2 * n)) ** 2)) / (1 + z ** 2 / n);
    const middle = (p + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
    return [middle - half, middle + half];
  };
  const part = (of, all) => (all ? of / all : NaN);

  /** A sequence's name; where the page shows it a button that goes there, to a step if one is given. */
  GC.sequenceLink = (name, t = null) => {
    const place = GC.data.measures.shown?.findIndex((one) => one.name === name) ?? -1;
    if (place < 0) return make("span", { textContent: name });
    const go = () => {
      GC.set({ series: place, ...(t === null ? {} : { t }) });
      GC.views.find(({ id, section }) => ["tags", "decided", "wall"].includes(id) && !section.hidden)?.section.scrollIntoView();
    };
    return make("button", { type: "button", className: "link", textContent: name, onclick: go });
  };

  const listed = (host, truth, said, count) => {
    const { shown = [], mistakes = [] } = GC.data.measures;
    const names = [...shown, ...mistakes.map(({ sequence: name, truth: right, predicted }) => ({ name, truth: right, said: predicted }))]
      .filter((one) => one.truth === truth && one.said === said).map(({ name }) => name);
    const unique = [...new Set(names)].slice(0, 40);
    const links = unique.flatMap((name, k) => [k ? GC.say("comma") : "", GC.sequenceLink(name)]);
    host.replaceChildren(`${GC.say("confusion.of", { truth, said, count })}. `, ...(links.length || !count ? links : [GC.say("confusion.none")]));
  };

  const matrix = (host, { classes, counts, precision, recall }, chosen, choose) => {
    const wrong = classes.map((_, k) => classes.reduce((sum, _1, j) => (j === k ? sum : sum + counts[k][j] + counts[j][k]), 0));
    const order = classes.map((_, k) => k);
    const shown = order.length > MOST ? [...order].sort((a, b) => wrong[b] - wrong[a]).slice(0, MOST).sort((a, b) => a - b) : order;
    const sum = (list) => list.reduce((a, b) => a + b, 0);
    const cell = (i, j) => {
      const whole = sum(counts[i]);
      const button = make("button", { type: "button", className: counts[i][j] ? "" : "zero", textContent: String(counts[i][j]), onclick: () => choose(i, j), aria: { pressed: String(chosen?.[0] === i && chosen?.[1] === j), label: GC.say("confusion.of", { truth: classes[i], said: classes[j], count: counts[i][j] }) } });
      button.style.setProperty("--part", `${Math.round(60 * part(counts[i][j], whole) ** 0.6 || 0)}%`);
      return make("td", { className: i === j ? "right" : "" }, button);
    };
    const share = (v) => make("td", { className: "sum", textContent: GC.number(v, 2) });
    host.replaceChildren(make("table", { className: "matrix" },
      make("thead", {}, make("tr", {}, make("th", { textContent: GC.say("confusion.true") }), ...shown.map((j) => make("th", { scope: "col", textContent: classes[j], title: classes[j] })), make("th", { textContent: GC.say("confusion.recall") }))),
      make("tbody", {}, ...shown.map((i) => make("tr", {}, make("th", { scope: "row", textContent: classes[i], title: classes[i] }), ...shown.map((j) => cell(i, j)), share(recall[i]))),
        make("tr", {}, make("th", { scope: "row", textContent: GC.say("confusion.precision") }), ...shown.map((j) => share(precision[j]))))));
    return order.length > MOST ? GC.say("confusion.part", { shown: MOST, all: order.length }) : "";
  };

  const perClass = ({ classes, precision, recall, number }) => classes.map((name, k) => [name, GC.number(precision[k], 3), GC.number(recall[k], 3), String(number[k])]);
  const HEAD = ["label", "precision", "recall", "count"];

  const calibration = (host) => {
    host.append(make("h3", { data: { say: "confusion.calibration" } }));
    const plot = GC.canvas(host, { height: 250, ...GC.MARGINS });
    host.append(make("p", { className: "note", data: { say: "confusion.calibrated" } }));
    const { confidence, accuracy, count } = GC.data.measures.calibration;
    const most = Math.max(...count);
    const bars = accuracy.map((p, k) => spread(p, count[k]));
    GC.tipOn(plot, ({ fx }) => {
      const low = Math.min(...confidence, 0.5);
      const x = low + fx * (1 - low);
      const k = confidence.reduce((best, v, j) => (Math.abs(v - x) < Math.abs(confidence[best] - x) ? j : best), 0);
      return [GC.say("confusion.bin", { confidence: GC.percent(confidence[k]), accuracy: GC.percent(accuracy[k]), count: count[k] })];
    });
    return () => {
      const low = Math.min(...confidence, 0.5);
      const { sx, sy } = GC.chart(plot, {
        x: [low, 1], y: [Math.min(low, ...bars.flat()) - 0.03, 1.03], xAxis: { label: GC.say("confusion.confidence") }, yAxis: { label: GC.say("confusion.accuracy") },
        lines: [{ xs: [0, 1], ys: [0, 1], color: "faint", dash: [5, 4], width: 1.3 }, ...bars.map((ys, k) => ({ xs: [confidence[k], confidence[k]], ys, color: "accent", width: 1.4 }))],
      });
      confidence.forEach((v, k) => GC.dots(plot, [sx(v)], [sy(accuracy[k])], { color: GC.palette().accent, radius: 2.5 + 5 * Math.sqrt(count[k] / most) }));
      plot.label(GC.say("confusion.calibration"));
    };
  };

  const residuals = (host) => {
    const { names, sequences, truth, predicted } = GC.data.measures.residuals;
    let of = 0;
    host.append(make("h3", { data: { say: "confusion.residuals" } }));
    if (names.length > 1) GC.menu(host, { say: "confusion.label", options: names.map((name, k) => [k, name]), onChange: (k) => { of = Number(k); GC.redraw("confusion"); } });
    const plot = GC.canvas(host, { height: 340, ...GC.MARGINS });
    host.append(make("p", { className: "note", data: { say: "confusion.dashed" } }));
    let places = [];
    const nearest = ({ x, y }) => {
      const far = places.map(([px, py]) => Math.hypot(px - x, py - y));
      const k = far.indexOf(Math.min(...far));
      return far[k] < 24 ? k : -1;
    };
    GC.tipOn(plot, (at) => { const k = nearest(at); return k < 0 ? null : [sequences[k], `${GC.say("confusion.truth")} ${GC.number(truth[k][of])}`, `${GC.say("confusion.predicted")} ${GC.number(predicted[k][of])}`]; });
    plot.host.addEventListener("click", (event) => {
      const k = nearest(plot.pick(event));
      const series = GC.data.measures.shown?.findIndex((one) => one.name === sequences[k]) ?? -1;
      if (series >= 0) GC.set({ series });
    });
    return () => {
      const [xs, ys] = [truth, predicted].map((list) => list.map((row) => row[of]));
      const both = GC.room(GC.extent([xs, ys]));
      const { sx, sy } = GC.chart(plot, { x: both, y: both, lines: [{ xs: both, ys: both, color: "faint", dash: [5, 4], width: 1.3 }], xAxis: { label: `${names[of]}, ${GC.say("confusion.truth")}` }, yAxis: { label: GC.say("confusion.predicted") } });
      places = xs.map((v, k) => [sx(v), sy(ys[k])]);
      const on = new Set((GC.data.measures.shown ?? []).map(({ name }) => name));
      for (const here of [false, true]) {
        const some = places.filter((_, k) => on.has(sequences[k]) === here);
        GC.dots(plot, some.map(([x]) => x), some.map(([, y]) => y), { color: GC.palette()[here ? "bad" : "accent"], radius: here ? 4.5 : 2.4, alpha: here ? 1 : 0.55 });
      }
      plot.label(GC.say("confusion.residuals"));
    };
  };

  GC.view({
    id: "confusion", order: 0.4, title: "view.confusion", optional: true,
    needs: ({ measures }) => (measures.confusion || measures.residuals ? null : "view.confusion"),
    build(host, api) {
      const { confusion, calibration: sure } = GC.data.measures;
      if (!confusion) return { draw: ((paint) => (state, changed) => { if (["lang", "theme", "size"].some((name) => changed.has(name))) paint(); })(residuals(host)) };
      const table = make("div", { className: "scroll whole", tabIndex: 0 });
      const names = make("p", { className: "cellnames", aria: { live: "polite" } });
      host.append(table, names);
      const paint = sure ? calibration(host) : () => {};
      let chosen = null;
      const choose = (i, j) => { chosen = [i, j]; fill(); };
      const fill = () => {
        if (!confusion.counts) { table.replaceChildren(GC.resultsTable({ caption: ["", ""], columns: HEAD.map((key) => GC.data.words[`confusion.${key}`]), numeric: [false, true, true, true], rows: perClass(confusion), highlight: [], note: ["", ""] })); return; }
        const focused = table.contains(document.activeElement);
        api.note(matrix(table, confusion, chosen, choose));
        if (!chosen) { names.textContent = GC.say("confusion.press"); return; }
        listed(names, ...chosen.map((k) => confusion.classes[k]), confusion.counts[chosen[0]][chosen[1]]);
        if (focused) table.querySelector("[aria-pressed=true]")?.focus();
      };
      if (confusion.counts) api.table(() => ({ caption: GC.say("view.confusion"), head: HEAD.map((key) => GC.say(`confusion.${key}`)), rows: perClass(confusion) }));
      return {
        draw(state, changed) {
          if (!["lang", "theme", "size"].some((name) => changed.has(name))) return;
          if (changed.has("lang")) fill();
          paint();
        },
      };
    },
  });
})();
