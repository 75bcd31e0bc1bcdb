// Units that keep track of what a reader keeps in mind. Reads measures.tracks [{what, found, units:
// [{layer, unit, r}], chance}].
(() => {
  const { make } = GC;
  const HEAD = ["what", "unit", "r", "chance", "next"];

  GC.view({
    id: "tracks", order: 2.6, title: "view.tracks", optional: true,
    needs: ({ measures }) => (measures.tracks?.length ? null : "view.tracks"),
    build(host) {
      const press = ({ layer, unit }, text) => make("button", { type: "button", className: "link", textContent: text, onclick: () => {
        GC.set({ layer, unit });
        GC.colourText?.();
        document.getElementById("text")?.scrollIntoView();
      } });
      const name = ({ layer, unit }) => (GC.data.measures.judged === 1 ? `${GC.say("unit")} ${unit}` : GC.say("tracks.named", { layer: GC.data.layers[layer].name, unit }));
      return {
        draw(state, changed) {
          if (!changed.has("lang")) return;
          const rows = GC.data.measures.tracks.map(({ what, found, units, chance }) => {
            const [first, ...others] = units;
            const next = others.filter(({ r }) => Math.abs(r) > chance).flatMap((one, k) => [k ? GC.say("comma") : "", press(one, name(one)), ` ${GC.number(one.r, 2)}`]);
            return make("tr", {}, make("td", { textContent: GC.say(what) }), make("td", {}, found ? press(first, name(first)) : GC.say("tracks.none")),
              make("td", { className: "n", textContent: first ? GC.number(first.r, 2) : "–" }), make("td", { className: "n", textContent: GC.number(chance, 2) }), make("td", {}, ...(found ? next : [])));
          });
          const css = { r: "n", chance: "n" };
          host.replaceChildren(make("div", { className: "scroll whole", tabIndex: 0 }, make("table", { className: "results" },
            make("thead", {}, make("tr", {}, ...HEAD.map((key) => make("th", { scope: "col", className: css[key] ?? "", textContent: GC.say(`tracks.${key}`) })))), make("tbody", {}, ...rows))));
        },
      };
    },
  });
})();
