// Unit dossier: one unit's quantities, the inputs that it follows, the units like it, and what
// the loss says when it is cut. Reads the gates; measures.dossier[layer] {correlation (H, I), lag,
// nearest, similarity (H, k), ablation (H,)}; what is missing there is computed from this series.
(() => {
  const DASHES = { input: [7, 4], output: [2, 4], candidate: [7, 4], hidden: [2, 4] };
  const linesOf = (names) => names.map((name) => ({ name, color: GC.hue(name), dash: names.length > 1 ? DASHES[GC.hue(name)] ?? [] : [] }));
  const MOST = 10;

  // Pearson's r of two lists, over the places where both are numbers; NaN if one is constant.
  const pearson = (a, b) => {
    let [n, ma, mb] = [0, 0, 0];
    for (let k = 0; k < a.length; k += 1) if (Number.isFinite(a[k] + b[k])) { n += 1; ma += a[k]; mb += b[k]; }
    let [ab, aa, bb] = [0, 0, 0];
    for (let k = 0; k < a.length; k += 1) {
      if (!Number.isFinite(a[k] + b[k])) continue;
      ab += (a[k] - ma / n) * (b[k] - mb / n);
      aa += (a[k] - ma / n) ** 2;
      bb += (b[k] - mb / n) ** 2;
    }
    return aa > 1e-20 * n && bb > 1e-20 * n ? ab / Math.sqrt(aa * bb) : NaN;
  };
  // x and hidden may be pooled by different factors: compare them on the coarser grid.
  const thin = (row, stride) => (stride <= 1 ? row : row.filter((_, k) => k % stride === 0));

  GC.view({
    id: "dossier",
    order: 14,
    title: "view.dossier",
    needs: () => (GC.has(GC.key("hidden")) ? null : "match.absent"),
    build(host, api) {
      const say = GC.readout(host);
      const gateLegend = GC.legend(host);
      const gates = GC.canvas(host, { height: 120, time: true, left: 52, right: 12, top: 8, bottom: 8 });
      const legend = GC.legend(host);
      const contents = GC.canvas(host, { height: 170, time: true, ...GC.MARGINS });
      const columns = GC.make("div", { className: "panels three" });
      host.append(columns);
      const panel = (word) => {
        const list = GC.make("ol", { className: "bars" });
        const box = GC.make("div", {}, GC.make("h3", { data: { say: word }, textContent: GC.say(word) }), list);
        columns.append(box);
        return { box, list };
      };
      const inputs = panel("dossier.inputs");
      const near = panel("dossier.near");
      const weight = panel(`dossier.ablation${GC.data.measures.worth ? `.${GC.data.measures.worth}` : ""}`);

      const measured = () => {
        const all = GC.data.measures.dossier ?? {};
        return all[GC.state.layer] ?? all[GC.key("").slice(0, -1)] ?? {};
      };
      const unitRow = (u) => GC.row(GC.get("hidden"), u);
      // With a projection `hidden` has P rows, which are no units: the cell stands for them.
      const signal = (u) => (GC.get("hidden").shape[0] !== GC.layer.H ? GC.row(GC.get(GC.stored()), u) : unitRow(u));

      const correlations = (unit) => {
        const { correlation, lag } = measured();
        const names = GC.series.inputs;
        if (correlation) return names.map((name, i) => ({ name, value: correlation[unit][i], lag: lag?.[unit]?.[i] }));
        const x = GC.array(`${GC.state.series}/x`);
        if (!x) return [];
        const own = signal(unit);
        const [a, b] = [GC.get(GC.stored()).pool, x.pool];
        return names.map((name, i) => {
          const row = GC.row(x, i);
          const [p, q] = [thin(own, Math.max(1, Math.round(b / a))), thin(row, Math.max(1, Math.round(a / b)))];
          const n = Math.min(p.length, q.length);
          return { name, value: pearson(p.subarray(0, n), q.subarray(0, n)), lag: 0 };
        });
      };
      const nearest = (unit) => {
        const { nearest: found, similarity } = measured();
        if (found) return found[unit].map((u, k) => ({ unit: u, value: similarity[unit][k] }));
        const own = signal(unit);
        return Array.from({ length: GC.layer.H }, (_, u) => ({ unit: u, value: u === unit ? NaN : pearson(own, signal(u)) }))
          .filter(({ value }) => Number.isFinite(value)).sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 6);
      };

      const bar = (text, value, top, shown, onClick) => {
        const inner = [GC.make("span", { className: "name", textContent: text }), GC.make("span", { className: value < 0 ? "meter minus" : "meter" }), GC.make("span", { className: "amount", textContent: shown })];
        inner[1].style.setProperty("--share", String(Math.min(1, Math.abs(value) / (top || 1)) || 0));
        if (!onClick) return GC.make("li", {}, GC.make("div", {}, ...inner));
        const button = GC.make("button", { type: "button" }, ...inner);
        button.addEventListener("click", onClick);
        return GC.make("li", {}, button);
      };
      const absent = (list, key) => list.replaceChildren(GC.make("li", { className: "absent", textContent: GC.say(key) }));

      const fillInputs = (unit) => {
        const found = correlations(unit).sort((a, b) => (Math.abs(b.value) || 0) - (Math.abs(a.value) || 0)).slice(0, MOST);
        if (!found.length) return absent(inputs.list, "dossier.inputs.none");
        return inputs.list.replaceChildren(...found.map(({ name, value, lag }) => bar(lag ? `${name} (${GC.say("dossier.lag", { lag })})` : name, value, 1, GC.number(value, 2))));
      };
      const fillNear = (unit) => {
        const found = nearest(unit);
        if (!found.length) return absent(near.list, "dossier.near.none");
        return near.list.replaceChildren(...found.map(({ unit: u, value }) => bar(`${GC.say("unit")} ${u}`, value, 1, GC.number(value, 2), () => GC.set({ unit: u }))));
      };
      const fillWeight = (unit) => {
        const { ablation } = measured();
        if (ablation && !ablation.every(Number.isFinite)) return absent(weight.list, "dossier.ablation.finite");
        if (!ablation) return absent(weight.list, `dossier.ablation.${GC.data.measures.unworth || "slow"}`);
        const order = ablation.map((value, u) => ({ u, value })).sort((a, b) => b.value - a.value);
        const shown = order.slice(0, MOST - 1);
        if (!shown.some(({ u }) => u === unit)) shown.push(order.find(({ u }) => u === unit));
        const top = Math.max(...order.map(({ value }) => Math.abs(value)));
        weight.list.replaceChildren(...shown.map(({ u, value }) => bar(`${u === unit ? "▸ " : ""}${GC.say("unit")} ${u}`, value, top, GC.number(value, 4), () => GC.set({ unit: u }))));
      };

      const draw = (plot, lines, unit, y, axis) => {
        const there = lines.filter(({ name }) => GC.has(GC.key(name)) && unit < GC.get(name).shape[0]);
        const { T } = GC.series;
        GC.chart(plot, {
          x: [0, T], y, xAxis: axis ? GC.timeAxis(plot, T) : { ticks: [], label: "" },
          yAxis: axis ? {} : { ticks: [0, 0.5, 1], format: (v) => String(v) },
          lines: there.map((line) => {
            const whole = GC.whole(line.name, unit);
            const array = GC.get(line.name);
            return { ...line, width: 1.9, xs: whole ? GC.steps(whole.length) : GC.steps(array.shape[1], array.pool), ys: whole ?? GC.row(array, unit) };
          }),
        });
        return there;
      };
      let [gateLines, contentLines] = [[], []];
      const paint = (unit) => {
        const { names, squashed } = GC.cell;
        gateLines = linesOf(squashed);
        contentLines = linesOf([...new Set([GC.stored(), ...names.filter((name) => !squashed.includes(name))])].sort((a, b) => (a === "hidden") - (b === "hidden")));
        const scaled = contentLines.filter(({ name }) => GC.has(GC.key(name)) && unit < GC.get(name).shape[0]);
        const [low, high] = GC.extent(scaled.map(({ name }) => GC.row(GC.get(name), unit)), [-1, 1]);
        gates.host.hidden = gateLegend.box.hidden = !gateLines.length;
        if (gateLines.length) gateLegend.fill(draw(gates, gateLines, unit, [0, 1], false).map((line) => Object.assign(line, { say: line.name })));
        legend.fill(draw(contents, contentLines, unit, [Math.min(low, 0) - 0.05, Math.max(high, 0) + 0.05], true).map((line) => Object.assign(line, { say: line.name })));
        gates.label(`${GC.say("unit")} ${unit}: ${gateLines.map(({ name }) => GC.quantity(name)).join(", ")}`);
        contents.label(`${GC.say("unit")} ${unit}: ${contentLines.map(({ name }) => GC.quantity(name)).join(", ")}`);
      };
      const read = (unit) => {
        const half = GC.data.measures.half_life?.[GC.key("").slice(0, -1)]?.[unit];
        const best = correlations(unit).reduce((a, b) => (Math.abs(b.value) > Math.abs(a?.value ?? 0) ? b : a), null);
        const { ablation, chance } = measured();
        const parts = [GC.say("dossier.unit", { unit })];
        if (half === "never" || Number.isFinite(half)) parts.push(half === "never" ? GC.say("dossier.never") : GC.say("dossier.half", { life: GC.number(half, 1) }));
        // Of many inputs and lags one always fits best: what a shuffled input reaches is no tie.
        if (best && chance) parts.push(GC.say(Math.abs(best.value) > chance[unit] ? "dossier.follows" : "dossier.follows.none", { name: best.name, value: GC.number(best.value, 2), chance: GC.number(chance[unit], 2) }));
        if (ablation?.every(Number.isFinite)) {
          const place = 1 + ablation.filter((value) => value > ablation[unit]).length;
          const worth = GC.data.measures.worth || "loss";
          const key = ablation[unit] < 0 ? "dossier.gains.loss" : `dossier.costs.${worth}`; // a changed output is a square
          parts.push(GC.say(key, { value: GC.number(Math.abs(ablation[unit]), 4), place, count: ablation.length }));
        }
        say(GC.sentences(parts));
      };
      const move = (t, unit) => {
        for (const line of [...gateLines, ...contentLines]) {
          const array = GC.get(line.name);
          line.show?.(array && unit < array.shape[0] ? GC.number(GC.value(line.name, unit, t)) : "–");
        }
      };
      api.table(() => ({
        caption: `${GC.say("view.dossier")}: ${GC.say("unit")} ${GC.state.unit}`,
        head: [GC.say("dossier.input"), GC.say("dossier.r"), GC.say("axis.lag")],
        rows: correlations(GC.state.unit).map(({ name, value, lag }) => [name, GC.number(value, 3), String(lag ?? 0)]),
      }));

      return {
        draw(state, changed) {
          if (GC.anew(changed, "unit")) {
            paint(state.unit);
            fillInputs(state.unit);
            fillNear(state.unit);
            fillWeight(state.unit);
            read(state.unit);
          }
          move(state.t, state.unit);
          const pooled = Object.values(GC.cell.states).some((name) => GC.has(GC.key(name)) && !GC.whole(name, state.unit) && state.unit < GC.get(name).shape[0]);
          api.note(pooled ? GC.say("dossier.pooled", { unit: GC.nearestExact() }) : "");
        },
      };
    },
  });
})();
