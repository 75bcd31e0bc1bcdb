// The frame around the views: contents, sections, and the console with the one cursor and its keys.
(() => {
  const { make, all } = GC;
  const SORTS = ["half_life", "index", "saturation", "similarity", "input"];
  const STEPS_PER_SECOND = 7;
  let timer = 0;

  /** Unit indices of the shown layer in the chosen order. */
  GC.order = () => {
    const { series, layer, sort, only, picked } = GC.state;
    const found = GC.data.measures.orders?.[`${series}/${layer}`]?.[sort];
    const all = found ?? Array.from({ length: GC.layer.H }, (_, k) => k);
    return only ? all.filter((unit) => picked.includes(unit)) : all;
  };
  const sorts = () => SORTS.filter((name) => name === "index" || GC.data.measures.orders?.[`${GC.state.series}/${GC.state.layer}`]?.[name]);
  /** Move the cursor by steps, or the unit by places in the order. */
  GC.move = (steps, places = 0) => {
    const order = GC.order();
    const place = Math.max(0, Math.min(order.length - 1, order.indexOf(GC.state.unit) + places));
    GC.set({ t: GC.state.t + steps, unit: order[place] });
  };
  GC.playing = () => timer !== 0;
  /** Let the cursor run to the end, or stop it. */
  GC.play = (on = !timer) => {
    clearInterval(timer);
    timer = 0;
    if (on) {
      if (GC.state.t >= GC.series.T - 1) GC.set({ t: 0 });
      const stride = Math.max(1, Math.round(GC.series.T / 400));
      timer = setInterval(() => {
        if (GC.state.t >= GC.series.T - 1) GC.play(false); else GC.set({ t: GC.state.t + stride });
      }, 1000 / STEPS_PER_SECOND);
    }
    for (const button of all("[data-play]")) button.setAttribute("aria-pressed", String(timer !== 0));
  };

  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const onKey = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, [role=tab], [role=slider], summary, .scroll")) return;
    const inside = event.target.closest(".plot.live, .console, .live");
    const move = KEYS[event.key];
    // Up and down scroll the page unless a picture has the focus.
    if (move && (inside || move[0])) GC.move(move[0] * (event.shiftKey ? 10 : 1), move[1] * (event.shiftKey ? 10 : 1));
    else if (inside && event.key === "Home") GC.set({ t: 0 });
    else if (inside && event.key === "End") GC.set({ t: GC.series.T - 1 });
    else if (event.key === " " && inside && event.target.tagName !== "BUTTON") GC.play();
    else return;
    event.preventDefault();
  };

  // ---- sections ---------------------------------------------------------------------------
  const section = (view) => {
    const host = make("div", { className: "host" });
    const tools = make("div", { className: "tools" });
    const note = make("p", { className: "note", hidden: true });
    const details = make("details", { className: "numbers", hidden: true }, make("summary", { data: { say: "numbers" } }));
    const other = `${view.title}.how.${GC.plain ? "rnn" : "any"}`;
    const how = (GC.plain || GC.other) && other in GC.data.words ? other : `${view.title}.how`;
    if (GC.plain && `${view.title}.rnn` in GC.data.words) view.title = `${view.title}.rnn`;
    const heading = make("h2", {}, make("span", { className: "no", aria: { hidden: "true" } }), make("span", { data: { say: view.title } }));
    const header = make("header", {}, heading, make("p", { className: "how", data: { say: how } }), tools);
    const refill = () => { if (details.open && view.table) details.replaceChildren(details.firstChild, tableOf(view.table())); };
    details.ontoggle = refill;
    view.refill = refill;
    view.forget = () => {
      view.table = null;
      details.hidden = note.hidden = true;
      tools.replaceChildren();
    };
    view.section = make("section", { className: "view", id: view.id, data: { view: view.id } }, header, make("div", { className: "body" }, host, note, details));
    view.host = host;
    view.api = {
      id: view.id, section: view.section, tools,
      note: (text) => { note.hidden = !text; note.textContent = text ?? ""; },
      table: (fill) => { view.table = fill; details.hidden = false; },
    };
    return view.section;
  };
  GC.section = section;
  const tableOf = ({ caption, head, rows }) => make("div", { className: "scroll", tabIndex: 0 }, make("table", {},
    make("caption", { textContent: caption ?? "" }),
    make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col", textContent: text })))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((text) => make("td", { textContent: typeof text === "number" ? GC.number(text) : text })))))));

  // ---- controls ---------------------------------------------------------------------------
  /** Buttons of which one is on: [[value, word key]…]; returns the element, `.choose(value)` marks. */
  GC.choice = (name, options, chosen, pick) => {
    const box = make("div", { className: "choice", aria: { role: "group" }, data: { sayLabel: name } });
    box.choose = (value) => { for (const button of box.children) button.setAttribute("aria-pressed", String(button.value === String(value))); };
    box.append(...options.map(([value, key]) => make("button", { type: "button", value: String(value), data: { say: key }, onclick: () => { box.choose(value); pick(value); } })));
    box.choose(chosen);
    GC.translate(box);
    box.setAttribute("aria-label", GC.say(name));
    return box;
  };
  const select = (name, change) => make("select", { data: { sayLabel: name }, onchange: (event) => change(event.target.value) });
  const fill = (node, options, value) => {
    node.replaceChildren(...options.map(([at, text]) => make("option", { value: String(at), textContent: text })));
    node.value = String(value);
    node.closest("label")?.toggleAttribute("hidden", options.length < 2);
  };
  const labelled = (key, node) => make("label", {}, make("span", { data: { say: key } }), node);

  const tabs = () => {
    const box = make("div", { className: "tabs", aria: { role: "tablist" }, data: { sayLabel: "layer" } });
    const pick = (k) => { GC.set({ layer: k }); box.children[k].focus(); };
    box.append(...GC.data.layers.map((layer, k) => make("button", {
      type: "button", aria: { role: "tab" }, textContent: layer.name, title: `${layer.name} · ${GC.cellOf(k).name} · H = ${layer.H}`, onclick: () => pick(k),
      onkeydown: (event) => {
        const to = { ArrowLeft: k - 1, ArrowRight: k + 1, Home: 0, End: GC.data.layers.length - 1 }[event.key];
        if (to !== undefined && box.children[to] && !box.children[to].hidden) { event.preventDefault(); pick(to); }
      },
    })));
    box.hidden = GC.data.layers.length < 2;
    return box;
  };

  const dotOf = (k) => { const { belt, colours } = GC.cellOf(k); return colours[belt?.name ?? "hidden"]; };

  const scrubber = (host) => {
    const plot = GC.canvas(host, { height: 40, label: "", time: true });
    plot.host.classList.add("scrub");
    plot.host.setAttribute("role", "slider");
    plot.canvas.removeAttribute("role");
    plot.canvas.setAttribute("aria-hidden", "true"); // the slider around it says where it stands
    const draw = () => {
      plot.clear();
      const colours = GC.palette();
      const array = GC.get(GC.stored());
      const row = GC.row(array, Math.min(GC.state.unit, array.shape[0] - 1));
      const top = Math.max(1e-9, ...row.filter(Number.isFinite).map(Math.abs));
      const y = GC.scale(-top, top, plot.height - 4, 4);
      const xs = Array.from(row, (_, k) => ((k + 0.5) * array.pool / GC.series.T) * plot.width);
      plot.ctx.fillStyle = colours.rule;
      plot.ctx.fillRect(0, plot.height / 2, plot.width, 1);
      GC.line(plot, xs, Array.from(row, y), { color: GC.colour(GC.stored()), width: 1.6 });
    };
    const aria = { valuemin: 0, valuenow: () => GC.state.t, valuemax: () => GC.series.T - 1, valuetext: () => GC.stepName(GC.state.t), label: () => GC.say("step") };
    plot.host.addEventListener("keydown", (event) => { if (event.target === plot.host && event.key in KEYS) { event.preventDefault(); GC.move(...KEYS[event.key].map((v) => v * (event.shiftKey ? 10 : 1))); } else if (event.key === "Home" || event.key === "End") { event.preventDefault(); GC.set({ t: event.key === "Home" ? 0 : GC.series.T - 1 }); } });
    const refresh = () => { for (const [name, value] of Object.entries(aria)) plot.host.setAttribute(`aria-${name}`, typeof value === "function" ? value() : value); };
    new ResizeObserver(() => { plot.fit(); draw(); plot.place(); }).observe(plot.host);
    GC.listen((state, changed) => { refresh(); if (["series", "layer", "unit", "theme"].some((name) => changed.has(name))) draw(); });
    draw();
    refresh();
  };

  const button = (text, label, press, data = {}) => make("button", { type: "button", className: "icon", textContent: text, onclick: press, data: { sayLabel: label, ...data } });

  const deck = (host) => {
    host.classList.toggle("many", GC.data.layers.length > 2 || (GC.data.layers.length > 1 && GC.data.series.length > 1));
    const series = select("series", (value) => GC.set({ series: Number(value) }));
    const unit = make("output", { className: "unit" });
    const sort = select("sort", (value) => GC.set({ sort: value }));
    const step = make("output", { className: "step", aria: { live: "off" } });
    const track = make("div", { className: "track" });
    const layerTabs = tabs();
    const up = button("↑", "unit.up", () => GC.move(0, -1));
    const down = button("↓", "unit.down", () => GC.move(0, 1));
    host.append(
      make("div", { className: "who" }, labelled("series", series), layerTabs),
      make("div", { className: "when" }, button("‹", "step.back", () => GC.move(-1)), button("", "play", () => GC.play(), { play: "" }), button("›", "step.on", () => GC.move(1)), track, step),
      make("div", { className: "which" }, make("span", { className: "stepper" }, up, unit, down), labelled("sort", sort), GC.pickedBar()));
    scrubber(track);
    const refresh = () => {
      const { state } = GC;
      step.textContent = GC.stepName(state.t).replaceAll("-", "\u2011"); // a date does not break at its hyphens
      unit.textContent = `${GC.say("unit")} ${state.unit}`;
      const [from, to] = GC.series.layers;
      layerTabs.hidden = to - from < 2;
      [...layerTabs.children].forEach((tab, k) => { tab.hidden = k < from || k >= to; tab.setAttribute("aria-selected", String(k === state.layer)); tab.tabIndex = k === state.layer ? 0 : -1; });
      const chosen = layerTabs.children[state.layer];
      layerTabs.scrollLeft = Math.max(0, chosen.offsetLeft - layerTabs.offsetLeft - 40);
      for (const tab of layerTabs.children) tab.style.setProperty("--dot", `var(--${dotOf([...layerTabs.children].indexOf(tab))})`);
      fill(series, GC.data.series.map((one, k) => [k, one.name]), state.series);
      fill(sort, sorts().map((name) => [name, GC.say(`sort.${name}`)]), sorts().includes(state.sort) ? state.sort : "index");
    };
    GC.listen(refresh);
    refresh();
  };

  const theme = (name) => {
    document.documentElement.dataset.theme = name;
    GC.set({ theme: name });
  };
  const settings = (host) => {
    const lang = GC.choice("language", [["en", "lang.en"], ["zh", "lang.zh"]], GC.state.lang, (value) => {
      document.documentElement.lang = value === "zh" ? "zh-Hans" : "en";
      GC.set({ lang: value });
    });
    const look = GC.choice("theme", [["light", "theme.light"], ["dark", "theme.dark"]], GC.state.theme, theme);
    host.append(lang, look);
  };

  /** Build everything around the views. */
  GC.frame = (views) => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    GC.state.theme = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
    document.documentElement.dataset.theme = GC.state.theme;
    const byId = (id) => document.getElementById(id);
    settings(byId("settings"));
    deck(byId("console"));
    const contents = byId("contents");
    for (const view of views) {
      byId("views").append(section(view));
      view.link = make("li", {}, make("a", { href: `#${view.id}`, data: { say: view.title } }));
      contents.append(view.link);
    }
    const head = views.find(({ id }) => id === "verdict") ?? views[0];
    head.section.after(contents.closest("nav")); // the answers first, then where everything is
    document.addEventListener("keydown", onKey);
    // In a notebook's frame (srcdoc) a link to #id would load the notebook itself.
    if (location.protocol === "about:") {
      document.addEventListener("click", (event) => {
        const link = event.target.closest("a[href^='#']");
        if (!link) return;
        event.preventDefault();
        const target = document.getElementById(link.getAttribute("href").slice(1));
        target?.scrollIntoView();
        // Views on the way have been drawn, and took another height than was kept for them.
        addEventListener("scrollend", () => target?.scrollIntoView(), { once: true });
      });
    }
    let before = GC.state.theme;
    addEventListener("beforeprint", () => { before = GC.state.theme; theme("light"); });
    addEventListener("afterprint", () => theme(before));
  };
})();
