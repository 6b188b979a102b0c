/** Small workbooks (.xlsx), made by hand. */
import { crc32, deflateRawSync } from 'node:zlib';

export type CellSpec =
  | string
  | number
  | boolean
  | null
  | { date: number }
  | { padded: number }
  | { raw: string };

interface Options {
  /** a file of the archive that is left out */
  without?: string;
  /** bytes of one attribute in the sheet */
  bomb?: number;
  /** elements that are opened inside of one another and never closed */
  depth?: number;
}

const xml = (body: string) => Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${body}`);
const escapeXml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Texts are shared, as spreadsheet programs write them; an empty row is left out, as they do. */
export function workbook(rows: CellSpec[][], { without, bomb = 0, depth = 0 }: Options = {}): Buffer {
  const texts: string[] = [];
  const cellOf = (cell: CellSpec, column: number, row: number): string => {
    const at = `r="${String.fromCharCode(65 + column)}${row}"`;
    if (cell === null) return '';
    if (typeof cell === 'string') return `<c ${at} t="s"><v>${texts.push(cell) - 1}</v></c>`;
    if (typeof cell === 'boolean') return `<c ${at} t="b"><v>${cell ? 1 : 0}</v></c>`;
    if (typeof cell === 'number')
      return `<c ${at}><v>${cell.toExponential().toUpperCase().replace('+', '')}</v></c>`;
    if ('date' in cell) return `<c ${at} s="1"><v>${cell.date}</v></c>`;
    if ('padded' in cell) return `<c ${at} s="2"><v>${cell.padded}</v></c>`;
    return `<c ${at}>${cell.raw}</c>`;
  };
  const lines = rows.map((cells, i) => {
    const inner = cells.map((cell, column) => cellOf(cell, column, i + 1)).join('');
    return cells.length === 0 ? '' : `<row r="${i + 1}">${inner}</row>`;
  });
  const sheet = xml(`<worksheet><sheetData>${lines.join('')}`);
  const files: Record<string, Buffer> = {
    'xl/workbook.xml': xml(
      '<workbook><sheets><sheet name="hidden" state="hidden" r:id="r0"/><sheet name="A" r:id="r1"/></sheets></workbook>',
    ),
    'xl/_rels/workbook.xml.rels': xml(
      '<Relationships><Relationship Id="r0" Target="worksheets/none.xml"/><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
    ),
    'xl/styles.xml': xml(
      '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="dd/mm/yyyy hh:mm"/><numFmt numFmtId="171" formatCode="000000000000"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>',
    ),
    'xl/sharedStrings.xml': xml(
      `<sst>${texts.map((text) => `<si><r><t>${escapeXml(text)}</t></r><rPh><t>x</t></rPh></si>`).join('')}</sst>`,
    ),
    'xl/worksheets/sheet1.xml': Buffer.concat([
      sheet,
      // One attribute without an end: a text with such a letter takes twice the memory.
      ...(bomb === 0 ? [] : [Buffer.from('<x a="'), Buffer.alloc(bomb, `${' '.repeat(1_000)}ā`)]),
      Buffer.from('<x>'.repeat(depth)),
      Buffer.from('</sheetData></worksheet>'),
    ]),
  };
  if (without !== undefined) delete files[without];
  return zip(files);
}

function zip(files: Record<string, Buffer>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const packed = deflateRawSync(bytes);
    const about = Buffer.alloc(26);
    about.writeUInt16LE(20, 0);
    about.writeUInt16LE(8, 4);
    about.writeUInt32LE(crc32(bytes), 10);
    about.writeUInt32LE(packed.length, 14);
    about.writeUInt32LE(bytes.length, 18);
    about.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('504b0304', 'hex'), about, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('504b01021400', 'hex'), about, tail, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('504b0506', 0, 'hex');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
