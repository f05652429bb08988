/** What the machine's administrator decides about sessions. */
export type SessionPolicy = {
  /** Whether a desktop is locked when the last client that logged in has gone. */
  readonly lockOnDisconnect: boolean;
};

export const DEFAULT_POLICY: SessionPolicy = {
  lockOnDisconnect: true,
};
