/** `constellite/drizzle`: a driver, migrations, and live queries.  Needs `drizzle-orm` installed beside this
 *  package. */

export {
  type DrizzleDatabase,
  drizzle,
  live,
  type Migrations,
  migrate,
} from '../bindings/drizzle.ts'
export type { LiveQuery } from '../bindings/live-query.ts'
