/** Makes demo/sample.db, the file that the demo and `npm start` replicate: `npm run sample`.
 *  Every emoji of Unicode with its name, its group and the words to find it by, from the package
 *  unicode-emoji-json (MIT; the data are Unicode's).
 *  Keeps: SQLite's stock engine writes it, with stock 4096-byte pages and no WAL, so that every SQLite
 *  program opens it; the same package makes the same bytes.  Never: uses anything of Constellite. */

import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import sqlite3InitModule, { type Database } from '@sqlite.org/sqlite-wasm'

const TARGET = fileURLToPath(new URL('./sample.db', import.meta.url))

const SCHEMA = `
  PRAGMA page_size = 4096;
  CREATE TABLE emoji (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    since REAL NOT NULL,
    has_skin_tones INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE word (
    word TEXT NOT NULL,
    emoji INTEGER NOT NULL REFERENCES emoji,
    PRIMARY KEY (word, emoji)
  ) STRICT, WITHOUT ROWID;`

type Emoji = {
  readonly name: string
  readonly slug: string
  readonly group: string
  readonly emoji_version: string
  readonly skin_tone_support: boolean
}

async function main(): Promise<void> {
  const sqlite = await sqlite3InitModule()
  const db = new sqlite.oo1.DB(':memory:')
  db.exec(SCHEMA)
  db.transaction(() => fill(db))
  db.exec('VACUUM')
  const emojiCount = db.selectValue('SELECT count(*) FROM emoji')
  const wordCount = db.selectValue('SELECT count(*) FROM word')
  const bytes = sqlite.capi.sqlite3_js_db_export(db)
  db.close()
  writeFileSync(TARGET, bytes)
  console.log(`${TARGET}: ${emojiCount} emoji, ${wordCount} words, ${bytes.length} bytes`)
}

function fill(db: Database): void {
  const insertEmoji = db.prepare('INSERT INTO emoji VALUES (?, ?, ?, ?, ?, ?)')
  const insertWord = db.prepare('INSERT OR IGNORE INTO word VALUES (?, ?)')
  for (const [index, [symbol, emoji]] of readEmoji().entries()) {
    const id = index + 1
    const since = Number(emoji.emoji_version)
    const tones = emoji.skin_tone_support ? 1 : 0
    insertEmoji.bind([id, symbol, emoji.name, emoji.group, since, tones]).stepReset()
    for (const word of emoji.slug.split('_')) insertWord.bind([word, id]).stepReset()
  }
  insertEmoji.finalize()
  insertWord.finalize()
}

function readEmoji(): readonly (readonly [string, Emoji])[] {
  const load = createRequire(import.meta.url)
  // The package ships JSON without types; its README documents these fields.
  const bySymbol: Record<string, Emoji> = load('unicode-emoji-json/data-by-emoji.json')
  return Object.entries(bySymbol)
}

await main()
