/** Whether npm installs a program on this machine: deno, bun and workerd are packages whose optional packages
 *  hold one binary for each platform, and the lockfile says for which. */

export type Lockfile = {
  readonly packages: Readonly<Record<string, LockEntry>>
}

export type LockEntry = {
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
}

export type Machine = {
  readonly os: string
  readonly cpu: string
  /** Undefined where there is but one. */
  readonly libc: string | undefined
}

export function isInstallable(lockfile: Lockfile, name: string, machine: Machine): boolean {
  const binaries = lockfile.packages[`node_modules/${name}`]?.optionalDependencies ?? {}
  return Object.keys(binaries).some((binary) => {
    const entry = lockfile.packages[`node_modules/${binary}`]
    return entry !== undefined && isFor(entry, machine)
  })
}

function isFor({ os, cpu, libc }: LockEntry, machine: Machine): boolean {
  const fits = (list: readonly string[] | undefined, value: string | undefined): boolean =>
    list === undefined || value === undefined || list.includes(value)
  return fits(os, machine.os) && fits(cpu, machine.cpu) && fits(libc, machine.libc)
}

export function thisMachine(): Machine {
  const { platform: os, arch: cpu } = process
  return { os, cpu, libc: os === 'linux' ? libcOfLinux() : undefined }
}

function libcOfLinux(): string {
  // Typed as a plain object; Node's documentation names this field, which musl does not have.
  const { header } = process.report.getReport() as {
    readonly header: { readonly glibcVersionRuntime?: string }
  }
  return header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
}
