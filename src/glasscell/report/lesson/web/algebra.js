"use strict";
// Matrices as rows in a Float64Array: products, singular values, spectral radius; for chapter 3.
const Algebra = (() => {
  /** (n, n) times (n, n). */
  const times = (a, b, n) => {
    const out = new Float64Array(n * n);
    for (let r = 0; r < n; r += 1) {
      for (let k = 0; k < n; k += 1) {
        const v = a[r * n + k];
        if (v) for (let c = 0; c < n; c += 1) out[r * n + c] += v * b[k * n + c];
      }
    }
    return out;
  };

  /** A row vector (n,) times (n, n). */
  const left = (row, a, n) => {
    const out = new Float64Array(n);
    for (let k = 0; k < n; k += 1) for (let c = 0; c < n; c += 1) out[c] += row[k] * a[k * n + c];
    return out;
  };

  const norm = (values) => Math.hypot(...values);

  // One-sided Jacobi: turn pairs of columns until all are orthogonal; their lengths are the values.
  const sweep = (a, n) => {
    let off = 0;
    for (let p = 0; p < n - 1; p += 1) {
      for (let q = p + 1; q < n; q += 1) {
        let [pp, qq, pq] = [0, 0, 0];
        for (let r = 0; r < n; r += 1) {
          const [x, y] = [a[r * n + p], a[r * n + q]];
          pp += x * x; qq += y * y; pq += x * y;
        }
        const size = Math.sqrt(pp * qq);
        if (!size || Math.abs(pq) <= 1e-15 * size) continue;
        off = Math.max(off, Math.abs(pq) / size);
        const zeta = (qq - pp) / (2 * pq);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const c = 1 / Math.sqrt(1 + t * t);
        for (let r = 0; r < n; r += 1) {
          const [x, y] = [a[r * n + p], a[r * n + q]];
          a[r * n + p] = c * (x - t * y);
          a[r * n + q] = c * (t * x + y);
        }
      }
    }
    return off;
  };

  /** Singular values of (n, n), falling. */
  const singular = (matrix, n) => {
    const largest = matrix.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    if (!largest || !Number.isFinite(largest)) return new Float64Array(n).fill(largest);
    // Scaled, so that no square of an entry leaves the range of a double.
    const a = matrix.map((v) => v / largest);
    for (let k = 0; k < 40 && sweep(a, n) > 1e-14; k += 1);
    const values = Float64Array.from({ length: n }, (_, c) => {
      let sum = 0;
      for (let r = 0; r < n; r += 1) sum += a[r * n + c] ** 2;
      return largest * Math.sqrt(sum);
    });
    return values.sort().reverse();
  };

  /** Largest |eigenvalue|: |A^m|^(1/m) for m = 2^30, by squaring; exact 0 where A^m is 0. */
  const radius = (matrix, n) => {
    let a = Float64Array.from(matrix);
    let log = 0;
    for (let k = 0; k <= 30; k += 1) {
      const size = norm(a);
      if (!size) return 0;
      log += Math.log(size) / 2 ** k;
      a = times(a.map((v) => v / size), a.map((v) => v / size), n);
    }
    return Math.exp(log);
  };

  /** diag(d) times A. */
  const scaled = (d, a, n) => Float64Array.from(a, (v, k) => d[Math.floor(k / n)] * v);

  /**
   * Products of Jacobians back from the last step of states h (T, n) of a plain RNN with recurrent
   * weights W: for k = 1 … count the product J_T … J_{T-k+1}, its singular values, and row times it.
   * slope(h) is 1 − h² with tanh, 1 without.
   */
  const back = ({ states, W, n, count, row, slope }) => {
    const T = states.length / n;
    const steps = [];
    let product = null;
    let gradient = row;
    for (let k = 1; k <= count; k += 1) {
      const t = T - k;
      const J = scaled(states.subarray(t * n, (t + 1) * n).map(slope), W, n);
      product = product ? times(product, J, n) : J;
      gradient = gradient && left(gradient, J, n);
      steps.push({ J, product, sigma: singular(product, n), gradient: gradient ? norm(gradient) : NaN });
    }
    return steps;
  };

  return { times, left, norm, singular, radius, back };
})();
