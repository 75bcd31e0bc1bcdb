// 6 Saturation map: how much of its time each unit's gate spends closed and open.
(() => {
  const MOSTLY = 0.9;
  const SELDOM = 0.1;
  const INSET = 14; // dots at 0 stand clear of the axes' numbers

  GC.view({
    id: "saturation", order: 6, title: "saturation", gated: true, needs: () => (GC.cell.squashed.length ? null : "needs.gates"),
    build(host, api) {
      const panels = GC.make("div", { className: "three" });
      host.append(panels);
      const found = () => GC.data.measures.saturation?.[`${GC.state.series}/${GC.state.layer}`] ?? {};
      let gates = [];
      let charts = [];
      const chartOf = (gate) => {
        const box = GC.make("div", {}, GC.make("h3", { textContent: GC.quantity(gate), style: { color: `var(--${GC.hue(gate)})` } }));
        panels.append(box);
        const plot = GC.canvas(box, { height: 280, left: 52, right: 22, top: 24, bottom: 44, label: "" });
        const text = GC.make("p", { className: "counts" });
        box.append(text);
        const place = (unit) => {
          const part = found()[gate];
          const [x, y] = scales(plot);
          return [x(part.closed[unit] ?? NaN), y(part.open[unit] ?? NaN)];
        };
        const nearest = ({ x, y }) => {
          let [best, far] = [null, 18];
          for (let unit = 0; unit < GC.layer.H; unit += 1) {
            const [px, py] = place(unit);
            const d = Math.hypot(px - x, py - y);
            if (d < far) [best, far] = [unit, d];
          }
          return best;
        };
        plot.host.classList.add("live");
        plot.host.tabIndex = 0;
        const units = () => Array.from({ length: GC.layer.H }, (_, unit) => unit);
        GC.brush(plot, {
          done: ({ x0, y0, x1, y1 }, event) => GC.pickUnits(units().filter((unit) => {
            const [px, py] = place(unit);
            return px >= x0 - 3 && px <= x1 + 3 && py >= y0 - 3 && py <= y1 + 3;
          }), event.shiftKey),
          click: (from, event) => {
            const unit = nearest(from);
            if (unit === null) return;
            if (event.shiftKey || event.ctrlKey || event.metaKey) GC.togglePicked(unit); else GC.set({ unit });
          },
        });
        plot.host.addEventListener("keydown", (event) => {
          if (event.key === "Enter") { event.preventDefault(); GC.togglePicked(GC.state.unit); }
          if (event.key === "Escape") GC.pickUnits([]);
        });
        GC.tipOn(plot, (at) => {
          const unit = nearest(at);
          const part = found()[gate];
          return unit === null ? null : [`${GC.say("unit")} ${unit}`, `${GC.say("closed")} ${GC.number(part.closed[unit] * 100, 0)} % · ${GC.say("open")} ${GC.number(part.open[unit] * 100, 0)} %`];
        });
        return { gate, plot, place, text };
      };
      const scales = ({ area: { x, y, w, h } }) => [GC.scale(0, 1, x + INSET, x + w), GC.scale(0, 1, y + h - INSET, y)];
      api.table(() => ({
        caption: "", head: [GC.say("unit"), ...gates.flatMap((gate) => [`${GC.quantity(gate)}: ${GC.say("closed")}`, `${GC.quantity(gate)}: ${GC.say("open")}`])],
        rows: Array.from({ length: GC.layer.H }, (_, unit) => [String(unit), ...gates.flatMap((gate) => [found()[gate].closed[unit], found()[gate].open[unit]])]),
      }));

      const paint = ({ gate, plot, place, text }) => {
        plot.clear();
        const { ctx, area } = plot;
        const colours = GC.palette();
        const [x, y] = scales(plot);
        ctx.fillStyle = colours.card;
        ctx.beginPath(); ctx.moveTo(x(0), y(0)); ctx.lineTo(x(1), y(0)); ctx.lineTo(x(0), y(1)); ctx.closePath(); ctx.fill();
        Object.assign(ctx, { strokeStyle: colours.edge, lineWidth: 1 });
        ctx.stroke();
        const percent = (v) => `${Math.round(v * 100)}`;
        GC.axis(plot, x, { ticks: [0, 0.5, 1], format: percent, label: GC.say("saturation.closed") });
        GC.axis(plot, y, { side: "left", ticks: [0, 0.5, 1], format: percent });
        ctx.save();
        Object.assign(ctx, { font: GC.font(11.5), fillStyle: colours.soft, textAlign: "center", textBaseline: "top" });
        ctx.translate(0, area.y + area.h / 2);
        ctx.rotate(-Math.PI / 2);
        ctx.fillText(GC.say("saturation.open"), 0, 0);
        ctx.restore();
        const units = Array.from({ length: GC.layer.H }, (_, unit) => unit);
        const placeOf = (px, py) => `${Math.round(px / 14)} ${Math.round(py / 14)}`;
        const groups = new Map(); // units at one place are one dot, as large as they are many
        for (const unit of units) {
          const [px, py] = place(unit);
          const key = placeOf(px, py);
          const group = groups.get(key) ?? { px, py, n: 0 };
          group.n += 1;
          group.chosen ||= GC.state.picked.includes(unit);
          groups.set(key, group);
        }
        const radius = (n) => Math.min(13, 3.8 * Math.sqrt(n));
        for (const { px, py, n } of groups.values()) {
          GC.dots(plot, [px], [py], { color: GC.colour(gate), radius: radius(n), alpha: 0.72 });
          if (n < 6) continue;
          Object.assign(ctx, { font: GC.font(11, 650), fillStyle: colours.card, textAlign: "center", textBaseline: "middle" });
          ctx.fillText(String(n), px, py + 0.5);
        }
        const then = GC.moment();
        if (then?.open) {
          const k = GC.filmGates().indexOf(gate);
          const [mx, my] = [x(then.closed[k]), y(then.open[k])];
          Object.assign(ctx, { strokeStyle: colours.ink, lineWidth: 2, font: GC.font(11.5), fillStyle: colours.ink, textAlign: "left", textBaseline: "middle" });
          ctx.strokeRect(mx - 5, my - 5, 10, 10);
          ctx.fillText(GC.say("saturation.then", { step: then.step }), mx + 10, my - 9);
        }
        const [cx, cy] = place(GC.state.unit);
        Object.assign(ctx, { strokeStyle: colours.ink, lineWidth: 2 });
        ctx.beginPath(); ctx.arc(cx, cy, radius(groups.get(placeOf(cx, cy))?.n ?? 1) + 3, 0, 7); ctx.stroke();
        const part = found()[gate];
        for (const { px, py, n, chosen } of groups.values()) {
          if (!chosen) continue;
          Object.assign(ctx, { strokeStyle: colours.accent, lineWidth: 2.4 });
          ctx.beginPath(); ctx.arc(px, py, radius(n) + 1.5, 0, 7); ctx.stroke();
        }
        const groupsOf = { open: (u) => part.open[u] > MOSTLY, closed: (u) => part.closed[u] > MOSTLY, middle: (u) => part.open[u] + part.closed[u] < SELDOM };
        const parts = Object.entries(groupsOf).map(([name, test]) => [name, units.filter(test)]);
        // Each count is a button that selects its units: what the mouse does with a box.
        text.replaceChildren(...parts.map(([name, list]) => GC.make("button", { type: "button", disabled: !list.length, textContent: GC.say(`saturation.count.${name}`, { n: list.length }), onclick: (event) => GC.pickUnits(list, event.shiftKey) })));
        plot.label(`${GC.quantity(gate)}: ${parts.map(([name, list]) => GC.say(`saturation.count.${name}`, { n: list.length })).join(", ")}`);
      };
      return {
        draw(state, changed) {
          if (["layer", "lang"].some((key) => changed.has(key)) || !charts.length) {
            gates = GC.cell.squashed.filter((gate) => found()[gate]);
            panels.replaceChildren();
            charts = gates.map(chartOf);
          }
          if (["series", "layer", "unit", "theme", "size", "lang", "picked", "film"].some((key) => changed.has(key))) charts.forEach(paint);
        },
      };
    },
  });
})();
