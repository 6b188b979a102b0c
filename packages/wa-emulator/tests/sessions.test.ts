import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createParties, type Party } from '../src/party.ts';
import { typedKey } from '../src/signal-sessions.ts';
import { openStore } from '../src/store.ts';

const derive = (purpose: string) => createHash('sha256').update(purpose).digest();

async function twoParties(): Promise<[Party, Party]> {
  const parties = createParties(await openStore(undefined), derive);
  return [parties.of('62811'), parties.of('62812')];
}

const bundleOf = ({ registrationId, identity, signedPreKey, takePreKey }: Party) => {
  const preKey = takePreKey();
  return {
    registrationId,
    identityKey: typedKey(identity.public),
    signedPreKey: { ...signedPreKey, keyId: signedPreKey.id, publicKey: typedKey(signedPreKey.public) },
    preKey: { keyId: preKey.id, publicKey: typedKey(preKey.public) },
  };
};

const send = (from: Party, to: Party, text: string) =>
  from.encrypt(to.phone, Buffer.from(text), () => bundleOf(to));
const sendAnew = (from: Party, to: Party, text: string) =>
  from.encryptAnew(to.phone, Buffer.from(text), () => bundleOf(to));
const read = async (by: Party, from: Party, sealed: { type: string; ciphertext: Buffer }) =>
  (await by.decrypt(from.phone, sealed.type, sealed.ciphertext)).toString();

describe('a session that is begun again', () => {
  it('leaves what is on its way in the older one readable', async () => {
    const [ani, budi] = await twoParties();
    expect(await read(budi, ani, await send(ani, budi, 'satu'))).toBe('satu');
    const onItsWay = await send(budi, ani, 'dua');
    const again = await sendAnew(ani, budi, 'satu lagi');
    expect(again.type).toBe('pkmsg');
    expect(await read(ani, budi, onItsWay)).toBe('dua');
    expect(await read(budi, ani, again)).toBe('satu lagi');
  });

  it('does not disturb messages that are being sealed', async () => {
    const [ani, budi] = await twoParties();
    const texts = Array.from({ length: 8 }, (_, n) => `pesan ${n}`);
    const sealed = await Promise.all(
      texts.map((text, n) => (n % 2 === 0 ? send : sendAnew)(ani, budi, text)),
    );
    const opened: string[] = [];
    for (const one of sealed) opened.push(await read(budi, ani, one));
    expect(opened).toEqual(texts);
  });
});
