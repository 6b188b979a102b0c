/** Puts the values of a call into the parameters of a prepared query. */
import { is, Param, Placeholder } from 'drizzle-orm';

/** Takes the value of one place of a statement from those of a call. */
type Place = (values: Record<string, unknown>) => unknown;

/** Of each list of parameters the places that are filled: null where none is. Most belong to prepared queries, and come again. */
const knownPlaces = new WeakMap<readonly unknown[], readonly (Place | null)[] | null>();

/** As drizzle's `fillPlaceholders`, which asks each parameter of each call for its class. */
export function fill(params: readonly unknown[], values: Record<string, unknown>): readonly unknown[] {
  let places = knownPlaces.get(params);
  if (places === undefined) {
    const all = params.map(toPlace);
    places = all.some((place) => place !== null) ? all : null;
    knownPlaces.set(params, places);
  }
  if (places === null) return params;
  return places.map((place, at) => (place === null ? params[at] : place(values)));
}

function toPlace(param: unknown): Place | null {
  if (is(param, Placeholder)) return named(param);
  if (!is(param, Param) || !is(param.value, Placeholder)) return null;
  const { encoder } = param;
  const value = named(param.value);
  return (values) => encoder.mapToDriverValue(value(values));
}

function named({ name }: Placeholder): Place {
  return (values) => {
    if (!(name in values)) throw new Error(`No value for placeholder "${name}" was provided`);
    return values[name];
  };
}
