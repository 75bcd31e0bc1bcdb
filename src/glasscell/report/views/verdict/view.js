// 1 Verdict: one headline, then a card for each change that is asked for: what was seen, where to
// see it, what to change.
(() => {
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
  // Of many layers with the same fault the first is told; the others are a click away.
  const told = (findings) => {
    const [first, ...others] = findings.map(seen);
    if (others.length < 2) return [first, ...others];
    const more = GC.make("summary", { textContent: GC.say("verdict.more", { n: others.length, layers: findings.slice(1).map(nameOf).join(GC.say("comma")) }) });
    return [first, GC.make("details", {}, more, ...others)];
  };
  const nameOf = ({ layer }) => (layer === null ? "" : GC.data.layers[layer].name);
  const card = (findings) => {
    const node = GC.make("li", { className: `finding ${findings[0].mark}${findings.length > 1 ? " many" : ""}` }, GC.make("div", { className: "all" }, ...told(findings)));
    const advice = GC.say(findings[0].advice);
    if (advice) node.append(GC.make("p", { className: "advice" }, GC.make("b", { textContent: `${GC.say("verdict.change")} ` }), advice));
    return node;
  };
  /** Findings of one kind together: layers that ail alike are one card. */
  const cards = () => {
    const alike = new Map();
    for (const one of GC.data.verdicts) {
      const key = `${one.mark} ${one.kind} ${GC.say(one.advice)}`;
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
          head.textContent = GC.say(GC.data.headline);
          list.replaceChildren(...cards());
          const judged = GC.data.verdicts.some((one) => one.kind !== "memory");
          const maybe = GC.data.verdicts.some((one) => one.assumed) ? GC.say("verdict.maybe", { lag: GC.data.measures.lag }) : "";
          api.note(GC.sentences([GC.say(Object.values(GC.data.missing)[0] ?? ""), judged ? maybe : GC.say("verdict.none")]));
        },
      };
    },
  });
})();
