/** The style sheet of the dashboard; a file of its own for the browser, because nothing may be inline. */
export const DASHBOARD_STYLE = `:root {
  color-scheme: light dark;
  --bg: #f4f7f6;
  --card: #ffffff;
  --text: #16211f;
  --muted: #566662;
  --line: #d5dedb;
  --strong: #0a6b3d;
  --on-strong: #ffffff;
  --soft: #e3f1ea;
  --good: #0a6b3d;
  --warn: #8a5300;
  --bad: #b3261e;
  --good-bg: #dff3e7;
  --warn-bg: #fdeecb;
  --bad-bg: #fbe3e1;
  --c1: #0a7a46;
  --c2: #2f6fb2;
  --c3: #b26a00;
  --c4: #b3261e;
  --c5: #6b5ca5;
  font-family: system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
  line-height: 1.5;
  font-size: 16px;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #101816;
    --card: #182321;
    --text: #e8efed;
    --muted: #a3b4af;
    --line: #30403c;
    --strong: #4cc38a;
    --on-strong: #06150e;
    --soft: #1d332a;
    --good: #5fd39a;
    --warn: #f0b860;
    --bad: #ff8a80;
    --good-bg: #12301f;
    --warn-bg: #37290d;
    --bad-bg: #3c1a18;
    --c1: #4cc38a;
    --c2: #7fb2ea;
    --c3: #f0b860;
    --c4: #ff8a80;
    --c5: #b9aaf0;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--bg); color: var(--text); }
a { color: var(--strong); }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 0.75rem; }
h3 { font-size: 1rem; margin: 1rem 0 0.5rem; }
p { margin: 0 0 0.75rem; }
code, pre, .mono { font-family: ui-monospace, 'Cascadia Mono', Menlo, monospace; font-size: 0.9em; }
pre {
  background: var(--bg);
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  padding: 0.75rem;
  overflow-x: auto;
  margin: 0 0 0.75rem;
}
.skip { position: absolute; left: -999px; }
.skip:focus { left: 0.5rem; top: 0.5rem; background: var(--card); padding: 0.5rem 1rem; z-index: 20; }
:focus-visible { outline: 3px solid var(--c2); outline-offset: 2px; }
main { min-width: 0; max-width: 84rem; margin: 0 auto; padding: 1.25rem 1rem 4rem; }
main:focus { outline: none; }

.top {
  display: flex;
  align-items: center;
  gap: 1rem;
  padding: 0.5rem 1rem;
  background: var(--card);
  border-bottom: 1px solid var(--line);
}
.brand { font-weight: 700; font-size: 1.15rem; text-decoration: none; }
.grow { flex: 1; }
.account { position: relative; }
.account summary { cursor: pointer; padding: 0.4rem 0.5rem; white-space: nowrap; }
.account-name { display: inline-block; max-width: 10rem; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }
.menu {
  position: absolute;
  right: 0;
  z-index: 10;
  min-width: 12rem;
  display: grid;
  gap: 0.5rem;
  padding: 0.75rem;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  box-shadow: 0 4px 14px rgb(0 0 0 / 20%);
}

.card {
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 0.75rem;
  padding: 1rem;
  margin-bottom: 1rem;
  min-width: 0;
}
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr)); margin-bottom: 1rem; }
.cards .card { margin: 0; }
.cards.tight { grid-template-columns: repeat(auto-fit, minmax(min(10rem, 100%), 1fr)); }
.split { display: grid; gap: 1rem; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); align-items: start; }
.stat { display: grid; gap: 0.1rem; }
.stat b { font-size: 1.7rem; line-height: 1.15; }
.row { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
.row.end { justify-content: flex-end; }
.row.center { justify-content: center; }
.row.between { justify-content: space-between; }
.muted { color: var(--muted); }
.small { font-size: 0.875rem; }
.wrap { overflow-wrap: anywhere; white-space: pre-wrap; }
.visually-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.button, button {
  font: inherit;
  display: inline-block;
  padding: 0.5rem 0.9rem;
  border: 1px solid var(--strong);
  border-radius: 0.5rem;
  background: var(--card);
  color: var(--strong);
  text-decoration: none;
  cursor: pointer;
}
.button.primary, button.primary { background: var(--strong); color: var(--on-strong); }
.button.danger, button.danger { border-color: var(--bad); color: var(--bad); }
.button[aria-current='true'] { background: var(--soft); font-weight: 600; }
.button.small, button.small { padding: 0.25rem 0.6rem; font-size: 0.875rem; }
button.link { border: 0; padding: 0; background: none; color: var(--strong); text-decoration: underline; text-align: left; }
button:disabled { opacity: 0.55; cursor: not-allowed; }
.htmx-request button[type='submit'] { opacity: 0.55; }

form.stack, fieldset.stack { display: grid; gap: 0.9rem; }
details.card > summary { cursor: pointer; font-weight: 600; }
details.card[open] > summary { margin-bottom: 0.75rem; }
.field { display: grid; gap: 0.25rem; min-width: 0; }
.field label, .field legend { font-weight: 600; }
.field .hint { color: var(--muted); font-size: 0.875rem; }
.error { color: var(--bad); font-size: 0.875rem; overflow-wrap: anywhere; }
input, select, textarea {
  font: inherit;
  color: inherit;
  background: var(--bg);
  border: 1px solid #84918d;
  border-radius: 0.5rem;
  padding: 0.5rem 0.6rem;
  width: 100%;
  min-width: 0;
}
input[type='checkbox'], input[type='radio'], select.auto { width: auto; }
select.auto, .row > form { max-width: 100%; }
form.row > select { min-width: 0; }
input[type='file'] { border-style: dashed; }
[aria-invalid='true'] { border-color: var(--bad); box-shadow: 0 0 0 1px var(--bad); }
textarea { min-height: 6rem; resize: vertical; }
fieldset { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.75rem; min-width: 0; margin: 0; }
.field .check { font-weight: normal; }
.check { display: flex; gap: 0.5rem; align-items: center; }
.checks { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 0.25rem 1rem; }
form.filter { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: end; margin-bottom: 1rem; }
form.filter .field { flex: 1 1 9rem; max-width: 24rem; }
.narrow { max-width: 26rem; margin-inline: auto; }

.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--muted); padding-bottom: 0.5rem; }
th, td { text-align: left; padding: 0.5rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-size: 0.875rem; color: var(--muted); font-weight: 600; white-space: nowrap; }
td.num, th.num { text-align: right; font-variant-numeric: tabular-nums; }
td .clip { display: block; max-width: 26rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
tbody tr:last-child :is(td, th) { border-bottom: 0; }
tbody th { font-size: inherit; color: inherit; white-space: normal; overflow-wrap: anywhere; }
tbody th.whole { overflow-wrap: normal; }

.badge {
  display: inline-block;
  padding: 0.1rem 0.5rem;
  border-radius: 1rem;
  background: var(--bg);
  border: 1px solid var(--line);
  font-size: 0.8125rem;
  white-space: nowrap;
}
.badge.good { background: var(--good-bg); color: var(--good); border-color: transparent; }
.badge.warn { background: var(--warn-bg); color: var(--warn); border-color: transparent; }
.badge.bad { background: var(--bad-bg); color: var(--bad); border-color: transparent; }
.alert { border-radius: 0.5rem; padding: 0.75rem 1rem; margin: 0 0 1rem; }
.alert:empty { display: none; }
.alert p:last-child, .alert ul:last-child { margin-bottom: 0; }
.alert-good { background: var(--good-bg); color: var(--good); }
.alert-warn { background: var(--warn-bg); color: var(--warn); }
.alarms ul { list-style: none; margin: 0; padding: 0; }
.alarms li { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.75rem; }
.alarms li + li { margin-top: 0.5rem; }
.alarms span { overflow-wrap: anywhere; }
.alarms a { color: inherit; }
.alert-bad { background: var(--bad-bg); color: var(--bad); }
.empty { text-align: center; padding: 2.5rem 1rem; color: var(--muted); }
.empty h2 { color: var(--text); }
.tabs { display: flex; flex-wrap: wrap; gap: 0.25rem; border-bottom: 1px solid var(--line); margin-bottom: 1rem; padding: 0; list-style: none; }
.tabs a { display: block; padding: 0.5rem 0.8rem; text-decoration: none; color: inherit; border-bottom: 3px solid transparent; }
.tabs a[aria-current] { border-color: var(--strong); color: var(--strong); font-weight: 600; }
.pages { display: flex; gap: 0.5rem; align-items: center; justify-content: flex-end; margin-top: 0.75rem; }
dl.facts { display: grid; grid-template-columns: fit-content(45%) minmax(0, 1fr); gap: 0.4rem 1rem; margin: 0; }
dl.facts dt { color: var(--muted); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
.funnel { width: min(24rem, 60%); height: 0.8rem; margin-right: 0.5rem; vertical-align: middle; }
.funnel rect { fill: var(--c1); }
td.wide { width: 60%; }
td.wrap { min-width: 9rem; }
fieldset.bare { border: 0; padding: 0; }
.steps { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 0; padding: 0 0 0 1.25rem; color: var(--muted); }
.steps li { padding-right: 0.5rem; }
.steps button.link { border: 0; background: none; padding: 0.2rem 0; min-height: 0; color: var(--muted); text-decoration: underline; }
.steps li[aria-current], .steps li[aria-current] button.link { color: var(--strong); font-weight: 600; text-decoration: none; }
.row.turned { flex-direction: row-reverse; }
ul.plain { list-style: none; margin: 0; padding: 0; }
.handset { list-style: none; margin: 0 auto; padding: 1.5rem 0.75rem; width: min(22rem, 100%); border: 0.5rem solid var(--line); border-radius: 1.75rem; background: var(--bg); display: grid; gap: 0.75rem; align-content: start; }
.handset .bubble { background: var(--card); max-width: 100%; width: fit-content; margin-top: 0.2rem; }
dl.facts .badge { white-space: normal; border-radius: 0.6rem; }
a:has(> .badge) { text-decoration: none; }
.thumb { width: 3rem; height: 3rem; object-fit: cover; border-radius: 0.25rem; background: var(--bg); }
.preview { position: sticky; top: 1rem; }
progress { width: 100%; height: 0.9rem; accent-color: var(--strong); }
ol.timeline { list-style: none; margin: 0; padding: 0 0 0 1rem; border-left: 2px solid var(--line); }
ol.timeline li { margin: 0 0 0.75rem; padding-left: 0.5rem; position: relative; }
ol.timeline li::before {
  content: '';
  position: absolute;
  left: -1.42rem;
  top: 0.45rem;
  width: 0.7rem;
  height: 0.7rem;
  border-radius: 50%;
  background: var(--strong);
}
ol.timeline li.bad::before { background: var(--bad); }

details.attempt { border-top: 1px solid var(--line); padding: 0.5rem 0; }
details.attempt summary { cursor: pointer; }
details.attempt pre { white-space: pre-wrap; overflow-wrap: anywhere; }
figure { margin: 0 0 0.75rem; }
.head { margin-bottom: 1rem; }
.head h1 { margin: 0; }
.crumb { margin: 0 0 0.25rem; font-size: 0.875rem; }
.actions { margin-top: 1rem; }
.columns { display: grid; gap: 0.9rem; align-items: start; grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr)); }
div.stack, section.stack { display: grid; gap: 0.9rem; }
div.stack p { margin: 0.25rem 0 0; }
.center { text-align: center; justify-content: center; }
.big { font-size: 1.6rem; font-weight: 600; }
.good-text { color: var(--good); }
p.why { margin: 0.75rem 0 0.25rem; }
.row + .facts, p + .facts { margin-top: 0.75rem; }
.split.link { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }

.chart { width: 100%; height: auto; display: block; }
.chart text { fill: var(--muted); font-size: 11px; }
.chart .axis { stroke: var(--line); }
.chart .s1, .key .s1 { fill: var(--c1); }
.chart .s2, .key .s2 { fill: var(--c2); }
.chart .s3, .key .s3 { fill: var(--c3); }
.chart .s4, .key .s4 { fill: var(--c4); }
.chart .s5, .key .s5 { fill: var(--c5); }
.key { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; font-size: 0.875rem; padding: 0; margin: 0.25rem 0 0; list-style: none; }
.key svg { width: 0.8rem; height: 0.8rem; vertical-align: -0.05rem; }

.bubbles { display: flex; flex-direction: column; gap: 0.5rem; padding: 0; margin: 0; list-style: none; }
.bubble { max-width: min(34rem, 85%); padding: 0.5rem 0.75rem; border-radius: 0.75rem; background: var(--bg); border: 1px solid var(--line); align-self: flex-start; overflow-wrap: anywhere; }
.bubble.out { align-self: flex-end; background: var(--soft); }
.qr { display: grid; place-items: center; background: #fff; border-radius: 0.75rem; padding: 1rem; color: #16211f; }
.qr img { width: min(20rem, 100%); height: auto; image-rendering: pixelated; }
.on-phone { display: none; }
.code-big { font: 600 2rem/1.2 ui-monospace, monospace; letter-spacing: 0.15em; }

@media (max-width: 48rem) {
  .on-phone { display: block; }
  .split, .split.link { grid-template-columns: minmax(0, 1fr); }
  .table.stack thead { position: absolute; clip-path: inset(50%); }
  .table.stack tr { display: flex; flex-wrap: wrap; gap: 0.2rem 0.9rem; padding: 0.6rem 0; border-bottom: 1px solid var(--line); }
  .table.stack tr:last-child { border-bottom: 0; }
  .table.stack :is(td, th) { padding: 0; border: 0; max-width: 100%; min-width: 0; }
  .table.stack td .clip { max-width: 80vw; }
  dl.facts { grid-template-columns: minmax(0, 1fr); gap: 0.1rem; }
  dl.facts dd { margin-bottom: 0.5rem; }
}
@media (prefers-reduced-motion: no-preference) {
  .htmx-swapping { opacity: 0.6; transition: opacity 0.15s; }
}
`;
