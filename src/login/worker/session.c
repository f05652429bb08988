#include "worker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 512
#define IDLE_SECONDS 15
#define GRACE_SECONDS 5

enum state { NEW, AUTHENTICATING, AUTHENTICATED, OPENING, RUNNING, ENDING };
static const char *const state_names[] = {"new", "authenticating", "authenticated", "opening", "running", "ending"};

static enum state state = NEW;
static const char *socket_path;
static struct login login;
static struct account account;
static size_t variables;
static char *record;
static pid_t child = -1;
static int failure = -1;
static bool terminating, done, by_kerberos;

void session_begin(const char *socket)
{
	socket_path = socket;
	timer_arm(IDLE_SECONDS);
}

bool session_done(void)
{
	return done;
}

/* A descriptor to watch while the child becomes the command, or -1. */
int session_failure_fd(void)
{
	return failure;
}

static const char *decimal(long number)
{
	static char text[24];

	snprintf(text, sizeof(text), "%ld", number);
	return text;
}

static void tell_opened(void)
{
	tell("opened", transaction_session(), decimal(account.uid), NULL);
}

/* Tells a new peer everything it cannot know. */
void session_announce(void)
{
	tell("hello", "1", NULL);
	if (record != NULL)
		tell("record", record, NULL);
	tell("state", state_names[state], NULL);
	if (child > 0)
		tell_opened();
	if (state == RUNNING)
		tell("started", decimal(child), NULL);
}

static void finish(void)
{
	state = ENDING;
	transaction_close();
	sweep_forget(socket_path, !terminating);
	unlink(socket_path);
	done = true;
}

/* Does what the peer asked for, now that its lines are read: the modules' questions need the connection. */
void session_proceed(void)
{
	if (state != AUTHENTICATING)
		return;
	timer_arm(0);
	bool sound = by_kerberos ? kerberos_authenticate(&login, &account) : transaction_authenticate(&login, &account);
	if (!sound) {
		finish();
		return;
	}
	state = AUTHENTICATED;
	tell("authenticated", account.name, decimal(account.uid), kerberos_reply(), NULL);
	if (!peer_connected())
		finish();
}

/* Ends the worker without PAM, of which a module may hang: nothing was opened. */
void session_abandon(void)
{
	unlink(socket_path);
	_exit(0);
}

static void rejoin_session(void)
{
	transaction_rejoin(&account);
	tell("admitted", NULL);
	finish();
}

static void open_session(void)
{
	state = OPENING;
	timer_arm(0);
	if (!transaction_begin(&login, &account)) {
		finish();
		return;
	}
	sweep_remember_pam(socket_path, login.service, account.name);
	if (!transaction_open(&login, &account)) {
		finish();
		return;
	}
	sweep_remember_session(socket_path, transaction_session());
	tell_opened();
	char **environment = transaction_environment();
	child = environment == NULL ? -1 : child_start(login.command, &account, environment, &failure);
	if (child < 0) {
		tell("failed", "exec", strerrorname_np(errno), strerror(errno), NULL);
		finish();
	}
	/* The modules are done until the end; what they freed is most of the heap. */
	malloc_trim(0);
}

static void check_account(void)
{
	state = OPENING;
	timer_arm(0);
	if (transaction_check(&login, &account))
		tell("admitted", NULL);
	finish();
}

/* Ends the session; the child has GRACE_SECONDS to go by itself. */
void session_terminate(void)
{
	if (child > 0 && !terminating) {
		child_signal(child, SIGTERM);
		timer_arm(GRACE_SECONDS);
	} else if (child < 0) {
		finish();
	}
	terminating = true;
}

/* The pipe from the child has something: its end means that the command runs. */
void session_child_spoke(void)
{
	struct pollfd poll_failure = {.fd = failure, .events = POLLIN};

	if (poll(&poll_failure, 1, 0) == 1 && !(poll_failure.revents & POLLIN)) {
		state = RUNNING;
		tell("started", decimal(child), NULL);
	} else {
		child_report(failure, login.command[0]);
	}
	close(failure);
	failure = -1;
}

void session_child_ended(void)
{
	bool exited;
	int number;

	if (child < 0 || !child_reap(child, terminating, &exited, &number))
		return;
	if (failure >= 0)
		session_child_spoke();
	bool ran = state == RUNNING;
	child = -1;
	/* PAM may take its time. */
	if (ran)
		tell("ending", NULL);
	finish();
	if (ran)
		tell("ended", exited ? "exit" : "signal", decimal(number), NULL);
}

static bool copy(char **to, const char *word)
{
	char *text = strdup(word);

	if (text == NULL)
		return false;
	free(*to);
	*to = text;
	return true;
}

static bool add_variable(const char *word)
{
	if (*word == '=' || strchr(word, '=') == NULL)
		return false;
	char **grown = reallocarray(login.environment, variables + 2, sizeof(*grown));
	if (grown == NULL)
		return false;
	login.environment = grown;
	grown[variables] = grown[variables + 1] = NULL;
	return copy(&grown[variables++], word);
}

static bool set_command(char **words, size_t count)
{
	char **command = calloc(count + 1, sizeof(*command));

	if (command == NULL || **words == '\0')
		return false;
	for (size_t i = 0; i < count; i++)
		if (!copy(&command[i], words[i]))
			return false;
	login.command = command;
	return true;
}

/* Does what a line asks for; false if nothing was changed. */
static bool obey(char **words, size_t count)
{
	const char *verb = words[0];
	const char *text = count == 2 ? words[1] : NULL;

	if (strcmp(verb, "record") == 0 && text != NULL)
		return copy(&record, text);
	if (strcmp(verb, "terminate") == 0 && count == 1) {
		session_terminate();
		return true;
	}
	if (state == AUTHENTICATED && strcmp(verb, "rejoin") == 0 && count == 1) {
		rejoin_session();
		return true;
	}
	if (state != NEW && state != AUTHENTICATED)
		return false;
	if (strcmp(verb, "env") == 0 && text != NULL)
		return add_variable(text);
	if (strcmp(verb, "exec") == 0 && count > 1)
		return set_command(words + 1, count - 1);
	if (strcmp(verb, "open") == 0 && count == 1 && login.user && login.service && login.command) {
		open_session();
		return true;
	}
	if (state != NEW)
		return false;
	if (strcmp(verb, "user") == 0 && text != NULL && *text != '\0')
		return copy(&login.user, text);
	if (strcmp(verb, "service") == 0 && text != NULL && *text != '\0' && strchr(text, '/') == NULL)
		return copy(&login.service, text);
	if (strcmp(verb, "rhost") == 0 && text != NULL)
		return copy(&login.rhost, text);
	if (strcmp(verb, "check") == 0 && count == 1 && login.user && login.service) {
		check_account();
		return true;
	}
	if (strcmp(verb, "authenticate") == 0 && count == 1 && login.user && login.service) {
		state = AUTHENTICATING;
		return true;
	}
	if (strcmp(verb, "kerberos") == 0 && count == 1 && login.service) {
		by_kerberos = true;
		state = AUTHENTICATING;
		return true;
	}
	return false;
}

/* Does what a line of the peer asks for, or tells it that nothing was changed. */
void session_obey(char *line)
{
	char *words[WORDS_MAX];
	size_t count = 0;
	bool sound = true;

	for (char *word; (word = strsep(&line, " ")) != NULL; count++) {
		if (count == WORDS_MAX || !wire_decode(word)) {
			sound = false;
			break;
		}
		words[count] = word;
	}
	if (!sound)
		tell("error", "a line is not made of percent-encoded words, 512 at most", NULL);
	else if (!obey(words, count))
		tell("error", "not understood, or not possible in this state", NULL);
}

/* An unused worker goes when nobody is connected for IDLE_SECONDS; who authenticated has to stay. */
void session_peer_changed(void)
{
	if (state == NEW)
		timer_arm(peer_connected() ? 0 : IDLE_SECONDS);
	else if (state == AUTHENTICATED && !peer_connected())
		finish();
}

void session_time_is_up(void)
{
	timer_arm(0);
	if (state == NEW)
		finish();
	else if (child > 0)
		child_signal(child, SIGKILL);
}
