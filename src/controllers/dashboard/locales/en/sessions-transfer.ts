export const transfer = {
  title: 'Take over a link',
  offer: 'Is the number linked in another gateway already?',
  offerLink: 'Take its link over',
  intro:
    'A number that another gateway on Baileys has linked need not be linked again: its folder with creds.json and the keys is enough. That spares the passkey, too.',
  file: 'Archive of the folder',
  fileHint:
    'A zip, tar or tar.gz of the folder with creds.json (wa-multi-session: main_credentials), or one JSON file. At most 64 MB.',
  creds: 'Credentials apart from the keys',
  credsHint:
    'Only for Evolution and others that keep the credentials in a table: the text of its column creds. The file above then holds the keys.',
  checkedTitle: 'What is checked before anything is stored',
  check1: 'Each private key fits its public key.',
  check2: 'The signed pre-key is signed by the identity key.',
  check3: 'The phone has signed this device, and the device the phone.',
  check4: 'The number has no other active session of yours.',
  stopTitle: 'Stop the old program first',
  stop: 'One link has one connection. If the old program still runs for this number, both throw each other out. Never start it with these files again.',
  stopped: 'The old program is stopped for this number',
  button: 'Check and take over',
  done: (phone: string, keys: number, leftOut: number) =>
    `The link of ${phone} was taken over with ${keys} keys${leftOut > 0 ? `; ${leftOut} files were left out` : ''}. Do not start the old program again.`,
  exportTitle: 'Take the link to another program',
  exportHint:
    'A zip of the folder that Baileys’ useMultiFileAuthState reads. The session stops here. Whoever has the file can write in the name of this number: keep it like a password.',
  exportConfirm: (id: string) => `Type ${id} to confirm`,
  exportButton: 'Stop the session and download its link',
  flaw_unreadable: 'This is no folder, archive or JSON of a link, or it is damaged.',
  flaw_too_large: 'This holds more than a link has.',
  flaw_several_links:
    'There are several links in it: send the folder of one, or name the session as the folder.',
  flaw_no_credentials:
    'There is no whole creds.json in it. Stop the old program, then copy the folder again.',
  flaw_malformed: 'The credentials are not as Baileys writes them.',
  flaw_not_linked: 'No phone has linked these credentials, or they were logged out.',
  flaw_key_pair_differs: 'A private and a public key do not belong together: the files are damaged or mixed.',
  flaw_signature_wrong: 'A signature is wrong: the files are damaged, or not of one device.',
};
