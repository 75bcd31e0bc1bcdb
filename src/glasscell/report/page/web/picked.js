// Selected units: one set through all views, brushed in the ladder, boxed in the saturation map.
(() => {
  /** Select these units of the shown layer; `add` keeps those that were. */
  GC.pickUnits = (units, add = false) => {
    const all = new Set(add ? [...GC.state.picked, ...units] : units);
    GC.set({ picked: [...all].sort((a, b) => a - b) });
  };
  GC.togglePicked = (unit) => GC.set({ picked: GC.state.picked.includes(unit) ? GC.state.picked.filter((one) => one !== unit) : [...GC.state.picked, unit].sort((a, b) => a - b) });

  /** How many are selected, show only them, select none. */
  GC.pickedBar = () => {
    const count = GC.make("output");
    const only = GC.make("button", { type: "button", className: "press", data: { say: "picked.only" }, onclick: () => GC.set({ only: !GC.state.only }) });
    const none = GC.make("button", { type: "button", className: "press", data: { say: "picked.none" }, onclick: () => GC.pickUnits([]) });
    const bar = GC.make("div", { className: "picked", hidden: true }, count, only, none);
    GC.listen((state) => {
      bar.hidden = !state.picked.length;
      count.textContent = GC.say("picked.count", { n: state.picked.length });
      only.setAttribute("aria-pressed", String(state.only));
    });
    return bar;
  };

  /** A bar at the left edge of a heat map beside each selected row. */
  GC.pickedMarks = (plot) => {
    const { picked, only } = GC.state;
    if (!picked.length || only) return;
    const { ctx, area: { x, y, h } } = plot;
    const order = GC.order();
    const row = h / order.length;
    const colours = GC.palette();
    const tall = Math.max(1.5, row - (row > 4 ? 1 : 0));
    for (const [width, colour] of [[7, colours.paper], [5, colours.accent]]) {
      ctx.fillStyle = colour;
      order.forEach((unit, place) => { if (picked.includes(unit)) ctx.fillRect(x, y + place * row, width, tall); });
    }
  };

  /** Drag a box over a plot: `done(box, event)` gets pixels {x0, y0, x1, y1}; a click is no drag. */
  GC.brush = (plot, { across = true, start = () => true, done, click }) => {
    const box = GC.make("i", { className: "brush", hidden: true });
    plot.host.append(box);
    let from = null;
    let now = null;
    const bounds = () => {
      const { area } = plot;
      const fit = (v, low, size) => Math.max(low, Math.min(low + size, v));
      const [x0, x1] = across ? [from.x, now.x].map((v) => fit(v, area.x, area.w)).sort((a, b) => a - b) : [area.x, area.x + area.w];
      const [y0, y1] = [from.y, now.y].map((v) => fit(v, area.y, area.h)).sort((a, b) => a - b);
      return { x0, y0, x1, y1 };
    };
    const far = () => Math.hypot(now.x - from.x, now.y - from.y) > 4;
    plot.host.addEventListener("pointerdown", (event) => {
      const at = plot.pick(event);
      if (event.button || !start(at, event)) return;
      from = now = at;
      plot.host.setPointerCapture(event.pointerId);
    });
    plot.host.addEventListener("pointermove", (event) => {
      if (!from) return;
      now = plot.pick(event);
      const { x0, y0, x1, y1 } = bounds();
      box.hidden = !far();
      box.style.cssText = `left:${x0}px;top:${y0}px;width:${x1 - x0}px;height:${y1 - y0}px`;
    });
    const end = (event) => {
      if (!from) return;
      if (event.type === "pointerup") { if (far()) done(bounds(), event); else click(from, event); }
      from = null;
      box.hidden = true;
    };
    plot.host.addEventListener("pointerup", end);
    plot.host.addEventListener("pointercancel", end);
  };
})();
