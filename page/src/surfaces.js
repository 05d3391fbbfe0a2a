// The fitted surfaces of surfaces/models.json, evaluated as src/trex/surfaces does; page/test compares both.
// A surface is an object with predict(shares) -> {mean, std}, arrays with a number for every target.

const SQRT5 = Math.sqrt(5);

export function loadSurface(data) {
  const kind = KINDS[data.kind];
  if (!kind) throw new Error(`the page cannot evaluate a surface of kind ${data.kind}`);
  return kind(data);
}

const dot = (a, b) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

function linear({ coefficients, spread }) {
  const predict = (shares) => ({
    mean: spread.map((_, j) => {
      let sum = 0;
      for (let i = 0; i < shares.length; i++) sum += shares[i] * coefficients[i][j];
      return sum;
    }),
    std: [...spread],
  });
  return { predict };
}

function mixingLaw({ floor, rise, exponent, base, transfer, other, spread }) {
  const predict = (shares) => {
    const mean = floor.map((least, j) => {
      const effective = dot(shares, transfer[j]) + base[j];
      return least * (1 + rise[j] * effective ** -exponent[j]) * Math.exp(dot(shares, other[j]));
    });
    return { mean, std: mean.map((value, j) => value * spread[j]) };
  };
  return { predict };
}

function lightgbm({ models, spread }) {
  const numbers = (text) => (text ? text.split(" ").map(Number) : []);
  const parsed = models.map((trees) =>
    trees.map((tree) => ({
      feature: numbers(tree.split_feature),
      threshold: numbers(tree.threshold),
      left: numbers(tree.left_child),
      right: numbers(tree.right_child),
      leaf: numbers(tree.leaf_value),
    })),
  );
  const value = ({ feature, threshold, left, right, leaf }, shares) => {
    let node = feature.length ? 0 : -1;
    while (node >= 0) node = shares[feature[node]] <= threshold[node] ? left[node] : right[node];
    return leaf[~node];
  };
  const predict = (shares) => ({
    mean: parsed.map((trees) => trees.reduce((sum, tree) => sum + value(tree, shares), 0)),
    std: [...spread],
  });
  return { predict };
}

const matern = (squares) => {
  const root = SQRT5 * Math.sqrt(squares);
  return (1 + root + (5 / 3) * squares) * Math.exp(-root);
};

/** The lower Cholesky factor of a symmetric matrix [n, n], row after row. */
function cholesky(matrix, n) {
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k++) sum -= factor[i * n + k] * factor[j * n + k];
      factor[i * n + j] = i === j ? Math.sqrt(sum) : sum / factor[j * n + j];
    }
  }
  return factor;
}

/** |factor^-1 v|^2, what is known of a covariance v [n] to measurements. */
function explained(factor, v) {
  const n = v.length;
  const solved = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    let value = v[i];
    for (let k = 0; k < i; k++) value -= factor[i * n + k] * solved[k];
    solved[i] = value / factor[i * n + i];
    sum += solved[i] * solved[i];
  }
  return sum;
}

/** Factors of the subsets' covariances, made when first needed. */
function lazyFactors(count, size, covariance, noise) {
  const known = new Array(count);
  return (j) => {
    if (!known[j]) {
      const matrix = new Float64Array(size * size);
      for (let a = 0; a < size; a++)
        for (let b = 0; b <= a; b++) matrix[a * size + b] = covariance(j, a, b) + (a === b ? noise[j] : 0);
      known[j] = cholesky(matrix, size);
    }
    return known[j];
  };
}

function gaussianProcess(data) {
  const { shares: seen, subset, offset, center, lengthscale, linear: slopes, signal, noise, alpha } = data;
  const { location, scale, spread } = data;
  const k = seen[0].length;
  const features = (j, x) => {
    const found = new Float64Array(k);
    for (let d = 0; d < k; d++) found[d] = Math.log(x[d] + offset[j][d]) - center[j][d];
    return found;
  };
  const at = alpha.map((_, j) => seen.map((x) => features(j, x)));
  const covariance = (j, x, y) => {
    let squares = 0;
    let products = 0;
    const [lengths, weights] = [lengthscale[j], slopes[j]];
    for (let d = 0; d < k; d++) {
      const off = (x[d] - y[d]) / lengths[d];
      squares += off * off;
      products += x[d] * weights[d] * y[d];
    }
    return signal[j] * matern(squares) + products;
  };
  const factor = lazyFactors(
    alpha.length,
    subset.length,
    (j, a, b) => covariance(j, at[j][subset[a]], at[j][subset[b]]),
    noise,
  );
  const predict = (shares) => {
    const mean = [];
    const std = [];
    for (let j = 0; j < alpha.length; j++) {
      const x = features(j, shares);
      const near = at[j].map((y) => covariance(j, x, y));
      const prior = signal[j] + noise[j] + x.reduce((sum, value, d) => sum + value * value * slopes[j][d], 0);
      const left = prior - explained(factor(j), subset.map((row) => near[row]));
      mean.push(Math.exp(location[j] + scale[j] * dot(near, alpha[j])));
      std.push(mean[j] * spread[j] * scale[j] * Math.sqrt(left));
    }
    return { mean, std };
  };
  return { predict };
}

function manyCorpora(data) {
  const { shares: seen, subset, own, center, unit, own_center: ownCenter, own_unit: ownUnit } = data;
  const { signal, noise, linear: slopes, lengthscale, offset, alpha, location, scale, spread } = data;
  const k = seen[0].length;
  const others = (x) => Float64Array.from(x, (share, d) => (Math.log(share + 1 / k) - center[d]) / unit[d]);
  const mine = (j, x) => (Math.log(x[own[j]] + offset[j]) - ownCenter[j]) / ownUnit[j];
  const at = seen.map(others);
  const ownAt = own.map((_, j) => Float64Array.from(seen, (x) => mine(j, x)));
  const norms = at.map((x) => dot(x, x));
  // products: of all features; those of the own corpus are taken out again
  const covariance = (j, x, norm, z, row, product) => {
    const o = own[j];
    const [mineHere, mineThere] = [x[o], at[row][o]];
    const inner = product - mineHere * mineThere;
    let squares = norm - mineHere ** 2 + norms[row] - mineThere ** 2 - 2 * inner;
    squares = squares / lengthscale[1][j] ** 2 + ((z - ownAt[j][row]) / lengthscale[0][j]) ** 2;
    return signal[j] * matern(Math.max(squares, 0)) + slopes[0][j] * z * ownAt[j][row] + slopes[1][j] * inner;
  };
  let pairs = null; // products of the subset's features
  const pair = (a, b) => {
    pairs ??= subset.map((i) => Float64Array.from(subset, (j) => dot(at[i], at[j])));
    return pairs[a][b];
  };
  const factor = lazyFactors(
    own.length,
    subset.length,
    (j, a, b) =>
      covariance(j, at[subset[a]], norms[subset[a]], ownAt[j][subset[a]], subset[b], pair(a, b)),
    noise,
  );
  const predict = (shares) => {
    const x = others(shares);
    const norm = dot(x, x);
    const products = at.map((y) => dot(x, y));
    const mean = [];
    const std = [];
    for (let j = 0; j < own.length; j++) {
      const z = mine(j, shares);
      const near = products.map((product, row) => covariance(j, x, norm, z, row, product));
      const prior = signal[j] + noise[j] + slopes[0][j] * z ** 2 + slopes[1][j] * (norm - x[own[j]] ** 2);
      const left = prior - explained(factor(j), subset.map((row) => near[row]));
      mean.push(Math.exp(location[j] + scale[j] * dot(near, alpha[j])));
      std.push(mean[j] * spread[j] * scale[j] * Math.sqrt(Math.max(left, noise[j])));
    }
    return { mean, std };
  };
  return { predict };
}

function stack({ members, weights, spread }) {
  const loaded = members.map(loadSurface);
  const predict = (shares) => {
    const parts = loaded.map((member) => member.predict(shares));
    const sum = (key) => spread.map((_, j) => parts.reduce((total, part, m) => total + weights[m][j] * part[key][j], 0));
    return { mean: sum("mean"), std: sum("std").map((value, j) => value * spread[j]) };
  };
  return { predict };
}

const KINDS = {
  linear,
  mixing_law: mixingLaw,
  lightgbm,
  gaussian_process: gaussianProcess,
  gaussian_process_of_many: manyCorpora,
  stack,
};
