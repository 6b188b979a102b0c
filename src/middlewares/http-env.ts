/** Facts about a request that the middlewares share. */
import type { ServerResponse } from 'node:http';
import type { Context } from 'hono';
import type { Actor } from '../services/context.ts';
import type { ReceivedFile } from '../services/media/sources.ts';
import type { AppError, ErrorCode } from '../utils/errors.ts';
import type { Described } from './request-data.ts';

export interface HttpEnv {
  Variables: {
    requestId: string;
    /** where the service is reached, as the configuration says; without a slash at its end */
    publicUrl: string;
    ip: string | null;
    /** the pattern of the route that took the request; missing when none did */
    routePath?: string;
    actor?: Actor;
    rateLimit?: RateVerdict;
    /** nothing is left of the limit of this route: only an answer that is kept may be given, else this is thrown */
    overBudget?: AppError;
    /** the answer is that of an earlier request with the same Idempotency-Key */
    replayed?: boolean;
    /** files that came with the body, by field */
    files?: ReadonlyMap<string, ReceivedFile>;
    /** gives the place back that the upload of this request takes; missing when it takes none */
    endUpload?: () => Promise<void>;
    /** how failures are reported here; missing where they are reported as everywhere */
    failureStyle?: FailureStyle;
    /** code of the failure that was answered, and its sentence */
    failure?: string;
    failureMessage?: string;
    /** names in the request that mean nothing here: the answer warns of them */
    ignored?: readonly string[];
    /** what the activity log may keep of the request and of its answer */
    request?: Described;
    reply?: Described;
    /** the fields of the body as they came, and the answer: the log of API calls keeps what is harmless of them */
    received?: Readonly<Record<string, unknown>>;
    /** whether the query may have a field of this name */
    knowsQuery?: (name: string) => boolean;
    answered?: unknown;
    /** a page of some origin asks, rather than a program: hono/cors has set the headers for it */
    fromPage?: boolean;
    /** a probe or a page: not in the activity log */
    quiet?: boolean;
  };
  /** of @hono/node-server; missing in tests that call the app directly */
  Bindings: {
    incoming?: { socket?: { remoteAddress?: string } };
    outgoing?: Pick<ServerResponse, 'destroyed' | 'once' | 'off'>;
  };
}

export type HttpContext = Context<HttpEnv>;

/** The words in which an older system's surface differs: the envelope has the keys of all of them. */
export interface FailureStyle {
  statuses: Partial<Record<ErrorCode, number>>;
  /** a text, or one that tells how many seconds to wait */
  messages: Partial<Record<ErrorCode, string | ((seconds: number) => string)>>;
  /** `error` where it is another text than `message` */
  errors?: Partial<Record<ErrorCode, string>>;
}

/** One answer of the limiter. */
export interface RateVerdict {
  allowed: boolean;
  policy: RatePolicy;
  remaining: number;
  /** whole seconds until the window ends */
  resetSeconds: number;
}

export interface RatePolicy {
  name: string;
  max: number;
  windowMs: number;
}
