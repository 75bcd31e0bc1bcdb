// What a network writes by itself. Reads measures.sample, a text.
GC.view({
  id: "sample", order: 2.8, title: "view.sample", optional: true,
  needs: ({ measures }) => (measures.sample ? null : "view.sample"),
  build(host) {
    host.append(GC.make("p", { className: "running", tabIndex: 0, textContent: GC.data.measures.sample }));
    return { draw() {} };
  },
});
