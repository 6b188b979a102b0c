/** Every place in the database that holds something sealed, so that all of it can be checked and sealed again. */

import { and, asc, eq, getTableName, gt, sql } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import type { Db, Tx } from '../../db/client.ts';
import { isAfter } from '../../db/keyset.ts';
import { affected } from '../../db/ops.ts';
import {
  alertChannels,
  apiKeys,
  inboundMedia,
  mediaSources,
  otps,
  secondFactors,
  waCredentials,
  waKeys,
  waQuarantine,
  webhooks,
  whatsappAccounts,
} from '../../db/schema.ts';
import type { DbColumn, DbTable } from '../../db/types.ts';
import { keyIdOfText, type SecretBox } from '../../utils/crypto.ts';
import { credentialsContext, keyContext } from '../../whatsapp/credential-rows.ts';
import { sealedChannelContext } from '../alerts/deliver.ts';
import { sealedKeyContext } from '../api-keys.ts';
import { sealedTotpContext } from '../auth/second-factor/totp.ts';
import { sealedSourceContext } from '../inbound/media-work.ts';
import { macOf, openCode, sealCode } from '../otp/codes.ts';
import { sealedProxyContext } from '../sessions/connection.ts';
import { sealedHeadersContext } from '../webhooks/headers.ts';
import { sealedSecretContext } from '../webhooks/signature.ts';

/** One value as it was read. */
export interface SealedValue {
  /** the key it was sealed with */
  keyId: string;
  /** Throws when no key of the box opens it. */
  check(box: SecretBox): void;
  /** Seals it with the box's own key unless it has changed since it was read; whether it did. Throws as `check`. */
  reseal(tx: Tx, box: SecretBox): Promise<boolean>;
}

export interface SealedColumn {
  /** the table, for people */
  name: string;
  /** All values in pieces, each of a short statement, in the order of a key. */
  pages(db: Db): AsyncGenerator<SealedValue[]>;
}

/** Rows that one statement looks at. */
const BATCH_SIZE = 500;

const credentials: SealedColumn = {
  name: 'wa_credentials',
  async *pages(db) {
    const table = waCredentials;
    const sessions = await readQuarantine(db);
    const { accountId, keyId, sealed } = table;
    const pages = readBatches<{ accountId: string; keyId: string; sealed: Buffer }>(BATCH_SIZE, (last) =>
      db
        .select({ accountId, keyId, sealed })
        .from(table)
        .where(gt(accountId, last?.accountId ?? ''))
        .orderBy(asc(accountId))
        .limit(BATCH_SIZE),
    );
    for await (const rows of pages) {
      yield rows.map((row) => {
        const here = and(eq(accountId, row.accountId), eq(keyId, row.keyId), eq(sealed, row.sealed));
        const context = credentialsContext(sessions.get(row.accountId) ?? row.accountId);
        return bytesValue(row, context, (tx, changes) => tx.update(table).set(changes).where(here));
      });
    }
  },
};

const keys: SealedColumn = {
  name: 'wa_keys',
  async *pages(db) {
    const table = waKeys;
    const sessions = await readQuarantine(db);
    const { accountId, type, name, keyId, sealed } = table;
    const pages = readBatches<typeof waKeys.$inferSelect>(BATCH_SIZE, (last) =>
      db
        .select({ accountId, type, name, keyId, sealed })
        .from(table)
        .where(isAfter([accountId, type, name], last && [last.accountId, last.type, last.name]))
        .orderBy(asc(accountId), asc(type), asc(name))
        .limit(BATCH_SIZE),
    );
    for await (const rows of pages) {
      yield rows.map((row) => {
        const at = and(eq(accountId, row.accountId), eq(type, row.type), eq(name, row.name));
        const here = and(at, eq(keyId, row.keyId), eq(sealed, row.sealed));
        const context = keyContext(sessions.get(row.accountId) ?? row.accountId, row.type, row.name);
        return bytesValue(row, context, (tx, changes) => tx.update(table).set(changes).where(here));
      });
    }
  },
};

/** Erased credentials are still bound to the session whose they were: quarantine id to account id. */
async function readQuarantine(db: Db): Promise<Map<string, string>> {
  const rows = await db.select({ id: waQuarantine.id, accountId: waQuarantine.accountId }).from(waQuarantine);
  return new Map(rows.map((row) => [row.id, row.accountId]));
}

/** Where files of messages are, sealed with the id of the message. */
const sourcesIn = (name: string, table: typeof inboundMedia | typeof mediaSources): SealedColumn => ({
  name,
  async *pages(db) {
    const { id, keyId, sealed } = table;
    const pages = readBatches<{ id: string; keyId: string; sealed: Buffer }>(BATCH_SIZE, (last) =>
      db
        .select({ id, keyId, sealed })
        .from(table)
        .where(gt(id, last?.id ?? ''))
        .orderBy(asc(id))
        .limit(BATCH_SIZE),
    );
    for await (const rows of pages) {
      yield rows.map((row) => {
        const here = and(eq(id, row.id), eq(keyId, row.keyId), eq(sealed, row.sealed));
        const context = sealedSourceContext(row.id);
        return bytesValue(row, context, (tx, changes) => tx.update(table).set(changes).where(here));
      });
    }
  },
});

const sources = sourcesIn('inbound_media', inboundMedia);
const keptSources = sourcesIn('media_sources', mediaSources);

const ownKeys = textColumn(apiKeys, 'sealed', sealedKeyContext);

const webhookSecrets: SealedColumn = {
  name: 'webhooks',
  async *pages(db) {
    const table = webhooks;
    const { id, secret, previousSecret, olderSecrets } = table;
    const columns = { id, secret, previousSecret, olderSecrets };
    const pages = readBatches<Pick<typeof table.$inferSelect, keyof typeof columns>>(BATCH_SIZE, (last) =>
      db
        .select(columns)
        .from(table)
        .where(gt(id, last?.id ?? ''))
        .orderBy(asc(id))
        .limit(BATCH_SIZE),
    );
    for await (const rows of pages) {
      yield rows.flatMap((row) => {
        const context = sealedSecretContext(row.id);
        return [
          ...textValue(row.secret, context, (tx, before, after) =>
            tx
              .update(table)
              .set({ secret: after })
              .where(and(eq(id, row.id), eq(secret, before))),
          ),
          ...textValue(row.previousSecret, context, (tx, before, after) =>
            tx
              .update(table)
              .set({ previousSecret: after })
              .where(and(eq(id, row.id), eq(previousSecret, before))),
          ),
          ...textValue(row.olderSecrets, context, (tx, before, after) =>
            tx
              .update(table)
              .set({ olderSecrets: after })
              .where(and(eq(id, row.id), eq(olderSecrets, before))),
          ),
        ];
      });
    }
  },
};

const webhookHeaders = textColumn(webhooks, 'headers', sealedHeadersContext);

/** The proof of a code hangs on the key as well: it is made again from the sealed code. */
const codes: SealedColumn = {
  name: 'otps',
  async *pages(db) {
    const table = otps;
    const { id, userId, sealed } = table;
    const pages = readBatches<{ id: string; userId: number; sealed: string | null }>(BATCH_SIZE, (last) =>
      db
        .select({ id, userId, sealed })
        .from(table)
        .where(gt(id, last?.id ?? ''))
        .orderBy(asc(id))
        .limit(BATCH_SIZE),
    );
    for await (const rows of pages) {
      yield rows.flatMap((row): SealedValue[] => {
        const before = row.sealed;
        if (before === null) return [];
        return [
          {
            keyId: keyIdOfText(before),
            check: (box) => void openCode(box, row, before),
            async reseal(tx, box) {
              const code = openCode(box, row, before);
              const changes = { sealed: sealCode(box, row, code), codeMac: macOf(box, row, code.code) };
              const here = and(eq(id, row.id), eq(sealed, before));
              return affected(await tx.update(table).set(changes).where(here)) === 1;
            },
          },
        ];
      });
    }
  },
};

const proxies = textColumn(whatsappAccounts, 'proxy', sealedProxyContext);
const alertSecrets = textColumn(alertChannels, 'secret', sealedChannelContext);
const totpSecrets = textColumn(secondFactors, 'secret', sealedTotpContext);

/** All of them: whoever seals something in a new place adds it here. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  credentials,
  keys,
  sources,
  keptSources,
  ownKeys,
  webhookSecrets,
  webhookHeaders,
  codes,
  proxies,
  totpSecrets,
  alertSecrets,
];

function bytesValue(
  row: { keyId: string; sealed: Buffer },
  context: string,
  write: (tx: Tx, changes: { keyId: string; sealed: Buffer }) => PromiseLike<unknown>,
): SealedValue {
  const open = (box: SecretBox) => box.open(row.sealed, row.keyId, context);
  return {
    keyId: row.keyId,
    check: (box) => void open(box),
    async reseal(tx, box) {
      const changes = { keyId: box.keyId, sealed: box.seal(open(box), context) };
      return affected(await write(tx, changes)) === 1;
    },
  };
}

/** A column of texts, bound to the id of their row. */
function textColumn<N extends string>(
  columns: DbTable & { id: DbColumn } & Record<N, DbColumn>,
  name: N,
  contextOf: (id: string) => string,
): SealedColumn {
  const { id, [name]: text } = columns;
  const table: DbTable = columns;
  return {
    name: getTableName(table),
    async *pages(db) {
      const pages = readBatches<{ id: string; text: string | null }>(BATCH_SIZE, (last) =>
        db
          .select({ id: sql<string>`${id}`, text: sql<string | null>`${text}` })
          .from(table)
          .where(gt(id, last?.id ?? ''))
          .orderBy(asc(id))
          .limit(BATCH_SIZE),
      );
      for await (const rows of pages) {
        yield rows.flatMap((row) =>
          textValue(row.text, contextOf(row.id), (tx, before, after) =>
            tx
              .update(table)
              .set({ [name]: after })
              .where(and(eq(id, row.id), eq(text, before))),
          ),
        );
      }
    },
  };
}

/** None for null. */
function textValue(
  before: string | null,
  context: string,
  write: (tx: Tx, before: string, after: string) => PromiseLike<unknown>,
): SealedValue[] {
  if (before === null) return [];
  return [
    {
      keyId: keyIdOfText(before),
      check: (box) => void box.openText(before, context),
      async reseal(tx, box) {
        const after = box.sealText(box.openText(before, context), context);
        return affected(await write(tx, before, after)) === 1;
      },
    },
  ];
}
