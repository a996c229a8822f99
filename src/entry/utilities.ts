/** `constellite/utilities`: the service utilities, without a database.  Time and randomness come from a
 *  `Host`: `createHost()` where the program runs, `createManualHost()` of `constellite/testing` in a test. */

export { ConstelliteError, isFailure } from '../base/failure.ts'
export type { Host, Timer } from '../base/host.ts'
export { Encryptor, type EncryptorOptions, type RecordName } from '../crypto/encryptor.ts'
export { decryptV1, deriveKeyV1, type EncryptedV1, encryptV1 } from '../crypto/encryptor-v1.ts'
export { type Backoff, backoffMs, type Jitter } from '../flow/backoff.ts'
export { BatchCollector, type BatchCollectorOptions } from '../flow/batch-collector.ts'
export {
  CallRegistry,
  type CallRegistryOptions,
  type CallRequest,
  type CallSink,
  type CallTerms,
} from '../flow/call-registry.ts'
export {
  CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitState,
} from '../flow/circuit-breaker.ts'
export { ConsensusHelper, type ConsensusOptions } from '../flow/consensus-helper.ts'
export { Correlator, type CorrelatorOptions, type SendTerms } from '../flow/correlator.ts'
export { DedupCache, type DedupCacheOptions } from '../flow/dedup-cache.ts'
export { type MajorityOptions, majority } from '../flow/majority.ts'
export {
  type Allowance,
  type Probed,
  RateLimiter,
  type RateLimiterOptions,
} from '../flow/rate-limiter.ts'
export { Retrier, type RetrierOptions, type RunTerms } from '../flow/retrier.ts'
export { positiveTrimmedMean, trimmedMean } from '../flow/trimmed-mean.ts'
export { createHost } from '../platform/host-portable.ts'
export { createConsoleSink } from '../telemetry/console-sink.ts'
export { type EventFormatter, formatActors } from '../telemetry/event-text.ts'
export type { LogEvent, LogLevel, LogLine, LogSink } from '../telemetry/log-line.ts'
export { Logger, type LoggerOptions } from '../telemetry/logger.ts'
export { createLogTapeSink, type LogTapeLogger } from '../telemetry/logtape-sink.ts'
export type {
  Counter,
  Gauge,
  Histogram,
  Metric,
  MetricInit,
  MetricType,
  Sample,
} from '../telemetry/metric.ts'
export { METRICS_CONTENT_TYPE, Metrics, type MetricsOptions } from '../telemetry/metrics.ts'
export { createMetricsSink } from '../telemetry/metrics-sink.ts'
export { type PromClientRegistry, registerInPromClient } from '../telemetry/prom-client.ts'
export { createRingSink, type RingSink } from '../telemetry/ring-sink.ts'
export type { EventDetails, ServiceLog } from '../telemetry/service-log.ts'
