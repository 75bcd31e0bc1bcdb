"use strict";
// RNN against LSTM: two layers of the page that read the same data, side by side.
// Which two: measures.duel {layers: [a, b], scores: [text, text]}; without it the first layer that
// stores something by itself, as an LSTM or a GRU, and the first plain RNN of the page. Draws hidden states, the gradient of each one's memory (|dL/dC_t| of
// the LSTM, |dL/dh_t| of the RNN) in one picture, influences. A contest that was fought stands first:
// measures.contest {said, table, rivers: [{name, mark, kind, said, parts}]}, arrays duel/NUMBER/PART.
(() => {
  const pair = () => {
    const given = GC.data.measures.duel?.layers;
    if (given) return given;
    const [from, to] = GC.series.layers;
    const own = GC.data.layers.map((_, k) => k).slice(from, to);
    const [gated, plain] = [own.find((k) => GC.cellOf(k).belt), own.find((k) => !GC.cellOf(k).belt)];
    return gated === undefined || plain === undefined ? null : [gated, plain];
  };
  const MODES = { RNN_TANH: "RNN (tanh)", RNN_RELU: "RNN (ReLU)" };
  const DASHES = [[], [7, 4]];

  // log10 relative to the strongest step, so that two losses of different size can be compared.
  const relative = (values) => {
    const logs = GC.log(values);
    const [, top] = GC.extent([logs], [0, 0]);
    return logs.map((v) => v - top);
  };

  const PARTS = [
    { name: "hidden", say: "river.hidden", color: "hidden", width: 2.2 },
    { name: "cell", say: "river.cell", color: "cell", dash: [7, 4], width: 2.2 },
    { name: "cell_path", say: "river.cell_path", color: "forget", dash: [2, 4], width: 2 },
  ];
  const FLOAT32 = Math.log10(2 ** -126);
  const ROUNDING = -24 * Math.log10(2);
  /** The contest: words, table, and every network's gradient on one scale, the loss at the right. */
  const fought = (host) => {
    const { said, table, rivers } = GC.data.measures.contest;
    const box = GC.make("div", { className: "contest" });
    host.append(box);
    const legend = GC.legend(host, PARTS.filter(({ name }) => rivers.some(({ parts }) => parts.includes(name))));
    const grid = GC.make("div", { className: "panels" });
    host.append(grid);
    const panels = rivers.map((river, k) => {
      const badge = GC.make("span", { className: `badge ${river.mark}` });
      const note = GC.make("p", { className: "note" });
      const panel = GC.make("div", {}, GC.make("h3", {}, `${river.name} `, badge), note);
      grid.append(panel);
      const lines = PARTS.filter(({ name }) => river.parts.includes(name)).map((part) => ({ ...part, logs: GC.log(GC.array(`duel/${k}/${part.name}`)) }));
      return { river, badge, note, lines, plot: GC.canvas(panel, { height: 220, ...GC.MARGINS }) };
    });
    const [least, most] = GC.extent(panels.flatMap(({ lines }) => lines.map(({ logs }) => logs)), [-1, 0]);
    const y = [Math.max(Math.floor(least), Math.floor(FLOAT32) - 7) - 0.3, Math.max(Math.ceil(most), Math.floor(least) + 1) + 0.3];
    return () => {
      box.replaceChildren(GC.make("p", { className: "says", textContent: GC.say(said) }), GC.resultsTable(table));
      legend.fill(legend.items);
      for (const { river, badge, note, lines, plot } of panels) {
        badge.textContent = GC.say(river.kind);
        note.textContent = GC.say(river.said);
        const T = lines[0].logs.length;
        const [, strongest] = GC.extent([lines[0].logs], [NaN, NaN]);
        const lags = GC.lagAxis(plot, [0, T - 1]);
        GC.chart(plot, {
          x: [0, T], y, lines: lines.map(({ logs, ...line }) => ({ ...line, xs: GC.steps(T), ys: logs.map((v) => (v === -Infinity ? FLOAT32 - 7 : v)) })),
          levels: [{ at: strongest + ROUNDING, text: GC.say("river.round") }, { at: FLOAT32, text: GC.say("river.floor") }],
          xAxis: { ...lags, ticks: lags.ticks.map((lag) => T - 1 - lag + 0.5).reverse(), format: (x) => String(T - 0.5 - x) }, yAxis: GC.powerAxis(...y),
        });
        plot.label(`${river.name}: ${GC.say(river.kind)}. ${GC.say(river.said)}`);
      }
    };
  };

  /** Two layers side by side, under the contest if there was one. */
  const compared = (host, api) => {
    const { layers } = GC.data;
    const both = pair() ?? [];
    const told = GC.data.measures.contest ? fought(host) : () => {};
    const say = GC.readout(host);
    const grid = GC.make("div", { className: "duel" });
    host.append(grid);
    const sides = both.map((index, k) => {
      const head = GC.make("h3", { textContent: `${MODES[layers[index].mode] ?? layers[index].mode} · ${layers[index].name}` });
      const score = GC.make("p", { className: "score", textContent: GC.data.measures.duel?.scores?.[k] ?? "" });
      const side = GC.make("div", { className: "side" }, head, score);
      grid.append(side);
      side.append(GC.make("p", { className: "small", data: { say: "duel.hidden" }, textContent: GC.say("duel.hidden") }));
      const heat = GC.canvas(side, { height: 170, time: true, left: 8, right: 8, top: 4, bottom: 42 });
      const caption = GC.make("p", { className: "small", data: { say: "duel.influence" }, textContent: GC.say("duel.influence") });
      side.append(caption);
      const triangle = GC.canvas(side, { height: 240, time: true, left: 52, right: 76, top: 4, bottom: 42 });
      triangle.span = () => GC.influenced(index);
      return { index, heat, triangle, caption };
    });
    const heading = GC.heading(host, "duel.river");
    const legend = GC.legend(host);
    const river = GC.canvas(host, { height: 260, time: true, ...GC.MARGINS });

    const paintHeat = ({ index, heat }) => {
      const array = GC.get("hidden", index);
      const [rows, columns] = array.shape;
      const [low, high] = GC.extent([array], [-1, 1]);
      const top = Math.max(Math.abs(low), Math.abs(high), 1e-9);
      const { x, y, w, h } = heat.area;
      heat.clear();
      GC.heat({ rows, columns, value: (r, c) => array[r * columns + c], colour: (v) => GC.palette().diverging(v / top) }).paint(heat, x, y, w, h);
      GC.axis(heat, GC.scale(0, GC.series.T, x, x + w), GC.timeAxis(heat, GC.series.T));
      heat.label(`${GC.say("duel.hidden")}: ${layers[index].name}`);
    };
    const paintTriangle = ({ index, triangle, caption }) => {
      const array = GC.get("influence", index);
      triangle.host.hidden = caption.hidden = !array;
      if (!array) return;
      const [rows, columns] = array.shape;
      const [, top] = GC.extent([array], [-1, 0]);
      const { x, y, w, h } = triangle.area;
      const [first, T] = GC.influenced(index);
      triangle.clear();
      GC.heat({ rows, columns, centre: -1e9, value: (r, c) => Math.max(array[r * columns + c], -1e8), colour: (v) => GC.palette().sequential(Math.max(0, 1 - (top - v) / 6)) }).paint(triangle, x, y, w, h);
      GC.ramp(triangle, "sequential", GC.size(top), `≤${GC.size(top - 6)}`);
      GC.axis(triangle, GC.scale(0, T, x, x + w), GC.timeAxis(triangle, T, GC.say("influence.x"), first));
      GC.axis(triangle, GC.scale(0, T, y, y + h), GC.stepRows(T, first));
      triangle.label(`${GC.say("duel.influence")}: ${layers[index].name}`);
    };
    let lines = [];
    const memory = (index) => (GC.has(GC.key("grad_cell", index)) ? "grad_cell" : "grad_hidden");
    const paintRiver = () => {
      lines = both.filter((index) => GC.has(GC.key("grad_hidden", index))).map((index, k) => ({
        index, text: `${layers[index].name} |dL/d${memory(index) === "grad_cell" ? "C" : "h"}|`, color: GC.cellOf(index).belt ? "cell" : "candidate", dash: DASHES[k], width: 2.3,
        ys: relative(GC.get(memory(index), index)),
      }));
      river.host.hidden = legend.box.hidden = heading.hidden = !lines.length;
      if (!lines.length) return;
      legend.fill(lines);
      const [low] = GC.extent(lines.map((line) => line.ys));
      const y = [Math.max(-46, Math.min(-1, Math.floor(low))), 0.3];
      GC.chart(river, {
        x: [0, GC.series.T], y, lines: lines.map((line) => ({ ...line, xs: GC.steps(line.ys.length) })),
        levels: [{ at: -24 * Math.log10(2), text: GC.say("river.round") }],
        xAxis: GC.timeAxis(river, GC.series.T), yAxis: GC.powerAxis(...y),
      });
      river.label(`${GC.say("duel.river")}. ${sentence(0)}`);
    };
    const sentence = (t) => lines.map((line) => `${line.text}: ${GC.size(line.ys[t])}`).join(" · ");
    api.table(() => ({
      caption: GC.say("duel.river"),
      head: [GC.say("axis.step"), ...lines.map((line) => line.text)],
      rows: Array.from({ length: GC.series.T }, (_, t) => [GC.stepName(t), ...lines.map((line) => GC.size(line.ys[t]))]),
    }));

    return {
      draw(state, changed) {
        if (GC.anew(changed)) {
          told();
          sides.forEach(paintHeat);
          sides.forEach(paintTriangle);
          paintRiver();
        }
        lines.forEach((line) => line.show(GC.size(line.ys[state.t])));
        const silent = lines.filter(({ ys }) => !ys.some(Number.isFinite)).map(({ index }) => GC.say("duel.silent", { layer: layers[index].name }));
        say(lines.length ? GC.sentences([GC.say("duel.reading", { step: GC.stepName(state.t), values: sentence(state.t) }), ...silent]) : "");
      },
    };
  };

  GC.view({
    id: "duel",
    order: 11,
    title: "view.duel",
    needs: ({ measures }) => (pair() || measures.contest ? null : "duel.absent"),
    build(host, api) {
      let [drawn, shown] = [null, ""];
      return {
        draw(state, changed) {
          const anew = !drawn || shown !== String(pair()); // a series of other networks
          if (anew) {
            host.replaceChildren();
            [drawn, shown] = [compared(host, api), String(pair())];
            GC.translate(host);
          }
          drawn.draw(state, anew ? new Set(["series", "size"]) : changed);
        },
      };
    },
  });
})();
