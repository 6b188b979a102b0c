/**
 * Makes the types of this client out of the service's OpenAPI document. It stands here because openapi-typescript
 * needs the compiler's API of TypeScript 5, which this package has and the service itself has not.
 */
import openapiTs, { astToString } from 'openapi-typescript';

const HEADER = '/** Generated from the OpenAPI document by `npm run client:generate`: do not edit. */\n\n';

/** The text of src/api.ts for an OpenAPI 3.1 document. */
export async function generateTypes(document: object): Promise<string> {
  const ast = await openapiTs(JSON.stringify(document), { alphabetize: true, silent: true });
  return HEADER + astToString(ast);
}
