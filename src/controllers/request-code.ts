/** A request of the API as code that makes it: what is filled in on a page, and the examples of the reference. */

import { wellFormed } from '../utils/text.ts';

export const CODE_LANGUAGES = ['curl', 'node', 'php', 'python', 'go', 'java'] as const;
export type CodeLanguage = (typeof CODE_LANGUAGES)[number];

/** As they call themselves. */
export const LANGUAGE_NAMES: Readonly<Record<CodeLanguage, string>> = {
  curl: 'curl',
  node: 'Node.js',
  php: 'PHP',
  python: 'Python',
  go: 'Go',
  java: 'Java',
};

export interface ApiRequest {
  method: string;
  /** with its query */
  url: string;
  body?: Record<string, unknown> | undefined;
  /** header `Prefer`, `Idempotency-Key` … */
  headers?: Readonly<Record<string, string>>;
  /** written into the code; read from the environment variable WAHUB_KEY when missing */
  key?: string | undefined;
  /** which header carries the credential; null: the route needs none */
  credential?: 'x-api-key' | null;
}

/** The code of a request, ready to run: its texts are quoted as the language wants them. Without a line end at its end. */
export function requestCode(language: CodeLanguage, request: ApiRequest): string {
  return WRITERS[language](request);
}

const KEY_HEADER = 'x-api-key';
const JSON_HEADER: [string, string] = ['content-type', 'application/json'];

const needsKey = ({ credential = KEY_HEADER }: ApiRequest): boolean => credential !== null;

/** All headers but that of the key. */
function headersOf({ headers = {}, body }: ApiRequest): [string, string][] {
  return [...(body === undefined ? [] : [JSON_HEADER]), ...Object.entries(headers)];
}

/** A text in double quotes, as JavaScript, Python, Go and Java read them alike. */
const quoted = (text: string): string => JSON.stringify(wellFormed(text));
/** A text in single quotes for a POSIX shell. */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
/** A text in single quotes for PHP. */
const phpQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const jsonOf = (body: unknown): string => JSON.stringify(body, null, 2);

const WRITERS: Readonly<Record<CodeLanguage, (request: ApiRequest) => string>> = {
  curl(request) {
    const { method, url, body, key } = request;
    const lines = [`curl${method === 'GET' ? '' : ` -X ${method}`} ${shellQuoted(url)}`];
    if (needsKey(request))
      lines.push(
        `-H ${key === undefined ? `"${KEY_HEADER}: $WAHUB_KEY"` : shellQuoted(`${KEY_HEADER}: ${key}`)}`,
      );
    for (const [name, value] of headersOf(request)) lines.push(`-H ${shellQuoted(`${name}: ${value}`)}`);
    if (body !== undefined) lines.push(`-d ${shellQuoted(jsonOf(body))}`);
    return lines.join(' \\\n  ');
  },
  node(request) {
    const { method, url, body, key } = request;
    const headers = headersOf(request).map(([name, value]) => `    ${quoted(name)}: ${quoted(value)},`);
    if (needsKey(request))
      headers.unshift(`    "${KEY_HEADER}": ${key === undefined ? 'process.env.WAHUB_KEY' : quoted(key)},`);
    return [
      `const response = await fetch(${quoted(url)}, {`,
      `  method: ${quoted(method)},`,
      ...(headers.length > 0 ? ['  headers: {', ...headers, '  },'] : []),
      ...(body === undefined ? [] : [`  body: JSON.stringify(${indented(jsonOf(body), 2)}),`]),
      '});',
      'console.log(response.status, await response.json());',
    ].join('\n');
  },
  php(request) {
    const { method, url, body, key } = request;
    const headers = headersOf(request).map(([name, value]) => `        ${phpQuoted(`${name}: ${value}`)},`);
    if (needsKey(request))
      headers.unshift(
        `        ${key === undefined ? `'${KEY_HEADER}: ' . getenv('WAHUB_KEY')` : phpQuoted(`${KEY_HEADER}: ${key}`)},`,
      );
    return [
      '<?php',
      `$curl = curl_init(${phpQuoted(url)});`,
      'curl_setopt_array($curl, [',
      `    CURLOPT_CUSTOMREQUEST => ${phpQuoted(method)},`,
      '    CURLOPT_RETURNTRANSFER => true,',
      '    CURLOPT_HTTPHEADER => [',
      ...headers,
      '    ],',
      ...(body === undefined
        ? []
        : [`    CURLOPT_POSTFIELDS => json_encode(${indented(phpValue(body), 4)}),`]),
      ']);',
      'echo curl_exec($curl), PHP_EOL;',
    ].join('\n');
  },
  python(request) {
    const { method, url, body, key } = request;
    const headers = headersOf(request).map(([name, value]) => `        ${quoted(name)}: ${quoted(value)},`);
    if (needsKey(request))
      headers.unshift(
        `        "${KEY_HEADER}": ${key === undefined ? 'os.environ["WAHUB_KEY"]' : quoted(key)},`,
      );
    return [
      'import json, os, urllib.request',
      '',
      'request = urllib.request.Request(',
      `    ${quoted(url)},`,
      `    method=${quoted(method)},`,
      '    headers={',
      ...headers,
      '    },',
      ...(body === undefined ? [] : [`    data=json.dumps(${indented(pythonValue(body), 4)}).encode(),`]),
      ')',
      'with urllib.request.urlopen(request) as response:',
      '    print(response.status, response.read().decode())',
    ].join('\n');
  },
  go(request) {
    const { method, url, body, key } = request;
    const reader = body === undefined ? 'nil' : `strings.NewReader(${goText(jsonOf(body))})`;
    const set = (name: string, value: string) => `\trequest.Header.Set(${quoted(name)}, ${value})`;
    const usesKey = needsKey(request) && key === undefined;
    const packages = ['fmt', 'io', 'net/http', ...(usesKey ? ['os'] : []), ...(body ? ['strings'] : [])];
    return [
      'package main',
      '',
      'import (',
      ...packages.map((name) => `\t"${name}"`),
      ')',
      '',
      'func main() {',
      `\trequest, err := http.NewRequest(${quoted(method)}, ${quoted(url)}, ${reader})`,
      '\tif err != nil {',
      '\t\tpanic(err)',
      '\t}',
      ...(needsKey(request)
        ? [set(KEY_HEADER, key === undefined ? 'os.Getenv("WAHUB_KEY")' : quoted(key))]
        : []),
      ...headersOf(request).map(([name, value]) => set(name, quoted(value))),
      '\tresponse, err := http.DefaultClient.Do(request)',
      '\tif err != nil {',
      '\t\tpanic(err)',
      '\t}',
      '\tdefer response.Body.Close()',
      '\tanswer, _ := io.ReadAll(response.Body)',
      '\tfmt.Println(response.StatusCode, string(answer))',
      '}',
    ].join('\n');
  },
  java(request) {
    const { method, url, body, key } = request;
    const publisher =
      body === undefined
        ? 'HttpRequest.BodyPublishers.noBody()'
        : `HttpRequest.BodyPublishers.ofString(${quoted(JSON.stringify(body))})`;
    const keyText = key === undefined ? 'System.getenv("WAHUB_KEY")' : quoted(key);
    return [
      'import java.net.URI;',
      'import java.net.http.*;',
      '',
      'public class Example {',
      '  public static void main(String[] args) throws Exception {',
      `    var request = HttpRequest.newBuilder(URI.create(${quoted(url)}))`,
      ...(needsKey(request) ? [`        .header("${KEY_HEADER}", ${keyText})`] : []),
      ...headersOf(request).map(([name, value]) => `        .header(${quoted(name)}, ${quoted(value)})`),
      `        .method(${quoted(method)}, ${publisher})`,
      '        .build();',
      '    var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());',
      '    System.out.println(response.statusCode() + " " + response.body());',
      '  }',
      '}',
    ].join('\n');
  },
};

/** All lines but the first, moved to the right. Texts in it have no line ends of their own: their quotes escape them. */
function indented(text: string, spaces: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(spaces)}`);
}

/** Several lines between back quotes, where none stands in it and no carriage return would be lost. */
const goText = (text: string): string => (/[`\r]/.test(text) ? quoted(text) : `\`${text}\``);

function pythonValue(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return lines('[', value.map(pythonValue), ']', 4);
  if (typeof value !== 'object') return String(value);
  const pairs = Object.entries(value).map(([name, field]) => `${quoted(name)}: ${pythonValue(field)}`);
  return lines('{', pairs, '}', 4);
}

function phpValue(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return phpText(value);
  if (Array.isArray(value)) return lines('[', value.map(phpValue), ']', 4);
  if (typeof value !== 'object') return String(value);
  const pairs = Object.entries(value).map(([name, field]) => `${phpQuoted(name)} => ${phpValue(field)}`);
  return pairs.length === 0 ? 'new stdClass()' : lines('[', pairs, ']', 4);
}

/** With line ends in double quotes: those in single quotes would be moved to the right with the lines around them. */
function phpText(text: string): string {
  if (!/[\n\r]/.test(text)) return phpQuoted(text);
  const escaped = text.replace(/[\\"$]/g, (found) => `\\${found}`);
  return `"${escaped.replaceAll('\n', '\\n').replaceAll('\r', '\\r')}"`;
}

function lines(open: string, items: readonly string[], close: string, spaces: number): string {
  if (items.length === 0) return `${open}${close}`;
  const inner = items.map((item) => `${' '.repeat(spaces)}${indented(item, spaces)},`);
  return [open, ...inner, close].join('\n');
}
