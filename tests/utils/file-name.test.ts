import { describe, expect, it } from 'vitest';
import { documentName, nameInUrl, receivedName, writtenName } from '../../src/utils/file-name.ts';
import { dispositionName } from '../../src/utils/guarded-http/content-disposition.ts';

/** A header as it comes: a character for each byte. */
const bytes = (text: string) => Buffer.from(text).toString('latin1');

describe('Content-Disposition', () => {
  it.each<[string, string, string | null]>([
    ['a quoted name', 'attachment; filename="Laporan Q1.pdf"', 'Laporan Q1.pdf'],
    ['a token', 'inline; filename=report.pdf', 'report.pdf'],
    ['a name with spaces and no quotes', 'attachment; filename=my report.pdf; size=3', 'my report.pdf'],
    ['escaped quotes', 'attachment; filename="a \\"b\\" c.pdf"', 'a "b" c.pdf'],
    ['a semicolon inside of quotes', 'attachment; filename="a;b.pdf"; foo=bar', 'a;b.pdf'],
    ['the extended name first', 'attachment; filename="EURO.pdf"; filename*=UTF-8\'\'%e2%82%ac.pdf', '€.pdf'],
    ['whatever the order', "attachment; filename*=utf-8'en'%C3%A9.pdf; filename=e.pdf", 'é.pdf'],
    ['another charset', "attachment; filename*=ISO-8859-1''%A3%20rates.pdf", '£ rates.pdf'],
    ['quotes around an extended name', 'attachment; filename*="UTF-8\'\'%e5%a0%b1.pdf"', '報.pdf'],
    ['an extended name without charset', 'attachment; filename*=%C3%A9.pdf', 'é.pdf'],
    [
      'a charset that nobody knows: the plain name',
      "attachment; filename*=x-none''a; filename=b.pdf",
      'b.pdf',
    ],
    ['an extended name that is no UTF-8', "attachment; filename*=UTF-8''%ff.pdf; filename=b.pdf", 'b.pdf'],
    [
      'pieces',
      'attachment; filename*0*=UTF-8\'\'%e2%82; filename*1*=%ac; filename*2=" end.pdf"',
      '€ end.pdf',
    ],
    ['bytes in UTF-8', bytes('attachment; filename="報告 café.pdf"'), '報告 café.pdf'],
    ['bytes in Latin-1', 'attachment; filename="caf\u00e9.pdf"', 'café.pdf'],
    ['percent-encoding in a plain name', 'attachment; filename="My%20File%20%E2%9C%93.pdf"', 'My File ✓.pdf'],
    ['a percent sign that is none', 'attachment; filename="100%.pdf"', '100%.pdf'],
    ['encoded words', 'attachment; filename="=?UTF-8?B?5aCx5ZGK?= =?utf-8?Q?_a=2Epdf?="', '報告 a.pdf'],
    ['single quotes', "attachment; filename='a b.pdf'", 'a b.pdf'],
    ['an apostrophe', "attachment; filename=Budi's.pdf", "Budi's.pdf"],
    ['an empty extended name: the plain one', 'attachment; filename=a.pdf; filename*=', 'a.pdf'],
    ['an empty plain name: the extended one', 'attachment; filename=""; filename*=UTF-8\'\'b.pdf', 'b.pdf'],
    ['GBK', "attachment; filename*=gbk''%B1%A8%B8%E6.pdf", '报告.pdf'],
    ['spaces around the sign', 'attachment; filename = "a b.pdf"', 'a b.pdf'],
    ['capitals', 'ATTACHMENT; FileName="A.PDF"', 'A.PDF'],
    ['an open quote', 'attachment; filename="a.pdf', 'a.pdf'],
    ['no name', 'attachment', null],
    ['an empty name', 'attachment; filename=""', null],
    ['nothing', '', null],
    ['too much', `attachment; filename="${'a'.repeat(9_000)}"`, null],
  ])('%s', (_what, header, name) => {
    expect(dispositionName(header)).toBe(name);
  });
});

describe('a received name', () => {
  it.each<[string, string | null]>([
    ['C:\\fakepath\\a.pdf', 'a.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['a\u202efdp.exe', 'afdp.exe'],
    ['a\0b\r\n.pdf', 'ab.pdf'],
    ['half \ud83d.pdf', 'half \ufffd.pdf'],
    ['👨‍👩‍👧.pdf', '👨‍👩‍👧.pdf'],
    ['..', null],
    ['', null],
  ])('%j is %j', (name, expected) => {
    expect(receivedName(name)).toBe(expected);
  });

  it('that is too long keeps whole characters and its extension', () => {
    const family = '👨‍👩‍👧';
    const name = receivedName(`${family.repeat(500)}.pdf`) ?? '';
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name).toMatch(/^(👨‍👩‍👧)+\.pdf$/u);
  });

  it('that a person wrote stays as it is, but for what cannot be seen', () => {
    expect(writtenName('Tagihan 12/2026: "akhir"?.pdf')).toBe('Tagihan 12/2026: "akhir"?.pdf');
    expect(writtenName(' a\u202eb\n.pdf ')).toBe('ab.pdf');
  });
});

describe('a document without a name of its own', () => {
  it.each<[string | null, string, string]>([
    [null, 'application/pdf', 'document.pdf'],
    [null, 'application/octet-stream', 'document'],
    ['download', 'application/pdf', 'download.pdf'],
    ['get.php', 'application/pdf', 'get.pdf'],
    ['page.html', 'text/plain', 'page.html'],
    ['a.b', 'application/pdf', 'a.b'],
    ['faktur.PDF', 'application/pdf', 'faktur.PDF'],
  ])('%j of %s is called %s', (filename, mimetype, expected) => {
    expect(documentName(filename, mimetype)).toBe(expected);
  });

  it.each<[string, string | null]>([
    ['https://a.example/x/Laporan%20%E2%9C%93.pdf?X-Amz-Signature=1', 'Laporan ✓.pdf'],
    ['https://a.example/', null],
    ['https://a.example/x/', null],
    ['https://a.example/bad%ff.pdf', 'bad%ff.pdf'],
    ['https://a.example/a%2Fb.pdf', 'b.pdf'],
  ])('%s names %j', (url, expected) => {
    expect(nameInUrl(new URL(url))).toBe(expected);
  });
});
