#include "worker.h"

#include <fcntl.h>
#include <limits.h>
#include <security/pam_appl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The session's processes are in its logind scope and not in the worker's unit, so systemd does not end them with the
 * unit. The worker notes its logind session in a symbolic link beside its socket and removes it when the session ends
 * by itself. A link that is left when the unit stops (terminated, killed) names a session whose processes must go:
 * ExecStopPost= of the unit runs `remote-access-worker --sweep SOCKET`. A second link, to SERVICE/USER, is there from
 * before PAM opens the session until it has closed it: if the worker was killed, that is done in its place.
 */

static bool link_of(const char *socket, const char *kind, char *path)
{
	int length = snprintf(path, PATH_MAX, "%s.%s", socket, kind);

	return length > 0 && length < PATH_MAX;
}

static void note(const char *socket, const char *kind, const char *text)
{
	char path[PATH_MAX];

	if (!link_of(socket, kind, path) || symlink(text, path) < 0)
		perror(kind);
}

static void forget(const char *socket, const char *kind)
{
	char path[PATH_MAX];

	if (link_of(socket, kind, path))
		unlink(path);
}

/* Reads a note and removes it; false if there is none. */
static bool take(const char *socket, const char *kind, char *text, size_t size)
{
	char path[PATH_MAX];

	if (!link_of(socket, kind, path))
		return false;
	ssize_t length = readlink(path, text, size - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';
	unlink(path);
	return true;
}

/* PAM is about to open a session: some of its modules may have, whenever the worker is killed. */
void sweep_remember_pam(const char *socket, const char *service, const char *user)
{
	char text[PATH_MAX];
	int length = snprintf(text, sizeof(text), "%s/%s", service, user);

	if (length > 0 && (size_t)length < sizeof(text))
		note(socket, "pam", text);
}

void sweep_remember_session(const char *socket, const char *session)
{
	note(socket, "session", session);
}

/* PAM is closed; the session's processes are gone as well if it ended by itself. */
void sweep_forget(const char *socket, bool processes)
{
	forget(socket, "pam");
	if (processes)
		forget(socket, "session");
}

static int no_answer(int count, const struct pam_message **messages, struct pam_response **answers, void *unused)
{
	(void)count;
	(void)messages;
	(void)answers;
	(void)unused;
	return PAM_CONV_ERR;
}

/* What modules kept in the handle died with the worker. They still find what they know by user, environment or disk. */
static void close_in_its_place(const char *service, const char *user, const char *session)
{
	static const struct pam_conv conversation = {no_answer, NULL};
	pam_handle_t *pam = NULL;
	char variable[160];

	if (pam_start(service, user, &conversation, &pam) != PAM_SUCCESS)
		return;
	snprintf(variable, sizeof(variable), "XDG_SESSION_ID=%s", session);
	int status = *session == '\0' ? PAM_SUCCESS : pam_putenv(pam, variable);
	if (status == PAM_SUCCESS)
		status = pam_close_session(pam, 0);
	pam_setcred(pam, PAM_DELETE_CRED);
	pam_end(pam, status);
	fprintf(stderr, "the worker was killed: the PAM session of %s is closed in its place\n", user);
}

/* Not loginctl: logind does nothing for a session whose leader is gone while processes remain. */
static void stop_scope(const char *session, bool wait)
{
	char scope[160];
	char *const command[] = {"/usr/bin/systemctl", "stop", scope, wait ? NULL : "--no-block", NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	snprintf(scope, sizeof(scope), "session-%s.scope", session);
	/* Usually it is gone already, of which systemctl would complain. */
	if (posix_spawn_file_actions_init(&actions) != 0)
		return;
	if (posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
	    posix_spawn(&pid, command[0], &actions, NULL, command, environ) == 0)
		waitpid(pid, NULL, 0);
	posix_spawn_file_actions_destroy(&actions);
}

int sweep(const char *socket)
{
	char session[128] = "", service[PATH_MAX];

	unlink(socket);
	bool open = take(socket, "pam", service, sizeof(service));
	/* One that was only being opened had no process but the worker; logind forgets it with that. */
	if (take(socket, "session", session, sizeof(session)))
		stop_scope(session, open);
	char *user = open ? strchr(service, '/') : NULL;
	if (user != NULL) {
		*user++ = '\0';
		close_in_its_place(service, user, session);
	}
	return 0;
}
