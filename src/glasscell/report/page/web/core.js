"use strict";
// The page's spine: the data, the one shared state, the words, and the list of views.
const GC = {};
(() => {
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const views = [];
  const arrays = new Map();
  let blob = null;
  let changed = new Set();
  let frame = 0;

  GC.all = all;
  GC.views = views;
  GC.state = { series: 0, layer: 0, t: 0, unit: 0, picked: [], only: false, film: null, sort: "half_life", lang: "en", theme: "light" };

  // ---- data -------------------------------------------------------------------------------
  const floats = { f32: Float32Array, i16: Int16Array, u8: Uint8Array };
  const missing = { f32: NaN, i16: -32768, u8: 255 };

  const decode = ({ at, type, shape, rows: scales, pool }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const raw = new floats[type](blob.buffer, at, size);
    const out = type === "f32" ? raw : new Float32Array(size);
    if (type !== "f32") {
      const rows = shape.length > 1 ? shape[0] : 1;
      const width = size / rows;
      const scale = new Float32Array(blob.buffer, scales, 2 * rows);
      for (let row = 0; row < rows; row += 1) {
        const [by, from] = [scale[row], scale[rows + row]];
        for (let k = row * width; k < (row + 1) * width; k += 1) {
          out[k] = raw[k] === missing[type] ? NaN : raw[k] * by + from;
        }
      }
    }
    out.shape = shape;
    out.pool = pool ?? 1;
    return out;
  };

  /** The array of a key, or null where the page has none. Cached; .shape, .pool. */
  GC.array = (key) => {
    if (!(key in GC.data.arrays)) return null;
    if (!arrays.has(key)) arrays.set(key, decode(GC.data.arrays[key]));
    return arrays.get(key);
  };
  GC.has = (key) => key in GC.data.arrays;
  /** Why a measure of the shown layer is not there, as a word key: the reason that Python gave, else `otherwise`. */
  GC.why = (otherwise) => { const why = GC.data.measures.unmeasured?.[GC.key("").slice(0, -1)]; return why ? `unmeasured.${why}` : otherwise; };
  /** Replace an array by one that the page computed itself: (rows, T), unpooled. */
  GC.put = (key, array, rows) => {
    arrays.set(key, Object.assign(array, { shape: [rows, array.length / rows], pool: 1, own: true }));
  };
  /** Key of a quantity of the shown series and layer. */
  GC.key = (name, layer = GC.state.layer, series = GC.state.series) => `${series}/${layer}/${name}`;
  GC.get = (name, layer, series) => GC.array(GC.key(name, layer, series));
  /** One value at a unit and a step of the sequence, whatever the pooling. */
  GC.at = (array, unit, t) => {
    if (!array || t < 0) return NaN;
    const columns = array.shape[1];
    const column = Math.floor(t / array.pool);
    return column < columns ? array[unit * columns + column] : NaN;
  };
  GC.row = (array, unit) => {
    const columns = array.shape[1];
    return array.subarray(unit * columns, (unit + 1) * columns);
  };
  Object.defineProperties(GC, {
    series: { get: () => GC.data.series[GC.state.series] },
    layer: { get: () => GC.data.layers[GC.state.layer] },
    cell: { get: () => GC.cellOf() }, // what the shown layer is
    lag: { get: () => GC.data.measures.lags?.[GC.state.series] ?? GC.data.measures.lag }, // steps that the data ask for
    plain: { get: () => !GC.data.layers.some((_, k) => GC.cellOf(k).squashed.length) }, // no gates on the whole page
    other: { get: () => !GC.data.layers.some((_, k) => GC.cellOf(k).belt?.gate === "forget") }, // nothing on it keeps by a forget gate
  });
  /** The cell of a layer, as glasscell.report.draw.recurrence packs it; `gates` and `states` are letter to name. */
  GC.cellOf = (layer = GC.state.layer) => GC.data.cells[GC.data.layers[layer].cell];
  /** A quantity's name in words; a cell of the user's own names its own. */
  GC.quantity = (name) => (`${name}.what` in GC.data.words ? GC.say(name) : name);
  GC.whatOf = (name) => (`${name}.what` in GC.data.words ? GC.say(`${name}.what`) : "");
  /** Whether a quantity lies between 0 and 1. */
  GC.squashed = (name) => GC.cell.squashed.includes(name);
  /** The largest size of a quantity; null where nothing bounds it. */
  GC.bound = (name) => { const [low, high] = GC.cell.ranges[name]; return low === null || high === null ? null : Math.max(-low, high); };
  /** Name of the state that the shown layer stores from step to step: the one on the belt, else the hidden one. */
  GC.stored = () => GC.cell.belt?.name ?? "hidden";
  /** The step that the layer worked on before t: t - 1, for a reverse layer t + 1; -1 for none. */
  GC.before = (t) => (GC.layer.reverse ? (t + 1 < GC.series.T ? t + 1 : -1) : t - 1);
  GC.stepName = (t) => GC.series.labels?.[t] ?? `t\u00a0=\u00a0${t}`;

  // ---- words ------------------------------------------------------------------------------
  /** The page's own word for a key in the page's language; {name} parts are filled. */
  GC.say = (key, values = {}) => {
    const pair = Array.isArray(key) ? key : GC.data.words[key];
    if (!pair) return key;
    const text = pair[GC.state.lang === "zh" ? 1 : 0];
    return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  };
  /** Sentences one behind the other, as the language parts them. */
  GC.sentences = (list) => list.filter(Boolean).join(GC.state.lang === "zh" ? "" : " ");
  /** A number as text: `digits` decimals, fewer for large ones, powers of ten for tiny ones. */
  GC.number = (value, digits = 3) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
    const size = Math.abs(value);
    if (size && (size < 0.5 * 10 ** -digits || size >= 1e6)) {
      return value.toExponential(1).replace("+", "").replace(/-/g, "−");
    }
    const whole = String(Math.floor(size)).length;
    const text = value.toFixed(Math.max(0, Math.min(digits, digits + 1 - whole)));
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  };
  /** An element; properties, dataset and children. Text is never parsed as HTML. */
  GC.make = (tag, properties = {}, ...children) => {
    const { data, style, aria, ...rest } = properties;
    const node = Object.assign(document.createElement(tag), rest);
    Object.assign(node.dataset, data);
    Object.assign(node.style, style);
    for (const [name, value] of Object.entries(aria ?? {})) node.setAttribute(name === "role" ? name : `aria-${name}`, value);
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  /** Elements made by GC.make(..., {data: {say: "key"}}) are filled again at a change of language. */
  GC.translate = (root = document) => {
    if (GC.data.measures.forecast) for (const one of GC.data.series) one.inputs = one.names.map((name) => (`input.${name}` in GC.data.words ? GC.say(`input.${name}`) : name));
    for (const node of all("[data-say]", root)) node.textContent = GC.say(node.dataset.say);
    for (const node of all("[data-say-label]", root)) node.setAttribute("aria-label", GC.say(node.dataset.sayLabel));
  };

  // ---- views ------------------------------------------------------------------------------
  /** Register a view: {id, order, title, needs(data), build(host, api)}. */
  GC.view = (view) => {
    views.push(Object.assign(view, { pending: new Set(), near: false, built: null }));
  };

  const reason = (view) => {
    try {
      return view.needs ? view.needs(GC.data) : null;
    } catch (error) {
      console.error(view.id, error);
      return "view.failed";
    }
  };

  const show = (view) => {
    // What this data can never have is left out; what was only not measured says so.
    if (view.optional || (view.gated && GC.plain)) view.section.hidden = view.link.hidden = Boolean(reason(view));
    if (!view.near) return;
    // A view that failed is built again for another series or layer, not at every move.
    if (view.pending.has("series") || view.pending.has("layer")) view.failed = false;
    const why = view.failed ? "view.failed" : reason(view);
    if (why !== view.why || (!view.built && !why)) {
      view.why = why;
      view.host.replaceChildren();
      view.forget();
      view.built = null;
      try {
        if (!why) view.built = view.build(view.host, view.api);
      } catch (error) {
        view.failed = true;
        view.pending.clear();
        view.host.replaceChildren();
        ask();
        throw error;
      }
      GC.translate(view.section);
      view.pending = new Set([...Object.keys(GC.state), "size"]);
      if (why) view.host.append(GC.make("p", { className: "absent", data: { say: why }, textContent: GC.say(why) }));
      view.section.classList.toggle("is-absent", Boolean(why));
    }
    if (!view.built) view.pending.clear(); // all is drawn where it comes back
    if (!view.pending.size) return;
    const pending = view.pending;
    view.pending = new Set();
    view.built.draw(GC.state, pending);
    view.refill();
  };

  /** Do something; a fault in it is reported, and leaves everything else alive. */
  const guarded = (act) => { try { act(); } catch (error) { setTimeout(() => { throw error; }); } };

  const flush = () => {
    frame = 0;
    const now = changed;
    changed = new Set();
    if (now.has("lang")) {
      GC.translate();
      if (Array.isArray(GC.data.title)) document.title = document.querySelector("h1").textContent = GC.say(GC.data.title);
    }
    for (const listener of listeners) guarded(() => listener(GC.state, now));
    for (const view of views) {
      for (const name of now) view.pending.add(name);
      guarded(() => show(view));
    }
  };
  const ask = () => { frame ||= requestAnimationFrame(flush); };

  const listeners = [];
  /** Call listener(state, changed) at every change, before the views draw. */
  GC.listen = (listener) => listeners.push(listener);
  /** Change the state; the views near the viewport redraw in the next frame, the others later. */
  GC.set = (partial) => {
    const next = { ...GC.state, ...partial };
    // A series belongs to one network: a layer of another one brings its series, and the other way round.
    const through = ({ layers: [from, to] }) => next.layer >= from && next.layer < to;
    if (!through(GC.data.series[next.series])) {
      if ("layer" in partial && !("series" in partial)) next.series = GC.data.series.findIndex(through);
      else [next.layer] = GC.data.series[next.series].layers;
    }
    const { T } = GC.data.series[next.series];
    const { H } = GC.data.layers[next.layer];
    next.t = Math.max(0, Math.min(T - 1, Math.round(next.t)));
    next.unit = Math.max(0, Math.min(H - 1, Math.round(next.unit)));
    if (next.layer !== GC.state.layer) next.picked = partial.picked ?? [];
    if (!next.picked.length) next.only = false;
    for (const name of Object.keys(next)) {
      if (next[name] !== GC.state[name]) changed.add(name);
    }
    Object.assign(GC.state, next);
    if (changed.size) ask();
  };
  /** Ask one view (by id), or all of them, to draw again though the state is the same. */
  GC.redraw = (id, name = "size") => {
    for (const view of views) if (!id || view.id === id) view.pending.add(name);
    ask();
  };

  // ---- start ------------------------------------------------------------------------------
  const bytes = (text) => {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const raw = atob(text);
    const out = new Uint8Array(raw.length);
    for (let k = 0; k < raw.length; k += 1) out[k] = raw.charCodeAt(k);
    return out;
  };

  /** Read the page's data, make the sections, watch which of them come near. */
  GC.start = () => {
    GC.data = JSON.parse(document.getElementById("gc-data").textContent);
    for (const one of GC.data.series) one.names = one.inputs;
    blob = bytes(document.getElementById("gc-blob").textContent.trim());
    Object.assign(GC.state, GC.data.start, { lang: GC.data.lang });
    if (GC.plain) GC.state.sort = "similarity";
    document.documentElement.classList.add("script");
    views.sort((a, b) => a.order - b.order);
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const view = views.find((one) => one.section === entry.target);
        view.near = entry.isIntersecting;
      }
      ask();
    }, { rootMargin: "600px 0px" });
    GC.frame(views);
    for (const view of views) watch.observe(view.section);
    // Printing shows all views, also those that nobody scrolled to, drawn for the paper's width. The
    // first flush builds them, where GC.printing runs the network to its end at once; then all fit.
    const root = document.documentElement;
    const paper = (on) => {
      GC.printing = on;
      root.classList.toggle("printing", on);
      flush();
      for (const plot of GC.plots) plot.fit();
      GC.redraw();
      changed.add("theme"); // the step bar draws itself
      flush();
      for (const plot of GC.plots) plot.place?.();
    };
    let near = [];
    let shut = []; // what a reader may unfold is unfolded on paper, but for the tables of numbers
    addEventListener("beforeprint", () => {
      near = views.filter((view) => view.near);
      for (const view of views) view.near = true;
      paper(true);
      shut = all("details:not(.numbers):not([open])");
      for (const one of shut) one.open = true;
    });
    addEventListener("afterprint", () => {
      paper(false);
      for (const one of shut) one.open = false;
      for (const view of views) view.near = near.includes(view);
    });
    addEventListener("error", (event) => { document.documentElement.dataset.error = event.message; });
    GC.translate();
    ask();
    document.documentElement.dataset.ready = "yes";
  };
})();
