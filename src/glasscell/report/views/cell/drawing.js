// The cell as schoolbooks draw it, as SVG: belt on top, four gates, a bus below. Two layouts.
(() => {
  // x of the gates' columns; y of belt, tanh, showing ×, writing ×, gates, bus.
  const WIDE = {
    name: "wide", width: 1000, height: 452, f: 230, i: 378, g: 528, o: 706, leave: 836, join: 152,
    belt: 76, write: 200, squash: 150, show: 224, gates: 324, bus: 398, r: 17, box: [98, 46], body: [116, 18, 884, 424], stacked: false,
  };
  const NARROW = {
    name: "narrow", width: 400, height: 560, f: 66, i: 146, g: 226, o: 312, leave: 368, join: 28,
    belt: 84, write: 236, squash: 176, show: 270, gates: 398, bus: 482, r: 15, box: [68, 46], body: [8, 26, 392, 522], stacked: true,
  };
  const COLOUR = {
    cell_prev: "cell", kept: "cell", cell: "cell", squashed: "cell", forget: "forget", input: "input",
    candidate: "candidate", written: "candidate", output: "output", hidden: "hidden",
  };
  const PARTS = {
    cell_prev: "forget", forget: "forget", kept: "forget update", input: "write", candidate: "write", written: "write update",
    cell: "update", squashed: "show", output: "show", hidden: "show",
  };
  const SYMBOL = {
    cell_prev: ["C", "t−1"], kept: ["f·C", "t−1"], cell: ["C", "t"], forget: ["f", "t"], input: ["i", "t"], candidate: ["C̃", "t"],
    written: ["i·C̃", ""], squashed: ["tanh C", ""], output: ["o", "t"], hidden: ["h", "t"],
  };

  const wires = (a) => {
    const tip = a.r + 11;
    const top = a.gates - a.box[1] / 2;
    const end = a.width - 10;
    const b = 12;
    return {
      cell_prev: `M0 ${a.belt}H${a.f - tip}`,
      kept: `M${a.f + a.r} ${a.belt}H${a.g - tip}`,
      cell: `M${a.g + a.r} ${a.belt}H${end}`,
      forget: `M${a.f} ${top}V${a.belt + tip}`,
      input: `M${a.i} ${top}V${a.write + b}Q${a.i} ${a.write} ${a.i + b} ${a.write}H${a.g - tip}`,
      candidate: `M${a.g} ${top}V${a.write + tip}`,
      written: `M${a.g} ${a.write - a.r}V${a.belt + tip}`,
      squashed: `M${a.o} ${a.belt}V${a.show - tip}`,
      output: `M${a.o} ${top}V${a.show + tip}`,
      hidden: `M${a.o + a.r} ${a.show}H${a.leave - b}Q${a.leave} ${a.show} ${a.leave} ${a.show + b}V${a.bus - b}Q${a.leave} ${a.bus} ${a.leave + b} ${a.bus}H${end}`,
    };
  };

  const places = (a) => {
    const high = a.gates - a.box[1] / 2 - 14;
    const mid = (a.belt + high) / 2 + 18;
    const [left, right] = a.stacked ? [a.body[0] + 6, a.body[2] - 6] : [2, a.width - 2];
    return {
      cell_prev: [left, a.belt - 16, "start"], kept: [(a.f + a.g) / 2, a.belt - 16, "middle"], cell: [right, a.belt - 16, "end"],
      forget: [a.f + 11, mid, "start"], input: [(a.i + a.g) / 2 - (a.stacked ? 4 : 10), a.write - 12, "middle"], candidate: [a.g + 11, high + 2, "start"],
      written: [a.g + (a.stacked ? -10 : 11), (a.belt + a.write) / 2 + 4, a.stacked ? "end" : "start"],
      squashed: [a.o + 11, a.squash + 40, "start"], output: [a.o + 11, high + 2, "start"],
      hidden: a.stacked ? [a.body[2] - 4, a.bus + 40, "end"] : [right, a.bus - 16, "end"],
    };
  };

  const sub = (text) => (text ? `<tspan class="sub" dy="4">${text}</tspan>` : "");
  const back = (text) => (text ? ' dy="-4"' : "");
  const label = (a, wire, [x, y, anchor]) => {
    const [letter, low] = SYMBOL[wire];
    const symbol = `<tspan class="var">${letter}</tspan>${sub(low)}`;
    const text = (at, inner) => `<text x="${x}" y="${at}" text-anchor="${anchor}" class="lab-${COLOUR[wire]}" data-part="${PARTS[wire]}">${inner}</text>`;
    if (wire === "squashed" && a.stacked) return text(y, `<tspan class="val" data-value="${wire}"></tspan>`);
    if (a.stacked) return text(y - 18, symbol) + text(y, `<tspan class="val" data-value="${wire}"></tspan>`);
    return text(y, `${symbol}<tspan class="val" dx="7"${back(low)} data-value="${wire}"></tspan>`);
  };

  const node = (x, y, r, kind, part) => {
    const h = r * 0.42;
    const sign = kind === "+" ? `M${x - h * 1.3} ${y}h${h * 2.6}M${x} ${y - h * 1.3}v${h * 2.6}` : `M${x - h} ${y - h}L${x + h} ${y + h}M${x - h} ${y + h}L${x + h} ${y - h}`;
    return `<g data-part="${part}"><circle class="node" cx="${x}" cy="${y}" r="${r}"/><path class="op" d="${sign}"/></g>`;
  };

  const box = (a, gate, x) => {
    const [w, h] = a.box;
    const part = gate === "forget" ? "forget" : gate === "output" ? "show" : "write";
    const name = gate === "candidate" ? "tanh" : "σ";
    return `<g data-part="${part}" class="gate ${gate}"><rect class="back" x="${x - w / 2}" y="${a.gates - h / 2}" width="${w}" height="${h}" rx="9"/>
      <rect class="level" data-level="${gate}" x="${x - w / 2}" y="${a.gates - h / 2}" width="0" height="${h}" rx="9"/>
      <rect class="edge" x="${x - w / 2}" y="${a.gates - h / 2}" width="${w}" height="${h}" rx="9"/>
      <text class="fn" x="${x}" y="${a.gates - 2}" text-anchor="middle">${name}</text>
      <text class="in" x="${x}" y="${a.gates + 15}" text-anchor="middle" data-inside="${gate}"></text>
      <text class="name" x="${x}" y="${a.bus + 22}" text-anchor="middle" data-say="cell.short.${gate}"></text></g>`;
  };

  const bus = (a) => {
    const foot = a.gates + a.box[1] / 2;
    const up = [["forget", a.f], ["write", a.i], ["write", a.g], ["show", a.o]].map(([part, x]) => `<path class="wire bus" data-part="${part}" d="M${x} ${a.bus}V${foot + 10}" marker-end="url(#tip-bus-${a.name})"/>`);
    const all = "forget write show";
    return `<g data-part="${all}"><path class="wire bus" d="M0 ${a.bus}H${a.o}"/>
      <path class="wire bus" d="M${a.join} ${a.height - 2}V${a.bus + 12}Q${a.join} ${a.bus} ${a.join + 12} ${a.bus}"/>
      <text class="lab-bus" x="${a.stacked ? a.body[0] + 6 : 2}" y="${a.bus - 14}"><tspan class="var">h</tspan>${sub("t−1")}<tspan class="val" dx="6" dy="-4" data-value="before"></tspan></text>
      <text class="lab-bus" x="${a.join + 14}" y="${a.height - 6}"><tspan class="var">x</tspan>${sub("t")}<tspan class="val" dx="6" dy="-4" data-value="x"></tspan></text></g>${up.join("")}`;
  };

  const drawing = (a) => {
    const [x0, y0, x1, y1] = a.body;
    const tips = [...new Set([...Object.values(COLOUR), "bus"])].map((c) => `<marker id="tip-${c}-${a.name}" viewBox="0 0 10 14" refX="0.5" refY="7" markerWidth="10" markerHeight="14" markerUnits="userSpaceOnUse" orient="auto"><path class="tip-${c}" d="M0 0L10 7L0 14Z"/></marker>`).join("");
    const lines = Object.entries(wires(a)).map(([name, d]) => `<g data-part="${PARTS[name]}"><path class="wire ${COLOUR[name]}" data-wire="${name}" d="${d}" marker-end="url(#tip-${COLOUR[name]}-${a.name})"/><path class="pulse" d="${d}"/></g>`).join("");
    const squash = `<g data-part="show"><ellipse class="node" cx="${a.o}" cy="${a.squash}" rx="${a.r + 17}" ry="17"/><text class="fn" x="${a.o}" y="${a.squash + 5}" text-anchor="middle">tanh</text></g>`;
    const nodes = node(a.f, a.belt, a.r, "×", "forget") + node(a.g, a.belt, a.r, "+", "update") + node(a.g, a.write, a.r, "×", "write") + node(a.o, a.show, a.r, "×", "show") + squash;
    const labels = Object.entries(places(a)).map(([wire, at]) => label(a, wire, at)).join("");
    return `<svg class="drawing ${a.name}" viewBox="0 0 ${a.width} ${a.height}" role="img" data-say-label="cell.aria"><defs>${tips}</defs>
      <rect class="body" x="${x0}" y="${y0}" width="${x1 - x0}" height="${y1 - y0}" rx="22"/>${bus(a)}${lines}${nodes}${["forget", "input", "candidate", "output"].map((gate) => box(a, gate, a[gate[0] === "c" ? "g" : gate[0]])).join("")}${labels}</svg>`;
  };

  // A plain RNN: what was, and what is read, through the weights and one curve. No belt, no gates.
  const plain = (a, relu) => {
    const [w, h] = a.box;
    const y = 110;
    const [left, right] = a.stacked ? [6, a.width - 6] : [2, a.width - 2];
    const mid = a.width / 2;
    const sum = mid - (a.stacked ? 70 : 170);
    const fn = mid + (a.stacked ? 50 : 90);
    const text = (x, at, anchor, inner) => `<text x="${x}" y="${at}" text-anchor="${anchor}" class="lab-hidden">${inner}</text>`;
    const wire = (name, d) => `<path class="wire hidden" data-wire="${name}" d="${d}" marker-end="url(#tip-hidden-rnn-${a.name})"/>`;
    return `<svg class="drawing ${a.name}" viewBox="0 0 ${a.width} 240" role="img" data-say-label="cell.aria.rnn"><defs><marker id="tip-hidden-rnn-${a.name}" viewBox="0 0 10 14" refX="0.5" refY="7" markerWidth="10" markerHeight="14" markerUnits="userSpaceOnUse" orient="auto"><path class="tip-hidden" d="M0 0L10 7L0 14Z"/></marker></defs>
      <rect class="body" x="${a.body[0]}" y="22" width="${a.body[2] - a.body[0]}" height="176" rx="22"/>
      ${wire("before", `M0 ${y}H${sum - a.r - 11}`)}${wire("x", `M${sum} 238V${y + a.r + 11}`)}${wire("inside", `M${sum + a.r} ${y}H${fn - w / 2 - 11}`)}${wire("hidden", `M${fn + w / 2} ${y}H${a.width - 10}`)}
      ${node(sum, y, a.r, "+", "all")}
      <g class="gate candidate"><rect class="back" x="${fn - w / 2}" y="${y - h / 2}" width="${w}" height="${h}" rx="9"/><rect class="edge" x="${fn - w / 2}" y="${y - h / 2}" width="${w}" height="${h}" rx="9"/><text class="fn" x="${fn}" y="${y + 5}" text-anchor="middle">${relu ? "max(0, ·)" : "tanh"}</text></g>
      ${text(left, y - 34, "start", `<tspan class="var">h</tspan>${sub("t−1")}`)}${text(left, y - 14, "start", `<tspan class="val" data-value="before"></tspan>`)}
      ${text(sum + 16, 226, "start", `<tspan class="var">x</tspan>${sub("t")}<tspan class="val" dx="6" dy="-4" data-value="x"></tspan>`)}
      ${text((sum + fn) / 2 - 6, y - 14, "middle", `<tspan class="val" data-value="inside"></tspan>`)}
      ${text(right, y - 34, "end", `<tspan class="var">h</tspan>${sub("t")}`)}${text(right, y - 14, "end", `<tspan class="val" data-value="hidden"></tspan>`)}</svg>`;
  };

  /** The drawings of a plain RNN's cell. */
  GC.plainDrawing = (relu) => plain(WIDE, relu) + plain(NARROW, relu);

  /** Both drawings; the style sheet shows the one that fits. No text of the user's goes in here. */
  GC.cellDrawing = () => drawing(WIDE) + drawing(NARROW);

  /** Put numbers into the drawings: wires by name, `inside` what stands in each gate. */
  GC.fillCell = (host, now, inside, x) => {
    for (const node of GC.all("[data-value]", host)) node.textContent = node.dataset.value === "x" ? x : node.dataset.value === "before" ? `(… ${GC.number(now.before, 2)} …)` : GC.number(now[node.dataset.value]);
    for (const node of GC.all("[data-inside]", host)) node.textContent = GC.number(inside[node.dataset.inside], 2);
    for (const wire of GC.all("[data-wire]", host)) wire.style.strokeWidth = 1.4 + 5.6 * Math.min(1, Math.abs(now[wire.dataset.wire]) || 0);
    for (const level of GC.all("[data-level]", host)) {
      const width = Number(level.previousElementSibling.getAttribute("width"));
      level.setAttribute("width", Math.max(0, Math.min(1, Math.abs(now[level.dataset.level]) || 0)) * width);
    }
  };
})();
