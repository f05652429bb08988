/** Where our objects are on the bus. */
export const BUS_NAME = 'org.freedesktop.RemoteAccess';
/** The process, as long as it lives: what agents call. */
export const PROCESS_NAME = `${BUS_NAME}.Daemon`;
export const ROOT_PATH = '/org/freedesktop/RemoteAccess';
export const AGENTS_PATH = `${ROOT_PATH}/Agents`;
export const LOGINS_PATH = `${ROOT_PATH}/login`;
export const SESSIONS_PATH = `${ROOT_PATH}/session`;
export const CONNECTIONS_PATH = `${ROOT_PATH}/connection`;

/** Where the agent exports itself, on its own connection. */
export const AGENT_PATH = `${ROOT_PATH}/Agent`;
