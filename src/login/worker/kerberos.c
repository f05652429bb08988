#include "worker.h"

#include "../kerberos/kerberos.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIBRARY "/usr/lib/remote-access/kerberos.so"
#define STORE_MILLISECONDS 10000

static void *library;
static const struct kerberos *kerberos;
/* The answer to the client's last message, in Base64. */
static char reply[LINE_MAX_BYTES];

static bool load(struct reason *reason)
{
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	kerberos = library == NULL ? NULL : dlsym(library, KERBEROS_SYMBOL);
	if (kerberos != NULL)
		return kerberos->ready(reason);
	snprintf(reason->text, sizeof(reason->text), "%s", dlerror());
	return false;
}

/* For the daemon: 0 if logins with Kerberos are possible here. */
int kerberos_probe(void)
{
	struct reason reason = {0};

	if (load(&reason))
		return 0;
	fprintf(stderr, "%s\n", reason.text);
	return 1;
}

/* The local user whom the client proves to be, to be freed; NULL if none, or if the peer went away. */
static char *accepted(char *principal, size_t size, struct reason *reason)
{
	for (;;) {
		tell("token", reply, NULL);
		char *message = await("token");
		enum kerberos_step result =
			message == NULL ? KERBEROS_FAILED : kerberos->step(message, reply, sizeof(reply), reason);
		wipe(message);
		if (result == KERBEROS_FAILED)
			return NULL;
		if (result == KERBEROS_DONE)
			return kerberos->user(principal, size, reason);
	}
}

/* Everything up to PAM's account step. Nobody is asked anything but for GSSAPI's messages. */
bool kerberos_authenticate(struct login *login, struct account *account)
{
	struct reason reason = {0};
	char principal[1024];
	bool admitted = false;

	if (!conversation_begin(false)) {
		tell("failed", "start", strerrorname_np(errno), "the peer cannot be watched", NULL);
		return false;
	}
	if (!load(&reason)) {
		tell("failed", "kerberos", "GSSAPI", reason.text, NULL);
	} else {
		free(login->user);
		login->user = accepted(principal, sizeof(principal), &reason);
		if (login->user == NULL)
			tell("failed", "auth", "GSSAPI", reason.text, NULL);
		else
			tell("user", login->user, principal, NULL);
		admitted = login->user != NULL && transaction_admit(login, account);
	}
	conversation_end();
	return admitted;
}

/* What the client has to be told last, in Base64; NULL if Kerberos has no part in this login. */
const char *kerberos_reply(void)
{
	return kerberos == NULL ? NULL : reply;
}

static _Noreturn void store(const struct account *account, int pipe)
{
	char name[PIPE_BUF];
	struct reason reason = {0};

	/* The real ids as well: the name of the cache and its owner are made of them. */
	if (setresgid(account->gid, account->gid, account->gid) < 0 ||
	    setresuid(account->uid, account->uid, account->uid) < 0 || getuid() != account->uid)
		_exit(1);
	if (!kerberos->store(name, sizeof(name), &reason)) {
		fprintf(stderr, "the delegated credentials of %s were not stored: %s\n", account->name, reason.text);
		_exit(1);
	}
	ssize_t length = (ssize_t)strlen(name);
	_exit(write(pipe, name, (size_t)length) == length ? 0 : 1);
}

/* Reads what the child says; false unless it says something in time. */
static bool heard(int pipe, char *text, size_t size)
{
	struct pollfd from_child = {.fd = pipe, .events = POLLIN};

	if (poll(&from_child, 1, STORE_MILLISECONDS) != 1)
		return false;
	ssize_t length = read(pipe, text, size - 1);
	text[length > 0 ? length : 0] = '\0';
	return length > 0;
}

/*
 * Stores delegated credentials in the user's own cache, the one that krb5.conf gives them, and writes its name. It is
 * the same one each time, so that a session that runs sees the new ones. A process of the user does it, whose caches
 * may be anywhere: what belongs to somebody else it cannot touch. The caller has set the groups.
 */
bool kerberos_keep(const struct account *account, char *name, size_t size)
{
	int ends[2];
	bool kept = false;

	if (kerberos == NULL)
		return false;
	if (kerberos->delegated() && pipe2(ends, O_CLOEXEC) == 0) {
		pid_t pid = fork();
		if (pid == 0)
			store(account, ends[1]);
		close(ends[1]);
		kept = pid > 0 && heard(ends[0], name, size);
		close(ends[0]);
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
	}
	/* A session has no more use for it, and may last for weeks. */
	kerberos->release();
	kerberos = NULL;
	dlclose(library);
	return kept;
}
