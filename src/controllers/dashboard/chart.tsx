/** Charts as inline SVG: bars stacked by series. Nothing of them needs a script, and a table says the same. */
import type { Child } from 'hono/jsx';

export interface Series {
  name: string;
  values: readonly number[];
}

const WIDTH = 960;
const HEIGHT = 220;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;
const MAX_SERIES = 5;
const MAX_BAR = 64;

/** Stacked bars, one for each label; at most five series. `title` names the chart for everyone. */
export function BarChart({
  title,
  labels,
  series,
}: {
  title: string;
  labels: readonly string[];
  series: readonly Series[];
}) {
  const shown = series.slice(0, MAX_SERIES);
  const totals = labels.map((_label, i) => shown.reduce((sum, { values }) => sum + (values[i] ?? 0), 0));
  const top = niceCeil(Math.max(1, ...totals));
  const step = (WIDTH - LEFT) / Math.max(1, labels.length);
  const bar = Math.min(step * 0.8, MAX_BAR);
  const height = (value: number) => ((HEIGHT - BOTTOM - TOP) * value) / top;
  const every = Math.ceil(labels.length / 8);
  return (
    <figure>
      <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={title}>
        {[0, 0.5, 1].map((part) => {
          const y = HEIGHT - BOTTOM - height(top * part);
          return (
            <g>
              <line class="axis" x1={LEFT} x2={WIDTH} y1={y} y2={y} />
              <text x={LEFT - 6} y={y + 4} text-anchor="end">
                {short(top * part)}
              </text>
            </g>
          );
        })}
        {labels.map((label, i) => (
          <g>
            <title>{`${label}: ${shown.map(({ name, values }) => `${name} ${values[i] ?? 0}`).join(', ')}`}</title>
            <Stack
              x={LEFT + i * step + (step - bar) / 2}
              width={bar}
              heights={shown.map(({ values }) => height(values[i] ?? 0))}
            />
            {i % every === 0 && (
              <text x={LEFT + i * step + step / 2} y={HEIGHT - 6} text-anchor="middle">
                {label}
              </text>
            )}
          </g>
        ))}
      </svg>
      <Key series={shown} />
    </figure>
  );
}

function Key({ series }: { series: readonly Series[] }) {
  return (
    <ul class="key">
      {series.map(({ name, values }, i) => (
        <li>
          <svg viewBox="0 0 10 10" aria-hidden="true">
            <rect class={`s${i + 1}`} width="10" height="10" rx="2" />
          </svg>{' '}
          {name} <span class="muted">{sum(values).toLocaleString('en')}</span>
        </li>
      ))}
    </ul>
  );
}

function Stack({ x, width, heights }: { x: number; width: number; heights: readonly number[] }) {
  let y = HEIGHT - BOTTOM;
  const bars: Child[] = [];
  for (const [i, height] of heights.entries()) {
    y -= height;
    if (height > 0) bars.push(<rect class={`s${i + 1}`} x={x} y={y} width={width} height={height} />);
  }
  return <>{bars}</>;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** 1, 2 or 5 times a power of ten, not below `value`. */
function niceCeil(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= value) ?? 10;
  return factor * power;
}

function short(value: number): string {
  if (value >= 1_000_000) return `${+(value / 1_000_000).toFixed(1)}M`;
  if (value >= 1_000) return `${+(value / 1_000).toFixed(1)}k`;
  return String(+value.toFixed(1));
}
