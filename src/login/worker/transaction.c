#include "worker.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pam_handle_t *pam;
static int status;
static bool established, opened;

/* Passes the modules' information on. Questions cannot be answered: nobody authenticates in this transaction. */
static int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *unused)
{
	(void)unused;
	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style != PAM_TEXT_INFO && messages[i]->msg_style != PAM_ERROR_MSG)
			return PAM_CONV_ERR;
	*responses = calloc((size_t)count, sizeof(**responses));
	if (*responses == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		tell("message", messages[i]->msg_style == PAM_ERROR_MSG ? "error" : "info", messages[i]->msg, NULL);
	return PAM_SUCCESS;
}

static const char *name_of(int code)
{
	static char number[24];

#define NAME(code) \
	case code: \
		return #code
	switch (code) {
		NAME(PAM_OPEN_ERR);
		NAME(PAM_SYMBOL_ERR);
		NAME(PAM_SERVICE_ERR);
		NAME(PAM_SYSTEM_ERR);
		NAME(PAM_BUF_ERR);
		NAME(PAM_PERM_DENIED);
		NAME(PAM_AUTH_ERR);
		NAME(PAM_CRED_INSUFFICIENT);
		NAME(PAM_AUTHINFO_UNAVAIL);
		NAME(PAM_USER_UNKNOWN);
		NAME(PAM_MAXTRIES);
		NAME(PAM_NEW_AUTHTOK_REQD);
		NAME(PAM_ACCT_EXPIRED);
		NAME(PAM_SESSION_ERR);
		NAME(PAM_CRED_UNAVAIL);
		NAME(PAM_CRED_EXPIRED);
		NAME(PAM_CRED_ERR);
		NAME(PAM_CONV_ERR);
		NAME(PAM_AUTHTOK_EXPIRED);
		NAME(PAM_IGNORE);
		NAME(PAM_ABORT);
		NAME(PAM_MODULE_UNKNOWN);
	}
#undef NAME
	snprintf(number, sizeof(number), "PAM_%d", code);
	return number;
}

/* True if a step succeeded; otherwise the transaction is over and the peer knows why. */
static bool passed(const char *stage, int code)
{
	status = code;
	if (code == PAM_SUCCESS)
		return true;
	tell("failed", stage, name_of(code), pam_strerror(pam, code), NULL);
	transaction_close();
	return false;
}

static bool refused(const char *stage, const char *code, const char *text)
{
	tell("failed", stage, code, text, NULL);
	transaction_close();
	return false;
}

static bool look_up(struct account *account)
{
	const void *name = NULL;

	/* A module may have settled on another spelling of the name. */
	if (!passed("account", pam_get_item(pam, PAM_USER, &name)))
		return false;
	const struct passwd *entry = name == NULL ? NULL : getpwnam(name);
	if (entry == NULL)
		return passed("account", PAM_USER_UNKNOWN);
	account->name = strdup(entry->pw_name);
	account->home = strdup(entry->pw_dir);
	account->shell = strdup(*entry->pw_shell ? entry->pw_shell : "/bin/sh");
	account->uid = entry->pw_uid;
	account->gid = entry->pw_gid;
	return passed("account", account->name && account->home && account->shell ? PAM_SUCCESS : PAM_BUF_ERR);
}

static bool begin(const struct login *login, struct account *account)
{
	static const struct pam_conv conversation = {converse, NULL};

	if (!passed("start", pam_start(login->service, login->user, &conversation, &pam)))
		return false;
	if (login->rhost != NULL && !passed("start", pam_set_item(pam, PAM_RHOST, login->rhost)))
		return false;
	return passed("account", pam_acct_mgmt(pam, 0)) && look_up(account);
}

/* Only asks whether the user could open a session now, and takes it back. */
bool transaction_check(const struct login *login, struct account *account)
{
	if (!begin(login, account))
		return false;
	transaction_close();
	return true;
}

/*
 * Everything from pam_start to pam_open_session. The groups are set here and not in the child, because
 * pam_setcred(3) wants them before it and pam_group adds to them; the child inherits them.
 */
bool transaction_open(const struct login *login, struct account *account)
{
	if (!begin(login, account))
		return false;
	if (initgroups(account->name, account->gid) < 0)
		return refused("credentials", strerrorname_np(errno), "the user's groups cannot be set");
	if (!passed("credentials", pam_setcred(pam, PAM_ESTABLISH_CRED)))
		return false;
	established = true;
	for (char **variable = login->environment; variable != NULL && *variable != NULL; variable++)
		if (!passed("open", pam_putenv(pam, *variable)))
			return false;
	if (!passed("open", pam_open_session(pam, 0)))
		return false;
	opened = true;
	if (transaction_session() == NULL)
		return refused("open", "PAM_SESSION_ERR", "no logind session was registered: is pam_systemd in the PAM service?");
	return true;
}

/* The logind session's id, or NULL. */
const char *transaction_session(void)
{
	return pam_getenv(pam, "XDG_SESSION_ID");
}

char **transaction_environment(void)
{
	return pam_getenvlist(pam);
}

/* Takes back what was done, in reverse order. */
void transaction_close(void)
{
	if (pam == NULL)
		return;
	if (opened)
		status = pam_close_session(pam, 0);
	if (established)
		pam_setcred(pam, PAM_DELETE_CRED);
	opened = established = false;
	pam_end(pam, status);
	pam = NULL;
}
