// Drawing: HiDPI canvases that follow their box, heat maps, scales, axes, the tip.
(() => {
  GC.plots = [];

  // ---- canvases ---------------------------------------------------------------------------
  /** A canvas in its own box; see README.md. The box takes focus and keys where it has the cursor. */
  GC.canvas = (host, options = {}) => {
    const { height = 160, label = "", time = false, unit = false } = options;
    const { left = 0, right = 0, top = 0, bottom = 0 } = options;
    const canvas = GC.make("canvas", { aria: { role: "img", label } });
    const cursor = GC.make("i", { className: "cursor" });
    const mark = GC.make("i", { className: "mark" });
    const box = GC.make("div", { className: "plot", style: { height: `${height}px` } }, canvas, mark, cursor);
    const plot = { host: box, canvas, ctx: canvas.getContext("2d"), width: 0, height, time, unit };
    host.append(box);
    plot.fit = () => {
      const ratio = Math.min(3, devicePixelRatio || 1);
      plot.width = Math.max(1, box.clientWidth);
      plot.height = Math.max(1, box.clientHeight);
      canvas.width = Math.round(plot.width * ratio);
      canvas.height = Math.round(plot.height * ratio);
      plot.ratio = ratio;
      plot.area = { x: left, y: top, w: Math.max(1, plot.width - left - right), h: Math.max(1, plot.height - top - bottom) };
      plot.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    };
    plot.clear = () => plot.ctx.clearRect(0, 0, plot.width, plot.height);
    plot.resize = (h) => { box.style.height = `${h}px`; plot.fit(); };
    plot.label = (text) => canvas.setAttribute("aria-label", text);
    plot.cursor = (fraction) => {
      cursor.hidden = fraction === null;
      cursor.style.cssText = `left:${plot.area.x + (fraction ?? 0) * plot.area.w}px;top:${top}px;bottom:${bottom}px`;
    };
    plot.mark = (y, h) => {
      mark.hidden = y === null;
      mark.style.cssText = `left:${left}px;right:${right}px;top:${y}px;height:${h}px`;
    };
    plot.mark(null, 0);
    /** Where a pointer is: {x, y} in pixels, {fx, fy} as fractions of the area. */
    plot.pick = (event) => {
      const rect = box.getBoundingClientRect();
      const [x, y] = [event.clientX - rect.left, event.clientY - rect.top];
      const fit = (v) => Math.max(0, Math.min(0.999999, v));
      return { x, y, fx: fit((x - plot.area.x) / plot.area.w), fy: fit((y - plot.area.y) / plot.area.h) };
    };
    plot.fit();
    GC.plots = GC.plots.filter((one) => one.host.isConnected || one === plot).concat(plot);
    new ResizeObserver(() => {
      if (Math.abs(box.clientWidth - plot.width) < 1 && Math.abs(box.clientHeight - plot.height) < 1) return;
      plot.fit();
      GC.redraw(box.closest("[data-view]")?.dataset.view);
    }).observe(box);
    if (time || unit) follow(plot);
    return plot;
  };

  const follow = (plot) => {
    plot.host.tabIndex = 0;
    plot.host.classList.add("live");
    plot.host.setAttribute("role", "group");
    const span = () => plot.span?.() ?? [0, GC.series.T];
    // Marked steps of the shown series; put anew only where the series or what is shown of it changes.
    let marked = "";
    const mark = () => {
      const [from, steps] = span();
      const key = [GC.state.series, from, steps, plot.area.w].join();
      if (key === marked) return;
      marked = key;
      for (const one of GC.all(".event", plot.host)) one.remove();
      for (const [t, label] of GC.data.measures.events?.[GC.state.series] ?? []) {
        const at = (t - from + 0.5) / steps;
        if (at > 0 && at < 1) plot.host.append(GC.make("i", { className: "event", title: label, style: { left: `${plot.area.x + at * plot.area.w}px`, top: `${plot.area.y}px`, height: `${plot.area.h}px` } }));
      }
    };
    const place = () => {
      if (plot.time) {
        mark();
        const [from, steps] = span();
        const at = (GC.state.t - from + 0.5) / steps;
        plot.cursor(at > 0 && at < 1 ? at : null);
      }
      if (plot.unit) {
        const order = GC.order();
        const h = plot.area.h / order.length;
        const place = order.indexOf(GC.state.unit);
        plot.mark(place < 0 ? null : plot.area.y + place * h, Math.max(2, h));
      }
    };
    const point = (event) => {
      if (event.type === "pointermove" && !event.buttons && event.pointerType === "touch") return;
      const { fx, fy } = plot.pick(event);
      const [from, steps] = span();
      const change = plot.time ? { t: from + Math.floor(fx * steps) } : {};
      if (plot.unit && (event.type === "pointerdown" || event.buttons)) {
        const order = GC.order();
        change.unit = order[Math.floor(fy * order.length)];
      }
      GC.set(change);
    };
    plot.host.addEventListener("pointermove", point);
    plot.host.addEventListener("pointerdown", point);
    plot.place = place;
    GC.listen(() => { if (plot.host.isConnected) place(); });
    place();
  };

  // ---- heat maps --------------------------------------------------------------------------
  /** Ready to paint: of the values under one pixel the one farthest from `centre` is shown; with `missing`
   * a pixel that holds no number is hatched in the colour of what is wrong, however many others it holds. */
  GC.heat = ({ rows, columns, value, colour, centre = 0, missing = false }) => ({
    paint(plot, x, y, w, h) {
      const [W, H] = [Math.max(1, Math.min(columns, Math.round(w * plot.ratio))), Math.max(1, Math.min(rows, Math.round(h * plot.ratio)))];
      const image = new ImageData(W, H);
      const { data } = image;
      const alarm = missing ? GC.rgb(GC.palette().bad) : null;
      const [starts, ends] = [new Int32Array(W), new Int32Array(W)];
      for (let px = 0; px < W; px += 1) {
        starts[px] = Math.floor((px * columns) / W);
        ends[px] = Math.max(starts[px] + 1, Math.floor(((px + 1) * columns) / W));
      }
      for (let py = 0; py < H; py += 1) {
        const [r0, r1] = [Math.floor((py * rows) / H), Math.max(Math.floor((py * rows) / H) + 1, Math.floor(((py + 1) * rows) / H))];
        for (let px = 0; px < W; px += 1) {
          let best = NaN;
          let far = -1;
          let lost = false;
          for (let r = r0; r < r1; r += 1) {
            for (let c = starts[px]; c < ends[px]; c += 1) {
              const v = value(r, c);
              const d = Math.abs(v - centre);
              if (d > far) { far = d; best = v; } else if (alarm && Number.isNaN(v)) lost = true;
            }
          }
          const at = 4 * (py * W + px);
          if (lost) { data.set([...alarm, (px + py) % 6 < 3 ? 255 : 90], at); continue; }
          if (Number.isNaN(best)) continue;
          const rgb = colour(best);
          data[at] = rgb[0];
          data[at + 1] = rgb[1];
          data[at + 2] = rgb[2];
          data[at + 3] = 255;
        }
      }
      const sheet = new OffscreenCanvas(W, H);
      sheet.getContext("2d").putImageData(image, 0, 0);
      plot.ctx.imageSmoothingEnabled = false;
      plot.ctx.drawImage(sheet, x, y, w, h);
    },
  });

  /** Marks in a line chart where its values are no numbers: xs in pixels, over the whole height. */
  GC.holes = (plot, xs, values) => {
    const { ctx, area } = plot;
    const wide = Math.max(3, area.w / Math.max(1, values.length));
    Object.assign(ctx, { fillStyle: GC.palette().bad, globalAlpha: 0.75 });
    values.forEach((v, k) => { if (!Number.isFinite(v)) ctx.fillRect(xs[k] - wide / 2, area.y, wide, area.h); });
    ctx.globalAlpha = 1;
  };

  // ---- scales, axes, lines ----------------------------------------------------------------
  /** Linear map from [d0, d1] to [r0, r1]; `.invert` is the way back. */
  GC.scale = (d0, d1, r0, r1) => {
    const span = d1 - d0 || 1;
    const scale = (v) => r0 + ((v - d0) / span) * (r1 - r0);
    return Object.assign(scale, { invert: (p) => d0 + ((p - r0) / (r1 - r0 || 1)) * span, domain: [d0, d1], range: [r0, r1] });
  };
  /** Round values within [low, high], about n of them. */
  GC.ticks = (low, high, n = 5) => {
    if (!(high > low)) return [low];
    const raw = (high - low) / n;
    const steps = [1, 2, 2.5, 5, 10].map((m) => m * 10 ** Math.floor(Math.log10(raw)));
    const step = steps.reduce((a, b) => (Math.abs(Math.log(b / raw)) < Math.abs(Math.log(a / raw)) ? b : a));
    const first = Math.ceil(low / step - 1e-9);
    return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(12)));
  };
  GC.font = (size = 12, weight = 400) => `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
  /** An axis with its ticks, at "left", "right" or "bottom" of the plot's area. */
  GC.axis = (plot, scale, { side = "bottom", ticks, format = (v) => String(Number(v.toPrecision(6))).replace("-", "−"), label = "", grid = false } = {}) => {
    const { ctx, area } = plot;
    const colours = GC.palette();
    const flat = side === "bottom";
    const list = ticks ?? GC.ticks(...scale.domain, Math.max(2, Math.round((flat ? area.w : area.h) / (flat ? 90 : 40))));
    ctx.save();
    Object.assign(ctx, { font: GC.font(11.5), fillStyle: colours.soft, strokeStyle: colours.rule, lineWidth: 1 });
    ctx.textBaseline = flat ? "top" : "middle";
    let taken = -Infinity; // right edge of the last label: one that would touch it is left out
    for (const tick of list) {
      const at = scale(tick);
      if (grid) {
        ctx.beginPath();
        if (flat) { ctx.moveTo(at, area.y); ctx.lineTo(at, area.y + area.h); } else { ctx.moveTo(area.x, at); ctx.lineTo(area.x + area.w, at); }
        ctx.stroke();
      }
      const text = format(tick);
      if (flat) {
        const half = ctx.measureText(text).width / 2;
        const middle = Math.max(half, Math.min(plot.width - half, at));
        if (middle - half < taken + 8) continue;
        taken = middle + half;
        ctx.textAlign = "center";
        ctx.fillText(text, middle, area.y + area.h + 6);
      } else {
        ctx.textAlign = side === "left" ? "right" : "left";
        ctx.fillText(text, side === "left" ? area.x - 7 : area.x + area.w + 7, Math.max(7, Math.min(plot.height - 7, at)));
      }
    }
    if (label) {
      ctx.textAlign = flat ? "center" : "left";
      ctx.textBaseline = flat ? "bottom" : "top";
      ctx.fillText(label, flat ? area.x + area.w / 2 : 0, flat ? plot.height : 0);
    }
    ctx.restore();
  };
  /** A line through (xs[k], ys[k]) in pixels; a NaN breaks it, a value alone is a dot. */
  GC.line = (plot, xs, ys, { color, width = 1.8, dash = [], alpha = 1 } = {}) => {
    const { ctx } = plot;
    ctx.save();
    ctx.beginPath();
    let open = false;
    for (let k = 0; k < xs.length; k += 1) {
      if (!Number.isFinite(ys[k])) { open = false; continue; }
      if (open) ctx.lineTo(xs[k], ys[k]); else ctx.moveTo(xs[k], ys[k]);
      if (!open && !Number.isFinite(ys[k + 1])) ctx.lineTo(xs[k] + 0.01, ys[k]);
      open = true;
    }
    Object.assign(ctx, { strokeStyle: color, lineWidth: width, globalAlpha: alpha, lineJoin: "round", lineCap: "round" });
    ctx.setLineDash(dash);
    ctx.stroke();
    ctx.restore();
  };
  GC.dots = (plot, xs, ys, { color, radius = 3, alpha = 1 } = {}) => {
    const { ctx } = plot;
    ctx.save();
    Object.assign(ctx, { fillStyle: color, globalAlpha: alpha });
    for (let k = 0; k < xs.length; k += 1) {
      if (!Number.isFinite(ys[k]) || !Number.isFinite(xs[k])) continue;
      ctx.beginPath();
      ctx.arc(xs[k], ys[k], radius, 0, 7);
      ctx.fill();
    }
    ctx.restore();
  };

  // ---- tip --------------------------------------------------------------------------------
  let tip = null;
  /** Show lines of text at a pointer event; null hides them. */
  GC.tip = (event, lines = []) => {
    tip ??= document.body.appendChild(GC.make("div", { className: "tip", aria: { hidden: "true" } }));
    tip.hidden = !event;
    if (!event) return;
    tip.replaceChildren(...lines.map((line) => GC.make("div", { textContent: line })));
    const { width, height } = tip.getBoundingClientRect();
    const x = event.clientX + 16 + width > innerWidth - 8 ? event.clientX - width - 14 : event.clientX + 16;
    const y = Math.min(innerHeight - height - 8, event.clientY + 14);
    tip.style.transform = `translate(${Math.max(4, x)}px, ${Math.max(4, y)}px)`;
  };
  GC.tipOn = (plot, lines) => {
    plot.host.addEventListener("pointermove", (event) => { const shown = lines(plot.pick(event)); GC.tip(shown ? event : null, shown ?? []); });
    plot.host.addEventListener("pointerleave", () => GC.tip(null));
  };
})();
