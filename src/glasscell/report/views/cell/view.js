// 3 Living cell: the drawing with every wire's number at the cursor, and the equations filled in.
(() => {
  const PARTS = ["all", "forget", "write", "update", "show"];
  const PAUSE = 2600;
  const b = (value, digits = 3) => `<b>${GC.number(value, digits)}</b>`;
  const signed = (value) => (value < 0 ? `(${b(value)})` : b(value));
  const v = (letter, low = "t") => `<var>${letter}</var><sub>${low}</sub>`;

  const sum = ({ x, h, b: bias, sum: total }) => (x === null ? "" : `<span class="parts">${[["x", x], ["h", h], ["b", bias]].map(([name, part]) => `<span><i>${name}</i>${GC.number(part, 2)}</span>`).join("")}</span>`);
  const gate = (letter, name, fn, low) => ({
    part: { forget: "forget", input: "write", candidate: "write", output: "show" }[name], colour: name,
    left: v(letter), middle: `${fn}(<var>W</var><sub>${low}</sub>·[${v("h", "t−1")}, ${v("x")}] + <var>b</var><sub>${low}</sub>)`,
    fill: (now) => { const inside = GC.inside(name); return `${fn}(${b(inside.sum, 2)}) = ${b(now[name])}${sum(inside)}`; },
  });
  const EQUATIONS = [
    gate("f", "forget", "σ", "f"), gate("i", "input", "σ", "i"), gate("C̃", "candidate", "tanh", "C"),
    {
      part: "update", colour: "cell", left: v("C"), middle: `${v("f")} · ${v("C", "t−1")} + ${v("i")} · ${v("C̃")}`,
      fill: (now) => `${b(now.forget)} · ${signed(now.cell_prev)} + ${b(now.input)} · ${signed(now.candidate)} = ${b(now.cell)}`,
    },
    gate("o", "output", "σ", "o"),
    { part: "show", colour: "hidden", left: v("h"), middle: `${v("o")} · tanh(${v("C")})`, fill: (now) => `${b(now.output)} · tanh(${b(now.cell)}) = ${b(now.hidden)}` },
  ];
  const RNN = [{ part: "all", colour: "hidden", left: v("h"), middle: `tanh(<var>W</var>·[${v("h", "t−1")}, ${v("x")}] + <var>b</var>)`, fill: () => { const inside = GC.inside("hidden"); return `tanh(${b(inside.sum, 2)}) = ${b(GC.value("hidden"))}${sum(inside)}`; } }];
  const RELU = [{ ...RNN[0], middle: RNN[0].middle.replace("tanh(", "max(0, "), fill: () => { const inside = GC.inside("hidden"); return `max(0, ${b(inside.x === null ? GC.value("hidden") : inside.sum, 2)}) = ${b(GC.value("hidden"))}${sum(inside)}`; } }];

  const inputText = () => {
    const x = GC.array(`${GC.state.series}/x`);
    const text = GC.series.text?.[GC.state.t];
    if (text !== undefined) return `“${text}”`;
    if (!x || !GC.layer.name.match(/l0(_reverse)?$/)) return "";
    const read = GC.reads(GC.state.t) ?? Array.from({ length: x.shape[0] }, (_, k) => GC.at(x, k, GC.state.t));
    const shown = read.slice(0, 3).map((value) => GC.number(value, 2));
    return `= (${shown.join(", ")}${x.shape[0] > 3 ? ", …" : ""})`;
  };

  const tell = (part, now) => GC.say(`cell.tell.${part}`, {
    f: GC.number(now.forget * 100, 0), prev: GC.number(now.cell_prev), kept: GC.number(now.kept), i: GC.number(now.input * 100, 0),
    g: GC.number(now.candidate), written: GC.number(now.written), c: GC.number(now.cell), o: GC.number(now.output * 100, 0),
    squashed: GC.number(now.squashed), h: GC.number(now.hidden), unit: GC.state.unit, step: GC.stepName(GC.state.t),
  });

  GC.view({
    id: "cell", order: 3, title: "living",
    build(host, api) {
      let part = "all";
      let timer = 0;
      const figure = GC.make("div", { className: "living live", tabIndex: 0, aria: { role: "group" }, data: { sayLabel: "living" } });
      const telling = GC.make("p", { className: "telling", aria: { live: "polite" } });
      const table = GC.make("div", { className: "equations" });
      host.append(figure, telling, table);
      const choice = GC.choice("cell.parts", PARTS.map((name) => [name, `cell.part.${name}`]), part, (name) => light(name));
      choice.classList.add("parts-choice");
      const walk = GC.make("button", { type: "button", className: "press", data: { say: "cell.walk" }, aria: { pressed: "false" }, onclick: () => walking(!timer) });
      const turn = (by) => {
        const next = PARTS.indexOf(part) + by;
        if (next >= 1 && next < PARTS.length) { light(PARTS[next]); return true; }
        if (by < 0 ? GC.state.t === 0 : GC.state.t >= GC.series.T - 1) return false;
        GC.set({ t: GC.state.t + by });
        light(by < 0 ? PARTS.at(-1) : PARTS[1]);
        return true;
      };
      const stepping = (text, label, by) => GC.make("button", { type: "button", className: "icon", textContent: text, data: { sayLabel: label }, onclick: () => { walking(false); turn(by); } });
      const steps = GC.make("span", { className: "named" }, stepping("‹", "cell.back", -1), walk, stepping("›", "cell.on", 1));
      host.prepend(GC.make("div", { className: "tools cell-tools" }, choice, steps));
      GC.translate(host);
      const light = (name) => {
        part = name;
        choice.choose(name);
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
        light(PARTS[1]);
        timer = setInterval(() => { if (!turn(1)) { walking(false); light("all"); } }, PAUSE);
      };
      let shown = null;
      const equations = () => {
        const list = GC.lstm ? EQUATIONS : GC.layer.mode === "RNN_RELU" ? RELU : RNN;
        if (list !== shown) {
          shown = list;
          figure.innerHTML = GC.lstm ? GC.cellDrawing() : GC.plainDrawing(GC.layer.mode === "RNN_RELU");
          GC.translate(figure);
          table.innerHTML = list.map((one) => `<div class="eq" data-part="${one.part}" style="--q:var(--${one.colour})"><span class="left">${one.left}</span><span class="sym">= ${one.middle}</span><span class="num"></span></div>`).join("");
        }
        return list;
      };
      return {
        draw(state) {
          const list = equations();
          host.querySelector(".cell-tools").hidden = !GC.lstm;
          const now = GC.wires();
          GC.all(".num", table).forEach((node, k) => { node.innerHTML = `= ${list[k].fill(now)}`; });
          if (GC.lstm) {
            const inside = Object.fromEntries(["forget", "input", "candidate", "output"].map((name) => [name, GC.inside(name).sum]));
            GC.fillCell(figure, now, inside, inputText());
            telling.textContent = tell(part, now);
          } else {
            const hidden = GC.value("hidden");
            const value = { hidden, before: GC.value("hidden", state.unit, GC.before(state.t)), inside: GC.inside("hidden").sum };
            if (GC.layer.mode === "RNN_RELU" && GC.inside("hidden").x === null) value.inside = hidden > 0 ? hidden : NaN;
            GC.fillCell(figure, value, {}, inputText());
            telling.textContent = GC.say("cell.tell.rnn", { unit: state.unit, step: GC.stepName(state.t) });
          }
          const whole = GC.whole("hidden") || GC.whole("cell");
          const projected = GC.layer.P !== GC.layer.H ? GC.say("cell.projected") : "";
          const nearest = whole ? "" : GC.say("cell.pooled", { unit: GC.nearestExact() });
          api.note(GC.sentences([projected, nearest]));
        },
      };
    },
  });
})();
