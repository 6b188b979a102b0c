/** The names of columns in the database: drizzle keeps them for itself until it builds a statement. */
import type { Column } from 'drizzle-orm';
import { CasingCache } from 'drizzle-orm/casing';

const casing = new CasingCache('snake_case');

/** The name of a column, not quoted. */
export const columnName = (column: Column): string => casing.getColumnCasing(column);
