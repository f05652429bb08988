/*
 * An NSS module for the tests: libnss_probe.so.2, `probe` in nsswitch.conf.
 *
 * It knows the users of libnss-extrausers whatever the case that somebody writes their names in, as a directory does
 * that ignores it, and answers with the names as they are there. Names that begin with `hang` it never answers, and at
 * those that begin with `crash` it crashes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

enum nss_status _nss_probe_getpwnam_r(const char *, struct passwd *, char *, size_t, int *);
enum nss_status _nss_probe_getspnam_r(const char *, struct spwd *, char *, size_t, int *);

static void misbehave(const char *name)
{
	if (strncmp(name, "crash", 5) == 0)
		abort();
	while (strncmp(name, "hang", 4) == 0)
		pause();
}

EXPORTED enum nss_status _nss_probe_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
					       int *error)
{
	struct passwd *found = NULL;
	FILE *file = fopen("/var/lib/extrausers/passwd", "re");

	misbehave(name);
	*error = errno;
	if (file == NULL)
		return NSS_STATUS_UNAVAIL;
	while ((*error = fgetpwent_r(file, entry, buffer, size, &found)) == 0)
		if (strcasecmp(entry->pw_name, name) == 0)
			break;
	fclose(file);
	if (*error == 0)
		return NSS_STATUS_SUCCESS;
	return *error == ERANGE ? NSS_STATUS_TRYAGAIN : NSS_STATUS_NOTFOUND;
}

EXPORTED enum nss_status _nss_probe_getspnam_r(const char *name, struct spwd *entry, char *buffer, size_t size,
					       int *error)
{
	struct spwd *found = NULL;
	FILE *file = fopen("/var/lib/extrausers/shadow", "re");

	*error = errno;
	if (file == NULL)
		return NSS_STATUS_UNAVAIL;
	while ((*error = fgetspent_r(file, entry, buffer, size, &found)) == 0)
		if (strcasecmp(entry->sp_namp, name) == 0)
			break;
	fclose(file);
	if (*error == 0)
		return NSS_STATUS_SUCCESS;
	return *error == ERANGE ? NSS_STATUS_TRYAGAIN : NSS_STATUS_NOTFOUND;
}
