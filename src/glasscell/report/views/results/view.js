// Results: the answer first, then the tables that it rests on, then how they were made.
// Reads measures.results {said: [[en, zh]], tables: [Table.record of views/results/data.py], notes}.
(() => {
  const { make } = GC;
  /** A table of results: cells are text already, the rows that the page is about stand out. */
  GC.resultsTable = ({ caption, columns, numeric, rows, highlight, note }) => {
    const css = numeric.map((yes) => (yes ? "n" : ""));
    const cells = (texts, tag) => texts.map((text, k) => make(tag, { className: css[k], textContent: GC.say(text) }));
    const body = rows.map((row, k) => make("tr", { className: highlight.includes(k) ? "marked" : "" }, ...row.map((text, c) => make("td", { className: css[c], textContent: text }))));
    const table = make("table", { className: "results" }, make("caption", { textContent: GC.say(caption) }), make("thead", {}, make("tr", {}, ...cells(columns, "th"))), make("tbody", {}, ...body));
    const foot = GC.say(note);
    return make("div", {}, make("div", { className: "scroll whole", tabIndex: 0 }, table), foot ? make("p", { className: "note", textContent: foot }) : null);
  };

  GC.view({
    id: "results", order: 0, title: "view.results", optional: true,
    needs: ({ measures }) => (measures.results ? null : "view.results"),
    build(host) {
      return {
        draw(state, changed) {
          if (!changed.has("lang")) return;
          const { said, tables, notes } = GC.data.measures.results;
          host.replaceChildren(...said.map((text) => make("p", { className: "says", textContent: GC.say(text) })), ...tables.map(GC.resultsTable));
          if (!notes.length) return;
          host.append(make("details", { className: "notes" }, make("summary", { textContent: GC.say("results.notes") }), make("ul", {}, ...notes.map((text) => make("li", { textContent: GC.say(text) })))));
        },
      };
    },
  });
})();
