// The LSTM's cell as schoolbooks draw it: belt on top, four gates, a bus below; lstm_wide.svg, and lstm_narrow.svg for phones.
(() => {
  const say = (now) => ({
    f: GC.number(now.forget * 100, 0), prev: GC.number(now.cell_prev), kept: GC.number(now.kept), i: GC.number(now.input * 100, 0),
    g: GC.number(now.candidate), written: GC.number(now.written), c: GC.number(now.cell), o: GC.number(now.output * 100, 0),
    squashed: GC.number(now.squashed), h: GC.number(now.hidden), unit: GC.state.unit, step: GC.stepName(GC.state.t),
  });

  GC.drawings.lstm = {
    parts: ["all", "forget", "write", "update", "show"],
    part: { forget: "forget", input: "write", candidate: "write", cell: "update", output: "show", hidden: "show" },
    wires: ({ value, before }) => {
      const [f, i, g, o, c, prev] = [...["forget", "input", "candidate", "output", "cell"].map(value), before("cell")];
      return {
        forget: f, input: i, candidate: g, output: o, cell: c, before: before("hidden"), cell_prev: prev, kept: f * prev, written: i * g,
        squashed: Math.tanh(c), hidden: o * Math.tanh(c),
      };
    },
    tell: (part, now) => GC.say(`cell.tell.${part}`, say(now)),
  };
})();
