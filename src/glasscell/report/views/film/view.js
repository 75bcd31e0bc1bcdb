// Training film: what the measures were while the network learned; scrub through the frames.
// Reads film/steps (F,), film/loss (F,), and per layer l: film/l/half_life (5, F) quantiles 5 25 50
// 75 95 %, film/l/closed and film/l/open (G, F) shares of the gates between 0 and 1,
// film/l/rate (F,), film/l/lags (n,), film/l/profile (F, n), the gradient over the lag;
// measures.film {kinds: {l: [F verdicts]}}. NaN where nothing was measured.
(() => {
  const ALWAYS = 13;
  const key = (name) => `film/${GC.state.layer}/${name}`;
  const rowOf = (array, k) => array.subarray(k * array.shape[1], (k + 1) * array.shape[1]);
  // An infinite half-life is drawn at the top of the scale.
  const log2 = (values) => Float64Array.from(values, (v) => (v === Infinity ? ALWAYS : Math.min(ALWAYS, Math.log2(v))));
  
  GC.view({
    id: "film",
    order: 12,
    title: "view.film",
    needs: () => {
      if (!GC.has("film/steps")) return "film.absent";
      return ["half_life", "rate", "profile"].some((name) => GC.has(key(name))) ? null : "film.layer";
    },
    build(host, api) {
      let frame = GC.state.film ?? GC.array("film/steps").length - 1;
      // Every view that the film has something on shows this moment beside what is now.
      const choose = (k) => { frame = k; GC.set({ film: k === steps().length - 1 ? null : k }); GC.redraw("film", "frame"); };
      const controls = GC.make("div", { className: "controls" });
      host.append(controls);
      const steps = () => GC.array("film/steps");
      const slider = GC.slider(controls, {
        say: "film.frame", min: 0, max: frame, step: 1, value: frame,
        format: (v) => GC.say("film.step", { step: steps()[v] }),
        onInput: choose,
      });
      const say = GC.readout(host);
      const grid = GC.make("div", { className: "panels" });
      host.append(grid);
      const panel = (word, height = 170) => {
        const box = GC.make("div", {}, GC.make("h3", { data: { say: word }, textContent: GC.say(word) }));
        grid.append(box);
        const legend = GC.legend(box);
        return { box, legend, plot: GC.canvas(box, { height, ...GC.MARGINS }) };
      };
      const loss = panel("film.loss");
      const life = panel("film.half_life");
      const gates = panel("film.saturation");
      const rate = panel("film.rate");
      const now = panel("film.profile", 190);
      const overTime = [loss, life, gates, rate];
      life.legend.fill([{ say: "film.median", color: "cell" }, { say: "film.middle", color: "cell", block: true }]);
      const names = () => GC.filmGates().flatMap((gate, k) => [["open", []], ["closed", [2, 4]]].map(([of, dash]) => (
        { text: `${GC.quantity(gate)} ${GC.say(of)}`, color: GC.hue(gate), dash, row: k, of }
      )));

      const x = () => [steps()[0], Math.max(steps()[0] + 1, steps().at(-1))];
      const xAxis = () => ({ label: GC.say("film.axis") });
      const drawLoss = () => {
        const logs = GC.log(GC.array("film/loss"));
        const [low, high] = GC.extent([logs], [-1, 0]);
        const y = [low - 0.05, Math.max(high, low + 0.3) + 0.05];
        GC.chart(loss.plot, {
          x: x(), y, lines: [{ xs: steps(), ys: logs, color: "ink", width: 2 }], xAxis: xAxis(),
          yAxis: GC.valueAxis(...y),
        });
        loss.plot.label(`${GC.say("film.loss")}: ${GC.number(GC.array("film/loss")[0])} → ${GC.number(GC.array("film/loss").at(-1))}`);
      };
      const drawLife = () => {
        const array = GC.array(key("half_life"));
        life.box.hidden = !array;
        if (!array) return;
        const rows = [0, 1, 2, 3, 4].map((k) => log2(rowOf(array, k)));
        const [low, high] = GC.extent(rows, [0, 4]);
        const y = [Math.min(0, Math.floor(low)), Math.max(1, Math.ceil(high))];
        const { lag } = GC;
        GC.chart(life.plot, {
          x: x(), y, xAxis: xAxis(),
          lines: [
            { xs: steps(), ys: rows[4], base: rows[0], width: 0, color: "cell" },
            { xs: steps(), ys: rows[3], base: rows[1], width: 0, color: "cell" },
            { xs: steps(), ys: rows[2], width: 2.4, color: "cell" },
          ],
          levels: lag ? [{ at: Math.log2(lag), text: GC.say("film.lag", { lag }) }] : [],
          yAxis: { ticks: GC.ticks(...y, 4).filter(Number.isInteger), format: (v) => (v >= ALWAYS ? "∞" : String(2 ** v)) },
        });
        life.plot.label(`${GC.say("film.half_life")}: ${GC.number(rowOf(array, 2)[0])} → ${GC.number(rowOf(array, 2).at(-1))}`);
      };
      const drawGates = () => {
        const there = GC.has(key("open"));
        gates.box.hidden = !there;
        if (!there) return;
        const shown = names();
        gates.legend.fill(shown);
        GC.chart(gates.plot, {
          x: x(), y: [0, 1], xAxis: xAxis(), yAxis: { ticks: [0, 0.5, 1], format: (v) => `${100 * v} %` },
          lines: shown.map((item) => ({ ...item, xs: steps(), ys: rowOf(GC.array(key(item.of)), item.row), width: 1.9 })),
        });
        gates.plot.label(GC.say("film.saturation"));
      };
      const drawRate = () => {
        const array = GC.array(key("rate"));
        rate.box.hidden = !array;
        if (!array) return;
        const logs = GC.log(array);
        const [low, high] = GC.extent([logs], [-0.1, 0]);
        const y = [Math.min(low, -0.02) * 1.08, Math.max(high, 0) + 0.02];
        GC.chart(rate.plot, {
          x: x(), y, lines: [{ xs: steps(), ys: logs, color: "forget", width: 2 }], xAxis: xAxis(),
          levels: [{ at: 0, text: GC.say("film.kept"), color: "soft" }],
        });
        rate.plot.label(`${GC.say("film.rate")}: ${GC.number(logs[0])} → ${GC.number(logs.at(-1))}`);
      };
      // The gradient over the lag at the chosen frame, all frames faint behind it.
      const drawNow = () => {
        const profile = GC.array(key("profile"));
        now.box.hidden = !profile;
        if (!profile) return;
        const lags = GC.array(key("lags"));
        const n = lags.length;
        const all = Array.from(steps(), (_, k) => GC.log(profile.subarray(k * n, (k + 1) * n)));
        const [low, high] = GC.extent(all, [-1, 0]);
        const y = [Math.max(Math.floor(low), Math.floor(high) - 45), Math.ceil(high + 0.05)];
        const every = Math.max(1, Math.ceil(all.length / 30));
        const faint = all.filter((_, k) => k % every === 0).map((ys) => ({ xs: lags, ys, color: "faint", width: 1, alpha: 0.4 }));
        GC.chart(now.plot, {
          x: [0, Math.max(1, lags.at(-1))], y: [Math.min(y[0], y[1] - 1), y[1]],
          lines: [...faint, { xs: lags, ys: all[frame], color: "accent", width: 2.6 }],
          xAxis: GC.lagAxis(now.plot, [0, lags.at(-1)]), yAxis: GC.powerAxis(...y),
        });
        now.plot.label(`${GC.say("film.profile")}, ${GC.say("film.step", { step: steps()[frame] })}`);
      };

      const move = () => {
        const [first, last] = x();
        slider.set(frame);
        for (const { plot } of overTime) plot.cursor((steps()[frame] - first) / (last - first));
        const half = GC.array(key("half_life"));
        const kind = GC.data.measures.film?.kinds?.[GC.state.layer]?.[frame];
        const parts = [GC.say("film.reading", { step: steps()[frame], loss: GC.number(GC.array("film/loss")[frame], 4) })];
        if (half) parts.push(GC.say("film.reading.life", { life: GC.number(rowOf(half, 2)[frame], 1) }));
        if (GC.has(key("rate"))) parts.push(GC.say("film.reading.rate", { rate: GC.number(GC.array(key("rate"))[frame], 3) }));
        if (kind) parts.push(GC.say("film.reading.kind", { kind: GC.say(`kind.${kind}`) }));
        say(GC.sentences(parts));
      };
      for (const { plot } of overTime) {
        for (const type of ["pointermove", "pointerdown"]) {
          plot.host.addEventListener(type, (event) => {
            const [first, last] = x();
            const at = first + plot.pick(event).fx * (last - first);
            choose(steps().reduce((best, v, k) => (Math.abs(v - at) < Math.abs(steps()[best] - at) ? k : best), 0));
          });
        }
      }
      api.table(() => ({
        caption: GC.say("view.film"),
        head: [GC.say("film.axis"), GC.say("film.loss"), GC.say("film.half_life"), GC.say("film.rate.factor")],
        rows: Array.from(steps(), (step, k) => [
          String(step), GC.number(GC.array("film/loss")[k], 4),
          GC.number(GC.has(key("half_life")) ? rowOf(GC.array(key("half_life")), 2)[k] : NaN, 1),
          GC.number(GC.has(key("rate")) ? GC.array(key("rate"))[k] : NaN, 3),
        ]),
      }));

      return {
        draw(state, changed) {
          if (GC.anew(changed)) {
            drawLoss();
            drawLife();
            drawGates();
            drawRate();
            drawNow();
          } else if (changed.has("frame")) drawNow();
          move();
        },
      };
    },
  });
})();
