// 1 Verdict: one headline, then a card for each change that is asked for: what was seen, where to
// see it, what to change.
(() => {
  const BAD = ["not finite", "saturated", "silent", "cut off", "dead", "exploding", "forgets", "vanishing", "short"];

  const headline = (findings) => {
    const judged = findings.filter((one) => one.kind !== "memory");
    const worst = BAD.find((kind) => judged.some((one) => one.kind === kind));
    const worse = judged.filter((one) => one.kind === worst);
    if (!judged.length) return GC.say("verdict.none");
    const key = `verdict.head.${worst ?? "healthy"}`;
    const { judged: N = GC.data.layers.length, lag } = GC.data.measures;
    const said = GC.say(N === 1 ? `${key}.one` : key, { n: worse.length, N });
    return worse[0]?.assumed ? GC.say("verdict.assumed", { lag, said }) : said;
  };

  const show = (finding) => {
    if (finding.layer !== null) GC.set({ layer: finding.layer });
    const target = document.getElementById(finding.evidence);
    target?.scrollIntoView();
    target?.querySelector(".plot.live")?.focus({ preventScroll: true });
  };

  const seen = (finding) => {
    const node = GC.make("p", { className: "seen", textContent: `${GC.say(finding.text)} ` });
    const target = GC.views.find((view) => view.id === finding.evidence);
    if (target) node.append(GC.make("button", { type: "button", className: "see", textContent: `${GC.say("verdict.see")} ${GC.say(target.title)} →`, onclick: () => show(finding) }));
    return node;
  };
  const card = (findings) => {
    const node = GC.make("li", { className: `finding ${findings[0].mark}${findings.length > 1 ? " many" : ""}` }, GC.make("div", { className: "all" }, ...findings.map(seen)));
    const advice = GC.say(findings[0].advice);
    if (advice) node.append(GC.make("p", { className: "advice" }, GC.make("b", { textContent: `${GC.say("verdict.change")} ` }), advice));
    return node;
  };
  /** Findings that ask for the same change, together. */
  const cards = () => {
    const alike = new Map();
    for (const one of GC.data.verdicts) {
      const key = `${one.mark} ${GC.say(one.advice) || GC.say(one.text)}`;
      alike.set(key, [...(alike.get(key) ?? []), one]);
    }
    return [...alike.values()].map(card);
  };

  GC.view({
    id: "verdict", order: 1, title: "verdict",
    build(host, api) {
      const head = GC.make("p", { className: "headline" });
      const list = GC.make("ol", { className: "findings" });
      host.append(head, list);
      return {
        draw(state, changed) {
          if (!changed.has("lang") && list.childElementCount) return;
          head.textContent = headline(GC.data.verdicts);
          list.replaceChildren(...cards());
          api.note(GC.data.verdicts.some((one) => one.assumed) ? GC.say("verdict.maybe", { lag: GC.data.measures.lag }) : "");
        },
      };
    },
  });
})();
