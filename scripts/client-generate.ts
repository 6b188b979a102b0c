/**
 * `npm run client:generate` writes what is made of the OpenAPI document: the types of clients/typescript and the
 * Postman collection. With `--check` it writes nothing and ends with 1 when any of it is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateTypes } from '../clients/typescript/generate.ts';
import {
  isForOlderClients,
  type OpenApiDocument,
  type Operation,
  operationsOf,
  readDocument,
  respondsAsync,
  takesIdempotencyKey,
} from './openapi-operations.ts';
import { buildCollection, buildEnvironment } from './postman.ts';

const ROOT = new URL('..', import.meta.url);

/**
 * The part that a new program needs: without the older systems' surfaces, and every failure told once. They all have the
 * same shape, and listed by status they would be three quarters of the file.
 */
function forTypes(document: OpenApiDocument): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {};
  for (const { method, path, operation } of operationsOf(document)) {
    if (isForOlderClients(operation)) continue;
    const good = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
    const responses = { ...Object.fromEntries(good), default: FAILURE };
    paths[path] = { ...paths[path], [method.toLowerCase()]: { ...operation, responses } };
  }
  return { ...document, paths };
}

const FAILURE = {
  description: 'It says no.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
};

function setsOfOperations(document: OpenApiDocument): string {
  const setOf = (name: string, about: string, has: (operation: Operation) => boolean) => {
    const names = operationsOf(document)
      .filter(({ operation }) => !isForOlderClients(operation) && has(operation))
      .map(({ method, path }) => `  '${method} ${path}',\n`)
      .sort();
    return `/** ${about} */
export const ${name}: ReadonlySet<string> = new Set([
${names.join('')}]);
`;
  };
  return `/** Generated from the OpenAPI document by \`npm run client:generate\`: do not edit. */

${setOf('IDEMPOTENT', 'The operations that take an Idempotency-Key.', takesIdempotencyKey)}
${setOf('LONG', 'The operations that may take minutes, and are answered at once with `Prefer: respond-async`.', respondsAsync)}`;
}

const toJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

async function generate(): Promise<Record<string, string>> {
  const document = readDocument();
  return {
    'clients/typescript/src/api.ts': await generateTypes(forTypes(document)),
    'clients/typescript/src/operations.ts': setsOfOperations(document),
    'examples/postman/wahub.postman_collection.json': toJson(buildCollection(document)),
    'examples/postman/wahub.postman_environment.json': toJson(buildEnvironment()),
  };
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const isCheck = process.argv.includes('--check');
for (const [name, text] of Object.entries(await generate())) {
  const file = fileURLToPath(new URL(name, ROOT));
  if (readOrEmpty(file) === text) continue;
  if (isCheck) {
    console.error(`${name} is stale: run npm run client:generate`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`written: ${name}`);
}
