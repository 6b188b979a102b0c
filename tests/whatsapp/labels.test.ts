/** Labels that this service makes while the phone makes some of its own, over the wire. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { AppStateVersions, LearntAppState } from '../../src/whatsapp/app-state.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { startTestEngine, type TestEngine, until } from '../helpers/engine.ts';

const PHONE = '6281100000077';

let test: TestEngine;
let account: AccountRef;
let versions: AppStateVersions = {};
const told: string[] = [];
/** Done after everything of the phone was read, before the label is made. */
let meanwhile = async () => {};

beforeAll(async () => {
  test = await startTestEngine();
  Object.assign(test.callbacks, {
    appStateVersions: async () => versions,
    async learnAppState(_account: unknown, learnt: Pick<LearntAppState, 'versions' | 'changes'>) {
      versions = { ...versions, ...learnt.versions };
      for (const change of learnt.changes) if (change.kind === 'label') told.push(change.label);
    },
    async nextLabel() {
      await meanwhile();
      return '10';
    },
  });
  account = await test.connect(PHONE);
  await until(() => versions.regular !== undefined, 20_000);
});
afterAll(() => test.stop());
beforeEach(() => {
  meanwhile = async () => {};
});

it('get ids that the phone does not give out at the same moment', async () => {
  meanwhile = async () => {
    await test.emulator.setLabel({ phone: PHONE, label: '10', name: 'Dari telepon', color: 1 });
  };
  const { label } = await test.engine.ask(account.id, 'label.create', { name: 'Dari sini', color: 2 });
  expect(label).toBe('11');
  expect(await test.emulator.labels({ phone: PHONE })).toMatchObject({
    10: { name: 'Dari telepon' },
    11: { name: 'Dari sini' },
  });
});

it('are all read where the phone changes hundreds at once', async () => {
  const labels = Array.from({ length: 350 }, (_, at) => ({
    label: `${at + 100}`,
    name: `Label ${at}`,
    color: 1,
  }));
  told.length = 0;
  await test.emulator.setLabels({ phone: PHONE, labels });
  await until(() => told.length >= labels.length);
  expect(told.toSorted()).toEqual(labels.map(({ label }) => label).toSorted());
});
