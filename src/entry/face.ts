/** What `constellite` exports on every platform beside `open`: the same names and types everywhere. */

export { ConstelliteError, type FailureCode, isFailure, type Retry } from '../base/failure.ts'
export {
  type FollowDescriptor,
  follow,
  type OpenOptions,
  type PublishDescriptor,
  publish,
  type SyncDescriptor,
  type TransportDescriptor,
} from '../database/options.ts'
export type { RemoveOptions } from '../database/remove.ts'
export { list, name, sql } from '../database/sql.ts'
export type {
  CallOptions,
  Database,
  ExportReport,
  IdentityStatus,
  ImportOptions,
  ImportReport,
  ImportSource,
  KernelStatus,
  OpeningDatabase,
  Ready,
  RepairReport,
  Row,
  RunResult,
  Sql,
  SqlInput,
  SqlParameters,
  SqlValue,
  Stage,
  Status,
  StorageReport,
  StorageStatus,
  SyncStatus,
  TakeOverOptions,
  TakeOverReport,
  Transaction,
  TransactionOptions,
  UntilOptions,
  VerifyReport,
  Watch,
} from '../database/types.ts'
export { createIdentity, type Identity } from '../identity/create-identity.ts'
export { type WebSocketDescriptor, websocket } from '../transport/websocket.ts'
