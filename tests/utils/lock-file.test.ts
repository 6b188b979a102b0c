import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  version?: string;
  integrity?: string;
  resolved?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'));
const packages: Record<string, Locked> = read('package-lock.json').packages;
const { allowScripts }: { allowScripts: Record<string, boolean> } = read('package.json');

/** Where Node looks for a package: beside the one that needs it, then upwards. */
function isLocked(from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (packages[`${folder ? `${folder}/` : ''}node_modules/${name}`]) return true;
    if (folder === '') return false;
  }
}

/** npm forgets the packages of other platforms when it writes a lock file beside an installed node_modules. */
describe('package-lock.json', () => {
  it('holds the packages of every platform, so that `npm ci` takes it anywhere', () => {
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }).filter(
        (name) => !isLocked(path, name),
      ),
    );
    expect(missing).toEqual([]);
  });

  it('pins every package by its hash and names no registry', () => {
    // The rest are folders of this repository and links to them.
    const entries = Object.entries(packages).filter(
      ([path, { link }]) => path.includes('node_modules/') && !link,
    );
    expect(entries.filter(([, entry]) => !entry.integrity).map(([path]) => path)).toEqual([]);
    expect(entries.filter(([, entry]) => entry.resolved).map(([path]) => path)).toEqual([]);
  });

  it('has a decision for every package that wants to run a script when it is installed', () => {
    const names = Object.entries(packages)
      .filter(([, entry]) => entry.hasInstallScript)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    expect(names.filter((name) => allowScripts[name] === undefined)).toEqual([]);
  });
});
