// 3 Living cell: the drawing with every wire's number at the cursor, and the equations filled in.
(() => {
  const PAUSE = 2600;

  const inputText = () => {
    const x = GC.array(`${GC.state.series}/x`);
    const text = GC.series.text?.[GC.state.t];
    if (text !== undefined) return `“${text}”`;
    if (!x || !GC.layer.name.match(/l0(_reverse)?$/)) return "";
    const read = GC.reads(GC.state.t) ?? Array.from({ length: x.shape[0] }, (_, k) => GC.at(x, k, GC.state.t));
    const shown = read.slice(0, 3).map((value) => GC.number(value, 2));
    return `= (${shown.join(", ")}${x.shape[0] > 3 ? ", …" : ""})`;
  };

  // What stands inside a gate: the sum that it alone is made of.
  const inside = (name) => {
    const part = GC.cell.equations[name]?.find((one) => typeof one !== "string" && one[0] !== "value");
    return part ? GC.sum(part[1]).sum : NaN;
  };

  GC.view({
    id: "cell", order: 3, title: "living",
    build(host, api) {
      let part = "all";
      let parts = [];
      let timer = 0;
      const figure = GC.make("div", { className: "living live", tabIndex: 0, aria: { role: "group" }, data: { sayLabel: "living" } });
      const telling = GC.make("p", { className: "telling", aria: { live: "polite" } });
      const table = GC.make("div", { className: "equations" });
      const tools = GC.make("div", { className: "tools cell-tools" });
      host.append(tools, figure, telling, table);
      let choice = null;
      const walk = GC.make("button", { type: "button", className: "press", data: { say: "cell.walk" }, aria: { pressed: "false" }, onclick: () => walking(!timer) });
      const turn = (by) => {
        const next = parts.indexOf(part) + by;
        if (next >= 1 && next < parts.length) { light(parts[next]); return true; }
        if (by < 0 ? GC.state.t === 0 : GC.state.t >= GC.series.T - 1) return false;
        GC.set({ t: GC.state.t + by });
        light(by < 0 ? parts.at(-1) : parts[1]);
        return true;
      };
      const stepping = (text, label, by) => GC.make("button", { type: "button", className: "icon", textContent: text, data: { sayLabel: label }, onclick: () => { walking(false); turn(by); } });
      const steps = GC.make("span", { className: "named" }, stepping("‹", "cell.back", -1), walk, stepping("›", "cell.on", 1));
      const light = (name) => {
        part = name;
        choice?.choose(name);
        host.dataset.lit = name;
        GC.redraw(api.id, "part");
      };
      const walking = (on) => {
        clearInterval(timer);
        timer = 0;
        walk.setAttribute("aria-pressed", String(on));
        walk.dataset.say = on ? "cell.walk.stop" : "cell.walk";
        walk.textContent = GC.say(walk.dataset.say);
        if (!on) return;
        light(parts[1]);
        timer = setInterval(() => { if (!turn(1)) { walking(false); light("all"); } }, PAUSE);
      };
      let [shown, drawing, list] = [null, null, []];
      const arrange = () => {
        walking(false);
        drawing = GC.drawing();
        list = GC.equations();
        parts = drawing.parts ?? [];
        tools.hidden = !parts.length;
        // The sentence above is of the drawing that is shown.
        api.section.querySelector(".how").dataset.say = { lstm: "living.how", rnn: "living.how.rnn" }[drawing.name] ?? "living.how.any";
        GC.translate(api.section);
        choice = GC.choice("cell.parts", parts.map((name) => [name, `cell.part.${name}`]), part, (name) => light(name));
        choice.classList.add("parts-choice");
        tools.replaceChildren(choice, steps);
        part = "all";
        host.dataset.lit = part;
        choice.choose(part);
        figure.innerHTML = GC.cellDrawing();
        table.innerHTML = list.map(({ name, colour, left, middle }) => `<div class="eq" data-part="${drawing.part?.[name] ?? "all"}" style="--q:var(--${colour})"><span class="left">${left}</span><span class="sym">= ${middle}</span><span class="num"></span></div>`).join("");
        GC.translate(host);
      };
      return {
        draw(state) {
          const cell = GC.data.layers[state.layer].cell;
          if (cell !== shown) { shown = cell; arrange(); }
          const now = GC.wires();
          GC.all(".num", table).forEach((node, k) => { node.innerHTML = `= ${list[k].fill(state.unit, state.t)}`; });
          GC.fillCell(figure, now, inside, inputText());
          telling.textContent = drawing.tell(part, now);
          const whole = GC.whole("hidden") || GC.whole(GC.stored());
          const projected = GC.layer.P !== GC.layer.H ? GC.say("cell.projected") : "";
          const nearest = whole ? "" : GC.say("cell.pooled", { unit: GC.nearestExact() });
          api.note(GC.sentences([projected, nearest]));
        },
      };
    },
  });
})();
