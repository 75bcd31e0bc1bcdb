"use strict";
// Chapter 11: the whole in six sentences, and every question of the lesson with its answer and place.
(() => {
  Lesson.chapter({
    id: "remember",
    live(stage) {
      const points = GC.make("ol", { className: "points" }, ...Lesson.all("remember", "r").map((key) => Lesson.rich("li", key)));
      const heading = GC.make("h3", { data: { say: "lesson.remember.questions" }, textContent: GC.say("lesson.remember.questions") });
      const hint = GC.make("p", { className: "note", data: { say: "lesson.remember.hint" }, textContent: GC.say("lesson.remember.hint") });
      const links = [];
      const list = GC.make("div", { className: "questions" }, ...Lesson.chapters.flatMap((view) => (
        Lesson.all(view.id.slice(3), "ask").map((key) => {
          const details = Lesson.question(key);
          const link = GC.make("a", { href: `#${view.id}`, className: "seen" });
          links.push([link, view]);
          details.lastChild.after(link);
          return details;
        }))));
      stage.append(points, heading, hint, list);
      return (_, changed) => {
        if (!changed.has("lang")) return;
        for (const [link, view] of links) link.textContent = GC.say("lesson.remember.seen", { n: Lesson.chapters.indexOf(view) + 1 });
      };
    },
    foot: () => null,
  });
})();
