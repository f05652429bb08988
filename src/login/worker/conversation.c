#include "worker.h"

#include <poll.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Whether somebody authenticates, so that the modules' questions are the peer's to answer. */
static bool asking;
static const char *awaited;
static char *answer;

static void take_answer(char *line)
{
	size_t length = strlen(awaited);
	char *text = line + length + 1;

	if (answer != NULL || strncmp(line, awaited, length) != 0 || line[length] != ' ' || strchr(text, ' ') != NULL ||
	    !wire_decode(text))
		tell("error", "only what is waited for is possible now", NULL);
	else
		answer = strdup(text);
}

/* The word of the peer's next line with that verb, which the caller wipes and frees; NULL if the peer went away. */
char *await(const char *verb)
{
	answer = NULL;
	awaited = verb;
	while (answer == NULL && peer_connected()) {
		struct pollfd from_peer = {.fd = peer_fd(), .events = POLLIN};

		if (poll(&from_peer, 1, -1) > 0)
			peer_read(take_answer);
	}
	return answer;
}

static char *ask(const char *style, const char *question)
{
	tell("prompt", style, question, NULL);
	return await("answer");
}

/* Passes one of a module's messages on; false if it is a question that nobody answers. */
static bool pass_on(const struct pam_message *message, char **reply)
{
	const char *text = message->msg == NULL ? "" : message->msg;
	bool hidden = message->msg_style == PAM_PROMPT_ECHO_OFF;

	if (message->msg_style == PAM_TEXT_INFO || message->msg_style == PAM_ERROR_MSG) {
		tell("message", message->msg_style == PAM_ERROR_MSG ? "error" : "info", text, NULL);
		return true;
	}
	if (!asking || (!hidden && message->msg_style != PAM_PROMPT_ECHO_ON))
		return false;
	*reply = ask(hidden ? "secret" : "visible", text);
	return *reply != NULL;
}

/* What libpam calls with the modules' messages. */
int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *unused)
{
	(void)unused;
	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	struct pam_response *replies = calloc((size_t)count, sizeof(*replies));
	if (replies == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		if (pass_on(messages[i], &replies[i].resp))
			continue;
		while (--i >= 0)
			wipe(replies[i].resp);
		free(replies);
		return PAM_CONV_ERR;
	}
	*responses = replies;
	return PAM_SUCCESS;
}

/* Frees a text that may be secret. */
void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/*
 * While somebody authenticates, whoever hangs up, and SIGTERM, end the worker at once, also when a module hangs: there
 * is no session yet to be closed, and systemd kills what the module may have started. A thread watches, because a
 * module may be anywhere; it is there only for that time, and modules that open sessions never meet it.
 */
static pthread_t watcher;
static int signals = -1, finished = -1;
static bool watching;

static void *watch(void *unused)
{
	struct pollfd fds[] = {
		{.fd = peer_fd(), .events = POLLRDHUP},
		{.fd = signals, .events = POLLIN},
		{.fd = finished, .events = POLLIN},
	};

	(void)unused;
	while (poll(fds, sizeof(fds) / sizeof(*fds), -1) < 0)
		;
	if (!fds[2].revents)
		session_abandon();
	return NULL;
}

/* From now on somebody authenticates, and modules may ask if `questions`; false if that cannot be. */
bool conversation_begin(bool questions)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	signals = signalfd(-1, &ending, SFD_CLOEXEC);
	finished = eventfd(0, EFD_CLOEXEC);
	watching = signals >= 0 && finished >= 0 && pthread_create(&watcher, NULL, watch, NULL) == 0;
	asking = watching && questions;
	return watching;
}

void conversation_end(void)
{
	if (watching && write(finished, &(uint64_t){1}, sizeof(uint64_t)) > 0)
		pthread_join(watcher, NULL);
	asking = watching = false;
	close(signals);
	close(finished);
}
