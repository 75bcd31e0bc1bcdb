// 1 Verdict: one headline, then each finding with what to change and where to see it.
(() => {
  const BAD = ["not finite", "saturated", "silent", "cut off", "dead", "exploding", "forgets", "vanishing", "short"];

  const OF_LAG = ["forgets", "vanishing", "short"]; // faults only if the task needs that many steps

  const headline = (findings) => {
    const judged = findings.filter((one) => one.kind !== "memory");
    const worst = BAD.find((kind) => judged.some((one) => one.kind === kind));
    const count = judged.filter((one) => one.kind === worst).length;
    if (!judged.length) return GC.say("verdict.none");
    const key = `verdict.head.${worst ?? "healthy"}`;
    const { judged: N = GC.data.layers.length, lag, assumed } = GC.data.measures;
    const said = GC.say(N === 1 ? `${key}.one` : key, { n: count, N });
    return assumed && OF_LAG.includes(worst) ? GC.say("verdict.assumed", { lag, said }) : said;
  };

  const show = (finding) => {
    if (finding.layer !== null) GC.set({ layer: finding.layer });
    const target = document.getElementById(finding.evidence);
    target?.scrollIntoView();
    target?.querySelector(".plot.live")?.focus({ preventScroll: true });
  };

  const card = (finding) => {
    const target = GC.views.find((view) => view.id === finding.evidence);
    const node = GC.make("li", { className: `finding ${finding.kind === "memory" ? "memory" : finding.good ? "good" : "bad"}` },
      GC.make("p", { className: "seen", textContent: GC.say(finding.text) }));
    const advice = GC.say(finding.advice);
    if (advice) node.append(GC.make("p", { className: "advice" }, GC.make("b", { textContent: `${GC.say("verdict.change")} ` }), advice));
    if (target) node.append(GC.make("button", { type: "button", className: "see", textContent: `${GC.say("verdict.see")} ${GC.say(target.title)} →`, onclick: () => show(finding) }));
    return node;
  };

  GC.view({
    id: "verdict", order: 1, title: "verdict",
    build(host) {
      const head = GC.make("p", { className: "headline" });
      const list = GC.make("ol", { className: "findings" });
      host.append(head, list);
      return {
        draw(state, changed) {
          if (!changed.has("lang") && list.childElementCount) return;
          head.textContent = headline(GC.data.verdicts);
          list.replaceChildren(...GC.data.verdicts.map(card));
        },
      };
    },
  });
})();
