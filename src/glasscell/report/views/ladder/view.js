// 5 Half-life ladder: how long each unit keeps half of what it stores, against the lag one needs.
(() => {
  const ROW = 15;
  const SHORTEST = 0.25;
  const number = (half) => (half === "never" ? Infinity : half ?? NaN);

  GC.view({
    id: "ladder", order: 5, title: "ladder", gated: true, needs: () => (GC.cell.belt ? null : "needs.belt"),
    build(host, api) {
      let lag = GC.lag ?? GC.series.T - 1;
      let rungs = [];
      // Verdicts rest on all sequences; one alone may be faster or slower.
      const memory = () => GC.data.measures.memory?.[GC.state.layer];
      let over = "all";
      const whole = () => over === "all" && memory();
      const scope = GC.choice("ladder.over", [["all", "ladder.over.all"], ["one", "ladder.over.one"]], over, (value) => { over = value; GC.redraw("ladder", "series"); });
      api.tools.append(scope);
      const says = GC.make("p", { className: "says" });
      GC.button(api.tools, "ladder.pick", () => GC.pickUnits(rungs.filter((rung) => rung.half >= lag).map((rung) => rung.unit)), { className: "press" });
      const slider = GC.make("input", { type: "range", min: 0, max: 1000, oninput: () => setLag(2 ** ((slider.value / 1000) * Math.log2(longest()))) });
      const name = GC.make("output");
      host.append(GC.make("div", { className: "lagbar" }, GC.make("label", {}, GC.make("span", { data: { say: "ladder.lag" } }), slider, name)), says);
      const plot = GC.canvas(host, { height: 200, left: 46, right: 46, bottom: 40, label: "" });
      plot.host.tabIndex = 0;
      plot.host.classList.add("live");
      const longest = () => Math.max(8, 2 * GC.series.T, lag);
      const x = () => {
        const [low, high] = [Math.log2(SHORTEST), Math.log2(longest()) + 0.3];
        return GC.scale(low, high, plot.area.x, plot.area.x + plot.area.w);
      };
      const at = (event) => rungs[Math.floor(plot.pick(event).fy * rungs.length)];
      const lineAt = () => x()(Math.log2(lag));
      let moving = false; // the line is being dragged
      plot.host.addEventListener("pointermove", (event) => {
        const { x: px } = plot.pick(event);
        plot.host.style.cursor = moving || Math.abs(px - lineAt()) < 7 ? "ew-resize" : "";
        if (moving) setLag(2 ** x().invert(px));
      });
      for (const kind of ["pointerup", "pointercancel"]) plot.host.addEventListener(kind, () => { moving = false; });
      const setLag = (v) => { lag = Math.max(1, Math.min(longest(), Math.round(v))); GC.redraw("ladder", "lag"); };
      GC.brush(plot, {
        across: false,
        start: ({ x: px }, event) => { moving = Math.abs(px - lineAt()) < 7; if (moving) plot.host.setPointerCapture(event.pointerId); return !moving; },
        done: ({ y0, y1 }, event) => {
          const h = plot.area.h / rungs.length;
          const [first, last] = [y0, y1].map((y) => Math.round((y - plot.area.y) / h - 0.5));
          GC.pickUnits(rungs.slice(Math.max(0, first), last + 1).map((rung) => rung.unit), event.shiftKey);
        },
        click: (from, event) => { const { unit } = at(event); if (event.shiftKey || event.ctrlKey || event.metaKey) GC.togglePicked(unit); else GC.set({ unit }); },
      });
      GC.tipOn(plot, ({ fy }) => {
        const rung = rungs[Math.floor(fy * rungs.length)];
        return rung && [`${GC.say("unit")} ${rung.unit}`, `${GC.say("sort.half_life")}: ${GC.lifeText(rung.half === Infinity ? "never" : rung.half)}`];
      });
      plot.host.addEventListener("keydown", (event) => {
        const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (event.key === "Enter") { event.preventDefault(); GC.togglePicked(GC.state.unit); }
        if (event.key === "Escape") GC.pickUnits([]);
        if (!step) return;
        event.preventDefault();
        const to = rungs[rungs.findIndex((rung) => rung.unit === GC.state.unit) + step];
        if (!to) return;
        if (event.shiftKey) GC.pickUnits([GC.state.unit, to.unit], true);
        GC.set({ unit: to.unit });
      });
      api.table(() => ({ caption: says.textContent, head: [GC.say("unit"), GC.say("sort.half_life")], rows: rungs.map((rung) => [String(rung.unit), GC.lifeText(rung.half === Infinity ? "never" : rung.half)]) }));

      const draw = () => {
        plot.clear();
        const { ctx, area } = plot;
        const colours = GC.palette();
        const scale = x();
        const ticks = [];
        for (let k = 0; 2 ** k <= longest(); k += area.w < 420 ? 2 : 1) ticks.push(k);
        GC.axis(plot, scale, { ticks, format: (k) => String(2 ** k), label: GC.say("ladder.axis"), grid: true });
        const h = area.h / rungs.length;
        rungs.forEach((rung, k) => {
          const y = area.y + (k + 0.5) * h;
          const far = rung.half === Infinity ? area.x + area.w : scale(Math.log2(Math.max(SHORTEST, rung.half)));
          const chosen = rung.unit === GC.state.unit;
          if (GC.state.picked.includes(rung.unit)) {
            Object.assign(ctx, { fillStyle: colours.accent, globalAlpha: 0.2 });
            ctx.fillRect(area.x, y - h / 2, area.w, h);
            ctx.globalAlpha = 1;
            ctx.fillRect(area.x - 5, y - h / 2, 4, Math.max(1, h - 0.5));
          }
          const strong = rung.half >= lag;
          if (Number.isNaN(rung.half)) return;
          Object.assign(ctx, { strokeStyle: chosen ? colours.ink : strong ? colours.forget : colours.edge, lineWidth: Math.max(1, Math.min(strong ? 3 : 2, h * 0.7)) });
          ctx.beginPath(); ctx.moveTo(area.x, y); ctx.lineTo(far, y); ctx.stroke();
          if (h > 5) {
            ctx.fillStyle = chosen ? colours.ink : strong ? colours.forget : colours.faint;
            ctx.beginPath(); ctx.arc(far, y, Math.min(5, h * 0.36), 0, 7); ctx.fill();
          }
          if (rung.half === Infinity || chosen || h > 11) {
            Object.assign(ctx, { font: GC.font(11, chosen ? 700 : 400), fillStyle: chosen ? colours.ink : colours.soft, textBaseline: "middle", textAlign: "right" });
            if (h > 11 || chosen) ctx.fillText(String(rung.unit), area.x - 8, y);
            ctx.textAlign = "left";
            if (rung.half === Infinity && h > 8) ctx.fillText("∞", area.x + area.w + 8, y);
          }
        });
        const then = GC.moment();
        if (then?.quantiles) {
          const at = (half) => (half === Infinity ? area.x + area.w : scale(Math.log2(Math.max(SHORTEST, Math.min(half, longest())))));
          const [, low, middle, high] = then.quantiles.map(at);
          Object.assign(ctx, { fillStyle: colours.candidate, globalAlpha: 0.16 });
          ctx.fillRect(low, area.y, Math.max(2, high - low), area.h);
          ctx.globalAlpha = 1;
          if (then.units) rungs.forEach((rung, k) => GC.dots(plot, [at(then.units[rung.unit])], [area.y + (k + 0.5) * h], { color: colours.candidate, radius: Math.max(1, Math.min(4, h * 0.3)) }));
          GC.line(plot, [middle, middle], [area.y, area.y + area.h], { color: colours.candidate, width: 2, dash: [2, 3] });
          Object.assign(ctx, { font: GC.font(11.5), fillStyle: colours.candidate, textBaseline: "bottom", textAlign: middle > plot.width * 0.6 ? "right" : "left" });
          ctx.fillText(GC.say("ladder.then", { step: then.step }), middle + (middle > plot.width * 0.6 ? -5 : 5), area.y + area.h - 22);
        }
        const line = scale(Math.log2(lag));
        Object.assign(ctx, { strokeStyle: colours.bad, lineWidth: 1.6 });
        ctx.setLineDash([6, 4]);
        ctx.beginPath(); ctx.moveTo(line, area.y); ctx.lineTo(line, area.y + area.h); ctx.stroke();
        ctx.setLineDash([]);
        Object.assign(ctx, { font: GC.font(12, 650), fillStyle: colours.bad, textBaseline: "bottom", textAlign: line > plot.width - 120 ? "right" : "left" });
        ctx.fillText(GC.say("ladder.line", { lag }), line + (line > plot.width - 120 ? -6 : 6), area.y + area.h - 4);
      };

      return {
        draw(state, changed) {
          scope.hidden = !(memory()?.sequences > 1);
          const halves = (whole() ? memory().half_life : GC.halfLives()) ?? [];
          if (changed.has("series") || changed.has("layer")) rungs = halves.map((half, unit) => ({ unit, half: number(half) })).sort((a, b) => (b.half > a.half) - (b.half < a.half) || a.unit - b.unit);
          if (changed.has("series") && changed.size < 7) lag = Math.min(lag, GC.series.T - 1);
          lag = Math.max(1, lag);
          slider.value = (Math.log2(lag) / Math.log2(longest())) * 1000;
          name.textContent = GC.count(lag);
          const slow = rungs.filter((rung) => rung.half >= lag).length;
          const named = { slow, H: rungs.length, lag: GC.count(lag), best: GC.lifeText(rungs[0]?.half === Infinity ? "never" : rungs[0]?.half) };
          const from = whole() && memory().sequences > 1 ? GC.say("ladder.of.all", { n: memory().sequences }) : GC.say("ladder.of.one", { name: GC.series.name });
          const tenth = whole() && memory().slow !== null ? GC.say("ladder.tenth", { life: GC.lifeText(memory().slow) }) : "";
          says.textContent = GC.sentences([from, GC.say(slow ? "ladder.says" : "ladder.says.none", named), tenth]);
          const height = Math.round(Math.max(150, Math.min(460, rungs.length * ROW + 48)));
          if (plot.height !== height) plot.resize(height);
          plot.label(says.textContent);
          if (["series", "layer", "unit", "lag", "theme", "size", "picked", "film"].some((key) => changed.has(key))) draw();
        },
      };
    },
  });
})();
