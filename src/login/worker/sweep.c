#include "worker.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/*
 * The session's processes are in its logind scope and not in the worker's unit, so systemd does not end them with the
 * unit. The worker notes its logind session in a symbolic link beside its socket and removes it when the session ends
 * by itself. A link that is left when the unit stops (terminated, killed) names a session whose processes must go:
 * ExecStopPost= of the unit runs `remote-access-worker --sweep SOCKET`.
 */

static bool link_of(const char *socket, char *path)
{
	int length = snprintf(path, PATH_MAX, "%s.session", socket);

	return length > 0 && length < PATH_MAX;
}

void sweep_remember(const char *socket, const char *session)
{
	char path[PATH_MAX];

	if (!link_of(socket, path) || symlink(session, path) < 0)
		perror("remembering the logind session");
}

void sweep_forget(const char *socket)
{
	char path[PATH_MAX];

	if (link_of(socket, path))
		unlink(path);
}

int sweep(const char *socket)
{
	char path[PATH_MAX], session[128], scope[160];

	unlink(socket);
	if (!link_of(socket, path))
		return 1;
	ssize_t length = readlink(path, session, sizeof(session) - 1);
	if (length <= 0)
		return 0;
	session[length] = '\0';
	unlink(path);
	snprintf(scope, sizeof(scope), "session-%s.scope", session);
	/* Usually it is gone already, of which systemctl would complain. */
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	/* Not loginctl: logind does nothing for a session whose leader is gone while processes remain. */
	execl("/usr/bin/systemctl", "systemctl", "stop", "--no-block", scope, (char *)NULL);
	return 1;
}
