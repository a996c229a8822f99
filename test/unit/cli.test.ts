/** The program: exit codes, what goes to which stream, secrets in files of their own, and the main job. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { parseBase64url } from '../../src/bytes/text.ts'
import { parseSize, type Terminal } from '../../src/cli/command.ts'
import { run } from '../../src/cli/run.ts'
import { publicKeyFromSeed } from '../../src/crypto/signer-noble.ts'
import { publish } from '../../src/database/options.ts'
import { open } from '../../src/platform/node.ts'
import { websocket } from '../../src/transport/websocket.ts'
import { startChild } from '../support/child.ts'
import { openStock } from '../support/stock-sqlite.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-cli-'))
  folders.push(folder)
  return folder
}

type TestTerminal = Terminal & {
  readonly outs: string[]
  readonly notes: string[]
  interrupt(): void
  /** Resolves with the first line of output that fits. */
  next(pattern: RegExp): Promise<string>
}

function createTerminal(): TestTerminal {
  const outs: string[] = []
  const notes: string[] = []
  const interrupt = new AbortController()
  let wake: () => void = () => undefined
  return {
    outs,
    notes,
    interrupted: interrupt.signal,
    interrupt: () => interrupt.abort(),
    out(line) {
      outs.push(line)
      wake()
    },
    note: (line) => void notes.push(line),
    async next(pattern) {
      for (;;) {
        const found = outs.find((line) => pattern.test(line))
        if (found !== undefined) return found
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

async function call(...args: string[]): Promise<{ code: number; out: string; note: string }> {
  const terminal = createTerminal()
  const code = await run(args, terminal)
  return { code, out: terminal.outs.join('\n'), note: terminal.notes.join('\n') }
}

describe('calls', () => {
  it.each([
    ['nothing', [], 'Usage: constellite <command>'],
    ['an unknown command', ['repliacte'], 'no command "repliacte"'],
    ['an unknown option before a command', ['--nope'], 'no option "--nope"'],
    ['an unknown option', ['keygen', '--nope'], "Unknown option '--nope'"],
    ['an option without its value', ['serve', '--port'], '--port'],
    ['a word too many', ['keygen', 'now'], 'takes no "now"'],
    ['a port that is none', ['serve', '--port', '70000'], '--port takes a whole number'],
    ['a size that is none', ['serve', '--shard-bytes', '5 MB'], '--shard-bytes takes a size'],
    ['both --open and --allow', ['serve', '--open', '--allow', 'x'], 'give one of them'],
    ['a host beyond this machine alone', ['serve', '--host', '0.0.0.0'], 'say whom it serves'],
    ['no address', ['replicate', '--out', 'x.db'], 'Give the address'],
    ['no file', ['replicate', 'constellite:abc'], '--out'],
  ])(
    'answers %s with exit code 2, a reason, and nothing on standard output',
    async (_, args, why) => {
      const { code, out, note } = await call(...args)
      expect(code).toBe(2)
      expect(out).toBe('')
      expect(note).toContain(why)
    },
  )

  it('answers --help on standard output with exit code 0, for the program and each command', async () => {
    const overview = await call('--help')
    expect(overview.code).toBe(0)
    for (const name of ['serve', 'replicate', 'keygen']) {
      expect(overview.out).toContain(name)
      for (const args of [
        [name, '--help'],
        ['help', name],
      ]) {
        const help = await call(...args)
        expect(help).toMatchObject({ code: 0, note: '' })
        expect(help.out).toContain(`Usage: constellite ${name}`)
        expect(Math.max(...help.out.split('\n').map((line) => line.length))).toBeLessThan(105)
      }
    }
  })

  it('answers --version with the version of the package, on standard output', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(await call('--version')).toEqual({ code: 0, out: `constellite ${version}`, note: '' })
    expect(await call('version')).toMatchObject({ code: 2, out: '' })
    expect((await call('--help')).out).toContain('--version')
  })

  it('reads sizes with binary units', () => {
    expect(parseSize('512MiB', 'x', 1)).toBe(512 * 1024 * 1024)
    expect(parseSize('2gib', 'x', 1)).toBe(2 * 1024 ** 3)
    expect(parseSize(undefined, 'x', 7)).toBe(7)
  })

  it('ends as a process with the code and the streams apart', async () => {
    const usage = await startChild('src/cli/main.ts', 'nope')
    expect(await usage.ended).toBe(2)
    const keygen = await startChild('src/cli/main.ts', 'keygen')
    expect(await keygen.line()).toMatch(/^seed {8}[\w-]{43}$/)
    expect(await keygen.line()).toMatch(/^public key {2}[\w-]{43}$/)
    expect(await keygen.ended).toBe(0)
  })
})

describe('keygen', () => {
  it('prints a seed and its own public key, another one each time', async () => {
    const [first, second] = [await call('keygen'), await call('keygen')]
    expect(first.out).not.toBe(second.out)
    const [seed, publicKey] = [...first.out.matchAll(/[\w-]{43}$/gm)].map(([text]) => {
      const bytes = parseBase64url(text)
      if (!bytes.ok) throw bytes.failure
      return bytes.value
    })
    expect(publicKeyFromSeed(seed as Uint8Array)).toEqual(publicKey)
  })

  it('writes a file that its owner alone can read, prints no secret, and never replaces one', async () => {
    const path = join(makeFolder(), 'owner.json')
    const made = await call('keygen', '--out', path)
    expect(made.code).toBe(0)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const text = readFileSync(path, 'utf8')
    const { seed, publicKey } = JSON.parse(text)
    expect(made.out).toContain(publicKey)
    expect(made.out + made.note).not.toContain(seed)
    const again = await call('keygen', '--out', path)
    expect(again.code).toBe(1)
    expect(readFileSync(path, 'utf8')).toBe(text)
  })
})

describe('serve and replicate', () => {
  it('carries a database from a writer through the relay into a file that stock SQLite opens', async () => {
    const folder = makeFolder()
    const server = createTerminal()
    const serving = run(['serve', '--dir', join(folder, 'relay'), '--port', '0'], server)
    const url = await server.next(/^ws:/)
    const writer = open(join(folder, 'notes'), { sync: publish({ via: [websocket(url)] }) })
    await writer.exec('CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)')
    for (let id = 1; id <= 20; id++) await writer.run('INSERT INTO note VALUES (?, ?)', [id, 'x'])
    await writer.until('shared')
    const { address } = await writer.ready
    await writer.close()

    const out = join(folder, 'copy.db')
    const fetched = await call('replicate', address, '--out', out)
    expect(fetched).toMatchObject({ code: 0 })
    expect(fetched.out).toContain('verified')
    const read = openStock(out)
    expect(read.value('PRAGMA integrity_check')).toBe('ok')
    expect(read.value('SELECT count(*) FROM note')).toBe(20)
    read.close()

    server.interrupt()
    expect(await serving).toBe(0)
  })

  it('goes on with --follow, writes the file again after a change, and ends when told', async () => {
    const folder = makeFolder()
    const server = createTerminal()
    const serving = run(['serve', '--dir', join(folder, 'relay'), '--port', '0'], server)
    const url = await server.next(/^ws:/)
    const writer = open(join(folder, 'notes'), { sync: publish({ via: [websocket(url)] }) })
    await writer.exec('CREATE TABLE note (id INTEGER PRIMARY KEY)')
    await writer.until('shared')
    const { address } = await writer.ready
    const out = join(folder, 'copy.db')
    const follower = createTerminal()
    const following = run(['replicate', address, '--out', out, '--follow'], follower)
    await follower.next(/^verified/)
    follower.outs.length = 0
    await writer.run('INSERT INTO note VALUES (7)')
    await follower.next(/^verified/)
    follower.interrupt()
    expect(await following).toBe(0)
    const read = openStock(out)
    expect(read.rows('SELECT id FROM note')).toEqual([{ id: 7 }])
    read.close()
    await writer.close()
    server.interrupt()
    expect(await serving).toBe(0)
  })

  it('refuses to replace a file that it did not make, and an address that is none', async () => {
    const out = join(makeFolder(), 'mine.db')
    writeFileSync(out, 'mine')
    const address = `constellite:${'A'.repeat(43)}?via=${encodeURIComponent('ws://127.0.0.1:9')}`
    expect((await call('replicate', address, '--out', out)).code).toBe(2)
    expect(readFileSync(out, 'utf8')).toBe('mine')
    expect((await call('replicate', 'constellite:abc', '--out', `${out}2`)).code).toBe(1)
    expect(existsSync(`${out}2`)).toBe(false)
  })

  it('gives up with a reason where no relay answers', async () => {
    const out = join(makeFolder(), 'copy.db')
    const address = `constellite:${'A'.repeat(43)}?via=${encodeURIComponent('ws://127.0.0.1:9')}`
    const { code, note } = await call('replicate', address, '--out', out, '--wait', '1')
    expect(code).toBe(1)
    expect(note).toContain('Check that the relay runs')
    expect(existsSync(out)).toBe(false)
  })
})
