// Rows of pictures over one time axis: a label with the value at the cursor, a plot, its scale.
(() => {
  const [RIGHT, RIGHT_PHONE] = [58, 54];
  GC.rowMargin = () => (innerWidth <= 640 ? RIGHT_PHONE : RIGHT);

  /** One row: {label, plot, value}; `unit` as for GC.canvas. */
  GC.rowOf = (host, { name, what = "", letter = "", colour = "", height, unit = false, label, bottom = 0 }) => {
    const value = GC.make("output");
    const title = GC.make("b", {}, name, letter ? GC.make("var", { textContent: ` ${letter}` }) : null);
    const lab = GC.make("div", { className: "lab", style: { color: colour } }, title, value, what ? GC.make("small", { textContent: what }) : null);
    const cell = GC.make("div", { className: "pic" });
    host.append(GC.make("div", { className: "row" }, lab, cell));
    const plot = GC.canvas(cell, { height, time: true, unit, right: GC.rowMargin(), bottom, label });
    return { plot, value };
  };

  /** The step axis under the last row, or under rows that show a part: `span` gives [first, how many]. */
  GC.stepAxis = (host, span = () => [0, GC.series.T]) => {
    const cell = GC.make("div", { className: "pic" });
    const row = GC.make("div", { className: "row steps" }, GC.make("div", { className: "lab" }), cell);
    host.append(row);
    const plot = GC.canvas(cell, { height: 22, right: GC.rowMargin(), bottom: 22 });
    plot.canvas.setAttribute("aria-hidden", "true"); // its labels are those of the rows above
    plot.draw = () => {
      plot.clear();
      const { labels } = GC.series;
      const [from, T] = span();
      const last = from + T - 1;
      plot.ctx.font = GC.font(11.5);
      const widest = labels ? Math.max(...[labels[from], labels[last], labels[from + (T >> 1)]].map((text) => plot.ctx.measureText(text).width)) : 40;
      const count = Math.max(1, Math.floor(plot.area.w / (widest + 34)) - 1);
      const ticks = GC.ticks(from, last, Math.min(count, T)).filter(Number.isInteger);
      const x = (t) => ((t - from + 0.5) / T) * plot.area.w;
      const scale = Object.assign(x, { domain: [from, last] });
      GC.axis(plot, scale, { ticks: ticks.length ? ticks : [from], format: (t) => labels?.[t] ?? String(t) });
    };
    return Object.assign(plot, { row });
  };

  /** A heat map's scale in the plot's right margin: bar, value at the top, value at the foot. */
  GC.ramp = (plot, name, high, low) => {
    const { ctx, area } = plot;
    const colours = GC.palette();
    const gradient = ctx.createLinearGradient(0, area.y + area.h, 0, area.y);
    const anchors = colours.anchors(name);
    anchors.forEach((hex, k) => gradient.addColorStop(k / (anchors.length - 1), hex));
    const x = area.x + area.w + 7;
    ctx.fillStyle = gradient;
    ctx.fillRect(x, area.y, 6, area.h);
    Object.assign(ctx, { font: GC.font(11), fillStyle: colours.soft, textAlign: "left" });
    ctx.textBaseline = "top";
    ctx.fillText(high, x + 10, area.y);
    ctx.textBaseline = "bottom";
    ctx.fillText(low, x + 10, area.y + area.h + 1);
  };

  /** Values at the right of a line chart. */
  GC.sideTicks = (plot, scale, ticks) => GC.axis(plot, scale, { side: "right", ticks, grid: true });

  /** x of every column of a row of values, in pixels. */
  GC.columns = (plot, count, pool = 1) => Float64Array.from({ length: count }, (_, k) => plot.area.x + Math.min(1, ((k + 0.5) * pool) / GC.series.T) * plot.area.w);
  /** Largest magnitude of the finite values; `share` < 1 leaves the largest few out. */
  GC.top = (values, share = 1) => {
    // A quantile is read off a sample of a large map; the largest value is always that of all.
    const stride = share < 1 ? Math.max(1, Math.floor(values.length / 20000)) : 1;
    const sizes = [];
    let top = 0;
    for (let k = 0; k < values.length; k += stride) {
      const size = Math.abs(values[k]);
      if (!Number.isFinite(size)) continue;
      if (size > top) top = size;
      if (share < 1) sizes.push(size);
    }
    if (share === 1 || !sizes.length) return top;
    return Float64Array.from(sizes).sort()[Math.floor(share * (sizes.length - 1))];
  };
})();
