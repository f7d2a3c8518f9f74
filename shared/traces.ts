// The trace table: every line a program logs, by name. Where the architecture document (chapter 4) or the
// original server's later table has a trace for the event, its ID is kept; our own continue the scheme:
// first digit the kind (1 notice, 2 error, 3 critical, 9 KPI), second the part (0 common, 1 app server,
// 3 device side, 4 waking, 5 gateway), then a number.

export interface Trace {
  id: string;
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
}

export const traces = {
  // Common.
  started: { id: '1003', level: 'info', message: 'started' },
  stopping: { id: '1004', level: 'info', message: 'stopping' },
  reloaded: { id: '1005', level: 'info', message: 'configuration reloaded' },
  reloadIgnored: {
    id: '1006',
    level: 'warn',
    message: 'changed, but takes effect at a restart only',
  },
  configWarning: { id: '1007', level: 'warn', message: 'configuration warning' },
  reloadFailed: {
    id: '2020',
    level: 'error',
    message: 'reload failed, the old configuration stays',
  },
  taskFailed: { id: '2016', level: 'error', message: 'some error occurred' },
  closeSlow: { id: '2021', level: 'warn', message: 'not closed within the deadline' },

  // Central, app servers.
  versionStored: { id: '9003', level: 'info', message: 'new version' },
  storeFailed: { id: '2013', level: 'error', message: 'the store failed' },

  // Central, devices.
  hello: { id: '9000', level: 'info', message: 'hello' },
  registered: { id: '9001', level: 'info', message: 'register' },
  unregistered: { id: '9002', level: 'info', message: 'unregister' },
  acked: { id: '9006', level: 'info', message: 'ack received' },
  delivering: { id: '9007', level: 'info', message: 'delivering' },
  deviceClosed: { id: '1303', level: 'info', message: 'device socket closed' },
  deviceRefused: { id: '1304', level: 'info', message: 'device socket refused' },
  deviceError: { id: '2309', level: 'info', message: 'device sent what is not the protocol' },

  // Central, waking.
  notifying: { id: '1401', level: 'info', message: 'notifying node' },
  wakeupAnswered: { id: '9005', level: 'info', message: 'notify to wakeup' },
  deviceDark: { id: '1402', level: 'info', message: 'the device is dark, nothing wakes it' },
  addressProven: { id: '1403', level: 'debug', message: 'the device proved its address' },
  gatewayOnline: {
    id: '9008',
    level: 'info',
    message: 'gateway available, working on wake-up mode',
  },
  gatewayOffline: {
    id: '9009',
    level: 'warn',
    message: 'gateway not available, working on websocket',
  },
  gatewayFailed: { id: '2405', level: 'warn', message: 'a request to a gateway failed' },

  // Gateway.
  requestAccepted: { id: '1501', level: 'info', message: 'received request' },
  requestRefused: { id: '1505', level: 'warn', message: 'request refused' },
  tcpFailed: { id: '1502', level: 'debug', message: 'wakeup TCP packet failed' },
  tcpSent: { id: '1503', level: 'debug', message: 'wakeup TCP packet sent' },
  udpSent: { id: '1504', level: 'debug', message: 'wakeup datagram sent' },
  wakeupRefused: { id: '1506', level: 'debug', message: 'wakeup refused' },
  wakeupDeferred: { id: '1507', level: 'debug', message: 'wakeup deferred' },
  paused: { id: '1508', level: 'warn', message: 'paused by the operator' },
  resumed: { id: '1509', level: 'info', message: 'resumed by the operator' },
  // One for each wakeup: at info the line of the request has their number, and a metric their codes.
  sendFailed: { id: '2503', level: 'debug', message: 'the host could not send' },
  pauseUnknown: {
    id: '2504',
    level: 'error',
    message: 'paused, for it is not known what was paused before',
  },
  pauseForgotten: { id: '2505', level: 'error', message: 'a restart will not remember the pause' },
  wakeupUnreachable: { id: '1512', level: 'debug', message: 'nobody listens for this wakeup' },
  wakeupRepeated: { id: '1511', level: 'debug', message: 'wakeup asked for again' },
  pauseForgetful: { id: '1510', level: 'warn', message: 'a restart would not remember a pause' },
} as const satisfies Record<string, Trace>;
