/** Which address was meant by one that does not exist. */
import { nearName } from '../utils/near-name.ts';

interface Address {
  method: string;
  path: string;
}

export interface KnownAddresses {
  /**
   * Whole paths that a parameter of another route would swallow under a method that they do not have: `GET
   * /message/send-text` would be a message of that id. Not where people choose what stands there.
   */
  swallowed(): readonly Address[];
  /** The methods of a path, in order; none where there is no such path. Its own ones, where a route has it as it is. */
  methodsAt(path: string): string[];
  /** `POST /message/send-text` for `/message/sendText`; null when no address is near. */
  near(method: string, path: string): string | null;
}

/** Longer paths are compared with nothing. */
const MAX_PATH = 200;
/** As many words of a path may differ from the one that was meant. */
const MAX_DIFFERENT = 2;

/** The addresses of a service; a segment that begins with `:` is a parameter. */
export function knownAddresses(addresses: readonly Address[]): KnownAddresses {
  const known = addresses.map(({ method, path }) => ({ method, path, segments: path.split('/') }));
  return {
    swallowed() {
      const whole = known.filter(({ segments }) => !segments.some(isParameter));
      return whole.flatMap(({ path, segments }) => {
        const own = new Set(whole.filter((other) => other.path === path).map(({ method }) => method));
        const others = known.filter((other) => other.path !== path && isMatch(other.segments, segments));
        const by = others.filter((other) => !own.has(other.method) && !other.segments.includes(':sessionId'));
        return [...new Set(by.map(({ method }) => method))].map((method) => ({ method, path }));
      });
    },
    methodsAt(path) {
      const asked = path.split('/');
      const matching = known.filter(({ segments }) => isMatch(segments, asked));
      const whole = matching.filter((one) => one.path === path);
      const found = whole.length > 0 ? whole : matching;
      return [...new Set(found.map(({ method }) => method))].sort();
    },
    near(method, path) {
      if (path.length > MAX_PATH) return null;
      const asked = path.replace(/\/$/, '').split('/');
      let best: { address: string; score: number } | null = null;
      for (const { segments, ...address } of known) {
        const different = differences(segments, asked);
        // None differs: it is there, under another method.
        if (different === null || different < 1) continue;
        // The same method first: of `GET` and `POST /message/…` the one that was asked for is meant.
        const score = different + (address.method === method ? 0 : 0.5);
        if (best === null || score < best.score)
          best = { address: `${address.method} ${address.path}`, score };
      }
      return best?.address ?? null;
    },
  };
}

/** A segment that is a parameter takes anything but nothing. */
function isMatch(segments: readonly string[], asked: readonly string[]): boolean {
  return (
    segments.length === asked.length &&
    segments.every((segment, at) => (isParameter(segment) ? asked[at] !== '' : asked[at] === segment))
  );
}

/** How many words of a path differ by a slip; null when another word stands in one place. */
function differences(segments: readonly string[], asked: readonly string[]): number | null {
  if (segments.length !== asked.length) return null;
  let different = 0;
  let fixed = 0;
  for (const [at, segment] of segments.entries()) {
    const given = asked[at] ?? '';
    if (isParameter(segment)) {
      if (given === '') return null;
    } else if (given !== segment) {
      if (nearName(given, [segment]) === null) return null;
      different++;
    } else if (segment !== '' && segment !== 'api') fixed++;
  }
  if (different > MAX_DIFFERENT) return null;
  // Where everything else is a parameter, the slip is the only word that tells.
  return different + (fixed === 0 && segments.some(isParameter) ? 0.25 : 0);
}

const isParameter = (segment: string): boolean => segment.startsWith(':');
