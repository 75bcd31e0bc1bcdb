// The Jacobian ds_t / ds_{t-1} of the shown layer's true state s = (h, c), from the page's weights and
// gates: singular values of its products (fan) and gradients from any step (river).
(() => {
  const LARGEST = 48; // states up to this size are followed in all directions
  const LONGEST = 400; // steps that a fan looks ahead

  /** {S, jvp(t, columns, k), vjp(t, v), cell(t, v)}; null where weights or whole gates are not here. */
  GC.jacobian = () => {
    const keys = GC.data.weights[GC.state.layer];
    const names = GC.lstm ? ["forget", "input", "candidate", "output", "cell"] : ["hidden"];
    const whole = (name) => { const array = GC.get(name); return array && array.pool === 1 && (array.own || GC.data.arrays[GC.key(name)].type !== "u8"); };
    if (!keys || !names.every(whole)) return null;
    const { H, P, mode } = GC.layer;
    const [U, R] = [GC.array(keys.weight_hh), keys.weight_hr && GC.array(keys.weight_hr)];
    const at = Object.fromEntries(names.map((name) => [name, GC.get(name)]));
    const value = (name, u, t) => at[name][u * GC.series.T + t];
    const first = GC.get("initial_cell");
    const S = GC.lstm ? H + P : H;

    // By how much each gate's sum, and the memory before, move the memory; and m = o tanh(c).
    const slopes = (t) => {
      const before = GC.before(t);
      return Array.from({ length: H }, (_, u) => {
        const [f, i, g, o, c] = names.map((name) => value(name, u, t));
        const old = before < 0 ? first?.[u] ?? 0 : value("cell", u, before);
        const tc = Math.tanh(c);
        return { input: g * i * (1 - i), forget: old * f * (1 - f), candidate: i * (1 - g * g), kept: f, shown: o * (1 - tc * tc), output: tc * o * (1 - o) };
      });
    };
    const slope = (u, t) => { const h = value("hidden", u, t); return mode === "RNN_RELU" ? Number(h > 0) : 1 - h * h; };
    const dot = (row, columns, k, j) => { let sum = 0; for (let p = 0; p < P; p += 1) sum += U[row * P + p] * columns[p * k + j]; return sum; };

    const jvp = (t, columns, k) => {
      const out = new Float64Array(S * k);
      if (!GC.lstm) {
        for (let u = 0; u < H; u += 1) for (let j = 0; j < k; j += 1) out[u * k + j] = slope(u, t) * dot(u, columns, k, j);
        return out;
      }
      const m = R ? new Float64Array(H * k) : out;
      slopes(t).forEach((s, u) => {
        for (let j = 0; j < k; j += 1) {
          const dc = s.input * dot(u, columns, k, j) + s.forget * dot(H + u, columns, k, j) + s.candidate * dot(2 * H + u, columns, k, j) + s.kept * columns[(P + u) * k + j];
          m[u * k + j] = s.output * dot(3 * H + u, columns, k, j) + s.shown * dc;
          out[(P + u) * k + j] = dc;
        }
      });
      if (R) for (let p = 0; p < P; p += 1) for (let j = 0; j < k; j += 1) for (let u = 0; u < H; u += 1) out[p * k + j] += R[p * H + u] * m[u * k + j];
      return out;
    };
    const ofOutput = (v) => (R ? Float64Array.from({ length: H }, (_, u) => { let sum = 0; for (let p = 0; p < P; p += 1) sum += R[p * H + u] * v[p]; return sum; }) : v);
    /** All of dL/dc_t: what came along the belt and what comes through h_t. */
    const cell = (t, v) => { const m = ofOutput(v); return Float64Array.from(slopes(t), (s, u) => v[P + u] + s.shown * m[u]); };
    const vjp = (t, v) => {
      const out = new Float64Array(S);
      const back = (row, a) => { for (let p = 0; p < P; p += 1) out[p] += U[row * P + p] * a; };
      if (!GC.lstm) { for (let u = 0; u < H; u += 1) back(u, slope(u, t) * v[u]); return out; }
      const [m, dc] = [ofOutput(v), cell(t, v)];
      slopes(t).forEach((s, u) => {
        back(u, s.input * dc[u]); back(H + u, s.forget * dc[u]); back(2 * H + u, s.candidate * dc[u]); back(3 * H + u, s.output * m[u]);
        out[P + u] = s.kept * dc[u];
      });
      return out;
    };
    return { S, P, jvp, vjp, cell };
  };

  // ---- products of many Jacobians ---------------------------------------------------------
  // Q R of a (S, S) matrix by Gram and Schmidt, twice: R by rows.
  const orthogonal = (A, S) => {
    const [Q, R] = [Float64Array.from(A), new Float64Array(S * S)];
    for (let j = 0; j < S; j += 1) {
      for (let round = 0; round < 2; round += 1) {
        for (let i = 0; i < j; i += 1) {
          let sum = 0;
          for (let r = 0; r < S; r += 1) sum += Q[r * S + i] * Q[r * S + j];
          R[i * S + j] += sum;
          for (let r = 0; r < S; r += 1) Q[r * S + j] -= sum * Q[r * S + i];
        }
      }
      let size = 0;
      for (let r = 0; r < S; r += 1) size += Q[r * S + j] ** 2;
      size = Math.sqrt(size);
      R[j * S + j] = size;
      if (size > 0) for (let r = 0; r < S; r += 1) Q[r * S + j] /= size;
    }
    return [Q, R];
  };
  // rows <- R diag(e^logs) rows, each row with a scale of its own: no value leaves float64, and
  // small singular values keep their digits beside large ones (Stewart 1995).
  const multiply = (R, { logs, rows }, S) => {
    const out = { logs: new Float64Array(S), rows: new Float64Array(S * S) };
    for (let i = 0; i < S; i += 1) {
      let top = -Infinity;
      for (let j = i; j < S; j += 1) if (R[i * S + j]) top = Math.max(top, logs[j]);
      for (let j = i; j < S && top > -Infinity; j += 1) {
        const by = R[i * S + j] * Math.exp(logs[j] - top);
        if (by) for (let k = 0; k < S; k += 1) out.rows[i * S + k] += by * rows[j * S + k];
      }
      let size = 0;
      for (let k = 0; k < S; k += 1) size += out.rows[i * S + k] ** 2;
      size = Math.sqrt(size);
      out.logs[i] = size > 0 ? top + Math.log(size) : -Infinity;
      if (size > 0) for (let k = 0; k < S; k += 1) out.rows[i * S + k] /= size;
    }
    return out;
  };
  // log10 of the singular values: Jacobi's rotations between rows until all are orthogonal.
  const singular = ({ logs, rows }, S) => {
    const top = Math.max(...logs);
    if (top === -Infinity) return new Array(S).fill(-Infinity);
    const A = Array.from({ length: S }, (_, i) => [Math.exp(logs[i] - top), rows.slice(i * S, (i + 1) * S)])
      .sort((a, b) => b[0] - a[0]).map(([size, row]) => row.map((v) => v * size));
    const inner = (a, b) => { let sum = 0; for (let k = 0; k < S; k += 1) sum += a[k] * b[k]; return sum; };
    for (let sweep = 0, moved = true; moved && sweep < 30; sweep += 1) {
      moved = false;
      for (let i = 0; i < S; i += 1) {
        for (let j = i + 1; j < S; j += 1) {
          const [p, q, r] = [inner(A[i], A[i]), inner(A[j], A[j]), inner(A[i], A[j])];
          if (!(Math.abs(r) > 1e-11 * Math.sqrt(p * q))) continue;
          moved = true;
          const zeta = (q - p) / (2 * r);
          const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
          const c = 1 / Math.hypot(1, t);
          const [a, b] = [A[i], A[j]];
          for (let k = 0; k < S; k += 1) [a[k], b[k]] = [c * (a[k] - t * b[k]), c * (t * a[k] + b[k])];
        }
      }
    }
    return A.map((row) => (Math.log(Math.sqrt(inner(row, row))) + top) / Math.LN10).sort((a, b) => b - a);
  };

  /** {lags, values: [[log10 σ1 … σk] per lag]} from step `start` on; null where this is too much. */
  GC.fanFrom = (start, k, most) => {
    const of = GC.jacobian();
    if (!of || of.S > LARGEST) return null;
    const { S } = of;
    const step = GC.layer.reverse ? -1 : 1;
    const left = Math.min(LONGEST, step > 0 ? GC.series.T - 1 - start : start);
    const lags = [...new Set(Array.from({ length: most }, (_, n) => Math.round(1 + (n * (left - 1)) / (most - 1))))].filter((lag) => lag > 0 && lag <= left);
    let Q = Float64Array.from({ length: S * S }, (_, n) => Number(n % (S + 1) === 0));
    let product = { logs: new Float64Array(S), rows: Q.slice() };
    const values = [];
    for (let lag = 1; lag <= left; lag += 1) {
      let R;
      [Q, R] = orthogonal(of.jvp(start + step * lag, Q, S), S);
      product = multiply(R, product, S);
      if (lags.includes(lag)) values.push(singular(product, S).slice(0, k));
    }
    return { lags, values };
  };

  /** Norms of the gradient of the sum of h at step s: {grad_hidden, grad_cell, grad_path}, each (T,). */
  GC.adjoint = (s) => {
    const of = GC.jacobian();
    if (!of) return null;
    const { T } = GC.series;
    const [grad_hidden, grad_cell, grad_path] = Array.from({ length: 3 }, () => new Float64Array(T));
    const norm = (v) => Math.hypot(...v);
    let v = new Float64Array(of.S).fill(1, 0, of.P);
    let belt = GC.lstm ? of.cell(s, v) : null;
    for (let t = s; t >= 0; t = GC.before(t)) {
      grad_hidden[t] = norm(v.subarray(0, of.P));
      if (GC.lstm) {
        grad_cell[t] = norm(of.cell(t, v));
        grad_path[t] = norm(belt);
        belt = belt.map((w, u) => w * GC.at(GC.get("forget"), u, t));
      }
      v = of.vjp(t, v);
    }
    return GC.lstm ? { grad_hidden, grad_cell, grad_path } : { grad_hidden };
  };
})();
