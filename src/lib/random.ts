/** Chance is handed in, so that tests own it. Uniform in 0..1, 1 excluded. */
export type Random = () => number;
