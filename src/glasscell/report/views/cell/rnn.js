// The cell of a plain RNN: what was, and what is read, through the weights and one curve. No belt, no gates.
(() => {
  const WIDE = { name: "wide", width: 1000, r: 17, box: [98, 46], body: [116, 884], stacked: false };
  const NARROW = { name: "narrow", width: 400, r: 15, box: [68, 46], body: [8, 392], stacked: true };

  const sub = (text) => `<tspan class="sub" dy="4">${text}</tspan>`;

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
      <rect class="body" x="${a.body[0]}" y="22" width="${a.body[1] - a.body[0]}" height="176" rx="22"/>
      ${wire("before", `M0 ${y}H${sum - a.r - 11}`)}${wire("x", `M${sum} 238V${y + a.r + 11}`)}${wire("inside", `M${sum + a.r} ${y}H${fn - w / 2 - 11}`)}${wire("hidden", `M${fn + w / 2} ${y}H${a.width - 10}`)}
      <circle class="node" cx="${sum}" cy="${y}" r="${a.r}"/><path class="op" d="M${sum - a.r * 0.55} ${y}h${a.r * 1.1}M${sum} ${y - a.r * 0.55}v${a.r * 1.1}"/>
      <g class="gate candidate"><rect class="back" x="${fn - w / 2}" y="${y - h / 2}" width="${w}" height="${h}" rx="9"/><rect class="edge" x="${fn - w / 2}" y="${y - h / 2}" width="${w}" height="${h}" rx="9"/><text class="fn" x="${fn}" y="${y + 5}" text-anchor="middle">${relu ? "max(0, ·)" : "tanh"}</text></g>
      ${text(left, y - 34, "start", `<tspan class="var">h</tspan>${sub("t−1")}`)}${text(left, y - 14, "start", `<tspan class="val" data-value="before"></tspan>`)}
      ${text(sum + 16, 226, "start", `<tspan class="var">x</tspan>${sub("t")}<tspan class="val" dx="6" dy="-4" data-value="x"></tspan>`)}
      ${text((sum + fn) / 2 - 6, y - 14, "middle", `<tspan class="val" data-value="inside"></tspan>`)}
      ${text(right, y - 34, "end", `<tspan class="var">h</tspan>${sub("t")}`)}${text(right, y - 14, "end", `<tspan class="val" data-value="hidden"></tspan>`)}</svg>`;
  };

  GC.drawings.rnn = {
    svg: () => { const relu = GC.bound("hidden") === null; return plain(WIDE, relu) + plain(NARROW, relu); },
    wires: ({ value, before, inside }) => ({ hidden: value("hidden"), before: before("hidden"), inside: inside(0) }),
    tell: () => GC.say("cell.tell.rnn", { unit: GC.state.unit, step: GC.stepName(GC.state.t) }),
  };
})();
