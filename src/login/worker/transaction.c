#include "worker.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pam_handle_t *pam;
static int status;
static bool established, opened;

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
		NAME(PAM_AUTHTOK_ERR);
		NAME(PAM_AUTHTOK_RECOVERY_ERR);
		NAME(PAM_AUTHTOK_LOCK_BUSY);
		NAME(PAM_AUTHTOK_DISABLE_AGING);
		NAME(PAM_TRY_AGAIN);
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

static bool look_up(const char *stage, struct account *account)
{
	const void *name = NULL;

	/* A module may have settled on another name, and it on another spelling than the database. */
	if (!passed(stage, pam_get_item(pam, PAM_USER, &name)))
		return false;
	const struct passwd *entry = name == NULL ? NULL : getpwnam(name);
	if (entry == NULL)
		return passed(stage, PAM_USER_UNKNOWN);
	account->name = strdup(entry->pw_name);
	account->home = strdup(entry->pw_dir);
	account->shell = strdup(*entry->pw_shell ? entry->pw_shell : "/bin/sh");
	account->uid = entry->pw_uid;
	account->gid = entry->pw_gid;
	if (account->name == NULL || account->home == NULL || account->shell == NULL)
		return passed(stage, PAM_BUF_ERR);
	return strcmp(name, account->name) == 0 || passed(stage, pam_set_item(pam, PAM_USER, account->name));
}

/*
 * A database that ignores case, or has aliases, knows one account by many names. Modules compare names, and count
 * failures by them: they get the one that it is known by, so that another spelling evades none of them.
 */
static bool start(const struct login *login)
{
	static const struct pam_conv conversation = {converse, NULL};
	const struct passwd *entry = getpwnam(login->user);
	const char *user = entry == NULL ? login->user : entry->pw_name;

	if (!passed("start", pam_start(login->service, user, &conversation, &pam)))
		return false;
	return login->rhost == NULL || passed("start", pam_set_item(pam, PAM_RHOST, login->rhost));
}

static bool begin(const struct login *login, struct account *account)
{
	return start(login) && passed("account", pam_acct_mgmt(pam, 0)) && look_up("account", account);
}

/* In place of libpam's own waiting after a failure: the peer decides when it tells of one. */
static void no_delay(int code, unsigned int microseconds, void *unused)
{
	(void)code;
	(void)microseconds;
	(void)unused;
}

/* The account step; a password that must be changed first is, and then the other rules are asked as well. */
static bool admitted(void)
{
	int code = pam_acct_mgmt(pam, 0);

	if (code == PAM_NEW_AUTHTOK_REQD) {
		if (!passed("password", pam_chauthtok(pam, PAM_CHANGE_EXPIRED_AUTHTOK)))
			return false;
		code = pam_acct_mgmt(pam, 0);
	}
	return passed("account", code);
}

static bool authenticate(const struct login *login, struct account *account)
{
	union {
		void (*function)(int, unsigned int, void *);
		const void *item;
	} delay = {no_delay};

	if (!start(login) || !passed("start", pam_set_item(pam, PAM_FAIL_DELAY, delay.item)))
		return false;
	if (!passed("auth", pam_authenticate(pam, PAM_DISALLOW_NULL_AUTHTOK)) || !look_up("auth", account))
		return false;
	/* Whatever root's name is, and before anything is told of the account. */
	if (account->uid == 0)
		return passed("auth", PAM_PERM_DENIED);
	return admitted();
}

/* Everything from pam_start to pam_acct_mgmt, in which the modules may ask. */
bool transaction_authenticate(const struct login *login, struct account *account)
{
	if (!conversation_begin(true))
		return refused("start", strerrorname_np(errno), "nobody could be asked");
	bool authenticated = authenticate(login, account);
	conversation_end();
	return authenticated;
}

/* The same for somebody whom others than PAM authenticated: only its rules for accounts are asked. */
bool transaction_admit(const struct login *login, struct account *account)
{
	if (!start(login) || !look_up("auth", account))
		return false;
	if (account->uid == 0)
		return passed("auth", PAM_PERM_DENIED);
	return passed("account", pam_acct_mgmt(pam, 0));
}

/*
 * Delegated credentials go into the user's cache, which is named in PAM's environment before a module needs it. That
 * they cannot be stored makes the proof no worse.
 */
static bool keep_delegated(const struct account *account)
{
	static const char name[] = "KRB5CCNAME=";
	char variable[PATH_MAX];

	strcpy(variable, name);
	if (!kerberos_keep(account, variable + strlen(name), sizeof(variable) - strlen(name)))
		return true;
	return pam_putenv(pam, variable) == PAM_SUCCESS;
}

/*
 * The user has a session already: the new proof renews its credentials, as unlocking a screen does, and that is all.
 * What cannot be renewed does not make the proof any worse.
 */
void transaction_rejoin(const struct account *account)
{
	int code = PAM_CRED_ERR;

	if (initgroups(account->name, account->gid) == 0 && keep_delegated(account))
		code = pam_setcred(pam, PAM_REINITIALIZE_CRED);
	if (code != PAM_SUCCESS)
		fprintf(stderr, "the credentials of %s were not renewed: %s\n", account->name, pam_strerror(pam, code));
}

/* Only asks whether the user could open a session now, and takes it back. */
bool transaction_check(const struct login *login, struct account *account)
{
	if (!begin(login, account))
		return false;
	transaction_close();
	return true;
}

/* Everything from pam_start to pam_acct_mgmt, unless it is done: in a transaction that authenticated. */
bool transaction_begin(const struct login *login, struct account *account)
{
	return pam != NULL || begin(login, account);
}

/*
 * Everything from there to pam_open_session. The groups are set here and not in the child, because pam_setcred(3)
 * wants them before it and pam_group adds to them; the child inherits them.
 */
bool transaction_open(const struct login *login, const struct account *account)
{
	if (initgroups(account->name, account->gid) < 0)
		return refused("credentials", strerrorname_np(errno), "the user's groups cannot be set");
	if (!keep_delegated(account))
		return refused("credentials", "PAM_BUF_ERR", "there is no memory for the environment");
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
