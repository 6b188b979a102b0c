/** The figures that benchmarks print. */
import { expect, it } from 'vitest';
import { median, quantile } from '../../bench/measure/quantile.ts';

it('a share of the values lies below it, whatever their order, and nothing is measured of none', () => {
  const values = [40, 10, 30, 20];
  expect([0, 0.25, 0.5, 0.99, 1].map((share) => quantile(values, share))).toEqual([10, 20, 30, 40, 40]);
  expect(values).toEqual([40, 10, 30, 20]);
  expect([median([3, 1, 2]), median(values)]).toEqual([2, 30]);
  expect([quantile([], 0.5), median([])]).toEqual([Number.NaN, Number.NaN]);
});
