/** `/docs/errors`: every error code, what it means and what to do; where `docUrl` of a failure leads. */
import { ERROR_HELP } from '../utils/error-help.ts';
import { ERROR_STATUS, type ErrorCode } from '../utils/errors.ts';

/** The page as HTML. Addresses are relative to `/docs/errors`, so that it also works under `/api`. */
export function renderErrorPage(): string {
  const codes = Object.keys(ERROR_STATUS) as ErrorCode[];
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>WaHub API: errors</title>
        <link rel="stylesheet" href="assets/errors.css" />
      </head>
      <body>
        <main>
          <p>
            <a href="../docs">WaHub API</a>
          </p>
          <h1>Errors</h1>
          <p>
            Decide by <code>code</code>, and show <code>message</code> to a person. <code>hint</code> says
            what to do, <code>details</code> which field or why, and <code>requestId</code> is what to give to
            whoever runs the service.
          </p>
          <nav aria-label="Codes">
            {codes.map((code) => (
              <a href={`#${code}`}>{code}</a>
            ))}
          </nav>
          {codes.map((code) => (
            <Explained code={code} />
          ))}
        </main>
      </body>
    </html>
  );
  return `<!doctype html>${page.toString()}`;
}

function Explained({ code }: { code: ErrorCode }) {
  const { meaning, hint } = ERROR_HELP[code];
  return (
    <section id={code}>
      <h2>
        <a href={`#${code}`}>{code}</a> <small>{ERROR_STATUS[code]}</small>
      </h2>
      <p>{meaning}</p>
      <p>
        <strong>What to do.</strong> {hint}
      </p>
      <pre tabindex={0}>{JSON.stringify(failureExample(code), null, 2)}</pre>
    </section>
  );
}

/** A failure as an answer shows it. */
export function failureExample(code: ErrorCode): Record<string, unknown> {
  const { hint, example } = ERROR_HELP[code];
  return {
    success: false,
    code,
    message: example.message,
    error: example.message,
    hint,
    docUrl: `https://wahub.example.com/docs/errors#${code}`,
    details: example.details ?? {},
    requestId: '5f0c2a9e7b1d4c86',
  };
}

export const ERROR_PAGE_STYLE = `:root{color-scheme:light;--bg:#fff;--fg:#17211c;--link:#0b6b45;font:16px/1.6 system-ui,sans-serif}
@media (prefers-color-scheme:dark){:root{color-scheme:dark;--bg:#101613;--fg:#e6ede9;--link:#5fd3a0}}
body{margin:0;background:var(--bg);color:var(--fg)}
a{color:var(--link)}
main{max-width:46rem;margin:0 auto;padding:1.5rem}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:.875rem}
section{border-top:1px solid color-mix(in srgb,currentColor 20%,transparent);margin-top:2rem;padding-top:.5rem}
section:target h2{text-decoration:underline}
h2{font-size:1.125rem}
h2 a{color:inherit;text-decoration:none}
small{font-weight:400;opacity:.75}
pre{overflow-x:auto;padding:1rem;border-radius:.5rem;background:color-mix(in srgb,currentColor 8%,transparent);font-size:.8125rem}
`;
