/** The peer answered a call with an error. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** The D-Bus error name, for programs. */
  readonly dbusName: string;
  /** The peer's text alone, for people. */
  readonly text: string;

  constructor(dbusName: string, text: string) {
    super(text === '' ? dbusName : `${dbusName}: ${text}`);
    this.dbusName = dbusName;
    this.text = text;
  }
}

/** The peer did not answer in time. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

/** The connection to the bus is gone. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}
