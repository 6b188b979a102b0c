import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { allRoutes } from '../../src/controllers/index.ts';
import { buildOpenApi } from '../../src/controllers/openapi.ts';
import { INBOUND_EXAMPLES, InboundContentOutput } from '../../src/services/inbound/schemas.ts';
import type { InboundContent } from '../../src/whatsapp/inbound-content.ts';

/** The type check fails here when a kind has no schema, or a field of it is of another type. */
const described = (content: InboundContent): z.input<typeof InboundContentOutput> => content;

const WEBHOOKS = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const ENGINES = readFileSync(new URL('../../docs/engines.md', import.meta.url), 'utf8');

/** Without white space: a formatter may set the examples in lines. */
const unspaced = (text: string): string => text.replaceAll(/\s+/g, '');

describe('each kind of inbound content', () => {
  it.each(Object.entries(INBOUND_EXAMPLES))(
    '%s has a schema, an example and a place in the documents',
    (kind, example) => {
      expect(InboundContentOutput.parse(described(example))).toEqual(example);
      expect(InboundContentOutput.safeParse({ type: kind }).success).toBe(false);
      expect(unspaced(WEBHOOKS)).toContain(unspaced(JSON.stringify(example)));
      expect(ENGINES).toContain(`\`${kind}\``);
    },
  );

  it('is told by its type in the description of the API, of answers and of webhooks', () => {
    const document = JSON.parse(JSON.stringify(buildOpenApi(allRoutes)));
    const { schemas } = document.components;
    const { discriminator } = schemas.InboundContent;
    expect(discriminator.propertyName).toBe('type');
    expect(Object.keys(discriminator.mapping).toSorted()).toEqual(Object.keys(INBOUND_EXAMPLES).toSorted());
    for (const [type, ref] of Object.entries<string>(discriminator.mapping)) {
      expect(schemas[ref.split('/').at(-1) ?? '']?.properties.type).toMatchObject({ const: type });
    }
    expect(JSON.stringify(schemas.MessageOutput.properties.content)).toContain('/InboundContent"');
    const { requestBody } = document.webhooks['message.received'].post;
    const { schema, examples } = requestBody.content['application/json'];
    expect(schema).toEqual({ $ref: '#/components/schemas/MessageReceivedEvent' });
    expect(Object.keys(examples)).toEqual(Object.keys(INBOUND_EXAMPLES));
  });
});
