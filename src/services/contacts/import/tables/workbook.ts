/** The first visible sheet of a workbook (.xlsx, ECMA-376) -> CSV, each row on the line of its own number. */
import { type Archive, openArchive } from './archive.ts';
import { numberText, readFormats, type Shown } from './number-formats.ts';
import { createSheetWriter } from './sheet-writer.ts';

/** A few more than an import takes, so that it can say that there are too many. */
const MAX_COLUMNS = 250;
const MAX_CELL = 32_767;
/** Characters of all texts that cells share. */
const MAX_SHARED = 100_000_000;

export async function workbookToCsv(input: string, output: string): Promise<void> {
  const archive = await openArchive(input);
  try {
    if (!archive.has('xl/workbook.xml')) throw new Error('it is no .xlsx file but another kind of archive.');
    const { sheet, from1904 } = await findSheet(archive);
    const texts = await readShared(archive);
    const formats = await readFormats(archive);
    await writeSheet(archive, sheet, output, (cell) => textOf(cell, { texts, formats, from1904 }));
  } finally {
    archive.close();
  }
}

async function findSheet(archive: Archive): Promise<{ sheet: string; from1904: boolean }> {
  const sheets: string[] = [];
  let from1904 = false;
  await archive.read('xl/workbook.xml', {
    open(name, attributes) {
      if (name === 'workbookPr') from1904 = /^(1|true)$/.test(attributes.date1904 ?? '');
      if (name === 'sheet' && (attributes.state ?? 'visible') === 'visible')
        sheets.push(attributes['r:id'] ?? '');
    },
  });
  const targets = new Map<string, string>();
  await archive.read('xl/_rels/workbook.xml.rels', {
    open(name, { Id, Target }) {
      if (name === 'Relationship' && Id !== undefined && Target !== undefined) targets.set(Id, Target);
    },
  });
  const target = targets.get(sheets[0] ?? '') ?? 'worksheets/sheet1.xml';
  const sheet = target.startsWith('/') ? target.slice(1) : `xl/${target}`;
  if (!archive.has(sheet)) throw new Error('it has no sheet.');
  return { sheet, from1904 };
}

/** Texts that cells name by their place. What is said of their pronunciation is left out. */
async function readShared(archive: Archive): Promise<string[]> {
  const texts: string[] = [];
  let text: string | null = null;
  let isText = false;
  let skips = 0;
  let total = 0;
  await archive.read('xl/sharedStrings.xml', {
    open(name) {
      if (name === 'si') text = '';
      if (name === 't') isText = true;
      if (name === 'rPh') skips++;
    },
    text(piece) {
      if (text !== null && isText && skips === 0) text += piece;
    },
    close(name) {
      if (name === 't') isText = false;
      if (name === 'rPh') skips--;
      if (name !== 'si' || text === null) return;
      total += text.length;
      if (total > MAX_SHARED) throw new Error('it holds too much text.');
      texts.push(text.slice(0, MAX_CELL));
      text = null;
    },
  });
  return texts;
}

interface Cell {
  type: string;
  style: number;
  value: string;
}

interface Book {
  texts: readonly string[];
  formats: readonly Shown[];
  from1904: boolean;
}

function textOf({ type, style, value }: Cell, { texts, formats, from1904 }: Book): string {
  switch (type) {
    case 's':
      return texts[Number(value)] ?? '';
    case 'str':
    case 'inlineStr':
    case 'd':
      return value.slice(0, MAX_CELL);
    case 'b':
      return value === '1' ? 'TRUE' : 'FALSE';
    case 'e':
      return '';
    default:
      return numberText(value, formats[style], from1904);
  }
}

async function writeSheet(
  archive: Archive,
  sheet: string,
  output: string,
  toText: (cell: Cell) => string,
): Promise<void> {
  const writer = createSheetWriter(output);
  let rows: { line: number; cells: string[] }[] = [];
  let line = 0;
  let cells: string[] = [];
  let column = 0;
  let cell: Cell | null = null;
  let isValue = false;
  await archive.read(sheet, {
    open(name, attributes) {
      if (name === 'row') {
        line = Math.max(line + 1, Math.floor(Number(attributes.r ?? 0)) || 0);
        [cells, column] = [[], 0];
      } else if (name === 'c') {
        column = columnOf(attributes.r) ?? column;
        cell = { type: attributes.t ?? 'n', style: Number(attributes.s ?? -1), value: '' };
      } else if (name === 'v' || name === 't') isValue = true;
    },
    text(piece) {
      if (cell !== null && isValue && cell.value.length < MAX_CELL) cell.value += piece;
    },
    close(name) {
      if (name === 'v' || name === 't') isValue = false;
      if (name === 'c' && cell !== null) {
        if (column < MAX_COLUMNS) setCell(cells, column, toText(cell));
        column++;
        cell = null;
      }
      if (name === 'row' && cells.length > 0) rows.push({ line, cells });
    },
    async pause() {
      const ready = rows;
      rows = [];
      for (const row of ready) await writer.write(row.line, row.cells);
    },
  });
  for (const row of rows) await writer.write(row.line, row.cells);
  await writer.end();
}

function setCell(cells: string[], column: number, text: string): void {
  while (cells.length < column) cells.push('');
  cells[column] = text;
}

/** `AB12` is column 27, from 0. */
function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0];
  if (letters === undefined) return undefined;
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}
