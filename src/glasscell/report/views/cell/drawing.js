// The cell's drawings: which one a cell has, and the numbers on it. LSTM, GRU and RNN have their own file each; of
// any other cell Python has drawn its quantities and what each is made of.
(() => {
  /** By name: {parts, part (of a quantity), wires(of) → number by wire, tell(part, wires), svg()}; all but wires may be missing. */
  GC.drawings = {};
  const place = (layer = GC.state.layer) => document.getElementById("drawings").content.querySelector(`[data-cell="${GC.data.layers[layer].cell}"]`);

  GC.drawings.program = {
    wires: ({ value, before }) => ({
      ...Object.fromEntries(GC.cell.names.map((name) => [name, value(name)])),
      ...Object.fromEntries(Object.values(GC.cell.states).map((name) => [`${name} before`, before(name)])),
    }),
    tell: (_, now) => {
      const { belt } = GC.cell;
      const values = { unit: GC.state.unit, step: GC.stepName(GC.state.t), name: GC.quantity(GC.stored()), value: GC.number(now[GC.stored()]), h: GC.number(now.hidden) };
      if (!belt) return GC.say("cell.tell.any", values);
      const [kept] = GC.plan([{ slope: belt.kept }]).at(GC.state.t, [GC.state.unit])[0];
      const prev = GC.value(belt.name, GC.state.unit, GC.before(GC.state.t));
      return GC.say("cell.tell.belt", { ...values, prev: GC.number(prev), kept: GC.number(kept * 100, 0), written: GC.number(now[belt.name] - kept * prev) });
    },
  };

  /** The drawing of the shown layer's cell. */
  GC.drawing = () => ({ name: place().dataset.drawing, ...GC.drawings[place().dataset.drawing] });
  /** Its pictures, wide and for phones; the style sheet shows the one that fits. No text of the user's goes in unescaped. */
  GC.cellDrawing = () => GC.drawing().svg?.() ?? place().innerHTML;
  /** Every number on the drawing at one unit and step. */
  GC.wires = (unit = GC.state.unit, t = GC.state.t) => GC.drawing().wires({
    value: (name) => GC.value(name, unit, t), before: (name) => GC.value(name, unit, GC.before(t)), inside: (k) => GC.sum(k, unit, t).sum,
  });

  /** Put numbers into the drawings: wires by name, `inside` what stands in each gate. */
  GC.fillCell = (host, now, inside, x) => {
    for (const node of GC.all("[data-value]", host)) node.textContent = node.dataset.value === "x" ? x : node.dataset.value === "before" ? `(… ${GC.number(now.before, 2)} …)` : GC.number(now[node.dataset.value]);
    for (const node of GC.all("[data-inside]", host)) node.textContent = GC.number(inside(node.dataset.inside), 2);
    for (const wire of GC.all("[data-wire]", host)) wire.style.strokeWidth = 1.4 + 5.6 * Math.min(1, Math.abs(now[wire.dataset.wire]) || 0);
    for (const level of GC.all("[data-level]", host)) {
      level.setAttribute("width", Math.min(1, Math.abs(now[level.dataset.level]) || 0) * Number(level.dataset.whole));
    }
  };

  // ---- equations --------------------------------------------------------------------------
  const v = (letter, low = "t") => `<var>${escape(letter)}</var><sub>${escape(low)}</sub>`;
  const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  const bare = (letter) => letter.replace(/\u0303/g, ""); // the matrix of C̃ is W_C
  const number = (value, digits = 3) => `<b>${GC.number(value, digits)}</b>`;
  const firsts = ({ sums, states, vectors, masks }) => [sums.length, sums.length + states.length, sums.length + states.length + vectors.length, sums.length + states.length + vectors.length + masks.length];

  /** A value of the shown cell as a symbol. */
  const symbol = (value) => {
    const { values, letters, program, states } = GC.cell;
    const name = Object.keys(values).find((one) => values[one] === value);
    const [sums, before, vectors] = firsts(program);
    if (name) return name in letters ? v(letters[name]) : v("u", name.slice(1)); // u1: a part that several share
    if (value < before) { const [letter, own] = Object.entries(states)[value - sums]; return v(letters[own] ?? letter, "t−1"); }
    const [letter, ...rest] = (value < vectors ? program.vectors[value - before] : program.masks[value - vectors]).split("_");
    return rest.length ? v(letter, rest.join(" ")) : `<var>${escape(letter)}</var>`;
  };
  const sumForm = (k) => {
    const [gate, reads] = GC.cell.program.sums[k];
    const low = escape(bare(GC.cell.letters[GC.cell.gates[gate]] ?? gate));
    const of = (letter, inner, b) => `<var>${letter}</var><sub>${low}</sub>${inner} + <var>${b}</var><sub>${low}</sub>`;
    const before = v(GC.cell.letters.hidden ?? "h", "t−1");
    if (reads === "xh") return of("W", `·[${before}, ${v("x")}]`, "b");
    return reads === "x" ? of("W", `·${v("x")}`, "b") : of("U", `·${before}`, "b′");
  };

  /** The equations of the shown cell, in an order in which they can be computed: {name, colour, left, middle, fill(unit, t)}. */
  GC.equations = () => Object.entries(GC.cell.equations).map(([name, parts]) => {
    const known = name in GC.cell.letters;
    const wanted = parts.filter((part) => part[0] === "value").map(([, value]) => value);
    // A projected hidden state is no unit's: there h is what the unit gives before it.
    const own = name === "hidden" && GC.layer.P !== GC.layer.H ? { open: GC.cell.values[name] } : GC.cell.values[name];
    return {
      name, colour: known ? GC.hue(name) : "soft",
      left: known ? v(GC.cell.letters[name]) : v("u", name.slice(1)),
      middle: parts.map((part) => (typeof part === "string" ? escape(part) : part[0] === "value" ? symbol(part[1]) : part[0] === "term" ? `(${sumForm(part[1])})` : sumForm(part[1]))).join(""),
      fill: (unit, t) => {
        const found = GC.plan([own, ...wanted]).at(t, [unit]).map(([value]) => value);
        const sums = [];
        let [k, text] = [0, ""];
        for (const part of parts) {
          if (typeof part === "string") { text += escape(part); continue; }
          const sum = part[0] === "value" ? null : GC.sum(part[1], unit, t);
          if (sum) sums.push([sum, GC.cell.program.sums[part[1]][1]]);
          const value = sum ? sum.sum : found[k += 1];
          const shown = number(value, sum ? 2 : 3);
          text += value < 0 && /[·+−/] $/.test(text) ? `(${shown})` : shown;
        }
        return `${text} = ${number(found[0])}${sums.map(partsOf).join("")}`;
      },
    };
  });
  const partsOf = ([{ x, h, b }, reads]) => {
    if (x === null) return "";
    const shown = [["x", x], ["h", h], [reads === "h" ? "b′" : "b", b]].filter(([name]) => reads === "xh" || name !== { x: "h", h: "x" }[reads]);
    return `<span class="parts">${shown.map(([name, part]) => `<span><i>${name}</i>${GC.number(part, 2)}</span>`).join("")}</span>`;
  };
})();
