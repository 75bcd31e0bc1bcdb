// The GRU's cell: the hidden state is the belt, the update gate mixes, the reset gate acts on what the candidate
// reads of the last state; gru_wide.svg, and gru_narrow.svg for phones.
(() => {
  const say = (now) => ({
    z: GC.number(now.update * 100, 0), rest: GC.number(now.rest * 100, 0), r: GC.number(now.reset * 100, 0), prev: GC.number(now.hidden_prev),
    kept: GC.number(now.kept), n: GC.number(now.candidate), written: GC.number(now.written), h: GC.number(now.hidden),
    read: GC.number(now.read), seen: GC.number(now.seen), unit: GC.state.unit, step: GC.stepName(GC.state.t),
  });

  GC.drawings.gru = {
    parts: ["all", "keep", "reset", "propose", "mix"],
    part: { update: "keep", reset: "reset", candidate: "propose", hidden: "mix" },
    wires: ({ value, before, inside }) => {
      const [z, r, n, h, prev] = [...["update", "reset", "candidate", "hidden"].map(value), before("hidden")];
      const read = inside(3); // what the weights read of the last state, before the reset gate
      return {
        update: z, rest: 1 - z, reset: r, candidate: n, hidden: h, before: prev, hidden_prev: prev, kept: z * prev, written: (1 - z) * n,
        read, seen: r * read, within: inside(0) + r * read,
      };
    },
    tell: (part, now) => GC.say(`cell.tell.gru.${part}${Number.isFinite(now.read) || part !== "reset" ? "" : ".blind"}`, say(now)),
  };
})();
