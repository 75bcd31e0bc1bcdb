"use strict";
// Chapter 9: change one thing, run the LSTM again, see the answer break.
(() => {
  const column = (values, width, k) => Float64Array.from({ length: values.length / width }, (_, t) => values[t * width + k]);

  Lesson.chapter({
    id: "break",
    live(stage, api) {
      const fresh = () => ({ bias: { forget: 0 }, clamp: {} });
      let edit = fresh();
      let [base, now, shownFor] = [null, null, ""];
      let stop = () => {};
      const refused = GC.rerun.refusal();
      if (refused) {
        stage.append(GC.make("p", { className: "absent", data: { say: refused }, textContent: GC.say(refused) }));
        return () => {};
      }
      const panel = GC.make("div", { className: "controls" });
      stage.append(panel);
      const signed = (v) => (v > 0 ? `+${GC.number(v, 1)}` : GC.number(v, 1));
      const shift = GC.slider(panel, { say: "lesson.break.shift", min: -8, max: 4, step: 0.1, value: 0, format: signed, onInput: (v) => { edit.bias = { forget: v }; run(); } });
      // The gate's slider has one place below 0: there it is free.
      const held = (gate) => GC.slider(panel, {
        say: `lesson.break.${gate}`, min: -0.01, max: 1, step: 0.01, value: -0.01, format: (v) => (v < 0 ? GC.say("lesson.break.free") : GC.number(v, 2)),
        onInput: (v) => { if (v < 0) delete edit.clamp[gate]; else edit.clamp[gate] = v; run(); },
      });
      const sliders = { forget: held("forget"), input: held("input") };
      const prepare = (change) => {
        edit = { ...fresh(), ...change };
        shift.set(edit.bias.forget);
        for (const [gate, slider] of Object.entries(sliders)) slider.set(edit.clamp[gate] ?? -0.01);
        run();
      };
      Lesson.show(api, "lesson.break.show1", () => prepare({ bias: { forget: -4 } }));
      Lesson.show(api, "lesson.break.show2", () => prepare({ clamp: { forget: 0.9 } }));
      Lesson.show(api, "lesson.break.show3", () => prepare({ clamp: { input: 1 } }));
      Lesson.show(api, "lesson.break.show4", () => prepare({ clamp: { forget: 1 } }));
      Lesson.show(api, "lesson.break.undo", () => prepare({}));
      const say = GC.readout(stage, "reading big");
      GC.legend(stage, [{ say: "whatif.before", color: "ink", dash: [3, 4] }, { say: "whatif.after", color: "accent" }]);
      GC.heading(stage, Lesson.carried() ? "lesson.break.output" : "whatif.output");
      const out = GC.canvas(stage, { height: 170, time: true, ...GC.MARGINS });
      const head = GC.make("h3");
      stage.append(head);
      const memory = GC.canvas(stage, { height: 170, time: true, ...GC.MARGINS });

      const done = (result) => {
        if (!base) { base = result; if (edit.bias.forget || Object.keys(edit.clamp).length) { run(); return; } }
        now = result;
        GC.redraw(api.id, "done");
      };
      function run() {
        const edits = Object.fromEntries(GC.rerun.names().map((name) => [name, edit]));
        stop();
        stop = GC.rerun.start(base ? { edits } : {}, done);
      }
      const two = (plot, before, after, x, xAxis, levels = []) => GC.chart(plot, {
        x, y: GC.room(GC.extent([before, after, levels.map(({ at }) => at)], [0, 1]), 0.08), xAxis, levels,
        lines: [{ xs: GC.steps(after.length), ys: after, color: "accent", width: 2.4 }, { xs: GC.steps(before.length), ys: before, color: "ink", width: 1.6, dash: [3, 4] }],
      });
      const target = () => Lesson.facts().targets[GC.state.series];
      const sentence = () => {
        const changed = edit.bias.forget || Object.keys(edit.clamp).length;
        if (Lesson.carried() && !changed) return GC.say("lesson.break.unchanged", { truth: GC.number(target(), 2), before: GC.number(base.output.at(-1), 2) });
        if (!changed) return GC.say("whatif.unchanged");
        if (Lesson.carried()) {
          return GC.say("lesson.break.reading", { truth: GC.number(target(), 2), before: GC.number(base.output.at(-1), 2), after: GC.number(now.output.at(-1), 2) });
        }
        let most = 0;
        now.output.forEach((v, k) => { most = Math.max(most, Math.abs(v - base.output[k])); });
        return GC.say("lesson.break.reading.own", { most: GC.number(most, 3) });
      };
      const draw = (state) => {
        const { T } = GC.series;
        const one = now.rows === 1;
        const values = (result) => (one ? result.output : column(result.output, now.width, 0));
        const axis = one ? { label: GC.say("whatif.ahead"), ticks: GC.ticks(0, now.width - 1, 6).filter(Number.isInteger).map((v) => v + 0.5), format: (v) => String(v + 0.5) } : GC.timeAxis(out, T);
        two(out, values(base), values(now), [0, one ? now.width : T], axis, Lesson.carried() ? [{ at: target(), text: GC.say("lesson.truth"), color: "good" }] : []);
        if (one) out.cursor(null);
        const layer = GC.layer.name in now.runs ? GC.layer : GC.data.layers.find(({ name }) => name in now.runs);
        const part = layer.mode === "LSTM" ? "cell" : "hidden";
        const unit = Math.min(state.unit, layer.H - 1);
        head.textContent = GC.say("lesson.break.memory", { unit });
        two(memory, column(base.runs[layer.name][part], layer.H, unit), column(now.runs[layer.name][part], layer.H, unit), [0, T], GC.timeAxis(memory, T));
        const text = sentence();
        say(text);
        stage.dataset.answer = String(now.output.at(-1));
        out.label(`${GC.say("lesson.break.output")}. ${text}`);
        memory.label(head.textContent);
      };
      return (state, changed) => {
        const key = String(state.series);
        if (shownFor !== key) { shownFor = key; base = now = null; run(); return; }
        if (now && GC.anew(changed, "done", "unit")) draw(state);
      };
    },
  });
})();
