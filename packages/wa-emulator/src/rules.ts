/** The behaviour of a recipient's number, parsed from the control API's text form. */
export type Behaviour =
  | { kind: (typeof PLAIN_KINDS)[number] }
  | { kind: (typeof CODE_KINDS)[number]; code: number }
  | { kind: 'delay' | 'receipt_first'; delayMs: number }
  | { kind: 'devices'; count: number };

const PLAIN_KINDS = [
  'ok',
  'not_on_whatsapp',
  'no_ack',
  'no_ack_delivered',
  'undelivered',
  'unread',
  'retry',
  'stale_devices',
  'unsigned_keys',
  'short_identity',
  'no_keys',
  'keys_unanswered',
  'no_devices',
  'usync_unanswered',
  'companion_unsigned',
  'companion_no_keys',
  'no_groups',
  'left_group',
] as const;
const CODE_KINDS = [
  'ack_error',
  'keys_error',
  'keys_query_error',
  'usync_error',
  'companion_error',
  'companion_query_error',
] as const;

/** The rules in force, by phone number. */
export interface Rules {
  /** `number` may be `*` for everyone without a rule; `times` bounds how many messages it meets. */
  set(number: string, behaviour: Behaviour, times: number | undefined): void;
  /** The behaviour a message to that number meets; counts it when the rule is bounded. */
  take(number: string): Behaviour;
  /** The behaviour without counting. */
  peek(number: string): Behaviour;
  list(): Array<{ number: string; behaviour: string; timesLeft?: number }>;
  reset(): void;
}

const OK: Behaviour = { kind: 'ok' };
const PLAIN: ReadonlySet<string> = new Set(PLAIN_KINDS);
const WITH_CODE: ReadonlySet<string> = new Set(CODE_KINDS);
const WITH_VALUE: ReadonlySet<string> = new Set([...CODE_KINDS, 'delay', 'receipt_first', 'devices']);

/** The text forms, for error messages. */
export const BEHAVIOUR_FORMS = `${PLAIN_KINDS.join(', ')}, ${CODE_KINDS.map((kind) => `${kind}:CODE`).join(', ')}, delay:MS, receipt_first:MS, devices:COUNT; those about messages take a last :N for the first N messages only`;

/**
 * Reads `kind[:value][:times]`, for instance `no_ack:1`, `ack_error:463` or `delay:200:3`.
 * Answers undefined for anything else.
 */
export function parseBehaviour(
  text: string,
): { behaviour: Behaviour; times: number | undefined } | undefined {
  const [kind = '', ...rest] = text.split(':');
  const numbers = rest.map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.some(Number.isNaN)) {
    return undefined;
  }
  if (PLAIN.has(kind) && numbers.length <= (kind === 'ok' ? 0 : 1)) {
    return withTimes({ kind } as Behaviour, numbers[0]);
  }
  const [value, times] = numbers;
  if (!WITH_VALUE.has(kind) || value === undefined || numbers.length > 2) {
    return undefined;
  }
  const behaviour = WITH_CODE.has(kind)
    ? { kind, code: value }
    : kind === 'devices'
      ? { kind, count: value }
      : { kind, delayMs: value };
  return withTimes(behaviour as Behaviour, times);
}

function withTimes(behaviour: Behaviour, times: number | undefined) {
  return times === 0 ? undefined : { behaviour, times };
}

function formatBehaviour(behaviour: Behaviour): string {
  if ('code' in behaviour) {
    return `${behaviour.kind}:${behaviour.code}`;
  }
  if ('count' in behaviour) {
    return `${behaviour.kind}:${behaviour.count}`;
  }
  return 'delayMs' in behaviour ? `${behaviour.kind}:${behaviour.delayMs}` : behaviour.kind;
}

/** An empty rule book. */
export function createRules(): Rules {
  const rules = new Map<string, { behaviour: Behaviour; timesLeft: number | undefined }>();
  const find = (number: string) => rules.get(number) ?? rules.get('*');
  return {
    set(number, behaviour, times) {
      if (behaviour.kind === 'ok' && number !== '*' && !rules.has('*')) {
        rules.delete(number);
      } else {
        rules.set(number, { behaviour, timesLeft: times });
      }
    },
    take(number) {
      const rule = find(number);
      if (!rule || rule.timesLeft === 0) {
        return OK;
      }
      if (rule.timesLeft !== undefined) {
        rule.timesLeft -= 1;
      }
      return rule.behaviour;
    },
    peek(number) {
      const rule = find(number);
      return rule && rule.timesLeft !== 0 ? rule.behaviour : OK;
    },
    list: () =>
      [...rules].map(([number, { behaviour, timesLeft }]) => ({
        number,
        behaviour: formatBehaviour(behaviour),
        ...(timesLeft === undefined ? {} : { timesLeft }),
      })),
    reset: () => rules.clear(),
  };
}
