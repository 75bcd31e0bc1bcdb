"use strict";
// The lesson's frame: chapters instead of views, views put into chapters, words with bold and letters.
const Lesson = (() => {
  const { make } = GC;
  const library = new Map(GC.views.map((view) => [view.id, view]));
  GC.views.length = 0;
  const chapters = [];
  const facts = () => GC.data.measures.lesson;
  const carried = () => facts().carried;

  // ---- words ------------------------------------------------------------------------------
  const values = () => ({ T: facts().T, count: facts().count, lstm: facts().weights.lstm, rnn: facts().weights.rnn });
  const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  /** The page's own words with their signs as HTML; see words.py. */
  const html = (text) => escape(text).replace(/\*\*(.+?)\*\*/g, "<b>$1</b>")
    .replace(/\[\[([^\]_]+)(?:_([^\]]+))?\]\]/g, (_, letter, low) => `<var>${letter}</var>${low ? `<sub>${low}</sub>` : ""}`);
  const fill = (node) => { node.innerHTML = html(GC.say(node.dataset.rich, values())); };
  const rich = (tag, key, properties = {}) => {
    const node = make(tag, { ...properties, data: { ...properties.data, rich: key } });
    fill(node);
    return node;
  };
  const exists = (key) => key in GC.data.words;
  const variant = (key) => (!carried() && exists(`${key}.own`) ? `${key}.own` : key);
  const all = (id, stem) => {
    const keys = [];
    for (let n = 1; exists(`lesson.${id}.${stem}${n}`); n += 1) keys.push(variant(`lesson.${id}.${stem}${n}`));
    return keys;
  };

  // ---- chapters ---------------------------------------------------------------------------
  const question = (key) => {
    const details = make("details", { className: "check" });
    details.append(rich("summary", key), rich("p", key.replace(".ask", ".answer")));
    return details;
  };
  const checks = (id) => {
    const keys = all(id, "ask");
    return keys.length ? make("div", { className: "checks" }, make("h3", { data: { say: "lesson.check" }, textContent: GC.say("lesson.check") }), ...keys.map(question)) : null;
  };

  /** Register a chapter: {id, live(stage, api, view)} gives draw(state, changed), or nothing. */
  const chapter = ({ id, live, foot = checks }) => {
    const view = {
      id: `ch-${id}`, title: `lesson.${id}`,
      get order() { return facts().chapters.indexOf(id); },
      build(host, api) {
        const prose = make("div", { className: "prose" }, ...all(id, "p").map((key) => rich("p", key)));
        if (exists(`lesson.${id}.eq`)) prose.append(...equations(`lesson.${id}.eq`));
        const stage = make("div", { className: "stage" });
        host.append(...[prose, stage].filter((node) => node.childNodes.length || node === stage));
        const draw = live?.(stage, api, view) ?? (() => {});
        if (!stage.childNodes.length) stage.remove();
        host.append(...[foot(id)].filter(Boolean));
        host.parentElement.append(...[next(view)].filter(Boolean));
        return { draw };
      },
    };
    chapters.push(view);
    GC.view(view);
  };
  const equations = (key) => [rich("p", key, { className: "eqn" })];
  const next = (view) => {
    const after = chapters[chapters.indexOf(view) + 1];
    if (!after) return null;
    const link = make("a", { href: `#${after.id}`, className: "onward" });
    link.refresh = () => { link.textContent = GC.say("lesson.next", { title: GC.say(after.title) }); };
    link.refresh();
    return link;
  };

  /** A button that prepares what the picture shows, in the chapter's own tools. */
  const show = (api, say, press) => {
    const button = make("button", { type: "button", className: "press show", data: { say }, textContent: GC.say(say), onclick: press });
    api.tools.append(button);
    return button;
  };

  /** One of the inspect page's views within a chapter; drawn whenever the chapter is near. */
  const mount = (name, chapterView, host, id = name) => {
    const view = { ...library.get(name), id, optional: false, pending: new Set(), built: null };
    const section = GC.section(view);
    section.classList.add("mounted");
    view.link = make("li");
    Object.defineProperty(view, "near", { get: () => chapterView.near, set: () => {} });
    host.append(section);
    GC.views.push(view);
    GC.redraw(id);
    return view;
  };

  // ---- frame ------------------------------------------------------------------------------
  const title = () => {
    const h1 = document.querySelector(".top h1");
    h1.dataset.say = "lesson.title";
    const say = carried() ? "lesson.subtitle" : `lesson.subtitle.${facts().source}`;
    const subtitle = document.querySelector(".subtitle");
    const put = () => {
      document.title = GC.say("lesson.title");
      subtitle.textContent = GC.say(say, { name: GC.data.subtitle });
    };
    GC.listen((_, changed) => { if (changed.has("lang")) put(); });
    put();
  };

  /** Where the reader is: one part of the bar per chapter. */
  const progress = () => {
    const bar = make("nav", { className: "progress", data: { sayLabel: "lesson.contents" } });
    const parts = chapters.map((view, k) => make("a", { href: `#${view.id}`, data: { n: k + 1 } }));
    const where = make("span", { className: "where", aria: { live: "polite" } });
    bar.append(make("span", { className: "parts-of" }, ...parts), where);
    document.getElementById("console").prepend(bar);
    const seen = new Set();
    let current = -1;
    const mark = () => {
      parts.forEach((part, k) => {
        const name = GC.say("lesson.progress", { n: k + 1, N: chapters.length, title: GC.say(chapters[k].title) });
        part.setAttribute("aria-label", name);
        part.title = name;
        part.classList.toggle("seen", seen.has(k));
        part.toggleAttribute("aria-current", k === current);
        if (k === current) { part.setAttribute("aria-current", "step"); where.textContent = name; }
      });
    };
    const place = () => {
      const line = innerHeight * 0.4;
      const k = Math.max(0, chapters.findLastIndex((view) => view.section.getBoundingClientRect().top < line));
      if (k === current) return;
      current = k;
      for (let j = 0; j <= k; j += 1) seen.add(j);
      document.documentElement.dataset.chapter = chapters[k].id.slice(3);
      mark();
    };
    addEventListener("scroll", place, { passive: true });
    addEventListener("resize", place);
    GC.listen((_, changed) => { if (changed.has("lang")) mark(); });
    place();
  };

  const frame = GC.frame;
  GC.frame = (views) => {
    chapters.sort((a, b) => a.order - b.order);
    frame(views);
    document.documentElement.classList.add("lesson");
    document.documentElement.classList.toggle("carried", carried());
    if (carried()) document.getElementById("console").classList.remove("many");
    title();
    const contents = document.getElementById("contents").closest("nav");
    document.getElementById("views").prepend(contents);
    progress();
    GC.listen((_, changed) => {
      if (!changed.has("lang")) return;
      GC.all("[data-rich]").forEach(fill);
      GC.all(".onward").forEach((link) => link.refresh());
    });
  };

  return { chapter, chapters, facts, carried, rich, html, question, all, show, mount, values, variant };
})();
