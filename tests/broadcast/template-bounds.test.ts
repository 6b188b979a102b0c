/** No text and no contact makes a template costly, and nothing is sent that WhatsApp does not take. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRenderer } from '../../src/services/campaigns/render-content.ts';
import { checkTemplate, fillTemplate } from '../../src/services/otp/template-text.ts';
import {
  compileTemplate,
  MAX_RENDERED_LENGTH,
  type RenderContact,
  renderTemplate,
} from '../../src/services/templates/render.ts';
import { checkTemplateText } from '../../src/services/templates/templates.ts';

/** A contact that counts how often its columns are gone through. */
function counted(fields: Record<string, string>): { contact: RenderContact; walks: () => number } {
  let walks = 0;
  const watched = new Proxy(fields, {
    ownKeys(target) {
      walks++;
      return Reflect.ownKeys(target);
    },
  });
  return { contact: { phone: '6281234567890', name: 'Budi', fields: watched }, walks: () => walks };
}

const manyColumns = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`Column ${i}`, `value ${i}`]));

describe('columns', () => {
  it('are gone through once for a contact, however many placeholders and texts there are', () => {
    const { contact, walks } = counted(manyColumns);
    const text = '{column_7}{nothing}'.repeat(200);
    expect(renderTemplate(text, contact, 's').text).toBe('value 7'.repeat(200));
    const content = {
      type: 'list' as const,
      text,
      title: '{column-8}',
      footer: '{COLUMN 9}',
      buttonText: 'x',
      sections: [],
      rendering: 'text' as const,
    };
    const rendered = createRenderer(content, 's')({ ...contact, position: 1 });
    expect(rendered).toMatchObject({ content: { title: 'value 8', footer: 'value 9' } });
    expect(walks()).toBe(2);
  });

  it('are those of the contact, never those of every object', () => {
    const contact = { phone: '62', name: null, fields: { city: 'Solo' } };
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty', 'tostring']) {
      expect(renderTemplate(`{${name}}`, contact, 's')).toMatchObject({ text: '', missing: [name] });
    }
    const own = { phone: '62', name: null, fields: { toString: 'mine', constructor: 'yours' } };
    expect(renderTemplate('{toString} {Constructor}', own, 's').text).toBe('mine yours');
  });
});

describe('a text', () => {
  const long = { phone: '62', name: null, fields: { a: 'x'.repeat(1_000) } };

  it('has at most 500 placeholders, and says so', () => {
    expect(() => checkTemplateText('{a}'.repeat(500), 'body')).not.toThrow();
    for (const text of ['{a}'.repeat(501), `{{x|${'{a}'.repeat(600)}}}`]) {
      expect(() => checkTemplateText(text, 'body')).toThrow(
        expect.objectContaining({
          code: 'VALIDATION_FAILED',
          details: { body: expect.stringContaining('at most 500 are possible') },
        }),
      );
    }
    expect(() => checkTemplate(`{otp}${'{company}'.repeat(60)}`, 'body')).toThrow(/at most 50/);
  });

  it('that would become too long stops there, and is not sent', () => {
    const rendered = renderTemplate('{a}'.repeat(21_800), long, 's');
    expect(rendered).toMatchObject({ tooLong: true });
    expect(rendered.text).toHaveLength(MAX_RENDERED_LENGTH);
    const fitting = renderTemplate(`${'{a}'.repeat(65)}${'y'.repeat(536)}`, long, 's');
    expect([fitting.text.length, fitting.tooLong]).toEqual([MAX_RENDERED_LENGTH, undefined]);
    const recipient = { ...long, position: 3 };
    const text = { type: 'text' as const, text: '{a}'.repeat(66) };
    expect(createRenderer(text, 's')(recipient)).toBe('message_too_long');
    expect(createRenderer({ type: 'text', text: ' {b}' }, 's')(recipient)).toBe('empty_message');
  });
});

const pieces = fc.constantFrom(
  '{',
  '}',
  '|',
  '{{',
  '}}',
  'a',
  '{a}',
  '{a|b}',
  '{{a|b}}',
  ' ',
  '\n',
  '{toString}',
  '😀',
);
const texts = fc.array(pieces, { maxLength: 60 }).map((list) => list.join(''));

describe('whatever is written', () => {
  it('a broadcast text is filled in, without braces that it did not have', () => {
    fc.assert(
      fc.property(texts, fc.dictionary(fc.string(), fc.string()), fc.string(), (text, fields, seed) => {
        const { text: made } = renderTemplate(text, { phone: '62', name: null, fields }, seed);
        expect(renderTemplate(compileTemplate(text), { phone: '62', name: null, fields }, seed).text).toBe(
          made,
        );
        expect(made.length).toBeLessThanOrEqual(MAX_RENDERED_LENGTH);
      }),
      { numRuns: 1_000 },
    );
  });

  it('a code stands in every OTP text that is accepted', () => {
    const otpTexts = fc.array(
      fc.constantFrom('{otp}', '{OTP}', '{company}', '{minutes}', '{', '}', 'x', '{x}', '$&'),
    );
    fc.assert(
      fc.property(otpTexts, (list) => {
        const text = list.join('');
        try {
          checkTemplate(text, 'body');
        } catch (error) {
          expect(error).toMatchObject({ code: 'VALIDATION_FAILED' });
          return;
        }
        const filled = fillTemplate(text, { otp: '482913', company: '{otp}$&', remainingMs: 1 });
        expect(filled).toContain('482913');
      }),
      { numRuns: 1_000 },
    );
  });
});
