// Mistakes to look at first, the surest in front. Reads measures.mistakes [{sequence, step, truth,
// predicted, probability, wrong, times}]; of numbers truth and predicted are lists.
(() => {
  const { make } = GC;
  const MOST = 20;
  const text = (value) => (Array.isArray(value) ? value.map((v) => GC.number(v)).join(", ") : value);

  GC.view({
    id: "mistakes", order: 0.6, title: "view.mistakes", optional: true,
    needs: ({ measures }) => (measures.mistakes ? null : "view.mistakes"),
    build(host, api) {
      const all = GC.data.measures.mistakes;
      const steps = all.some(({ step }) => step !== null);
      const numbers = all.some(({ truth }) => Array.isArray(truth));
      const columns = {
        sequence: (one) => GC.sequenceLink(one.sequence, one.step), ...(steps ? { step: (one) => one.step } : {}),
        truth: (one) => text(one.truth), predicted: (one) => text(one.predicted),
        ...(numbers ? { off: (one) => text(one.truth.map((v, k) => one.predicted[k] - v)) } : { probability: (one) => GC.number(one.probability, 3) }),
        ...(!numbers && all.some(({ times }) => times > 1) ? { [steps ? "steps" : "wrong"]: (one) => `${one.wrong} / ${one.times}` } : {}),
      };
      const css = (key) => (key === "sequence" || (["truth", "predicted"].includes(key) && !numbers) ? "" : "n");
      return {
        draw(state, changed) {
          if (!changed.has("lang")) return;
          api.note(all.length > MOST ? GC.say("mistakes.first", { shown: MOST, all: all.length }) : all.length ? "" : GC.say("mistakes.none"));
          if (!all.length) return;
          const rows = all.slice(0, MOST).map((one) => make("tr", {}, ...Object.entries(columns).map(([key, of]) => make("td", { className: css(key) }, of(one)))));
          host.replaceChildren(make("div", { className: "scroll whole", tabIndex: 0 }, make("table", { className: "results" },
            make("thead", {}, make("tr", {}, ...Object.keys(columns).map((key) => make("th", { scope: "col", className: css(key), textContent: GC.say(`mistakes.${key}`) })))), make("tbody", {}, ...rows))));
        },
      };
    },
  });
})();
