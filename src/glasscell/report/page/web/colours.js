// Colours of both themes: one ramp a gate, one for signed values, all safe for the colour-blind.
(() => {
  // Each ramp is monotone in lightness, so that order survives colour blindness and a grey printer.
  const RAMPS = {
    light: {
      sequential: ["#f6f5ef", "#d5e8c8", "#8fcfc0", "#3d9fb3", "#2a6a9e", "#27366f", "#1c1740"],
      diverging: ["#08305e", "#1b5c9e", "#4391c6", "#92c5de", "#d4e6f0", "#f7f6f2", "#fbdfc0", "#fbb871", "#ea832a", "#b9520a", "#712d04"],
      forget: ["#f5f7f9", "#c3dcf0", "#7db3df", "#3a86c8", "#0f5a9e", "#083866", "#041d38"],
      input: ["#f4f8f5", "#bfe5d6", "#77c8ad", "#2fa283", "#00765a", "#004c3a", "#002a20"],
      output: ["#faf6f9", "#ecd0ea", "#d39bcf", "#b467ae", "#87397f", "#571f51", "#300e2c"],
    },
    dark: {
      sequential: ["#14181f", "#1d2c52", "#255a8c", "#2f8ba6", "#62bda6", "#bfe0a2", "#fbf6c3"],
      diverging: ["#b9e1fb", "#79bff0", "#3d93cf", "#235f8e", "#1a3a54", "#171b22", "#452b13", "#7d4710", "#c56f1c", "#f59e4a", "#ffd3a0"],
      forget: ["#151a21", "#17334f", "#1c5386", "#2f7fc0", "#63aaea", "#a5d1f8", "#e6f4ff"],
      input: ["#141b1a", "#10382f", "#0f5c4a", "#1c8c6f", "#44bd98", "#8ee2c6", "#dcfff3"],
      output: ["#1b171c", "#3c223c", "#673465", "#995297", "#c97dc5", "#e6b3e3", "#fdeafc"],
    },
  };
  const NAMES = ["ink", "soft", "faint", "rule", "edge", "tint", "card", "paper", "accent", "good", "bad",
    "forget", "input", "candidate", "output", "cell", "hidden"];

  const table = (anchors) => {
    const rgb = anchors.map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
    return Array.from({ length: 256 }, (_, k) => {
      const at = (k / 255) * (rgb.length - 1);
      const low = Math.min(rgb.length - 2, Math.floor(at));
      return rgb[low].map((from, c) => Math.round(from + (rgb[low + 1][c] - from) * (at - low)));
    });
  };
  const lookup = (colours) => (v) => colours[Math.max(0, Math.min(255, Math.round(v * 255)))];
  const cached = {};
  /** The colours of the shown theme; `ramp(quantity)` is the map of one quantity. */
  GC.palette = (theme = GC.state.theme) => {
    if (cached[theme]) return cached[theme];
    // light-dark() in a variable is resolved only where a property uses it.
    const probe = document.body.appendChild(GC.make("i", { style: { colorScheme: theme } }));
    const out = Object.fromEntries(NAMES.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }));
    probe.remove();
    const maps = Object.fromEntries(Object.entries(RAMPS[theme]).map(([name, anchors]) => [name, lookup(table(anchors))]));
    out.sequential = maps.sequential;
    out.diverging = (v) => maps.diverging((v + 1) / 2);
    out.ramp = (name) => (name === "diverging" ? out.diverging : maps[name] ?? out.diverging);
    out.anchors = (name) => RAMPS[theme][name] ?? RAMPS[theme].diverging;
    return (cached[theme] = out);
  };
  /** Which of these colours a quantity of the shown cell has; its own name where it is none. */
  GC.hue = (name) => GC.cell.colours[name] ?? name;
  GC.colour = (name) => GC.palette()[GC.hue(name)];
  /** [r, g, b] of a colour as the browser writes it. */
  GC.rgb = (text) => text.match(/[\d.]+/g).slice(0, 3).map((v) => Math.round(text.startsWith("color") ? 255 * v : v));
  GC.css = ([r, g, b]) => `rgb(${r},${g},${b})`;
  /** Black or white, whichever reads better on a colour. */
  GC.inkOn = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111419" : "#ffffff");
})();
