/** Parts that the pages of broadcasts share. */

import type { Child, PropsWithChildren } from 'hono/jsx';
import { z } from 'zod';
import { texts } from '../i18n.ts';
import * as english from '../locales/en/broadcast-parts.ts';
import * as indonesian from '../locales/id/broadcast-parts.ts';
import type { View } from '../page.ts';
import { Empty, NextLink, Pages, Tabs } from '../parts.tsx';

/** What a text names, one after the other: numbers or words, on lines of their own or between commas. */
export const piecesOf = (text: string): string[] =>
  text.split(/[\r\n,;]+/).flatMap((piece) => piece.trim() || []);

export const BROADCAST = '/dashboard/broadcast';
/** Rows of a page. */
export const PAGE_SIZE = 50;
/** Stands in the examples of paths. */
export const EXAMPLE_ID = '01997c2f5b7a7d3e8a4b6c1d2e3f4a5b';

export const id = z.string().min(1).max(64);
export const IdParams = z.object({ id });
export const idExample = { id: EXAMPLE_ID };
/** A number or a word that was searched for; what is no page is the first. */
export const search = z.string().max(100).optional().catch(undefined);
export const page = z.coerce.number().int().min(1).max(100_000).catch(1);

const T = texts({ en: english.broadcastParts, id: indonesian.broadcastParts });

type Tab = 'campaigns' | 'lists' | 'templates' | 'files' | 'checks' | 'optOuts';

const PATHS: Record<Tab, string> = {
  campaigns: BROADCAST,
  lists: `${BROADCAST}/lists`,
  templates: `${BROADCAST}/templates`,
  files: `${BROADCAST}/files`,
  checks: `${BROADCAST}/checks`,
  optOuts: `${BROADCAST}/opt-outs`,
};

/** The head of each part: its name, the ways to the others, and what can be done here. */
export function BroadcastHead({ view, tab, action }: { view: View; tab: Tab; action?: Child }) {
  const t = T(view.lang);
  const tabs = Object.entries(PATHS).map(([name, path]) => [path, t[name as Tab]] as const);
  return (
    <>
      <div class="row between">
        <h1>{t.title}</h1>
        {view.canWrite && action}
      </div>
      <Tabs label={t.parts} current={PATHS[tab]} tabs={tabs} />
    </>
  );
}

/** Searching by a part of a text. `label` says in what. */
export function SearchForm({
  view,
  action,
  label,
  value,
}: {
  view: View;
  action: string;
  label: string;
  value: string | undefined;
}) {
  return (
    <search>
      <form class="filter" method="get" action={action}>
        <div class="field">
          <label for="f-search">{label}</label>
          <input id="f-search" name="search" type="search" value={value ?? ''} maxlength={100} />
        </div>
        <button type="submit">{T(view.lang).search}</button>
      </form>
    </search>
  );
}

export function NothingFound({ view }: { view: View }) {
  const t = T(view.lang);
  return (
    <Empty
      view={view}
      title={t.nothingFound}
      next={<NextLink to={new URL(view.path, 'http://here').pathname}>{t.showAll}</NextLink>}
    >
      <p>{t.otherWords}</p>
    </Empty>
  );
}

/**
 * A part of broadcasts that is a list with names: the search once there is enough to search in, the rows of a page, or
 * why there are none. Its path with `/new` is where the next one is made.
 */
export function BroadcastList({
  view,
  tab,
  texts: t,
  query,
  count,
  totalItems,
  children,
}: PropsWithChildren<{
  view: View;
  tab: Tab;
  texts: { create: string; search: string; noneTitle: string; noneText: string };
  query: { search?: string | undefined; page: number };
  /** rows on this page */
  count: number;
  /** rows on all pages */
  totalItems: number;
}>) {
  const isSearched = query.search !== undefined;
  const create = (
    <a class="button primary" href={`${PATHS[tab]}/new`}>
      {t.create}
    </a>
  );
  return (
    <>
      <BroadcastHead view={view} tab={tab} action={create} />
      {(isSearched || totalItems > SEARCH_FROM) && (
        <SearchForm view={view} action={PATHS[tab]} label={t.search} value={query.search} />
      )}
      {count === 0 && isSearched && <NothingFound view={view} />}
      {count === 0 && !isSearched && (
        <Empty view={view} title={t.noneTitle} next={view.canWrite && create}>
          <p>{t.noneText}</p>
        </Empty>
      )}
      {count > 0 && (
        <div class="card">
          {children}
          <Pages view={view} page={query.page} totalPages={Math.ceil(totalItems / PAGE_SIZE)} />
        </div>
      )}
    </>
  );
}

/** Fewer rows are seen at a glance. */
const SEARCH_FROM = 10;

/** Where long lists go on; a page before is the browser's way back. */
export function More({ view, isFirst, next }: { view: View; isFirst: boolean; next: string | null }) {
  if (isFirst && next === null) return null;
  const t = T(view.lang);
  const to = (cursor: string | null) => {
    const url = new URL(view.path, 'http://here');
    if (cursor === null) url.searchParams.delete('cursor');
    else url.searchParams.set('cursor', cursor);
    return url.pathname + url.search;
  };
  return (
    <nav class="pages" aria-label={t.pages}>
      {!isFirst && (
        <a class="button small" href={to(null)}>
          {t.first}
        </a>
      )}
      {next !== null && (
        <a class="button small" href={to(next)} rel="next">
          {t.next}
        </a>
      )}
    </nav>
  );
}

/** How far something is; `label` says what, the number is beside it. */
export function Progress({ label, percent }: { label: string; percent: number }) {
  return (
    <progress max={100} value={percent} aria-label={label}>
      {percent}%
    </progress>
  );
}

/** A whole number as its reader writes it. */
export function num(view: View, value: number): string {
  return value.toLocaleString(view.lang);
}

/** A size in the units that the settings count in. */
export function bytes(view: View, size: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, size)) / 10));
  const value = size / 1024 ** power;
  const digits = value < 10 && power > 0 ? 1 : 0;
  return `${value.toLocaleString(view.lang, { maximumFractionDigits: digits })} ${units[power]}`;
}
