// The Jacobian ds_t / ds_{t-1} of the shown layer's true state s (h, c of an LSTM), from the page's weights and
// quantities: singular values of its products (fan) and gradients from any step (river).
(() => {
  const LARGEST = 48; // states up to this size are followed in all directions
  const LONGEST = 400; // steps that a fan looks ahead

  /** {S, P, jvp(t, columns, k), vjp(t, v), stored(t, v), kept(t)}; null where weights or whole quantities are not here,
   *  or where units read each other past the sums. */
  GC.jacobian = () => {
    const keys = GC.data.weights[GC.state.layer];
    const { cell } = GC;
    const whole = (name) => { const array = GC.get(name); return array && array.pool === 1 && (array.own || GC.data.arrays[GC.key(name)].type !== "u8"); };
    if (!keys || cell.program.operations.some(([name]) => name === "mean")) return null;
    const { H, P } = GC.layer;
    const { sums, states } = cell.program;
    const letters = Object.keys(cell.gates);
    const [U, R] = [keys.weight_hh && GC.array(keys.weight_hh), keys.weight_hr && GC.array(keys.weight_hr)];
    // States after the hidden one come first: it may read them.
    const by = cell.slopes.by.map(([state, kind, index, slope]) => ({ state, kind, index, slope })).filter(({ kind }) => kind !== "belt").sort((a, b) => b.state - a.state);
    const { belt } = cell;
    const plan = GC.plan([...by, ...(belt ? [{ slope: belt.kept }] : [])].map(({ slope }) => ({ slope })));
    if (![...plan.names, ...Object.values(cell.states)].every(whole) || (plan.sums && !GC.reads(0))) return null;
    const S = P + (states.length - 1) * H;
    const place = (state) => (state ? P + (state - 1) * H : 0);
    const hidden = by.findIndex(({ state }) => state === 0); // all before are of other states
    const [others, last] = [by.slice(0, hidden), by.slice(hidden)];
    let cached = [-1, null];
    const slopes = (t) => { if (cached[0] !== t) cached = [t, plan.at(t)]; return cached[1]; };
    const reads = sums.map(([, from]) => from !== "x" && U);
    const rows = sums.map(([letter]) => letters.indexOf(letter) * H);

    const jvp = (t, columns, k) => {
      const out = new Float64Array(S * k);
      const m = R ? new Float64Array(H * k) : out;
      const all = slopes(t);
      const moved = new Float64Array(sums.length);
      for (let u = 0; u < H; u += 1) {
        for (let j = 0; j < k; j += 1) {
          for (let n = 0; n < sums.length; n += 1) {
            let sum = 0;
            if (reads[n]) for (let p = 0, row = (rows[n] + u) * P; p < P; p += 1) sum += U[row + p] * columns[p * k + j];
            moved[n] = sum;
          }
          const from = ({ kind, index }) => (kind === "sum" ? moved[index] : (kind === "after" ? out : columns)[(place(index) + u) * k + j]);
          others.forEach((one, n) => { out[(place(one.state) + u) * k + j] += all[n][u] * from(one); });
          last.forEach((one, n) => { m[u * k + j] += all[hidden + n][u] * from(one); });
        }
      }
      if (R) for (let p = 0; p < P; p += 1) for (let j = 0; j < k; j += 1) for (let u = 0; u < H; u += 1) out[p * k + j] += R[p * H + u] * m[u * k + j];
      return out;
    };
    const ofOutput = (v) => (R ? Float64Array.from({ length: H }, (_, u) => { let sum = 0; for (let p = 0; p < P; p += 1) sum += R[p * H + u] * v[p]; return sum; }) : v);
    /** All of dL by the states after the step: what came along them, and what comes through h_t. */
    const arriving = (t, v) => {
      const m = ofOutput(v);
      const found = Float64Array.from(v);
      last.forEach(({ kind, index }, n) => {
        if (kind === "after") for (let u = 0; u < H; u += 1) found[place(index) + u] += slopes(t)[hidden + n][u] * m[u];
      });
      return [m, found];
    };
    const vjp = (t, v) => {
      const out = new Float64Array(S);
      const [m, all] = arriving(t, v);
      const back = sums.map(() => new Float64Array(H));
      by.forEach(({ state, kind, index }, n) => {
        const of = slopes(t)[n];
        for (let u = 0; u < H; u += 1) {
          const part = of[u] * (state ? all[place(state) + u] : m[u]);
          if (kind === "sum") back[index][u] += part;
          else if (kind === "state") out[place(index) + u] += part;
        }
      });
      for (let n = 0; n < sums.length; n += 1) {
        for (let u = 0; reads[n] && u < H; u += 1) for (let p = 0, row = (rows[n] + u) * P, a = back[n][u]; p < P; p += 1) out[p] += U[row + p] * a;
      }
      return out;
    };
    return {
      S, P, jvp, vjp,
      stored: (t, v) => { const at = place(belt.state); return arriving(t, v)[1].slice(at, at + (belt.state ? H : P)); },
      kept: (t) => slopes(t)[by.length],
    };
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

  /** Norms of the gradient of the sum of h at step s: {grad_hidden, grad_cell (of what is stored), grad_path}, each (T,). */
  GC.adjoint = (s) => {
    const of = GC.jacobian();
    if (!of) return null;
    const { T } = GC.series;
    const found = Object.fromEntries(GC.gradients().map((name) => [name, new Float64Array(T)]));
    const norm = (v) => Math.hypot(...v);
    let v = new Float64Array(of.S).fill(1, 0, of.P);
    let path = GC.cell.belt ? of.stored(s, v) : null;
    for (let t = s; t >= 0; t = GC.before(t)) {
      found.grad_hidden[t] = norm(v.subarray(0, of.P));
      if (found.grad_cell) found.grad_cell[t] = norm(of.stored(t, v));
      if (path) {
        found.grad_path[t] = norm(path);
        const kept = of.kept(t);
        path = path.map((w, u) => w * kept[u]);
      }
      v = of.vjp(t, v);
    }
    return found;
  };
  /** Which gradients the shown layer has: of h; of the state that it stores in, where that is another; along its belt. */
  GC.gradients = () => ["grad_hidden", ...(GC.cell.belt?.state ? ["grad_cell"] : []), ...(GC.cell.belt ? ["grad_path"] : [])];
})();
