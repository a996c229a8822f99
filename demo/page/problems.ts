/** Problems: every failure that a database of this page met, kept until the page is gone.
 *  Keeps: nothing is dropped; the same failure again counts up instead of filling the list. */

import { failureOf } from '../../src/base/failure.ts'

export type Problem = {
  /** What was being done. */
  readonly during: string
  readonly code: string
  readonly message: string
  readonly hint: string
  count: number
  at: Date
}

export type Problems = {
  /** Newest last. */
  readonly list: readonly Problem[]
  add(during: string, error: unknown): Problem
  onChange(listener: () => void): void
}

export function createProblems(): Problems {
  const list: Problem[] = []
  const listeners: (() => void)[] = []
  return {
    list,
    add: (during, error) => {
      const { code, message, hint } = failureOf(error)
      const known = list.find((it) => it.during === during && it.message === message)
      const problem = known ?? { during, code, message, hint, count: 0, at: new Date() }
      problem.count += 1
      problem.at = new Date()
      if (known === undefined) list.push(problem)
      console.error(`${during}: ${code}: ${message} ${hint}`, error)
      for (const listener of listeners) listener()
      return problem
    },
    onChange: (listener) => {
      listeners.push(listener)
    },
  }
}
