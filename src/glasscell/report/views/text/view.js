// Text: the characters that the network read, coloured by the chosen unit.
(() => {
  const MOST = 6000;
  const BITS = 8; // a surprise of one in 256 has the strongest colour
  const surprise = () => GC.array(`${GC.state.series}/surprise`);

  GC.view({
    id: "text", order: 2.5, optional: true, title: "text", needs: () => (GC.series.text ? null : "text.absent"),
    build(host, api) {
      let quantity = GC.stored();
      const bar = GC.make("div", { className: "scalebar" });
      const running = GC.make("p", { className: "running live", tabIndex: 0 });
      const tools = GC.make("div", { className: "tools", style: { marginBottom: "14px", marginTop: "0" } });
      host.append(tools, bar, running);
      let spans = [];
      const pick = (event) => { const t = spans.indexOf(event.target); if (t >= 0) GC.set({ t }); };
      running.addEventListener("pointermove", pick);
      running.addEventListener("pointerdown", pick);
      const choose = () => {
        // What is stored first, then what is shown, then the gates.
        const names = [...new Set([GC.stored(), "hidden", ...GC.cell.squashed])].filter((name) => GC.has(GC.key(name)));
        if (surprise()) names.push("surprise");
        if (!names.includes(quantity)) [quantity] = names;
        tools.replaceChildren(GC.choice("text.by", names.map((name) => [name, name === "surprise" ? "text.surprise" : name]), quantity, turn));
      };
      const turn = (name) => { quantity = name; GC.redraw("text", "quantity"); };
      GC.colourText = () => { turn(GC.stored()); choose(); };
      const paint = (span, value, share, ramp) => {
        const rgb = Number.isNaN(value) ? null : ramp(share);
        span.style.background = rgb ? GC.css(rgb) : "none";
        span.style.color = rgb ? GC.inkOn(rgb) : "";
      };
      const colour = (state) => {
        const colours = GC.palette();
        if (quantity === "surprise") {
          const bits = surprise();
          spans.forEach((span, t) => paint(span, bits[t], bits[t] / BITS, colours.sequential));
          bar.replaceChildren("0", GC.make("i", { style: { background: `linear-gradient(90deg, ${colours.anchors("sequential").join(",")})` } }), GC.say("text.bits", { bits: BITS }));
          return;
        }
        const array = GC.get(quantity);
        const unit = Math.min(state.unit, array.shape[0] - 1);
        const gate = GC.cell.rising.includes(quantity);
        const hue = gate ? GC.hue(quantity) : "diverging";
        const top = GC.squashed(quantity) ? 1 : GC.top(GC.row(array, unit)) || 1;
        const ramp = colours.ramp(hue);
        spans.forEach((span, t) => {
          const value = GC.value(quantity, unit, t);
          paint(span, value, value / top, ramp);
        });
        bar.replaceChildren(gate ? "0" : GC.number(-top, 2), GC.make("i", { style: { background: `linear-gradient(90deg, ${colours.anchors(hue).join(",")})` } }), GC.number(top, 2));
      };
      return {
        draw(state, changed) {
          if (["series", "layer", "lang"].some((key) => changed.has(key))) {
            choose();
            const text = GC.series.text.slice(0, MOST);
            spans = text.map((part) => GC.make("span", { textContent: part === "\n" ? "↵\n" : part }));
            running.replaceChildren(...spans);
            api.note(GC.series.text.length > MOST ? GC.say("text.cut", { shown: MOST, T: GC.series.T }) : "");
          }
          if (["series", "layer", "lang", "unit", "theme", "quantity"].some((key) => changed.has(key))) colour(state);
          running.querySelector(".now")?.classList.remove("now");
          spans[state.t]?.classList.add("now");
        },
      };
    },
  });
})();
