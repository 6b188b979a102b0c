/** The operations of our OpenAPI document, as far as the generators read them. */
import { allRoutes } from '../src/controllers/index.ts';
import { buildOpenApi } from '../src/controllers/openapi.ts';

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  example?: string;
}

export interface Operation {
  tags: string[];
  summary: string;
  description?: string;
  operationId: string;
  security: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { example?: Record<string, unknown> }> };
  responses: Record<string, unknown>;
}

export interface OpenApiDocument {
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
}

export interface NamedOperation {
  method: string;
  path: string;
  operation: Operation;
}

/** The document that the service serves at `/openapi.json`, in an order that does not depend on anything. */
export function readDocument(): OpenApiDocument {
  return toDocument(buildOpenApi(allRoutes));
}

/** Safe because the tests of the document hold it to that shape. */
function toDocument(value: unknown): OpenApiDocument {
  return value as OpenApiDocument;
}

export function operationsOf({ paths }: OpenApiDocument): NamedOperation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** The surfaces of older systems: new programs are not written for them. */
export const isForOlderClients = (operation: Operation) =>
  operation.tags.some((tag) => tag.endsWith('(older clients)'));

/** What may take minutes, and is answered at once when it is asked for so. */
export const respondsAsync = ({ parameters = [] }: Operation) =>
  parameters.some(({ name, example }) => name === 'Prefer' && example === 'respond-async');

export const takesIdempotencyKey = ({ parameters = [] }: Operation) =>
  parameters.some(({ name }) => name === 'Idempotency-Key');
