// Influence triangle: log10 |dy_t'/dx_t| for all pairs of an output step t' and an input step t.
// Reads s/l/influence (rows t', columns t), pooled to at most 256 x 256; -inf or a low floor: none.
// Of a long series through a wide layer measures.influence["s/l"] {first, steps} says which part it is of.
(() => {
  const [DECADES, FEWEST] = [6, 2];

  GC.view({
    id: "influence",
    order: 8,
    title: "view.influence",
    needs: () => (GC.has(GC.key("influence")) ? null : GC.why("influence.absent")),
    build(host, api) {
      let row = -1;
      const array = () => GC.get("influence");
      const rows = () => array().shape[0];
      const columns = () => array().shape[1];
      const first = () => GC.influenced(GC.state.layer)[0];
      const T = () => GC.influenced(GC.state.layer)[1];
      const columnOf = (t) => Math.floor((Math.max(0, Math.min(T() - 1, t - first())) * columns()) / T());
      const stepOf = (c) => first() + Math.floor((c * T()) / columns());
      const stepsOf = (r) => {
        if (!GC.has(GC.key("influence"))) return "";
        const [from, to] = [Math.floor((r * T()) / rows()), Math.ceil(((r + 1) * T()) / rows()) - 1].map((t) => first() + t);
        return to > from ? `${GC.stepName(from)} … ${GC.stepName(to)}` : GC.stepName(from);
      };
      const sliders = GC.make("div", { className: "controls" });
      host.append(sliders);
      const slider = GC.slider(sliders, {
        say: "influence.row", min: 0, max: 1, step: 1, value: 0,
        format: (v) => stepsOf(v), onInput: (v) => { row = v; GC.redraw("influence", "row"); },
      });
      const say = GC.readout(host);
      const text = GC.make("p", { className: "chips", hidden: true });
      host.append(text);
      const map = GC.canvas(host, { height: 380, time: true, left: 52, right: 76, top: 6, bottom: 42 });
      const profile = GC.canvas(host, { height: 130, time: true, ...GC.MARGINS, right: 76 });
      map.span = profile.span = () => [first(), T()];
      const rowMark = GC.make("i", { className: "row-mark" });
      map.host.append(rowMark);

      const values = (r) => array().subarray(r * columns(), (r + 1) * columns());
      const top = () => GC.extent([array()], [-1, 0])[1];
      const colour = (v) => GC.palette().sequential(Math.max(0, 1 - (top1 - v) / decades));
      let top1 = 0;
      let decades = DECADES; // as many as there are, so that a narrow range has contrast too

      const paintMap = () => {
        map.clear();
        const { x, y, w, h } = map.area;
        GC.heat({
          rows: rows(), columns: columns(), centre: -1e9, colour,
          value: (r, c) => Math.max(array()[r * columns() + c], -1e8),
        }).paint(map, x, y, w, h);
        GC.ramp(map, "sequential", GC.size(top1), (decades < DECADES ? "" : "≤") + GC.size(top1 - decades));
        GC.axis(map, GC.scale(0, T(), x, x + w), GC.timeAxis(map, T(), GC.say("influence.x"), first()));
        GC.axis(map, GC.scale(0, T(), y, y + h), GC.stepRows(T(), first()));
        map.label(`${GC.say("view.influence")}. ${GC.say("influence.aria", { top: GC.size(top1) })}`);
      };

      const paintRow = () => {
        const line = values(row);
        const y = [Math.floor(top1 - decades), Math.ceil(top1 + 0.05)];
        GC.chart(profile, {
          x: [0, T()], y,
          lines: [{ xs: GC.steps(line.length, T() / line.length), ys: Float64Array.from(line, (v) => (v < y[0] ? y[0] : v)), color: "accent", width: 2, base: Float64Array.from(line, () => y[0]) }],
          xAxis: GC.timeAxis(profile, T(), undefined, first()), yAxis: GC.powerAxis(...y),
        });
        profile.label(GC.say("influence.profile", { step: stepsOf(row) }));
        const { y: from, h } = map.area;
        rowMark.style.cssText = `left:${map.area.x}px;right:${map.width - map.area.x - map.area.w}px;top:${from + (row / rows()) * h}px;height:${Math.max(2, h / rows())}px`;
        slider.set(row);
      };

      // The text that was read, each character as strong as its influence on the chosen output.
      const paintText = () => {
        const chars = GC.series.text;
        text.hidden = !chars || chars.length > 1200;
        if (text.hidden) return;
        const line = values(row);
        text.replaceChildren(...chars.map((c, t) => {
          const v = line[columnOf(t)];
          if (t < first() || t >= first() + T() || Number.isNaN(v)) return c; // not read by then, or not measured
          const rgb = colour(v);
          return GC.make("span", { textContent: c, style: { background: GC.css(rgb), color: GC.inkOn(rgb) } });
        }));
      };

      const strongest = () => {
        const line = values(row);
        let best = 0;
        for (let c = 0; c < line.length; c += 1) if (line[c] > line[best] || Number.isNaN(line[best])) best = c;
        return best;
      };
      const read = (t) => {
        const [here, most] = [values(row)[columnOf(t)], values(row)[strongest()]];
        const key = Number.isNaN(most) ? "influence.none" : Number.isNaN(here) ? "influence.later" : "influence.reading";
        say(GC.say(key, {
          out: stepsOf(row), in: GC.stepName(Math.max(first(), Math.min(first() + T() - 1, t))), value: GC.size(here),
          best: GC.stepName(stepOf(strongest())), most: GC.size(most),
        }));
      };

      const choose = (event) => {
        if (event.type === "pointermove" && event.pointerType === "touch" && !event.buttons) return;
        row = Math.floor(map.pick(event).fy * rows());
        GC.redraw("influence", "row");
      };
      map.host.addEventListener("pointermove", choose);
      map.host.addEventListener("pointerdown", choose);

      api.table(() => ({
        caption: GC.say("influence.profile", { step: stepsOf(row) }),
        head: [GC.say("axis.step"), "log10"],
        rows: Array.from(values(row), (v, c) => [GC.stepName(stepOf(c)), GC.number(v, 2)]),
      }));

      return {
        draw(state, changed) {
          if (changed.has("series") || changed.has("layer") || row < 0 || row >= rows()) {
            row = GC.layer.reverse ? 0 : rows() - 1;
            slider.input.max = rows() - 1;
            api.note(T() < GC.series.T ? GC.say("influence.part", { from: GC.stepName(first()), to: GC.stepName(first() + T() - 1) }) : "");
          }
          const all = GC.anew(changed);
          top1 = top();
          decades = Math.max(FEWEST, Math.min(DECADES, top1 - GC.extent([array()], [-DECADES, 0])[0]));
          if (all) paintMap();
          if (all || changed.has("row")) { paintRow(); paintText(); }
          read(state.t);
        },
      };
    },
  });
})();
