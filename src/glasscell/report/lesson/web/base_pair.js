"use strict";
// The carried pair, run in the browser: the sequence that chapters 1 to 3 share, and what both do.
Lesson.pair = (() => {
  const array = (name, part) => GC.array(`lesson/${name}/${part}`);
  const layers = {};
  const layer = (name) => {
    layers[name] ??= (() => {
      const [rows, H] = array(name, "weight_hh").shape;
      return {
        name, cell: GC.data.cells.find(({ name }) => name === (rows === H ? "RNN" : "LSTM")), H, P: H, I: 2, reverse: false,
        weight_ih: array(name, "weight_ih"), weight_hh: array(name, "weight_hh"), bias: array(name, "bias"),
      };
    })();
    return layers[name];
  };

  /** Run one of the pair over x (T, 2) row by row: every gate, and the answer after each step. */
  const run = (name, x, T, change = {}, edit = {}) => {
    const found = Recurrent.finish(Recurrent.layerSteps({ ...layer(name), ...change }, x, T, edit));
    const { H } = layer(name);
    found.answers = Recurrent.linear(array(name, "head_weight"), array(name, "head_bias"), found.hidden, T, H, 1);
    found.answer = found.answers[T - 1];
    return found;
  };

  // ---- the shared sequence ----------------------------------------------------------------
  const shown = { series: -1, x: null, marks: [0, 0], T: 0 };
  const cache = {};
  const fresh = () => { for (const key of Object.keys(cache)) delete cache[key]; };
  const marked = () => [...Array(shown.T).keys()].filter((t) => shown.x[2 * t + 1] > 0.5);
  const load = (s) => {
    const from = GC.array(`lesson/${s}/x`);
    shown.T = from.shape[1];
    shown.series = s;
    shown.x = Float32Array.from({ length: 2 * shown.T }, (_, k) => from[(k % 2) * shown.T + (k >> 1)]);
    shown.marks = marked();
    fresh();
  };
  /** The carried sequence: that of the page's picker, or the first beside a network of the reader's. */
  const sequence = () => {
    const s = Lesson.carried() ? GC.state.series : 0;
    if (shown.series !== s) load(s);
    return shown;
  };
  const edit = (change) => {
    change(shown);
    shown.marks = marked();
    fresh();
    Lesson.chapters.forEach((view) => GC.redraw(view.id, "sequence"));
  };
  /** Move mark k (0 or 1) to another step; its value goes with it. */
  const move = (k, t) => edit(({ x, marks }) => {
    const from = marks[k];
    [x[2 * from], x[2 * t]] = [x[2 * t], x[2 * from]];
    x[2 * from + 1] = 0;
    x[2 * t + 1] = 1;
  });
  const put = (k, value) => edit(({ x, marks }) => { x[2 * marks[k]] = value; });
  /** Other noise; the marked values stay. */
  const noise = () => edit(({ x, T }) => { for (let t = 0; t < T; t += 1) if (x[2 * t + 1] < 0.5) x[2 * t] = Math.random(); });
  const reset = () => edit(() => load(shown.series));

  const of = (name) => { sequence(); return (cache[name] ??= run(name, shown.x, shown.T)); };
  const target = () => sequence().marks.reduce((sum, t) => sum + shown.x[2 * t], 0);

  // ---- the cursor of chapters 1 to 3 ------------------------------------------------------
  // Over the carried sequence it is the page's own; a network of the reader's has other steps.
  const own = { t: 0 };
  const t = () => (Lesson.carried() ? GC.state.t : own.t);
  const go = (step) => {
    const to = Math.max(0, Math.min(sequence().T - 1, Math.round(step)));
    if (Lesson.carried()) { GC.set({ t: to }); return; }
    own.t = to;
    Lesson.chapters.slice(0, 3).forEach((view) => GC.redraw(view.id, "t"));
  };
  /** Let a picture over the steps follow the pointer and the arrow keys, and show the cursor. */
  const follow = (plot) => {
    const { host } = plot;
    host.tabIndex = 0;
    host.classList.add("live");
    const point = (event) => {
      if (event.type === "pointermove" && !event.buttons && event.pointerType === "touch") return;
      go(Math.floor(plot.pick(event).fx * sequence().T));
    };
    host.addEventListener("pointermove", point);
    host.addEventListener("pointerdown", point);
    host.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      go(t() + by * (event.shiftKey ? 10 : 1));
    });
    plot.place = () => plot.cursor((t() + 0.5) / sequence().T);
  };
  const stepName = (step) => `t\u00a0=\u00a0${step}`;
  const axis = (plot, label = GC.say("axis.step")) => ({
    ticks: GC.ticks(0, sequence().T - 1, Math.max(2, Math.round(plot.area.w / 110))).filter(Number.isInteger).map((at) => at + 0.5),
    format: (at) => String(at - 0.5), label,
  });

  return { run, sequence, move, put, noise, reset, of, target, t, go, follow, axis, stepName, layer, head: (name) => array(name, "head_weight") };
})();
