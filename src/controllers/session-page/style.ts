/** The style of the QR page; a file of its own for the browser, because nothing may be inline. */
export const QR_PAGE_STYLE = `:root {
  color-scheme: light dark;
  font-family: system-ui, sans-serif;
  line-height: 1.45;
}
body {
  margin: 0;
  min-height: 100vh;
  display: grid;
  place-items: center;
  background: #eef2f1;
  color: #16211f;
}
main {
  box-sizing: border-box;
  width: min(26rem, 100%);
  padding: 1.5rem;
  text-align: center;
}
h1 {
  margin: 0 0 0.25rem;
  font-size: 1.3rem;
  overflow-wrap: anywhere;
}
p { margin: 0.5rem 0; }
.card {
  background: #fff;
  color: #16211f;
  border-radius: 0.75rem;
  padding: 1.25rem;
  margin: 1rem 0;
  min-height: 12rem;
  display: grid;
  place-items: center;
  box-shadow: 0 1px 4px rgb(0 0 0 / 15%);
}
.card img {
  width: 100%;
  max-width: 20rem;
  height: auto;
  image-rendering: pixelated;
}
.code {
  font: 600 2rem/1.2 ui-monospace, monospace;
  letter-spacing: 0.15em;
}
.done {
  font-size: 1.4rem;
  font-weight: 600;
  color: #0a6b3d;
}
ol {
  text-align: left;
  padding-left: 1.25rem;
}
button,
a.button {
  display: inline-block;
  font: inherit;
  padding: 0.6rem 1.2rem;
  border: 0;
  border-radius: 0.5rem;
  background: #0a6b3d;
  color: #fff;
  cursor: pointer;
  text-decoration: none;
}
.small { font-size: 0.875rem; }
[hidden] { display: none !important; }
@media (prefers-color-scheme: dark) {
  body { background: #16211f; color: #eef2f1; }
}
`;
