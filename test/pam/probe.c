/*
 * A PAM module for the tests: its arguments are what happens in pam_sm_authenticate, in this order.
 *
 *   info:TEXT error:TEXT      says it
 *   visible:QUESTION:ANSWER   asks, and refuses in the end if the answer is another; * is any
 *   secret:QUESTION:ANSWER
 *   batch                     an information and two questions in one go; the answers are to be `one` and `two`
 *   become:NAME               the user is called so from here on
 *   keep                      what is kept for the session: the password, or the last answer
 *   hang                      starts a process, and never returns
 *   hold:NAME                 waits at the FIFO /run/gates/USER.NAME, if there is one, until its writer has gone
 *   crash
 *
 * `hold` may be an argument for the account and session steps, too. What other steps of PAM see goes to files in
 * /run/probe.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

__attribute__((format(printf, 2, 3))) static void note(const char *name, const char *format, ...)
{
	char path[128];
	va_list values;

	mkdir("/run/probe", 0700);
	snprintf(path, sizeof(path), "/run/probe/%s", name);
	FILE *file = fopen(path, "ae");
	if (file == NULL)
		return;
	va_start(values, format);
	vfprintf(file, format, values);
	va_end(values);
	fclose(file);
}

static void forget(pam_handle_t *pam, void *data, int status)
{
	(void)pam;
	(void)status;
	free(data);
}

static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

static bool ask(pam_handle_t *pam, int style, char *text, char **last)
{
	char *answer = strrchr(text, ':');
	char *response = NULL;

	*answer++ = '\0';
	if (pam_prompt(pam, style, &response, "%s", text) != PAM_SUCCESS || response == NULL)
		return false;
	bool right = strcmp(answer, "*") == 0 || strcmp(response, answer) == 0;
	wipe(*last);
	*last = response;
	return right;
}

static bool ask_both(pam_handle_t *pam)
{
	const struct pam_message messages[] = {
		{PAM_TEXT_INFO, "All at once"}, {PAM_PROMPT_ECHO_ON, "First? "}, {PAM_PROMPT_ECHO_OFF, "Second? "}};
	const struct pam_message *all[] = {&messages[0], &messages[1], &messages[2]};
	const struct pam_conv *conversation = NULL;
	struct pam_response *responses = NULL;

	pam_get_item(pam, PAM_CONV, (const void **)&conversation);
	if (conversation->conv(3, all, &responses, conversation->appdata_ptr) != PAM_SUCCESS)
		return false;
	return responses[0].resp == NULL && strcmp(responses[1].resp, "one") == 0 && strcmp(responses[2].resp, "two") == 0;
}

static void keep(pam_handle_t *pam, const char *last)
{
	const void *password = last;

	if (password == NULL)
		pam_get_item(pam, PAM_AUTHTOK, &password);
	pam_set_data(pam, "probe", password == NULL ? NULL : strdup(password), forget);
}

static _Noreturn void hang(void)
{
	if (fork() == 0)
		execlp("sleep", "probe-sleep", "1000", NULL);
	note("hanging", "%d\n", getpid());
	for (;;)
		pause();
}

static void hold(pam_handle_t *pam, const char *name)
{
	char path[128], byte;
	const char *user = NULL;

	pam_get_user(pam, &user, NULL);
	note("held", "%s %s %d\n", user, name, getpid());
	snprintf(path, sizeof(path), "/run/gates/%s.%s", user, name);
	int gate = open(path, O_RDONLY | O_CLOEXEC);
	if (gate < 0)
		return;
	while (read(gate, &byte, 1) > 0)
		;
	close(gate);
}

static void hold_all(pam_handle_t *pam, int count, const char **steps)
{
	for (int i = 0; i < count; i++)
		if (strncmp(steps[i], "hold:", 5) == 0)
			hold(pam, steps[i] + 5);
}

EXPORTED int pam_sm_authenticate(pam_handle_t *pam, int flags, int count, const char **steps)
{
	bool right = true;
	char *last = NULL;

	(void)flags;
	for (int i = 0; i < count; i++) {
		char *step = strdup(steps[i]);
		char *text = strchrnul(step, ':');
		if (*text)
			*text++ = '\0';
		if (strcmp(step, "info") == 0)
			pam_info(pam, "%s", text);
		else if (strcmp(step, "error") == 0)
			pam_error(pam, "%s", text);
		else if (strcmp(step, "visible") == 0)
			right = ask(pam, PAM_PROMPT_ECHO_ON, text, &last) && right;
		else if (strcmp(step, "secret") == 0)
			right = ask(pam, PAM_PROMPT_ECHO_OFF, text, &last) && right;
		else if (strcmp(step, "batch") == 0)
			right = ask_both(pam) && right;
		else if (strcmp(step, "become") == 0)
			pam_set_item(pam, PAM_USER, text);
		else if (strcmp(step, "keep") == 0)
			keep(pam, last);
		else if (strcmp(step, "hang") == 0)
			hang();
		else if (strcmp(step, "hold") == 0)
			hold(pam, text);
		else if (strcmp(step, "crash") == 0)
			abort();
		free(step);
	}
	wipe(last);
	return right ? PAM_SUCCESS : PAM_AUTH_ERR;
}

/* Of the steps only `become` and `hold`. */
EXPORTED int pam_sm_acct_mgmt(pam_handle_t *pam, int flags, int count, const char **steps)
{
	(void)flags;
	for (int i = 0; i < count; i++)
		if (strncmp(steps[i], "become:", 7) == 0)
			pam_set_item(pam, PAM_USER, steps[i] + 7);
	hold_all(pam, count, steps);
	return PAM_SUCCESS;
}

EXPORTED int pam_sm_setcred(pam_handle_t *pam, int flags, int count, const char **steps)
{
	(void)pam;
	(void)count;
	(void)steps;
	note("setcred", "%d %x\n", getpid(), (unsigned)flags);
	return PAM_SUCCESS;
}

/* One line for each session that is opened or closed: `+USER` or `-USER`. */
static void count_session(pam_handle_t *pam, char change)
{
	const char *user = NULL;

	pam_get_user(pam, &user, NULL);
	note("sessions", "%c%s\n", change, user);
}

EXPORTED int pam_sm_open_session(pam_handle_t *pam, int flags, int count, const char **steps)
{
	const void *kept = NULL;

	(void)flags;
	count_session(pam, '+');
	pam_get_data(pam, "probe", &kept);
	note("opened", "%d %s\n", getpid(), kept == NULL ? "" : (const char *)kept);
	hold_all(pam, count, steps);
	return PAM_SUCCESS;
}

EXPORTED int pam_sm_close_session(pam_handle_t *pam, int flags, int count, const char **steps)
{
	(void)flags;
	(void)count;
	(void)steps;
	count_session(pam, '-');
	return PAM_SUCCESS;
}
