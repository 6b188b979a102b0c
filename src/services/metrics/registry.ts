/** Every metric of the service. Labels take a handful of values each: never a tenant, a session or a number. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** Seconds: from a hit in the cache of a local database to what a client gives up on. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60];
/** Seconds: an acknowledgement takes some 100 ms; ACK_TIMEOUT_MS is 20 s. */
const NETWORK_BUCKETS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 10, 20, 60];

/** Makes the metrics in a registry of their own: two services in one process share nothing. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <const L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <const L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = <const L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets: number[],
  ) => new Histogram({ name, help, labelNames, buckets, registers });
  return {
    registry,
    // Counts of this process: sum over the processes.
    messages: counter('wahub_messages_total', 'Steps of messages', ['event']),
    messageFailures: counter('wahub_message_failures_total', 'Messages that failed, by errorCode', ['code']),
    usageWarnings: counter(
      'wahub_usage_warnings_total',
      'Limits of workspaces of which so much was used, in percent',
      ['quota', 'percent'],
    ),
    otps: counter('wahub_otp_total', 'Steps of one-time passwords', ['event']),
    sessionChanges: counter('wahub_session_changes_total', 'Changes of the state of sessions', [
      'status',
      'reason',
    ]),
    socketCloses: counter('wahub_socket_closes_total', 'Ends of sockets, by reason', ['reason']),
    sends: histogram(
      'wahub_send_duration_seconds',
      'One attempt to send, preparation included, by its outcome',
      ['outcome'],
      NETWORK_BUCKETS,
    ),
    acknowledgements: histogram(
      'wahub_acknowledgement_seconds',
      "From the message on the wire to the acknowledgement of WhatsApp's server",
      [],
      NETWORK_BUCKETS,
    ),
    webhooks: histogram(
      'wahub_webhook_attempt_seconds',
      'One attempt to deliver a webhook, by the class of the answer',
      ['outcome'],
      NETWORK_BUCKETS,
    ),
    requests: histogram(
      'wahub_http_request_duration_seconds',
      'Requests until their answer began',
      ['method', 'route', 'status'],
      REQUEST_BUCKETS,
    ),
    // Counts of the database, the same from every process: take the maximum.
    queueMessages: gauge('wahub_queue_messages', 'Messages that wait, future ones included'),
    queueOldest: gauge(
      'wahub_queue_oldest_due_seconds',
      'How long the oldest message that could be sent has been due, in sessions that are connected',
      ['priority'],
    ),
    sessions: gauge('wahub_sessions', 'Sessions by state', ['status']),
    workspaces: gauge('wahub_workspaces', 'Workspaces by state', ['state']),
    otpsOpen: gauge('wahub_otp_open', 'Codes that can be used (counted up to 100,000)'),
    webhookOldest: gauge(
      'wahub_webhook_oldest_pending_seconds',
      'How long the oldest event that was not delivered has been waiting',
    ),
    webhookLanes: gauge('wahub_webhook_lanes', 'Sessions of webhooks with something to deliver'),
    processes: gauge('wahub_processes', 'Processes that are alive'),
    databaseUp: gauge('wahub_database_up', 'Whether the database answers'),
    databaseWritable: gauge('wahub_database_writable', 'Whether a row can be written to the database'),
    clockSkew: gauge(
      'wahub_clock_skew_seconds',
      "How far this machine's clock is from the database's, positive when it is ahead",
    ),
    restricted: gauge('wahub_sessions_restricted', 'Sessions that WhatsApp does not let start chats'),
    unreadable: gauge('wahub_sessions_unreadable', 'Sessions whose credentials cannot be read at the moment'),
    storageUp: gauge('wahub_storage_up', 'Whether files can be kept and read'),
    // Of this process.
    databasePing: gauge('wahub_database_ping_seconds', 'How long the database took to answer nothing'),
    databaseConnections: gauge('wahub_database_connections', 'Connections (SQLite: its writer)', ['state']),
    activityDropped: gauge(
      'wahub_activity_dropped',
      'Calls that are missing in the log, because the database was away',
    ),
    housekeepingRows: counter('wahub_housekeeping_rows_total', 'Rows that were tidied up', ['task']),
    housekeepingAt: gauge(
      'wahub_housekeeping_timestamp_seconds',
      'When this process last kept house (take the maximum)',
    ),
    ready: gauge('wahub_ready', 'Whether this process serves requests'),
  };
}
