/*
 * The part of the worker that needs the libraries of Kerberos: a shared object, which is loaded for logins with Kerberos
 * alone, so that machines without it need none of them. One login is all it knows.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Where texts about failures go. */
struct reason {
	char text[1024];
};

enum kerberos_step { KERBEROS_FAILED, KERBEROS_CONTINUES, KERBEROS_DONE };

struct kerberos {
	/* Whether the machine has a key to be recognised by. */
	bool (*ready)(struct reason *reason);
	/* Takes the client's message and writes the answer, which may be empty; both in Base64. */
	enum kerberos_step (*step)(const char *message, char *answer, size_t size, struct reason *reason);
	/* After the last step: the local user, to be freed, and the principal's name; NULL if it may not be anybody here. */
	char *(*user)(char *principal, size_t size, struct reason *reason);
	/* Whether the client delegated credentials. */
	bool (*delegated)(void);
	/* Stores them where programs with this process's uid look, and writes that cache's name. */
	bool (*store)(char *name, size_t size, struct reason *reason);
	/* Forgets everything. */
	void (*release)(void);
};

/* The one symbol of the shared object. */
#define KERBEROS_SYMBOL "kerberos"
