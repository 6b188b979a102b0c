export const transfer = {
  title: 'Import a link',
  offer: 'Already linked in another gateway?',
  offerLink: 'Import the link',
  intro:
    'You can import a number that another Baileys gateway has linked. All you need is its folder with creds.json and the keys. No new QR code, no passkey.',
  file: 'Archive of the folder',
  fileHint:
    'Zip, tar or tar.gz of the folder that contains creds.json (wa-multi-session: main_credentials), or one JSON file. At most 64 MB.',
  creds: 'Credentials, if stored separately',
  credsHint:
    'Only for Evolution and others that store credentials in a table: the text of the creds column. The file above then contains the keys.',
  proxy: 'Proxy',
  proxyHint: 'Optional. If the old program used one, enter the same.',
  checkedTitle: 'Checks before the import',
  check1: 'Each private key matches its public key.',
  check2: 'The signed pre-key is signed by the identity key.',
  check3: 'The phone signed this device, and the device signed the phone.',
  check4: 'You have no other active session with this number.',
  stopTitle: 'Stop the old program first',
  stop: 'A link can have only one connection. If the old program still runs for this number, the two will disconnect each other. Never start it with these files again.',
  stopped: 'The old program is stopped for this number',
  button: 'Check and import',
  done: (phone: string, keys: number, leftOut: number) =>
    `The link of ${phone} was imported with ${keys.toLocaleString('en')} keys${leftOut > 0 ? `; ${leftOut.toLocaleString('en')} files were skipped` : ''}. Do not start the old program again.`,
  exportTitle: 'Export the link',
  exportHint:
    'A zip of a folder that Baileys’ useMultiFileAuthState can read. The session stops here. Anyone with the file can send messages from this number: keep it like a password.',
  exportConfirm: (id: string) => `Type ${id} to confirm`,
  exportButton: 'Stop session and download link',
  flaw_unreadable: 'This is not a folder, archive or JSON file of a link, or it is damaged.',
  flaw_too_large: 'This contains more data than a link has.',
  flaw_several_links:
    'It contains several links. Send the folder of one, or give the session the folder’s name.',
  flaw_no_credentials:
    'It contains no complete creds.json. Stop the old program, then copy the folder again.',
  flaw_malformed: 'The credentials are not in the format that Baileys writes.',
  flaw_not_linked: 'These credentials were never linked to a phone, or were unlinked.',
  flaw_key_pair_differs: 'A private key does not match its public key. The files are damaged or mixed up.',
  flaw_signature_wrong: 'A signature is wrong. The files are damaged, or come from different devices.',
};
