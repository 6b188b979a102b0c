/** Styles of the frame: navigation, search, what pages share on a phone. */
export const LAYOUT_STYLE = `
html { scroll-padding: 1rem 0 5rem; }
.icon { flex: none; width: 1.25rem; height: 1.25rem; fill: none; stroke: currentcolor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; vertical-align: -0.25rem; }
.mark { flex: none; width: 1.9rem; height: 1.9rem; fill: none; }
.brand { display: inline-flex; align-items: center; gap: 0.5rem; color: inherit; }
.at-side { display: none; }
summary { list-style: none; }
summary::-webkit-details-marker { display: none; }
main summary { list-style: revert; }
main summary::-webkit-details-marker { display: revert; }

.top { position: sticky; top: 0; z-index: 15; }
.top.plain { position: static; }
.find { display: inline-flex; align-items: center; gap: 0.5rem; margin-left: auto; padding: 0.4rem 0.5rem; border-radius: 0.5rem; color: inherit; text-decoration: none; }
.find kbd { font: 0.75rem ui-monospace, monospace; color: var(--muted); border: 1px solid var(--line); border-radius: 0.25rem; padding: 0 0.3rem; }
.find kbd { display: none; }
.find span, .account-names { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.account summary { display: flex; align-items: center; gap: 0.5rem; }
.account-name { display: block; max-width: 9rem; }
.menu a, .menu button.link { padding: 0.3rem 0; }

/* Tabs at the bottom. */
nav.main ul { list-style: none; margin: 0; padding: 0; }
nav.main { position: fixed; inset: auto 0 0; z-index: 16; background: var(--card); border-top: 1px solid var(--line); padding-bottom: env(safe-area-inset-bottom); }
nav.main > ul { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); }
nav.main > ul > li > a, nav.main .more > summary { display: grid; justify-items: center; gap: 0.1rem; padding: 0.45rem 0.1rem; font-size: 0.75rem; line-height: 1.2; color: var(--muted); text-decoration: none; cursor: pointer; }
nav.main span { max-width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
nav.main [aria-current], nav.main [data-current] { color: var(--strong) !important; font-weight: 600; }
nav.main .more .menu { position: fixed; inset: auto 0.5rem calc(4rem + env(safe-area-inset-bottom)); min-width: 0; }
nav.main .menu a { display: flex; gap: 0.75rem; align-items: center; padding: 0.55rem 0.4rem; color: inherit; text-decoration: none; }
body.app { padding-bottom: calc(3.6rem + env(safe-area-inset-bottom)); }

@media (min-width: 60rem) {
  html { scroll-padding-bottom: 1rem; }
  .at-side { display: revert; }
  nav.main .behind { display: none; }
  body.app { display: grid; grid-template-columns: 14.5rem minmax(0, 1fr); align-items: start; padding-bottom: 0; }
  body.app .top { flex-direction: column; align-items: stretch; gap: 0.75rem; height: 100vh; padding: 1rem 0.75rem; border: 0; border-right: 1px solid var(--line); }
  body.app main { width: 100%; }
  .brand { padding: 0 0.4rem; }
  .find { margin: 0; border: 1px solid var(--line); background: var(--bg); color: var(--muted); }
  .find span, .account-names { position: static; width: auto; height: auto; min-width: 0; clip-path: none; }
  .find span { flex: 1; }
  .find kbd { display: block; }
  nav.main { position: static; z-index: auto; flex: 1; min-height: 0; overflow-y: auto; border: 0; padding: 0; }
  nav.main > ul { display: grid; grid-auto-flow: row; gap: 0.15rem; }
  nav.main > ul > li > a { display: flex; align-items: center; gap: 0.7rem; padding: 0.45rem 0.6rem; border-radius: 0.5rem; font-size: 0.95rem; color: inherit; }
  nav.main > ul > li > a:hover, nav.main [aria-current] { background: var(--soft); }
  .account-names { display: grid; }
  .account summary { border-radius: 0.5rem; }
  .account summary:hover { background: var(--soft); }
  .account .menu { right: auto; left: 0; bottom: 100%; z-index: 20; }
}

/* Search. */
dialog.finder { width: min(38rem, calc(100vw - 1rem)); max-height: 80vh; margin-top: 8vh; padding: 0.75rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; overflow: auto; }
dialog.finder::backdrop { background: rgb(0 0 0 / 45%); }
button.plain { border: 0; background: none; color: inherit; padding: 0.4rem; }
.results { padding-top: 0.5rem; min-height: 3rem; }
.results p { margin: 0.5rem; }
.results ul { list-style: none; margin: 0; padding: 0; }
.results a { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: 0.7rem; align-items: center; padding: 0.5rem; border-radius: 0.5rem; color: inherit; text-decoration: none; }
.results a:hover, .results a:focus { background: var(--soft); }
.results a span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }

/* One place for what has been done. */
.toasts { position: fixed; inset: auto 1rem calc(4.4rem + env(safe-area-inset-bottom)); z-index: 18; display: grid; justify-items: center; pointer-events: none; }
.toast { pointer-events: auto; display: flex; gap: 0.75rem; align-items: center; max-width: 36rem; margin: 0; padding: 0.65rem 1rem; border-radius: 0.6rem; background: var(--good-bg); color: var(--good); border: 1px solid currentcolor; box-shadow: 0 4px 14px rgb(0 0 0 / 25%); }
.toast .icon { width: 1rem; height: 1rem; }
.toast button { color: inherit; padding: 0.1rem; }
@media (min-width: 60rem) { .toasts { inset: auto 1.5rem 1.5rem auto; } }

/* Parts that are on their way. */
.skeleton { display: grid; gap: 0.6rem; }
.skeleton i { display: block; height: 0.9rem; border-radius: 0.3rem; background: var(--line); }
.skeleton i:nth-child(3n + 2) { width: 85%; }
.skeleton i:nth-child(3n) { width: 60%; }
.results.htmx-request { opacity: 0.6; }
@media (prefers-reduced-motion: no-preference) {
  .skeleton i { animation: wait 1.2s ease-in-out infinite alternate; }
  @keyframes wait { from { opacity: 1; } to { opacity: 0.4; } }
}

.empty { display: grid; justify-items: center; gap: 0.25rem; }
.empty > .icon { width: 2.25rem; height: 2.25rem; stroke-width: 1.5; }
.empty h2, .empty p { margin: 0.25rem 0; max-width: 34rem; }

/* Filters: beside one another on a desk, a sheet on a phone. */
.filters { margin-bottom: 1rem; }
.filters form.filter[popover] { display: flex; position: static; inset: auto; width: auto; height: auto; margin: 0; padding: 0; border: 0; background: none; color: inherit; overflow: visible; }
.filters .opens { display: none; }
.filters .count { display: inline-grid; place-items: center; min-width: 1.25rem; border-radius: 1rem; background: var(--strong); color: var(--on-strong); font-size: 0.75rem; }
@media (max-width: 48rem) {
  @supports selector(:popover-open) {
    .filters .opens { display: inline-flex; gap: 0.5rem; align-items: center; }
    .filters form.filter[popover]:not(:popover-open) { display: none; }
    .filters form.filter:popover-open { display: grid; position: fixed; inset: auto 0 0; width: 100%; max-height: 85vh; overflow-y: auto; padding: 1.25rem 1rem calc(1.25rem + env(safe-area-inset-bottom)); background: var(--card); border-top: 1px solid var(--line); border-radius: 1rem 1rem 0 0; }
    .filters form.filter::backdrop { background: rgb(0 0 0 / 45%); }
  }
}

/* Rows: compact on a desk; on a phone each is a card of two lines, with its state at the end of the first. */
table { font-size: 0.9375rem; }
th, td { padding: 0.4rem 0.6rem; }
.table.rows { font-size: 0.875rem; }
.table.rows table { font-size: inherit; }
.table.rows :is(th, td) { padding: 0.25rem 0.5rem; white-space: nowrap; }
.table.rows tbody :is(th, td) { line-height: 1.35; }
.table.rows .badge { padding: 0 0.45rem; font-size: 0.78rem; }
@media (min-width: 48.01rem) {
  /* These give way: what does not fit is cut. */
  .table.rows :is(td.grow, td.why, tbody :is(th, td):first-child) { max-width: 0; overflow: hidden; text-overflow: ellipsis; }
  .table.rows tbody :is(th, td):first-child { width: 21%; }
  .table.rows td.grow { width: 27%; }
  .table.rows td.why { width: 27%; }
  .table.rows td .clip { max-width: none; }
}
.pages:empty { display: none; }
.cards { grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr)); }
form.filter { font-size: 0.9375rem; gap: 0.6rem; }
.clip > .icon { width: 0.95rem; height: 0.95rem; vertical-align: -0.15rem; color: var(--muted); }
@media (max-width: 48rem) {
  .table.stack table, .table.stack tbody { display: block; min-width: 0; }
  .table.stack tbody tr { align-items: baseline; gap: 0.1rem 0.6rem; padding: 0.55rem 0; }
  .table.stack tbody tr > :first-child { flex: 1 1 50%; font-weight: 600; }
  .table.stack tbody tr > :has(> .badge) { order: 1; margin-left: auto; }
  .table.stack tbody tr > :first-child:has(> .badge) { order: 0; margin-left: 0; flex: none; }
  .table.stack tbody tr::after { content: ''; order: 2; flex-basis: 100%; height: 0; }
  .table.stack tbody tr > :not(:first-child, :has(> .badge)) { order: 3; font-size: 0.875rem; color: var(--muted); }
  .table.stack tbody tr > :is(:empty, .bare) { display: none; }
  .table.stack tbody tr > :has(form, .button) { order: 4; margin-left: auto; }
  .table.stack tbody tr > .grow { flex: 1 1 8rem; min-width: 0; }
  .table.rows.stack tbody :is(th, td) { padding: 0; white-space: normal; }
  .table.rows.stack tbody td.why { order: 4; flex: 1 1 100%; }
  td.num[data-label]::before { content: attr(data-label) ': '; }
  .table.stack td .clip, .table.rows td.why .clip { max-width: 100%; }
}
`;
