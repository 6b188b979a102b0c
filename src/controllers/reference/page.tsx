/** `/docs`: the API to read. Every operation has a page of its own, of which the list shows what is opened. */
import type { PropsWithChildren } from 'hono/jsx';
import { CODE_LANGUAGES, LANGUAGE_NAMES, requestCode } from '../request-code.ts';
import type { Answer, Operation, ReferenceModel } from './model.ts';

/** What the code of the pages is filled with. */
export interface Reader {
  /** the address of the service, without a slash at its end */
  url: string;
  session: string;
  /** the reader's own key; null: the code reads it from the environment */
  apiKey: string | null;
  /** who reads; null for a stranger */
  name: string | null;
}

interface Place {
  model: ReferenceModel;
  reader: Reader;
}

/** The list of all operations. `base`: the way from here to `/docs/`. */
export function renderIndex({ model, reader }: Place): string {
  return frame('WaHub API', 'docs/', reader, [
    <nav class="side" aria-label="Contents">
      <label>
        Search <kbd>/</kbd>
        <input type="search" id="search" placeholder="send text, webhook, 429 …" autocomplete="off" />
      </label>
      <p id="none" role="status" hidden>
        Nothing has these words.
      </p>
      <ul>
        {GUIDES.map(({ id, title }) => (
          <li>
            <a href={`#${id}`}>{title}</a>
          </li>
        ))}
        {model.tags.map(({ name }) => (
          <li>
            <a href={`#${anchorOf(name)}`}>{name}</a>
          </li>
        ))}
        <li>
          <a href="docs/errors">Errors</a>
        </li>
      </ul>
    </nav>,
    <main id="content">
      <Guides reader={reader} />
      {model.tags.map((tag) => (
        <section class="tag" id={anchorOf(tag.name)}>
          <h2>{tag.name}</h2>
          <p>{tag.description}</p>
          {model.operations
            .filter((operation) => operation.tag === tag.name)
            .map((operation) => (
              <details class="op" id={operation.id} data-href={`docs/operations/${operation.id}`}>
                <summary>
                  <Address operation={operation} /> <span>{operation.summary}</span>
                </summary>
                <p>
                  <a href={`docs/operations/${operation.id}`}>Parameters, code and answers</a>
                </p>
              </details>
            ))}
        </section>
      ))}
    </main>,
  ]);
}

/** One operation as a page; null when there is none of that id. */
export function renderOperation({ model, reader }: Place, id: string): string | null {
  const operation = model.operations.find((one) => one.id === id);
  if (!operation) return null;
  return frame(`${operation.summary} · WaHub API`, '../', reader, [
    <main class="alone">
      <p>
        <a href={`../../docs#${id}`}>All operations</a>
      </p>
      <article>
        <h1>{operation.summary}</h1>
        <p>
          <Address operation={operation} />
        </p>
        {operation.description.split('\n\n').map((text) => (
          <p>
            <Marked text={text} />
          </p>
        ))}
        <Inputs model={model} operation={operation} />
        <h3>Request</h3>
        <Code operation={operation} reader={reader} />
        <p>
          <a href={`../try#/${encodeURIComponent(operation.tag)}/${operation.id}`}>Try it in the browser</a>
        </p>
        <h3>Answers</h3>
        {operation.answers.map((answer) => (
          <AnswerPart answer={answer} />
        ))}
      </article>
    </main>,
  ]);
}

function frame(title: string, base: string, reader: Reader, parts: unknown[]): string {
  const page = (
    <html lang="en" data-code="curl">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <link rel="stylesheet" href={`${base}assets/reference.css`} />
        <script src={`${base}assets/reference.js`}></script>
      </head>
      <body>
        <header>
          <a href={`${base}../docs`}>
            <strong>WaHub API</strong>
          </a>
          <span class="who">
            {reader.name === null ? (
              <a href={`${base}../dashboard/sign-in`}>Sign in to fill in your key</a>
            ) : (
              `Filled in for ${reader.name}`
            )}
          </span>
          <a href={`${base}../openapi.json`}>openapi.json</a>
          <a href={`${base}../dashboard`}>Dashboard</a>
          <button type="button" id="theme">
            Dark or light
          </button>
        </header>
        {parts}
      </body>
    </html>
  );
  return `<!doctype html>${page.toString()}`;
}

/** `POST /message/send-text`. */
function Address({ operation: { method, path } }: { operation: Operation }) {
  return (
    <span class="address">
      <b class={`method ${method.toLowerCase()}`}>{method}</b> <code>{path}</code>
    </span>
  );
}

const GUIDES = [
  { id: 'start', title: 'First message' },
  { id: 'credentials', title: 'Credentials' },
  { id: 'idempotency', title: 'Idempotency-Key' },
  { id: 'prefer', title: 'Prefer: wait' },
  { id: 'limits', title: 'Rate limits' },
  { id: 'failures', title: 'Failures and warnings' },
] as const;

function Guides({ reader }: { reader: Reader }) {
  const body = { session: reader.session, to: '+6281234567890', text: 'Your order is on its way.' };
  const request = {
    method: 'POST',
    url: `${reader.url}/message/send-text`,
    body,
    key: reader.apiKey ?? undefined,
  };
  return (
    <>
      <section id="start">
        <h1>WaHub API</h1>
        <p>JSON in and out, times in ISO 8601 (UTC). Every path is there under /api as well.</p>
        <Languages>
          {CODE_LANGUAGES.map((language) => (
            <Pre language={language} code={requestCode(language, request)} />
          ))}
        </Languages>
      </section>
      <section id="credentials">
        <h2>Credentials</h2>
        <p>
          Send <code>x-api-key: &lt;key&gt;</code>, or <code>Authorization: Bearer &lt;token&gt;</code> from
          POST /auth/login. Keys with scopes are made in the dashboard under Developers. A key cannot make
          keys, change passwords or manage people.
        </p>
      </section>
      <section id="idempotency">
        <h2>Idempotency-Key</h2>
        <p>
          Every POST that sends or creates takes it. The same key and body get the first answer again for 24
          hours, with <code>Idempotent-Replayed: true</code>, and nothing is done twice. The same key with
          another body is 409. Use one key for each thing that you want to happen, such as{' '}
          <code>order-4711-shipped</code>.
        </p>
      </section>
      <section id="prefer">
        <h2>Prefer: wait</h2>
        <p>
          A send answers 202 when the message is stored. With <code>Prefer: wait=20</code> (at most 60) the
          answer waits: 200 when WhatsApp's server has it, an error with the reason, or 202 when the time runs
          out. The message goes on then, under the same id. Imports take <code>Prefer: respond-async</code>.
        </p>
      </section>
      <section id="limits">
        <h2>Rate limits</h2>
        <p>
          Every answer says what is left: <code>RateLimit: "api";r=587;t=42</code> is 587 requests in the next
          42 seconds, <code>RateLimit-Policy: "api";q=600;w=60</code> is 600 a minute. A refused request is
          429 with
          <code> Retry-After</code> in seconds.
        </p>
      </section>
      <section id="failures">
        <h2>Failures and warnings</h2>
        <p>
          A failure has <code>code</code>, <code>message</code>, <code>hint</code>, <code>docUrl</code>,
          <code> details</code> and <code>requestId</code>. <a href="docs/errors">Every code</a> is explained.
          A name that is nearly a known one is refused; other unknown names are listed in{' '}
          <code>warnings</code> of the answer.
        </p>
      </section>
    </>
  );
}

function Inputs({ model, operation }: { model: ReferenceModel; operation: Operation }) {
  const { parameters, body } = operation;
  const fields = body === null ? [] : model.fieldsOf(body.schema);
  return (
    <>
      {parameters.length > 0 && (
        <Table
          caption="Parameters"
          rows={parameters.map((one) => ({ ...one, depth: 0, type: `${one.type}, ${one.place}` }))}
        />
      )}
      {fields.length > 0 && <Table caption={body?.isForm ? 'Body (JSON or form)' : 'Body'} rows={fields} />}
    </>
  );
}

interface Row {
  name: string;
  required: boolean;
  type: string;
  description: string;
  depth: number;
}

function Table({ caption, rows }: { caption: string; rows: Row[] }) {
  return (
    <div class="scroll">
      <table>
        <caption>{caption}</caption>
        <tbody>
          {rows.map(({ name, required, type, description, depth }) => (
            <tr>
              <th scope="row" class={`depth-${depth}`}>
                <code>{name}</code> {required && <em>required</em>}
              </th>
              <td>{type}</td>
              <td>
                <Marked text={description} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Code({ operation, reader }: { operation: Operation; reader: Reader }) {
  const request = {
    method: operation.method,
    url: reader.url + addressOf(operation, reader),
    body: operation.body === null ? undefined : filledIn(operation.body.example ?? {}, reader),
    key: reader.apiKey ?? undefined,
    credential: operation.isOpen ? null : ('x-api-key' as const),
  };
  return (
    <Languages>
      {CODE_LANGUAGES.map((language) => (
        <Pre language={language} code={requestCode(language, request)} />
      ))}
    </Languages>
  );
}

function Languages({ children }: PropsWithChildren) {
  return (
    <div class="code">
      <div class="languages">
        {CODE_LANGUAGES.map((language) => (
          <button
            type="button"
            data-language={language}
            aria-pressed={language === 'curl' ? 'true' : 'false'}
          >
            {LANGUAGE_NAMES[language]}
          </button>
        ))}
        <button type="button" class="copy">
          Copy
        </button>
      </div>
      {children}
    </div>
  );
}

function Pre({ language, code }: { language: string; code: string }) {
  return (
    <pre class={`in-${language}`} tabindex={0}>
      <code>{code}</code>
    </pre>
  );
}

function AnswerPart({ answer }: { answer: Answer }) {
  const isFine = answer.status.startsWith('2');
  return (
    <details class="answer" open={isFine}>
      <summary>
        <b class={isFine ? 'fine' : 'bad'}>{answer.status}</b> {answer.description}
      </summary>
      {answer.headers.length > 0 && <p class="headers">Headers: {answer.headers.join(', ')}</p>}
      {answer.examples.map(({ name, value }) => (
        <>
          {name !== '' && (
            <p>
              <a href={`../errors#${name}`}>{name}</a>
            </p>
          )}
          <pre tabindex={0}>
            <code>{JSON.stringify(value, null, 2)}</code>
          </pre>
        </>
      ))}
    </details>
  );
}

/** `code` between back quotes; everything else is text. */
function Marked({ text }: { text: string }) {
  return <>{text.split('`').map((part, at) => (at % 2 === 1 ? <code>{part}</code> : part))}</>;
}

function addressOf(operation: Operation, reader: Reader): string {
  const valueFor = ({ name, example }: Operation['parameters'][number]) =>
    SESSION_NAMES.has(name) ? reader.session : String(example ?? name);
  const inPath = new Map(operation.parameters.map((one) => [one.name, valueFor(one)]));
  const path = operation.path.replace(/\{(\w+)\}/g, (_all, name: string) =>
    encodeURIComponent(inPath.get(name) ?? name),
  );
  const shown = operation.parameters.filter(
    ({ place, required, example }) => place === 'query' && (required || example !== undefined),
  );
  const query = new URLSearchParams(
    Object.fromEntries(shown.map((one) => [one.name, valueFor(one)])),
  ).toString();
  return query === '' ? path : `${path}?${query}`;
}

const SESSION_NAMES: ReadonlySet<string> = new Set(['session', 'sessionId']);

function filledIn(example: Record<string, unknown>, reader: Reader): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(example).map(([name, value]) => [
      name,
      SESSION_NAMES.has(name) && value === 'my-session' ? reader.session : value,
    ]),
  );
}

const anchorOf = (tag: string): string =>
  tag
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '');
