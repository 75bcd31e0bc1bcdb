// Line charts with named lines, and the small controls that several views share.
(() => {
  const DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

  /** 10 to a whole power, as text: GC.power(-3) is "10⁻³". */
  GC.power = (exponent) => `10${[...String(Math.round(exponent) + 0)].map((c) => (c === "-" ? "⁻" : DIGITS[Number(c)])).join("")}`;

  /** A size given by its log10, with two digits: 0.63, 4.2·10⁻⁵, 0 for -∞. */
  GC.size = (log) => {
    if (Number.isNaN(log)) return "–";
    if (!Number.isFinite(log)) return log < 0 ? "0" : "∞";
    if (log > -2.3 && log < 4) return String(Number((10 ** log).toPrecision(2)));
    const [digits, exponent] = (10 ** (log - Math.floor(log))).toPrecision(2) === "10" ? ["1.0", Math.floor(log) + 1] : [(10 ** (log - Math.floor(log))).toPrecision(2), Math.floor(log)];
    return `${digits}·${GC.power(exponent)}`;
  };

  /** A share as text: 93 %, 4.1 %, 0.19 %. */
  GC.percent = (share) => `${share > 0 ? GC.size(Math.log10(100 * share)) : GC.number(100 * share, 0)} %`;

  /** A tick's number without needless zeros. */
  GC.tick = (v) => String(Number(v.toPrecision(6))).replace("-", "−");

  /** log10 of a norm: -∞ for zero, NaN for a missing one. */
  GC.log = (values) => Float64Array.from(values, (v) => (v >= 0 ? Math.log10(v) : NaN));

  /** Smallest and largest finite number of several lists, or the fallback. */
  GC.extent = (lists, fallback = [0, 1]) => {
    let [low, high] = [Infinity, -Infinity];
    for (const list of lists) {
      for (const v of list) if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
    }
    return low > high ? fallback : [low, high];
  };

  /** A range to draw: [low, high] with a little room, and never empty. */
  GC.room = ([low, high], share = 0.05) => {
    const pad = high > low ? (high - low) * share : Math.max(Math.abs(low) * share, 0.05);
    return [low - pad, high + pad];
  };

  /** Whether anything that the whole picture depends on has changed: not the cursor alone. */
  GC.anew = (changed, ...more) => ["series", "layer", "lang", "theme", "size", ...more].some((name) => changed.has(name));

  /** Margins of a chart with both axes. */
  GC.MARGINS = { left: 52, right: 12, top: 10, bottom: 42 };

  const swatch = ({ color, dash = [], width = 2.4, block }) => {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("viewBox", "0 0 26 10");
    drawing.setAttribute("aria-hidden", "true");
    drawing.classList.add("swatch");
    const shape = document.createElementNS("http://www.w3.org/2000/svg", block ? "rect" : "path");
    const set = (attributes) => Object.entries(attributes).forEach(([k, v]) => shape.setAttribute(k, v));
    if (block) set({ x: 5, y: 0, width: 16, height: 10, style: `fill:var(--${color})` });
    else set({ d: "M1 5H25", style: `stroke:var(--${color});stroke-width:${width};stroke-dasharray:${dash.join(" ")};fill:none` });
    drawing.append(shape);
    return drawing;
  };

  /** Names beside their line's colour and dashes. items: [{say|text, color (a palette name), dash}]. */
  GC.legend = (host, items = []) => {
    const box = GC.make("div", { className: "keys" });
    host.append(box);
    const fill = (list) => {
      box.replaceChildren(...list.map((item) => {
        const name = item.say ? GC.make("span", { data: { say: item.say }, textContent: GC.say(item.say) }) : GC.make("span", { textContent: item.text });
        const value = GC.make("output", { className: "value" });
        item.show = (text) => { if (value.textContent !== text) value.textContent = text; };
        return GC.make("span", { className: "key" }, swatch(item), name, value);
      }));
      return list;
    };
    return { box, fill, items: fill(items) };
  };

  const area = (plot, xs, ys, base, color) => {
    const { ctx } = plot;
    ctx.save();
    Object.assign(ctx, { fillStyle: color, globalAlpha: 0.16 });
    let from = -1;
    for (let k = 0; k <= xs.length; k += 1) {
      const there = k < xs.length && Number.isFinite(ys[k]);
      if (there && from < 0) from = k;
      if (!there && from >= 0) {
        ctx.beginPath();
        ctx.moveTo(xs[from], typeof base === "number" ? base : base[from]);
        for (let j = from; j < k; j += 1) ctx.lineTo(xs[j], ys[j]);
        for (let j = k - 1; j >= from; j -= 1) ctx.lineTo(xs[j], typeof base === "number" ? base : base[j]);
        ctx.fill();
        from = -1;
      }
    }
    ctx.restore();
  };

  // Of the points on one pixel column only the lowest and the highest are drawn: long lines stay fast.
  const thinned = (xs, ys) => {
    if (xs.length < 4000) return [xs, ys];
    const [tx, ty] = [[], []];
    let k = 0;
    while (k < xs.length) {
      const column = Math.round(xs[k]);
      let [low, high] = [k, k];
      for (; k < xs.length && Math.round(xs[k]) === column; k += 1) {
        if (!(ys[low] <= ys[k])) low = k;
        if (!(ys[high] >= ys[k])) high = k;
      }
      for (const at of low < high ? [low, high] : [high, low]) { tx.push(xs[at]); ty.push(ys[at]); }
    }
    return [tx, ty];
  };

  const level = (plot, y, text, color, right, dash = [5, 4]) => {
    const { ctx, area: { x, w } } = plot;
    GC.line(plot, [x, x + w], [y, y], { color, width: 1.2, dash });
    if (!text) return;
    ctx.save();
    Object.assign(ctx, { font: GC.font(11.5), fillStyle: color, textBaseline: "bottom", textAlign: right ? "right" : "left" });
    ctx.fillText(text, right ? x + w - 6 : x + 6, y - 2, w - 8);
    ctx.restore();
  };

  const upright = (plot, x, text, color) => {
    const { ctx, area: { y, h } } = plot;
    GC.line(plot, [x, x], [y, y + h], { color, width: 1.2, dash: [3, 3] });
    ctx.save();
    Object.assign(ctx, { font: GC.font(11.5), fillStyle: color, textBaseline: "top", textAlign: x > plot.width * 0.7 ? "right" : "left" });
    if (text) ctx.fillText(text, x + (x > plot.width * 0.7 ? -5 : 5), y + 4);
    ctx.restore();
  };

  /**
   * Draw lines into a plot. x, y: [low, high]; lines: [{xs, ys, color, dash, width, fill, base}] in
   * data units, color a palette name; levels, uprights: [{at, text, color, right, dash}]; xAxis, yAxis: options of GC.axis.
   */
  GC.chart = (plot, { x, y, lines, levels = [], uprights = [], xAxis = {}, yAxis = {} }) => {
    const { ctx, area: box } = plot;
    const colours = GC.palette();
    const sx = GC.scale(...x, box.x, box.x + box.w);
    const sy = GC.scale(...y, box.y + box.h, box.y);
    plot.clear();
    GC.axis(plot, sy, { side: "left", grid: true, format: GC.tick, ...yAxis });
    GC.axis(plot, sx, { side: "bottom", format: GC.tick, ...xAxis });
    ctx.save();
    ctx.beginPath();
    ctx.rect(box.x - 1, box.y - 1, box.w + 2, box.h + 2);
    ctx.clip();
    for (const line of lines) {
      const drawn = [Array.from(line.xs, sx), Array.from(line.ys, (v) => (Number.isFinite(v) ? sy(v) : NaN))];
      const [xs, ys] = line.base ? drawn : thinned(...drawn); // an area keeps the points of its base
      const color = colours[line.color] ?? line.color;
      if (line.fill || line.base) area(plot, xs, ys, line.base ? Array.from(line.base, sy) : sy(Math.max(y[0], Math.min(y[1], 0))), color);
      if (xs.length === 1) GC.dots(plot, xs, ys, { color, radius: 4 });
      else if (line.width !== 0) GC.line(plot, xs, ys, { ...line, color });
    }
    ctx.restore();
    for (const { at, text, color = "bad", right, dash } of levels) if (at > y[0] && at < y[1]) level(plot, sy(at), text, colours[color], right, dash);
    for (const { at, text, color = "soft" } of uprights) if (at >= x[0] && at <= x[1]) upright(plot, sx(at), text, colours[color]);
    return { sx, sy };
  };

  /** The middles of T steps, as x of a chart over [0, T] that shares the time cursor. */
  GC.steps = (count, pool = 1) => Float64Array.from({ length: count }, (_, k) => (k + 0.5) * pool);

  /** x axis of a chart over T steps from one on: labels of the steps where the data has some. */
  GC.timeAxis = (plot, T, label = GC.say("axis.step"), from = 0) => {
    const ticks = GC.ticks(from, from + T - 1, Math.max(2, Math.round(plot.area.w / 120))).filter((t) => Number.isInteger(t));
    const name = (t) => GC.series.labels?.[t] ?? String(t);
    return { ticks: ticks.map((t) => t - from + 0.5), format: (at) => name(at + from - 0.5), label };
  };

  /** The left axis of a picture with a row a step: named as the steps of the axis under it are. */
  GC.stepRows = (T, first) => {
    const { ticks, format } = GC.timeAxis({ area: { w: 480 } }, T, "", first);
    const label = (at) => { const text = format(at); return text.length > 7 ? text.slice(-5) : text; };
    return { side: "left", ticks, format: label };
  };

  /** The steps that a layer's influences were measured over: [first, how many]. */
  GC.influenced = (layer) => {
    const { first, steps } = GC.data.measures.influence?.[`${GC.state.series}/${layer}`] ?? { first: 0, steps: GC.series.T };
    return [first, steps];
  };

  /** x axis of a chart over lags: whole numbers. */
  GC.lagAxis = (plot, [low, high], label = GC.say("axis.lag")) => ({
    label, ticks: GC.ticks(low, high, Math.max(2, Math.round(plot.area.w / 110))).filter(Number.isInteger),
  });

  /** y axis of a chart of logarithms: 10⁻³ … */
  GC.powerAxis = (low, high) => {
    const every = Math.max(1, Math.ceil((high - low) / 6));
    const first = Math.ceil(low / every) * every;
    const ticks = Array.from({ length: Math.max(0, Math.floor((high - first) / every)) + 1 }, (_, k) => first + k * every);
    return { ticks, format: (v) => GC.power(v) };
  };

  /** y axis of a chart of logarithms that shows the values themselves, at round numbers: 0.2, 0.5 … */
  GC.valueAxis = (low, high) => {
    if (high - low > 2.5) return GC.powerAxis(low, high);
    const decades = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, k) => Math.floor(low) + k);
    const round = decades.flatMap((k) => [1, 2, 5].map((m) => Math.log10(m) + k)).filter((v) => v >= low && v <= high);
    const ticks = round.length > 1 ? round : GC.ticks(10 ** low, 10 ** high, 4).filter((v) => v > 0).map(Math.log10);
    return { ticks, format: (v) => String(Number((10 ** v).toPrecision(3))) };
  };

  /** A labelled slider; onInput gets its number. Returns {box, input, set}. */
  GC.slider = (host, { say, min, max, step, value, format = (v) => GC.number(v, 2), onInput }) => {
    const input = GC.make("input", { type: "range", min, max, step, value, data: { sayLabel: say }, aria: { label: GC.say(say) } });
    const shown = GC.make("output", { textContent: format(value) });
    const box = GC.make("label", { className: "slider" }, GC.make("span", { data: { say }, textContent: GC.say(say) }), input, shown);
    // What is shown is the number itself: the thumb stands on the nearest stop.
    const set = (v) => { input.value = v; shown.textContent = format(Number(v)); input.setAttribute("aria-valuetext", shown.textContent); };
    input.addEventListener("input", () => { set(input.value); onInput(Number(input.value)); });
    host.append(box);
    return { box, input, set, format };
  };

  /** A labelled menu; options: [[value, text]], word keys where `words`. Returns {box, select, fill}. */
  GC.menu = (host, { say, options = [], words = false, onChange }) => {
    const select = GC.make("select");
    const box = GC.make("label", { className: "menu" }, GC.make("span", { data: { say }, textContent: GC.say(say) }), " ", select);
    const fill = (list) => {
      const kept = select.value;
      select.replaceChildren(...list.map(([value, text]) => GC.make("option", {
        value, textContent: words ? GC.say(text) : text, data: words ? { say: text } : {},
      })));
      if (list.some(([value]) => String(value) === kept)) select.value = kept;
    };
    fill(options);
    select.addEventListener("change", () => onChange(select.value));
    host.append(box);
    return { box, select, fill };
  };

  /** A button whose word is translated by itself. */
  GC.button = (host, say, onClick, properties = {}) => {
    const node = GC.make("button", { type: "button", data: { say }, textContent: GC.say(say), ...properties });
    node.addEventListener("click", onClick);
    host.append(node);
    return node;
  };

  /** A small heading whose word is translated by itself. */
  GC.heading = (host, say) => {
    const node = GC.make("h3", { data: { say }, textContent: GC.say(say) });
    host.append(node);
    return node;
  };

  /** A paragraph that reads out loud what changes; set(text). */
  GC.readout = (host, className = "reading") => {
    const node = GC.make("p", { className, aria: { live: "polite" } });
    host.append(node);
    return (text) => { if (node.textContent !== text) node.textContent = text; };
  };
})();
