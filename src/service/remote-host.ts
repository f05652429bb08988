/**
 * What PAM is told of where the user comes from. logind calls a session remote only if the host is not a name of this
 * machine (pam_systemd(8)), and mutter goes headless only in a remote session.
 */
export function remoteHost(address: string | undefined): string {
  return address === undefined || address === '' || /(^|\.)(localhost|localdomain)\.?$/i.test(address)
    ? '0.0.0.0'
    : address;
}
