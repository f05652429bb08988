import {
  AuthenticationFailed,
  MethodNotOffered,
  NoSuchUser,
  type RemoteAccessError,
  SessionFailed,
} from '../errors.js';

/** Why a worker did not open a session; see `failed` in worker/PROTOCOL.md. */
export type Failure = {
  stage: string;
  /** PAM's name for it, an errno's, or GSSAPI. */
  code: string;
  /** What the library says about it. */
  text: string;
  /** What PAM's modules said on the way, oldest first. */
  messages: readonly string[];
};

/** What everybody is told who could not prove who they are, whatever the reason. */
export const NOT_ACCEPTED = 'the user and the proof were not accepted';

/**
 * The error for people and programs. Whoever is not authenticated must not be told: it says whether an account exists.
 * At the stage `auth` nobody is; the reason is the error's cause then, for the journal.
 */
export function failureError(user: string, { stage, code, text, messages }: Failure): RemoteAccessError {
  const said = messages.map((message) => message.trim()).filter((message) => message !== '');
  const reason = said.length > 0 ? said.join(' ') : `${text} (${code})`;
  if (stage === 'exec')
    return new SessionFailed(`The session's command could not be started: ${text}${homeRemedy(code, text)}`);
  if (stage === 'auth') return new AuthenticationFailed(NOT_ACCEPTED, { cause: `${text} (${code})` });
  if (stage === 'kerberos') return new MethodNotOffered(`Kerberos cannot be used on this machine: ${text}`);
  if (stage === 'password')
    return new SessionFailed(`The password of ${user} has expired and was not changed: ${reason}`);
  if (stage === 'account') return accountError(user, code, reason);
  if (stage === 'credentials') return new SessionFailed(`PAM could not set up the credentials of ${user}: ${reason}`);
  if (stage === 'open') return new SessionFailed(`PAM could not open a session for ${user}: ${reason}`);
  return new SessionFailed(`PAM could not be started: ${reason}`);
}

/** Users of a directory often have no home on the machine before they come. */
function homeRemedy(code: string, text: string): string {
  if (code !== 'ENOENT' || !text.includes('entering the home directory')) return '';
  return "; 'pam-auth-update --enable mkhomedir' has it made";
}

function accountError(user: string, code: string, reason: string): RemoteAccessError {
  switch (code) {
    case 'PAM_USER_UNKNOWN':
      return new NoSuchUser(`There is no user ${user}`);
    case 'PAM_ACCT_EXPIRED':
      return new SessionFailed(`The account of ${user} has expired; 'chage -E -1 ${user}' would reopen it`);
    case 'PAM_NEW_AUTHTOK_REQD':
    case 'PAM_AUTHTOK_EXPIRED':
      return new SessionFailed(`The password of ${user} has expired and must be changed first: 'passwd ${user}'`);
    default:
      return new SessionFailed(`${user} may not log in: ${reason}`);
  }
}
