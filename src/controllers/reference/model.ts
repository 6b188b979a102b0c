/** The OpenAPI document as the reference reads it. */

export type Json = Record<string, unknown>;

export interface Operation {
  id: string;
  method: string;
  path: string;
  tag: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  body: { schema: Json; example: Record<string, unknown> | null; isForm: boolean } | null;
  /** whether a credential is needed */
  isOpen: boolean;
  /** status -> what it says, with an example where it is JSON */
  answers: Answer[];
}

export interface Parameter {
  name: string;
  place: string;
  required: boolean;
  type: string;
  description: string;
  example: unknown;
}

export interface Answer {
  status: string;
  description: string;
  headers: string[];
  examples: { name: string; value: unknown }[];
}

export interface Field {
  name: string;
  required: boolean;
  type: string;
  description: string;
  depth: number;
}

export interface ReferenceModel {
  tags: { name: string; description: string }[];
  operations: Operation[];
  /** the fields of a schema, with those inside of it */
  fieldsOf(schema: Json): Field[];
}

/** Fields inside of fields that a table shows. */
const MAX_DEPTH = 3;

/** Reads a document that `buildOpenApi` has made. */
export function readModel(document: Json): ReferenceModel {
  const components = toJson(document.components);
  const resolve = (part: unknown): Json => {
    const json = toJson(part);
    if (typeof json.$ref !== 'string') return json;
    const [kind = '', name = ''] = json.$ref.split('/').slice(-2);
    return resolve(toJson(components[kind])[name]);
  };
  const operations = Object.entries(toJson(document.paths)).flatMap(([path, methods]) =>
    Object.entries(toJson(methods)).map(([method, operation]) =>
      readOperation(path, method, toJson(operation), resolve),
    ),
  );
  const tags = listOf(document.tags).map((tag) => ({
    name: textOf(tag.name),
    description: textOf(tag.description),
  }));
  return { tags, operations, fieldsOf: (schema) => fieldsOf(resolve(schema), resolve, 0) };
}

type Resolve = (part: unknown) => Json;

function readOperation(path: string, method: string, operation: Json, resolve: Resolve): Operation {
  const content = toJson(toJson(operation.requestBody).content);
  const body = toJson(content['application/json']);
  return {
    id: textOf(operation.operationId),
    method: method.toUpperCase(),
    path,
    tag: Array.isArray(operation.tags) ? textOf(operation.tags[0]) : '',
    summary: textOf(operation.summary),
    description: textOf(operation.description),
    parameters: listOf(operation.parameters).map((parameter) => ({
      name: textOf(parameter.name),
      place: textOf(parameter.in),
      required: parameter.required === true,
      type: typeOf(resolve(parameter.schema), resolve),
      description: textOf(parameter.description),
      example: parameter.example,
    })),
    body:
      body.schema === undefined
        ? null
        : {
            schema: toJson(body.schema),
            example: body.example === undefined ? null : toJson(body.example),
            isForm: content['multipart/form-data'] !== undefined,
          },
    isOpen: Array.isArray(operation.security) && operation.security.length === 0,
    answers: Object.entries(toJson(operation.responses)).map(([status, answer]) =>
      readAnswer(status, toJson(answer), resolve),
    ),
  };
}

function readAnswer(status: string, answer: Json, resolve: Resolve): Answer {
  const json = toJson(toJson(answer.content)['application/json']);
  const named = Object.entries(toJson(json.examples)).map(([name, example]) => ({
    name,
    value: resolve(example).value,
  }));
  const own = json.example === undefined ? [] : [{ name: '', value: json.example }];
  return {
    status,
    description: textOf(answer.description),
    headers: Object.keys(toJson(answer.headers)),
    examples: [...own, ...named],
  };
}

function fieldsOf(schema: Json, resolve: Resolve, depth: number): Field[] {
  if (depth >= MAX_DEPTH) return [];
  const parts = [schema.allOf, schema.anyOf, schema.oneOf].flatMap(listOf);
  if (parts.length > 0) return parts.flatMap((part) => fieldsOf(resolve(part), resolve, depth));
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  return Object.entries(toJson(schema.properties)).flatMap(([name, part]) => {
    const own = resolve(part);
    const inner = own.type === 'array' ? resolve(own.items) : own;
    return [
      {
        name,
        required: required.has(name),
        type: typeOf(own, resolve),
        description: textOf(toJson(part).description) || textOf(own.description),
        depth,
      },
      ...fieldsOf(inner, resolve, depth + 1),
    ];
  });
}

const MAX_WORDS = 12;

function typeOf(schema: Json, resolve: Resolve): string {
  if (Array.isArray(schema.enum)) {
    const words = schema.enum.slice(0, MAX_WORDS).map(String).join(' | ');
    return schema.enum.length > MAX_WORDS ? `${words} | …` : words;
  }
  if ('const' in schema) return String(schema.const);
  const options = [schema.anyOf, schema.oneOf].flatMap(listOf);
  if (options.length > 0)
    return [...new Set(options.map((option) => typeOf(resolve(option), resolve)))].join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(resolve(schema.items), resolve)}`;
  return WORDS[String(schema.type)] ?? (Array.isArray(schema.allOf) ? 'object' : 'any');
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'object',
  null: 'null',
};

/** Safe because the parts of a JSON document are objects; what is none has no members. */
const toJson = (value: unknown): Json => Object(value) as Json;
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.map(toJson) : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
