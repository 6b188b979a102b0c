import { describe, expect, it } from 'vitest';
import { channelOf, toOtherSide, toPeer } from '../../src/services/messages/recipient.ts';
import { toLedgerKey } from '../../src/services/opt-outs/ledger-keys.ts';

describe('an address', () => {
  it.each([
    ['186470215942314@LID', '186470215942314@lid'],
    ['120363041234567890@G.US', '120363041234567890@g.us'],
    ['6281234567890@S.WhatsApp.Net', '6281234567890@s.whatsapp.net'],
    ['6281234567890@C.US', '6281234567890@s.whatsapp.net'],
  ])('is read whatever letters its server is in: %s', (written, peer) => {
    expect(toPeer(written, undefined, 'ID').peer).toBe(peer);
    expect(toOtherSide(` ${written} `, 'ID').peer).toBe(peer);
  });

  it('of a channel is read so, too', () => {
    expect(channelOf('120363041234567890@NEWSLETTER')?.peer).toBe('120363041234567890@newsletter');
    expect(toPeer('120363041234567890@G.Us', true, 'ID').peer).toBe('120363041234567890@g.us');
  });

  it('is no LID with more digits than tell two opt-outs apart', () => {
    const digits = '1234567890123456789';
    expect(toLedgerKey(`${digits}@lid`, 'ID')).toBe(`@${digits}`);
    for (const last of ['0', '1']) {
      expect(() => toLedgerKey(`${digits}${last}@lid`, 'ID')).toThrow('This is not a LID.');
    }
  });
});
