"use strict";
// One time cursor and one chosen unit for all plots of a group. The page is complete without this.
(() => {
  const root = document.documentElement;
  root.classList.add("script");
  const { words, groups } = JSON.parse(document.getElementById("report-data").textContent);
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const LOWEST = -32768;

  const show = (value, digits = 3) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    const whole = String(Math.floor(size)).length;
    const text = value.toFixed(Math.max(0, Math.min(digits, digits + 1 - whole)));
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  };

  const unpack = (map) => {
    const bytes = Uint8Array.from(atob(map.b64), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const values = new Float64Array(bytes.length / 2);
    for (let k = 0; k < values.length; k += 1) {
      const level = view.getInt16(2 * k, true);
      values[k] = level === LOWEST ? NaN : level * map.scale;
    }
    return values;
  };

  const roundTicks = (low, high, count) => {
    const raw = (high - low) / count;
    const far = (step) => Math.abs(Math.log(step / raw));
    const steps = [1, 2, 2.5, 5, 10].map((m) => m * 10 ** Math.floor(Math.log10(raw)));
    const step = steps.reduce((best, next) => (far(next) < far(best) ? next : best));
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) => (first + k) * step);
  };

  const plotsOf = (group) => all(`.plot[data-group="${group}"]`);
  const moveCursors = (plots, fraction) => {
    for (const plot of plots) plot.querySelector(".cursor").style.left = `${fraction * 100}%`;
  };

  const fractionAt = (plot, event) => {
    const box = plot.getBoundingClientRect();
    return [
      Math.min(0.999999, Math.max(0, (event.clientX - box.left) / box.width)),
      Math.min(0.999999, Math.max(0, (event.clientY - box.top) / box.height)),
    ];
  };

  const listen = (plots, handler) => {
    for (const plot of plots) {
      for (const kind of ["pointermove", "pointerdown"]) {
        plot.addEventListener(kind, (event) => handler(plot, event, kind === "pointerdown"));
      }
    }
  };

  // Gate wall: heat-maps, input series, one unit alone, and the schematic if it follows.
  const gateWall = (group, data) => {
    const wall = document.querySelector(`[data-wall="${group}"]`);
    const unitView = document.querySelector(`[data-unit="${group}"]`);
    const chooser = document.querySelector(`[data-units="${group}"]`);
    const follow = document.querySelector(`[data-follow="${group}"]`);
    const plots = plotsOf(group);
    const values = {};
    const read = (name) => (values[name] ??= unpack(data.maps[name]));
    const state = { column: data.column, place: data.place, hovered: data.place };
    const at = (name, column, place) => read(name)[place * data.steps + column];

    const scaleContents = () => {
      // C has no bounds, so its chart fits the unit; the gates' chart is always 0 to 1.
      const svg = all(".duo .lines", unitView)[1];
      const cell = Array.from({ length: data.steps }, (_, k) => at("cell", k, state.place));
      const finite = [-1, 1, ...cell.filter((value) => !Number.isNaN(value))];
      let [low, high] = [Math.min(...finite), Math.max(...finite)];
      const margin = (high - low) * 0.03;
      [low, high] = [low - margin, high + margin];
      Object.assign(svg.dataset, { low, high });
      for (const rule of all(".rule", svg)) rule.remove();
      const gutter = svg.closest(".row").querySelector(".gut");
      gutter.replaceChildren();
      for (const tick of roundTicks(low + 2 * margin, high - 2 * margin, 2)) {
        const y = (high - tick) / (high - low) * 100;
        svg.insertAdjacentHTML("afterbegin", `<path class="rule" d="M0 ${y}H1000"/>`);
        gutter.insertAdjacentHTML("beforeend", `<span style="top:${y}%">${String(Number(tick.toPrecision(3))).replace("-", "−")}</span>`);
      }
    };

    const drawUnit = () => {
      scaleContents();
      for (const dot of all(".dots", unitView)) dot.remove();
      all(".duo .lines", unitView).forEach((svg) => {
        const [low, high] = [Number(svg.dataset.low), Number(svg.dataset.high)];
        for (const line of all("[data-line]", svg)) {
          let d = "";
          let open = false;
          for (let k = 0; k < data.steps; k += 1) {
            const value = at(line.dataset.line, k, state.place);
            if (Number.isNaN(value)) { open = false; continue; }
            const x = ((k + 0.5) * data.pool / data.T) * 1000;
            const y = (high - value) / (high - low) * 100;
            d += `${open ? "L" : "M"}${Math.min(1000, x).toFixed(1)} ${y.toFixed(2)}`;
            if (!open && Number.isNaN(k + 1 < data.steps ? at(line.dataset.line, k + 1, state.place) : NaN)) d += "h0";
            open = true;
          }
          line.setAttribute("d", d);
        }
      });
      unitView.querySelector("[data-unit-name]").textContent = `${words.unit} ${data.units[state.place]}`;
      chooser.value = String(state.place);
    };

    const wires = () => {
      const v = {};
      for (const name of Object.keys(data.maps)) v[name] = at(name, state.column, state.place);
      const before = state.column > 0 && data.pool === 1 ? at("cell", state.column - 1, state.place) : NaN;
      return {
        ...v, cell_prev: before, kept: v.forget * before, written: v.input * v.candidate,
        squashed: Math.tanh(v.cell),
      };
    };
    const cellSvgs = all("svg.cell");
    const saved = cellSvgs.map((svg) => svg.innerHTML);
    const drawCell = () => {
      if (!follow || !follow.checked) return;
      const now = wires();
      for (const svg of cellSvgs) {
        for (const node of all("[data-w]", svg)) node.textContent = node.dataset.w === "x" ? "" : show(now[node.dataset.w]);
        for (const node of all("[data-box]", svg)) node.textContent = node.dataset.box;
        for (const wire of all("[data-wire]", svg)) {
          wire.style.strokeWidth = 1.5 + 4.5 * Math.min(1, Math.abs(now[wire.dataset.wire]) || 0);
        }
      }
      const label = follow.closest("label").querySelector("output");
      label.textContent = `· ${words.unit} ${data.units[state.place]} · ${data.labels[state.column * data.pool]}`;
    };
    if (follow) {
      follow.addEventListener("change", () => {
        if (follow.checked) return drawCell();
        cellSvgs.forEach((svg, k) => { svg.innerHTML = saved[k]; });
        follow.closest("label").querySelector("output").textContent = "";
        return undefined;
      });
    }

    const draw = () => {
      moveCursors(plots, Math.min(1, (state.column + 0.5) * data.pool / data.T));
      for (const node of all("[data-q]", wall)) node.textContent = show(at(node.dataset.q, state.column, state.hovered));
      for (const node of all("[data-in]", wall)) {
        const value = data.inputs[node.dataset.in][state.column * data.pool];
        node.textContent = value === null ? words.missing : show(value, 2);
      }
      for (const pick of all(".pick", wall)) pick.style.top = `${state.place / data.units.length * 100}%`;
      readout.textContent = `${data.labels[state.column * data.pool]} · ${words.unit} ${data.units[state.hovered]}`;
      drawCell();
    };
    const choose = (place) => {
      state.place = state.hovered = Math.min(data.units.length - 1, Math.max(0, place));
      drawUnit();
      draw();
    };

    const readout = document.createElement("div");
    readout.className = "readout";
    wall.prepend(readout);
    listen(plots, (plot, event, pressed) => {
      const [x, y] = fractionAt(plot, event);
      state.column = Math.min(data.steps - 1, Math.floor(x * data.T / data.pool));
      const heat = plot.parentElement.classList.contains("heat");
      state.hovered = heat ? Math.floor(y * data.units.length) : state.place;
      if (heat && pressed) return choose(state.hovered);
      return draw();
    });
    wall.addEventListener("pointerleave", () => { state.hovered = state.place; draw(); });
    wall.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      state.column = Math.min(data.steps - 1, Math.max(0, state.column + move[0]));
      if (move[1]) choose(state.place + move[1]); else { state.hovered = state.place; draw(); }
    });
    chooser.addEventListener("change", () => choose(Number(chooser.value)));
    draw();
  };

  const forecast = (data) => {
    const plots = plotsOf("forecast");
    const outputs = all('[data-keys="forecast"] output');
    listen(plots, (plot, event) => {
      const step = Math.floor(fractionAt(plot, event)[0] * data.T);
      moveCursors(plots, (step + 0.5) / data.T);
      const texts = [...data.series.map((series) => series[step] ?? "–"), data.labels[step]];
      outputs.forEach((node, k) => { node.textContent = texts[k]; });
    });
  };

  const river = (group, data) => {
    const plots = plotsOf(group);
    const outputs = plots.flatMap((plot) => all("[data-log]", plot.parentElement));
    const lags = plots.flatMap((plot) => all("[data-lag]", plot.parentElement));
    const logs = outputs.map((node) => node.dataset.log.split(","));
    listen(plots, (plot, event) => {
      const step = Math.floor(fractionAt(plot, event)[0] * data.T);
      moveCursors(plots, (step + 0.5) / data.T);
      for (const node of lags) node.textContent = `${data.T - 1 - step} ${words.lag}`;
      outputs.forEach((node, k) => {
        const log = logs[k][step];
        node.innerHTML = `10<sup>${(log || "–").replace("-", "−")}</sup>`;
      });
    });
  };

  for (const [group, data] of Object.entries(groups)) {
    if (data.maps) gateWall(group, data);
    else if (data.lag) river(group, data);
    else if (data.series) forecast(data);
  }
})();
