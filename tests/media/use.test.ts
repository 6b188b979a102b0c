import { expect, it } from 'vitest';
import { requireUse } from '../../src/services/media/detect.ts';

const DOCUMENT = 'POST /message/send-document';

it('a file that phones do not show so may be sent as a document, where it is of a message', () => {
  const asMessage = expect.objectContaining({
    code: 'UNSUPPORTED_MEDIA',
    hint: expect.stringContaining(DOCUMENT),
  });
  expect(() => requireUse('image', 'application/pdf', true)).toThrow(asMessage);
  const asPicture = expect.objectContaining({ hint: expect.not.stringContaining(DOCUMENT) });
  expect(() => requireUse('image', 'application/pdf', false)).toThrow(asPicture);
  expect(() => requireUse('image', 'image/png', false)).not.toThrow();
});
